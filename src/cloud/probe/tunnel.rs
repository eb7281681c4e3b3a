use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use url::Url;

use super::proxy::{Proxy, authority};
use super::{Obstacle, Stream};

/// Asks the proxy to connect us with the endpoint.
pub(super) async fn open(
    stream: Stream,
    endpoint: &Url,
    proxy: &Proxy,
) -> Result<Stream, Obstacle> {
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(Obstacle::http)?;
    // Ends with the connection, which the caller drops.
    tokio::spawn(connection.with_upgrades());
    let target = authority(endpoint);
    let mut request = Request::builder()
        .method(Method::CONNECT)
        .uri(&target)
        .header(header::HOST, &target)
        .body(Empty::<Bytes>::new())
        .map_err(|_| Obstacle::Request)?;
    if let Some(value) = proxy.authorization() {
        request.headers_mut().insert(header::PROXY_AUTHORIZATION, value.clone());
    }
    let response = sender.send_request(request).await.map_err(Obstacle::http)?;
    if !response.status().is_success() {
        return Err(Obstacle::ProxyRefused(response.status().as_u16()));
    }
    let upgraded = hyper::upgrade::on(response).await.map_err(Obstacle::http)?;
    Ok(Box::new(TokioIo::new(upgraded)))
}
