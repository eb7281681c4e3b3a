//! What the exposition looks like, and what it costs to keep.

use std::io::Read as _;
use std::sync::Arc;

use bytes::Buf as _;
use modelarts_exporter::exposition::{self, Answer, Reader, Store, View};
use modelarts_exporter::metrics::{Family, JobKey, Kind, Sink as _};
use modelarts_exporter::own;
use proptest::prelude::*;

use crate::parser::{self, parse};

/// A small catalogue with every kind of header.
pub(crate) const FAMILIES: &[Family] = &[
    Family { name: "m_up", kind: Kind::Gauge, help: "Whether \"it\" is up", labels: &["project"] },
    Family { name: "m_job_info", kind: Kind::Info, help: "Facts", labels: &["job_id", "name"] },
    Family { name: "m_use_ratio", kind: Kind::Gauge, help: "Use", labels: &["job_id"] },
    Family { name: "m_runs_total", kind: Kind::Counter, help: "Runs", labels: &["job_id"] },
];

const OPENMETRICS: &str = "application/openmetrics-text";

pub(crate) fn key(job: usize) -> JobKey {
    JobKey { project: "vision".into(), job_id: format!("{job:06}").into() }
}

/// Puts a job with an info and a ratio.
pub(crate) fn put(store: &Store, job: usize, ratio: f64) {
    let key = key(job);
    let mut text = store.text();
    text.sample(1, &[("job_id", key.job_id.as_str()), ("name", "n")], 1.0);
    text.sample(2, &[("job_id", key.job_id.as_str())], ratio);
    store.put(key, text);
}

pub(crate) fn new() -> (Store, Reader, own::Metrics) {
    let own = own::Metrics::new();
    let (store, reader) = exposition::new(FAMILIES, own.clone());
    (store, reader, own)
}

fn collect(mut answer: Answer) -> Vec<u8> {
    answer.body.copy_to_bytes(answer.body.remaining()).into()
}

/// The whole exposition in the format and encoding of these headers.
async fn ask(reader: &Reader, accept: &str, accept_encoding: &str) -> Answer {
    reader.answer(accept, accept_encoding, &View::default()).await.unwrap()
}

async fn text(reader: &Reader, accept: &str) -> String {
    String::from_utf8(collect(ask(reader, accept, "").await)).unwrap()
}

/// The cloud's families alone.
async fn cloud(reader: &Reader, accept: &str) -> String {
    of_the_cloud(text(reader, accept).await.as_bytes())
}

fn of_the_cloud(exposition: &[u8]) -> String {
    let text = std::str::from_utf8(exposition).unwrap();
    text[..text.find("# HELP modelarts_exporter_").unwrap()].to_owned()
}

