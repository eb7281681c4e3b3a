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
