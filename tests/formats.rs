//! Which bytes a client gets for what it asks, and that all of them say the same.

use std::collections::BTreeMap;
use std::io::Read as _;

use bytes::Buf as _;
use modelarts_exporter::exposition::{Reader, View, new};
use modelarts_exporter::metrics::{Family, JobKey, Kind, Sink as _};
use modelarts_exporter::own;
use modelarts_exporter::simulator::{Scenario, Settings};
use proptest::prelude::*;

use crate::harness::{Cloud, Daemon, ONE_POLL, PATIENCE, Raw, Setup, wait_for};
use crate::{exposition, parser, protobuf};

/// What each answer differs in by itself: the process lives on, and each answer is counted.
pub(crate) const MOVING: [&str; 4] = [
    "process_",
    "modelarts_exporter_http_requests_total",
    "modelarts_exporter_encodings_total",
    "modelarts_exporter_snapshot_timestamp_seconds",
];

/// What is not counted among the series of the cloud.
const OF_THE_EXPORTER: [&str; 2] = ["modelarts_exporter_", "process_"];

/// How a body is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Text,
    OpenMetrics,
    Protobuf,
}

/// What clients ask for, and what they are to get.
const ACCEPTS: [(&str, &str, Format); 10] = [
    ("*/*", "text/plain; version=0.0.4; charset=utf-8", Format::Text),
    ("image/png", "text/plain; version=0.0.4; charset=utf-8", Format::Text),
    (
        "text/plain;version=0.0.4;q=1,*/*;q=0.1",
        "text/plain; version=0.0.4; charset=utf-8",
        Format::Text,
    ),
    ("text/plain;version=1.0.0", "text/plain; version=1.0.0; charset=utf-8", Format::Text),
    (
        "text/plain;version=1.0.0;escaping=dots,*/*;q=0.2",
        "text/plain; version=1.0.0; charset=utf-8; escaping=dots",
        Format::Text,
    ),
    (
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;\
         q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
        Format::OpenMetrics,
    ),
    (
        "application/openmetrics-text;version=0.0.1,text/plain;q=0.5",
        "application/openmetrics-text; version=0.0.1; charset=utf-8",
        Format::OpenMetrics,
    ),
    (
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
         text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
        Format::OpenMetrics,
    ),
    (
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
         encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8",
        "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; \
         encoding=delimited",
        Format::Protobuf,
    ),
    (
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
        "text/plain; version=0.0.4; charset=utf-8",
        Format::Text,
    ),
];

const ENCODINGS: [(&str, Option<&str>); 8] = [
    ("", None),
    ("gzip", Some("gzip")),
    ("zstd", Some("zstd")),
    ("br, zstd;q=0.9, gzip;q=0.8", Some("zstd")),
    ("zstd, gzip", Some("gzip")),
    ("gzip;q=0.1, identity;q=0.2", None),
    ("*", None),
    ("identity;q=0, *;q=0", None),
];

/// A frozen cloud of hostile names, and a daemon that has polled it once and never will again.
pub(crate) async fn frozen() -> (Cloud, Daemon) {
    let settings = Settings { scenario: Scenario::Hostile, speed: 0.0, ..Settings::default() };
    let cloud = Cloud::start(settings).await;
    let setup = Setup { poll: ONE_POLL, ..Setup::new().with("demo", cloud.jobs(), "\"all\"") };
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    let jobs = cloud.jobs().count();
    let is_over = [
        format!("modelarts_job_poll_success == {jobs}"),
        format!("modelarts_exporter_poll_duration_seconds_count == {jobs}"),
    ];
    // The number of series is counted a moment after they are shown, and changes nothing any more.
    wait_for(PATIENCE, "the end of the only round", async || {
        let scrape = daemon.shows(&is_over).await;
        let is_ours = |name: &str| OF_THE_EXPORTER.iter().any(|ours| name.starts_with(ours));
        let shown = scrape.samples().iter().filter(|sample| !is_ours(&sample.name)).count();
        let counted = format!("modelarts_exporter_series == {shown}");
        let unmet = scrape.unmet(&[counted]);
        if unmet.is_empty() { Ok(()) } else { Err(unmet.join("; ")) }
    })
    .await;
    (cloud, daemon)
}

