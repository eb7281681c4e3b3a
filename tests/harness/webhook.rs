//! Somebody who is told of alerts.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A server that takes every POST and keeps what was in it, on a port of its own.
#[derive(Debug)]
pub(crate) struct Webhook {
    url: String,
    bodies: Arc<Mutex<Vec<String>>>,
    running: JoinHandle<()>,
}

impl Webhook {
    /// Listens.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has ports");
        let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
        let bodies = Arc::<Mutex<Vec<String>>>::default();
        let sink = Arc::clone(&bodies);
        let running = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&sink)));
            }
        });
        Self { url, bodies, running }
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What came, in its order.
    pub(crate) fn bodies(&self) -> Vec<String> {
        self.bodies.lock().expect("no holder panics").clone()
    }
}

async fn serve(stream: TcpStream, sink: Arc<Mutex<Vec<String>>>) {
    let answer = service_fn(|request: Request<Incoming>| {
        let sink = Arc::clone(&sink);
        async move {
            // What was not sent whole was not said.
            if let Ok(body) = request.into_body().collect().await {
                let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
                sink.lock().expect("no holder panics").push(text);
            }
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    // The other side may go at any time.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.running.abort();
    }
}
