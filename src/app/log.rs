use std::io::stderr;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{LogFormat, LogSettings};

/// What a library would say again with every connection, where we say it once and with a remedy.
const SAID_BY_US: &str = "rustls_platform_verifier=off";

/// Logs to stderr from now on; stdout belongs to what was asked for.
pub(super) fn start(settings: &LogSettings) {
    // The configuration has checked the directives.
    let filter = EnvFilter::new(format!("{SAID_BY_US},{}", settings.level));
    let registry = tracing_subscriber::registry().with(filter);
    // A second start (never outside of tests) leaves the first in place.
    let _ = match settings.format {
        LogFormat::Logfmt => {
            let layer = tracing_logfmt::builder().with_target(false).layer().with_writer(stderr);
            registry.with(layer).try_init()
        }
        LogFormat::Json => {
            let layer = tracing_subscriber::fmt::layer().json().flatten_event(true);
            registry.with(layer.with_target(false).with_writer(stderr)).try_init()
        }
    };
}
