use std::io::stderr;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, reload};

use crate::config::{LogFormat, LogSettings};

/// What is logged, which may change while we run.
///
/// The format may not: a span that began in one format cannot be written in another.
pub(super) struct Level(reload::Handle<EnvFilter, Registry>);

impl Level {
    /// From now on this is logged.
    pub(super) fn set(&self, settings: &LogSettings) {
        // Fails only where the log has not been started, and then nobody reads it.
        let _ = self.0.reload(filter(settings));
    }
}

/// Logs to stderr from now on; stdout belongs to what was asked for.
pub(super) fn start(settings: &LogSettings) -> Level {
    let (filter, handle) = reload::Layer::new(filter(settings));
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
    Level(handle)
}

fn filter(settings: &LogSettings) -> EnvFilter {
    // The configuration has checked the directives.
    EnvFilter::new(&settings.level)
}