#[tokio::test]
async fn families_are_contiguous_in_catalogue_order_and_jobs_in_key_order() {
    let (store, reader, _) = new();
    let mut up = store.text();
    up.sample(0, &[("project", "vision")], 1.0);
    store.put(JobKey { project: "vision".into(), job_id: "".into() }, up);
    put(&store, 2, 0.25);
    put(&store, 1, 1e-9);
    store.publish(0.0);
    insta::assert_snapshot!(cloud(&reader, "").await, @r#"
    # HELP m_up Whether "it" is up
    # TYPE m_up gauge
    m_up{project="vision"} 1
    # HELP m_job_info Facts
    # TYPE m_job_info gauge
    m_job_info{job_id="000001",name="n"} 1
    m_job_info{job_id="000002",name="n"} 1
    # HELP m_use_ratio Use
    # TYPE m_use_ratio gauge
    m_use_ratio{job_id="000001"} 1e-9
    m_use_ratio{job_id="000002"} 0.25
    "#);
    insta::assert_snapshot!(cloud(&reader, OPENMETRICS).await, @r#"
    # HELP m_up Whether \"it\" is up
    # TYPE m_up gauge
    m_up{project="vision"} 1
    # HELP m_job Facts
    # TYPE m_job info
    m_job_info{job_id="000001",name="n"} 1
    m_job_info{job_id="000002",name="n"} 1
    # HELP m_use_ratio Use
    # TYPE m_use_ratio gauge
    # UNIT m_use_ratio ratio
    m_use_ratio{job_id="000001"} 1e-9
    m_use_ratio{job_id="000002"} 0.25
    "#);
}

#[tokio::test]
async fn a_strict_reader_reads_our_own_families_in_both_formats() {
    let (_store, reader, own) = new();
    let project = own.project("a\"b\\c\nd");
    project.polled(own::PollResult::Success, 0.3);
    project.api_request(own::Operation::Detail, Some(200), 1.0);
    project.api_error(own::Operation::List, "timeout");
    own.config_loaded(1.7e9);
    own.http_request("/metrics", 200);
    let plain = text(&reader, "").await;
    let families = parse(&plain, false).unwrap();
    let open = parse(&text(&reader, OPENMETRICS).await, true).unwrap();
    assert_eq!(families.len(), open.len());
    for (plain, open) in families.iter().zip(&open) {
        assert_eq!(plain.samples, open.samples);
    }
    assert!(plain.contains(",le=\"1.0\"} 1\n") && plain.contains(",le=\"+Inf\"} 1\n"), "{plain}");
    let seen: Vec<&str> = families.iter().map(|family| family.name.as_str()).collect();
    let table = own::FAMILIES.iter().map(|family| family.name).filter(|name| seen.contains(name));
    assert_eq!(seen, table.collect::<Vec<_>>());
}

#[tokio::test]
async fn a_publication_rebuilds_only_the_blocks_whose_bytes_changed() {
    let (store, reader, _) = new();
    for job in 0..1000 {
        put(&store, job, 0.5);
    }
    let first = store.publish(0.0);
    assert_eq!(first.series, 2000);
    // The same lines again, then one other value in one family.
    put(&store, 500, 0.5);
    assert_eq!(store.publish(1.0).rebuilt_blocks, 0);
    put(&store, 500, 0.75);
    let third = store.publish(2.0);
    assert_eq!((third.rebuilt_blocks, third.series), (1, 2000));
    assert!(text(&reader, "").await.contains("m_use_ratio{job_id=\"000500\"} 0.75\n"));
    // Two jobs of the same group share a block.
    put(&store, 0, 0.1);
    put(&store, 1, 0.1);
    assert_eq!(store.publish(3.0).rebuilt_blocks, 1);
    // A job that comes or goes touches its group alone, in the families it has lines in.
    store.remove(key(500));
    store.remove(key(7777));
    let gone = store.publish(4.0);
    assert_eq!((gone.rebuilt_blocks, gone.series), (2, 1998));
    assert!(!text(&reader, "").await.contains("000500"));
}

#[tokio::test]
async fn refused_repetitions_are_shown_and_forgotten_with_their_job() {
    let (store, reader, own) = new();
    own.project("vision");
    let line = "modelarts_exporter_series_dropped{project=\"vision\",reason=\"duplicate\"}";
    let mut job = store.text();
    job.sample(2, &[("job_id", "1")], 0.5);
    job.sample(2, &[("job_id", "1")], 0.6);
    store.put(key(1), job);
    store.publish(0.0);
    assert!(text(&reader, "").await.contains(&format!("{line} 1\n")));
    store.remove(key(1));
    store.publish(1.0);
    assert!(text(&reader, "").await.contains(&format!("{line} 0\n")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_askers_share_one_compression_and_it_unpacks_to_the_plain_bytes() {
    let (store, reader, own) = new();
    for job in 0..5000 {
        put(&store, job, 0.5);
    }
    store.publish(0.0);
    let askers: Vec<_> = (0..20)
        .map(|_| {
            let reader = reader.clone();
            tokio::spawn(async move { ask(&reader, "", "gzip").await })
        })
        .collect();
    let plain = collect(ask(&reader, "", "").await);
    for asker in askers {
        let answer = asker.await.unwrap();
        assert_eq!(answer.content_encoding, Some("gzip"));
        let mut unpacked = Vec::new();
        let packed = collect(answer);
        // A reader of a single member, so that a second one would be noticed.
        flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut unpacked).unwrap();
        // Our own counters are read anew for it.
        assert!(of_the_cloud(&unpacked) == of_the_cloud(&plain));
    }
    let made = own.read().into_iter().find(|r| r.family.name.contains("encodings")).unwrap();
    assert_eq!(made.series.len(), 1);
    assert_eq!(made.series[0].value, own::Value::Number(1.0));
}

#[tokio::test(start_paused = true)]
async fn our_own_counters_are_at_most_a_second_old() {
    let (_store, reader, own) = new();
    let before = text(&reader, "").await;
    own.http_request("/metrics", 599);
    assert_eq!(text(&reader, "").await, before, "within the second everybody gets the same");
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    assert!(text(&reader, "").await.contains("code=\"599\"} 1\n"));
}

#[tokio::test]
async fn an_answer_begun_is_not_changed_by_later_publications() {
    let (store, reader, _) = new();
    put(&store, 1, 0.1);
    store.publish(0.0);
    let mut slow = ask(&reader, "", "").await;
    let length = slow.body.remaining();
    let first = slow.body.copy_to_bytes(10);
    put(&store, 1, 0.9);
    store.publish(1.0);
    let rest = collect(slow);
    assert_eq!(first.len() + rest.len(), length);
    assert!(String::from_utf8(rest).unwrap().contains("m_use_ratio{job_id=\"000001\"} 0.1\n"));
}

fn samples(families: &[parser::Family]) -> Vec<parser::Sample> {
    let cloud = families.iter().filter(|family| family.name == "m_use_ratio");
    cloud.flat_map(|family| family.samples.clone()).collect()
}

proptest! {
    #[test]
    fn whatever_is_in_labels_and_values_reads_back_the_same(
        jobs in prop::collection::btree_map("(?s).{0,12}|[\\\\\"\n,={}]{0,8}", any::<f64>(), 1..40),
        removed in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let (store, reader, _) = new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let mut want = jobs.clone();
        for (name, value) in &jobs {
            let mut text = store.text();
            text.sample(2, &[("job_id", name)], *value);
            store.put(JobKey { project: "p".into(), job_id: name.as_str().into() }, text);
        }
        store.publish(0.0);
        for index in removed {
            let name = jobs.keys().nth(index.index(jobs.len())).unwrap();
            store.remove(JobKey { project: Arc::from("p"), job_id: name.as_str().into() });
            want.remove(name);
        }
        store.publish(1.0);
        for (accept, openmetrics) in [("", false), (OPENMETRICS, true)] {
            let text = runtime.block_on(text(&reader, accept));
            let got = samples(&parse(&text, openmetrics).unwrap());
            prop_assert_eq!(got.len(), want.len());
            for (sample, (name, value)) in got.iter().zip(&want) {
                prop_assert_eq!(&sample.labels[0].1, name);
                let same = sample.value.to_bits() == value.to_bits();
                prop_assert!(same || (sample.value.is_nan() && value.is_nan()));
            }
        }
    }
}

/// One change between two publications.
#[derive(Clone, Debug)]
enum Change {
    Put(usize, usize, u8),
    Remove(usize, usize),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    // Runs of neighbours, so that groups fill, split and empty.
    let run = (0..4_usize, 0..1500_usize, 1..400_usize, any::<Option<u8>>());
    prop::collection::vec(run, 1..6).prop_map(|runs| {
        let changes = runs.into_iter().flat_map(|(project, from, count, value)| {
            (from..from + count).map(move |job| match value {
                Some(value) => Change::Put(project, job, value),
                None => Change::Remove(project, job),
            })
        });
        changes.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_comes_and_goes_the_lines_are_those_of_a_plain_map(
        rounds in prop::collection::vec(changes(), 1..8),
    ) {
        let (store, reader, _) = new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let mut model = std::collections::BTreeMap::new();
        for (round, changes) in rounds.into_iter().enumerate() {
            for change in changes {
                let (Change::Put(project, job, _) | Change::Remove(project, job)) = change;
                let id = format!("{project}-{job:05}");
                let key = JobKey { project: project.to_string().into(), job_id: id.as_str().into() };
                if let Change::Put(.., value) = change {
                    let mut text = store.text();
                    text.sample(2, &[("job_id", &id)], f64::from(value));
                    store.put(key, text);
                    model.insert(id, value);
                } else {
                    store.remove(key);
                    model.remove(&id);
                }
                if job % 700 == 0 {
                    store.settle();
                }
            }
            let published = store.publish(round as f64);
            prop_assert_eq!(published.series, model.len());
            let text = runtime.block_on(text(&reader, ""));
            let got: Vec<&str> = text.lines().filter(|line| line.starts_with("m_use_ratio{")).collect();
            let want: Vec<String> = model
                .iter()
                .map(|(id, value)| format!("m_use_ratio{{job_id=\"{id}\"}} {value}"))
                .collect();
            prop_assert_eq!(got, want);
        }
    }
}