/// Unpacks what has to be one gzip member or one zstd frame, and nothing after it.
fn unpacked(encoding: Option<&str>, body: &[u8]) -> Vec<u8> {
    let mut rest = body;
    let mut out = Vec::new();
    match encoding {
        None => return body.to_vec(),
        Some("gzip") => {
            flate2::bufread::GzDecoder::new(&mut rest).read_to_end(&mut out).unwrap();
        }
        Some("zstd") => {
            let decoder = zstd::stream::read::Decoder::with_buffer(&mut rest).unwrap();
            decoder.single_frame().read_to_end(&mut out).unwrap();
        }
        Some(other) => panic!("{other} is no encoding of ours"),
    }
    assert!(rest.is_empty(), "{} bytes follow the {encoding:?}", rest.len());
    out
}

/// Name and labels.
type Series = (String, Vec<(String, String)>);

/// Series and the bits of their value, without what moves.
type Samples = BTreeMap<Series, u64>;

fn samples(format: Format, bytes: &[u8]) -> Samples {
    let text = || std::str::from_utf8(bytes).unwrap();
    let families = match format {
        Format::Text => parser::parse(text(), false),
        Format::OpenMetrics => parser::parse(text(), true),
        Format::Protobuf => protobuf::parse(bytes),
    };
    let samples = families.unwrap().into_iter().flat_map(|family| family.samples);
    samples
        .filter(|sample| !MOVING.iter().any(|moving| sample.name.starts_with(moving)))
        .map(|sample| ((sample.name, sample.labels), sample.value.to_bits()))
        .collect()
}

#[tokio::test]
async fn each_format_in_each_encoding_says_the_same() {
    let (_cloud, daemon) = frozen().await;
    let plain = Raw::ask(&daemon, "GET", "/metrics", &[]).await;
    let want = samples(Format::Text, &plain.body);
    assert!(want.len() > 100, "{} series are too few to compare", want.len());

    for (accept, content_type, format) in ACCEPTS {
        for (accept_encoding, encoding) in ENCODINGS {
            let headers = [("Accept", accept), ("Accept-Encoding", accept_encoding)];
            let answer = Raw::ask(&daemon, "GET", "/metrics", &headers).await;
            let asked = format!("{accept} in {accept_encoding:?}");
            assert_eq!(answer.status, 200, "{asked}");
            assert_eq!(answer.header("Content-Type"), Some(content_type), "{asked}");
            assert_eq!(answer.header("Content-Encoding"), encoding, "{asked}");
            assert_eq!(answer.header("Vary"), Some("Accept, Accept-Encoding"), "{asked}");
            let length = answer.body.len().to_string();
            assert_eq!(answer.header("Content-Length"), Some(length.as_str()), "{asked}");
            assert_eq!(answer.header("Transfer-Encoding"), None, "{asked}");
            let got = samples(format, &unpacked(encoding, &answer.body));
            assert!(got == want, "{asked}: {:?}", difference(&got, &want));
        }
    }
}

/// The first series that two do not share.
fn difference<'a>(a: &'a Samples, b: &'a Samples) -> Option<&'a Series> {
    let of = |one: &'a Samples, other: &'a Samples| {
        one.iter().find(|(series, bits)| other.get(*series) != Some(bits))
    };
    of(a, b).or_else(|| of(b, a)).map(|(series, _)| series)
}

