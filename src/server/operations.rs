//! What is for whoever runs the exporter: reading the configuration again, and showing it.

use std::net::IpAddr;
use std::time::Duration;

use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Site;
use super::content::Content;
use super::routes::{TEXT, response, text, with};

/// How long a request waits for the configuration to be read: less than an answer may take. Files on a
/// dead network file system take for ever.
const RELOAD_DEADLINE: Duration = Duration::from_secs(30);

/// What proxies add: then the other end of the connection is not the client.
const FORWARDED: [&str; 3] = ["forwarded", "x-forwarded-for", "x-real-ip"];

/// Somebody wants the configuration to be read again, and to be told what became of it, or everything that
/// is wrong with it and that the one before stays in use.
pub type ReloadRequest = oneshot::Sender<Result<String, String>>;

pub(super) async fn reload(site: &Site) -> Response<Content> {
    if !site.settings.enable_lifecycle {
        let reason =
            "not enabled; start the exporter with --web.enable-lifecycle, or send it SIGHUP\n";
        return text(StatusCode::FORBIDDEN, reason);
    }
    let (request, answer) = oneshot::channel();
    let asked = async {
        site.reload.send(request).await.ok()?;
        answer.await.ok()
    };
    match timeout(RELOAD_DEADLINE, asked).await {
        Ok(Some(Ok(done))) => response(StatusCode::OK, TEXT, done),
        Ok(Some(Err(reasons))) => response(StatusCode::INTERNAL_SERVER_ERROR, TEXT, reasons),
        Ok(None) => text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
        Err(_) => text(
            StatusCode::GATEWAY_TIMEOUT,
            "the configuration is still being read; the log will say what became of it\n",
        ),
    }
}

/// `client`: the other end of the connection.
pub(super) fn configuration(site: &Site, client: IpAddr, headers: &HeaderMap) -> Response<Content> {
    let is_local = client.to_canonical().is_loopback()
        && !FORWARDED.iter().any(|name| headers.contains_key(*name));
    if !is_local && !site.settings.enable_config {
        let reason = "shown on this machine alone; start the exporter with --web.enable-config\n";
        return text(StatusCode::FORBIDDEN, reason);
    }
    let shown = response(StatusCode::OK, TEXT, site.configuration.borrow().to_string());
    // It is another one after a reload.
    with(shown, CACHE_CONTROL, HeaderValue::from_static("no-store"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::{mpsc, watch};
    use tokio::time::Instant;

    use super::*;
    use crate::inventory::{Inventory, Moment};
    use crate::server::Settings;
    use crate::{exposition, own};

    fn site(enable_config: bool) -> Site {
        let own = own::Metrics::new();
        let (_, reader) = exposition::new(&[], own.clone());
        let settings = Settings {
            listen_addresses: Vec::new(),
            telemetry_path: "/metrics".into(),
            route_prefix: String::new(),
            max_requests: 1,
            enable_lifecycle: true,
            enable_config,
        };
        let (_, access) = watch::channel(Arc::default());
        let (_, ready) = watch::channel(true);
        let (_, configuration) = watch::channel("a = 1".into());
        let (reload, _) = mpsc::channel(1);
        let sight = Arc::new((Inventory::new(), Moment { steady: Instant::now(), unix: 0.0 }));
        Site { settings, reader, sight, own, access, ready, configuration, reload }
    }

    #[test]
    fn the_configuration_is_for_this_machine() {
        for (client, is_local) in [
            ("127.0.0.1", true),
            ("127.8.0.1", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("192.0.2.1", false),
            ("::ffff:192.0.2.1", false),
            ("2001:db8::1", false),
        ] {
            let client = client.parse().unwrap();
            let seen = |everybody| configuration(&site(everybody), client, &HeaderMap::new());
            assert_eq!(seen(false).status() == StatusCode::OK, is_local, "{client}");
            assert_eq!(seen(true).status(), StatusCode::OK, "{client}");
        }
    }

    #[tokio::test]
    async fn who_asks_while_it_stops_is_told() {
        assert_eq!(reload(&site(true)).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_is_told_when_it_takes_too_long() {
        let (reload, mut requests) = mpsc::channel(1);
        let site = Site { reload, ..site(true) };
        let asked = Instant::now();
        let (answer, request) = tokio::join!(super::reload(&site), requests.recv());
        assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(asked.elapsed(), RELOAD_DEADLINE);
        assert!(request.is_some_and(|request| request.is_closed()));
    }
}
