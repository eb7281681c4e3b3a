use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use url::Url;

use super::proxy::{Proxy, authority};
use super::{Obstacle, Stream};

/// How many seconds the endpoint's clock is ahead of ours, by the `Date` of any answer: what it answers is
/// not looked at. A forwarding proxy wants the whole URL and its own credentials.
pub(super) async fn ahead(
    stream: Stream,
    endpoint: &Url,
    forward: Option<&Proxy>,
) -> Result<Option<i64>, Obstacle> {
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(Obstacle::http)?;
    // Ends when the sender is dropped.
    tokio::spawn(connection);
    let target = if forward.is_some() { endpoint.as_str() } else { "/" };
    let mut request = Request::builder()
        .method(Method::HEAD)
        .uri(target)
        .header(header::HOST, authority(endpoint))
        .body(Empty::<Bytes>::new())
        .map_err(|_| Obstacle::Request)?;
    if let Some(value) = forward.and_then(Proxy::authorization) {
        request.headers_mut().insert(header::PROXY_AUTHORIZATION, value.clone());
    }
    let sent = Timestamp::now().as_second();
    let response = sender.send_request(request).await.map_err(Obstacle::http)?;
    let received = Timestamp::now().as_second();
    // However long the answer took: the date was written between the two.
    let date = date(response.headers()).map(Timestamp::as_second);
    Ok(date.map(|date| date - date.clamp(sent, received.max(sent))))
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(header::DATE)?.to_str().ok()?;
    Some(jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp())
}