#[tokio::test]
async fn head_says_what_get_says() {
    let (_cloud, daemon) = frozen().await;
    for (accept, _, _) in ACCEPTS {
        for (accept_encoding, _) in ENCODINGS {
            let headers = [("Accept", accept), ("Accept-Encoding", accept_encoding)];
            let ask = async |method| Raw::ask(&daemon, method, "/metrics", &headers).await;
            let asked = format!("{accept} in {accept_encoding:?}");
            // Our own counters change once a second at most, so that two equal lengths around it are
            // the length of the answer between them.
            wait_for(PATIENCE, "two answers of one length", async || {
                let (before, head, after) = (ask("GET").await, ask("HEAD").await, ask("GET").await);
                assert_eq!((head.status, head.body.len()), (200, 0), "{asked}");
                for header in ["Content-Type", "Content-Encoding", "Vary"] {
                    assert_eq!(head.header(header), after.header(header), "{asked}: {header}");
                }
                let lengths =
                    [&before, &head, &after].map(|answer| answer.header("Content-Length"));
                if before.body.len() == after.body.len() {
                    assert_eq!(lengths[1], lengths[0], "{asked}");
                    return Ok(());
                }
                Err(format!("{lengths:?}"))
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_compressed_answer_is_worth_it() {
    let (_cloud, daemon) = frozen().await;
    for (accept, _, _) in ACCEPTS {
        let size = async |encoding| {
            let headers = [("Accept", accept), ("Accept-Encoding", encoding)];
            Raw::ask(&daemon, "GET", "/metrics", &headers).await.body.len()
        };
        let (plain, gzip, zstd) = (size("").await, size("gzip").await, size("zstd").await);
        assert!(gzip * 4 < plain && zstd * 4 < plain, "{accept}: {plain}, {gzip}, {zstd}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_family_of_ours_is_the_same_in_protobuf() {
    let (_store, reader, own) = exposition::new();
    let project = own.project("a\"b\\c\nd");
    project.polled(own::PollResult::Success, 0.3);
    project.api_request(own::Operation::Detail, Some(200), 1.0);
    project.api_request(own::Operation::Detail, Some(200), 7e9);
    own.config_loaded(1.7e9);
    // Parts are answered from the same reading as long as it is young, and time stands still.
    let names: Vec<_> =
        own::FAMILIES.iter().map(|family| format!("name[]={}", family.name)).collect();
    let view = View::parse(&names.join("&")).unwrap();
    let bytes = async |accept| bytes(&reader, accept, &view).await;
    let text = String::from_utf8(bytes("").await).unwrap();
    let text = parser::parse(&text, false).unwrap();
    let open = String::from_utf8(bytes("application/openmetrics-text").await).unwrap();
    let open = parser::parse(&open, true).unwrap();
    let got = protobuf::parse(&bytes(protobuf_accept()).await).unwrap();
    assert!(got.iter().any(|family| family.kind == "histogram"));
    assert_eq!(got.len(), text.len());
    for ((got, text), open) in got.iter().zip(&text).zip(&open) {
        assert_eq!((&got.name, &got.kind), (&text.name, &text.kind));
        assert_eq!(got.unit, open.unit, "{}", got.name);
        assert_eq!(got.samples, text.samples);
    }
}

fn protobuf_accept() -> &'static str {
    ACCEPTS.iter().find(|(_, _, format)| *format == Format::Protobuf).unwrap().0
}

async fn bytes(reader: &Reader, accept: &str, view: &View) -> Vec<u8> {
    let mut body = reader.answer(accept, "", view).await.unwrap().body;
    body.copy_to_bytes(body.remaining()).into()
}

const LABELS: [&str; 3] = ["a", "job_name", "z"];

static FAMILIES: [Family; 3] = [
    Family { name: "m_use_ratio", kind: Kind::Gauge, help: "Use", labels: &LABELS },
    Family { name: "m_runs_total", kind: Kind::Counter, help: "Runs", labels: &LABELS },
    Family { name: "m_job_info", kind: Kind::Info, help: "Facts", labels: &LABELS },
];

proptest! {
    #[test]
    fn whatever_is_in_a_line_is_in_its_metric(
        series in prop::collection::btree_map(
            prop::array::uniform3("(?s).{0,12}|[\\\\\"\n,={} ]{0,8}|[a-z]{120,300}"),
            any::<f64>(),
            1..20,
        ),
    ) {
        let (store, reader) = new(&FAMILIES, own::Metrics::new());
        let mut text = store.text();
        for family in 0..FAMILIES.len() {
            for (values, number) in &series {
                let labels: Vec<_> =
                    LABELS.into_iter().zip(values.iter().map(String::as_str)).collect();
                text.sample(family, &labels, *number);
            }
        }
        store.put(JobKey { project: "p".into(), job_id: "1".into() }, text);
        store.publish(0.0);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let out = runtime.block_on(bytes(&reader, protobuf_accept(), &View::default()));
        let mut families = protobuf::parse(&out).unwrap();
        families.retain(|family| family.name.starts_with("m_"));
        prop_assert_eq!(families.len(), FAMILIES.len());
        for (got, family) in families.iter().zip(&FAMILIES) {
            prop_assert_eq!(got.name.as_str(), family.name);
            prop_assert_eq!(got.samples.len(), series.len());
            for (sample, (values, number)) in got.samples.iter().zip(&series) {
                let want: Vec<(String, String)> = LABELS
                    .into_iter()
                    .zip(values)
                    .map(|(name, value)| (name.to_owned(), value.clone()))
                    .collect();
                prop_assert_eq!(&sample.labels, &want);
                // Text has one NaN only.
                let same = sample.value.to_bits() == number.to_bits();
                prop_assert!(same || (sample.value.is_nan() && number.is_nan()));
            }
        }
    }
}
