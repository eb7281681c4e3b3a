//! The `prometheus` crate as most exporters in Rust use it: a `GaugeVec` of each family, gathered and
//! encoded for every scrape, behind hyper.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use modelarts_exporter::metrics::{FAMILIES, FamilyIndex, Sink};
use prometheus::{GaugeVec, Opts, Registry, TEXT_FORMAT, TextEncoder};
use tokio::net::{TcpListener, TcpStream};

use crate::fleet::Fleet;

/// The argument that makes this program the crate's server; the number of series follows.
pub(crate) const COMMAND: &str = "gauge-vec";

/// Serves about so many series until the process is ended.
pub(crate) async fn run(series: usize) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    let registry = Arc::new(registry(series));
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(connection(stream, Arc::clone(&registry)));
    }
}

fn registry(series: usize) -> Registry {
    let mut fleet = Fleet::new(series);
    let mut gauges = Gauges::default();
    fleet.show_project(&mut gauges);
    for key in fleet.tick() {
        fleet.show(&key, &mut gauges);
    }
    gauges.registry
}

/// A gauge of each family that has samples.
#[derive(Default)]
struct Gauges {
    registry: Registry,
    families: BTreeMap<FamilyIndex, GaugeVec>,
}

impl Sink for Gauges {
    fn sample(&mut self, family: FamilyIndex, labels: &[(&'static str, &str)], value: f64) {
        let gauge = self.families.entry(family).or_insert_with(|| {
            let names: Vec<&str> = labels.iter().map(|(name, _)| *name).collect();
            let family = &FAMILIES[family];
            let gauge = GaugeVec::new(Opts::new(family.name, family.help), &names)
                .expect("our names are valid");
            self.registry.register(Box::new(gauge.clone())).expect("our names differ");
            gauge
        });
        let values: Vec<&str> = labels.iter().map(|(_, value)| *value).collect();
        gauge.with_label_values(&values).set(value);
    }
}

async fn connection(stream: TcpStream, registry: Arc<Registry>) {
    let service = service_fn(async |request| Ok::<_, Infallible>(answer(&request, &registry)));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // A load tool leaves in the middle of an answer when its time is over.
    let _ = connection.await;
}

fn answer(request: &Request<Incoming>, registry: &Registry) -> Response<Full<Bytes>> {
    let text = TextEncoder::new().encode_to_string(&registry.gather()).expect("it is valid");
    let wants_gzip = request.headers().get(ACCEPT_ENCODING).is_some_and(|value| value == "gzip");
    let mut response = if wants_gzip {
        // The level Go's handler takes too.
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).expect("writing to memory does not fail");
        let body = encoder.finish().expect("writing to memory does not fail");
        let mut response = Response::new(Full::from(body));
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response
    } else {
        Response::new(Full::from(text))
    };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(TEXT_FORMAT));
    response
}
