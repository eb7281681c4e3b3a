use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::proxy::Proxy;
use super::victoria::Victoria;
use crate::formats::{MOVING, frozen};
use crate::harness::prometheus::{FIRST_SCRAPE, Prometheus, Sample};
use crate::harness::{Daemon, Process, Scrape, Site, wait_for};
use crate::harness::{peer, repository};

/// A script or a download that takes well under a second; the rest is a busy machine.
const CLIENT: Duration = Duration::from_mins(1);

/// What a server says of each target itself.
const OF_THE_SERVER: [&str; 2] = ["up", "scrape_"];

/// `VictoriaMetrics` keeps values as decimal numbers of a shared exponent, not as they were.
const DECIMAL: f64 = 1e-12;

/// What Prometheus 2.42 sends when it may not ask for protobuf.
const PROMETHEUS: &str = "application/openmetrics-text;version=1.0.0,\
    application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

/// What `VictoriaMetrics` sends.
const TEXT: &str = "text/plain;version=0.0.4;q=1,*/*;q=0.1";

/// Labels, among them the name, and values.
type Stored = BTreeMap<BTreeMap<String, String>, f64>;

fn scrape_config(targets: &[(&str, &Site)]) -> String {
    let mut config =
        "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\nscrape_configs:\n".to_owned();
    for (job, target) in targets {
        let target = target.url().trim_start_matches("http://");
        let _ = writeln!(
            config,
            "  - job_name: {job}\n    static_configs:\n      - targets: [\"{target}\"]"
        );
    }
    config
}

/// What a server has to hold, after what the daemon says; a label without a value is none.
async fn said(daemon: &Daemon) -> Stored {
    let scrape = daemon.scrape().await;
    let still = scrape.samples().iter().filter(|sample| is_still(&sample.name));
    let series = still.map(|sample| {
        let name = ("__name__".to_owned(), sample.name.clone());
        let labels = sample.labels.iter().filter(|(_, value)| !value.is_empty()).cloned();
        (labels.chain([name]).collect(), sample.value)
    });
    series.collect()
}

/// What a server holds of a target, without what it says of the target itself.
fn held(samples: Vec<Sample>) -> Stored {
    let ours = samples.into_iter().filter(|sample| {
        let name = sample.label("__name__");
        is_still(name) && !OF_THE_SERVER.iter().any(|theirs| name.starts_with(theirs))
    });
    let series = ours.map(|sample| {
        let value = sample.value();
        let labels = sample.metric.into_iter();
        (labels.filter(|(label, _)| label != "job" && label != "instance").collect(), value)
    });
    series.collect()
}

fn is_still(name: &str) -> bool {
    !MOVING.iter().any(|moving| name.starts_with(moving))
}

/// Says what is missing, what is too much and what has another value.
fn compare(got: &Stored, want: &Stored, same: impl Fn(f64, f64) -> bool) -> Result<(), String> {
    let missing = want.keys().filter(|series| !got.contains_key(*series));
    let extra = got.keys().filter(|series| !want.contains_key(*series));
    let other = want.iter().filter_map(|(series, value)| {
        let stored = *got.get(series)?;
        (!same(stored, *value)).then(|| format!("{stored} for {value} of {series:?}"))
    });
    let mut differences = missing
        .map(|series| format!("missing {series:?}"))
        .chain(extra.map(|series| format!("extra {series:?}")))
        .chain(other);
    match differences.next() {
        None => Ok(()),
        Some(first) => Err(format!("{first}, and {} more", differences.count())),
    }
}

#[tokio::test]
async fn prometheus_stores_the_same_of_each_format() {
    let (_cloud, daemon) = frozen().await;
    let want = said(&daemon).await;
    assert!(want.len() > 100, "{} series are too few to compare", want.len());
    let text = Proxy::start(&daemon, TEXT).await;
    let openmetrics = Proxy::start(&daemon, PROMETHEUS).await;
    let jobs: [(&str, &Site); 3] =
        [("text", &text), ("openmetrics", &openmetrics), ("protobuf", &daemon)];
    // With this it asks for protobuf first, and takes anything else as before.
    let native = "--enable-feature=native-histograms";
    let directory = TempDir::new().expect("a temporary directory");
    let prometheus = Prometheus::start(directory, &scrape_config(&jobs), &[native]).await;
    // Again where a busy machine made a scrape too late, which leaves a target without series.
    wait_for(FIRST_SCRAPE, "every series of each format", async || {
        for (job, _) in jobs {
            let stored = held(prometheus.query(&format!("{{job=\"{job}\"}}")).await?);
            let compared = compare(&stored, &want, |a, b| a.to_bits() == b.to_bits());
            compared.map_err(|e| format!("{job}: {e}"))?;
        }
        Ok(())
    })
    .await;
    // Each was asked for, and not something else that stores as well.
    let asked = jobs.map(|(job, _)| {
        format!("modelarts_exporter_encodings_total{{format=\"{job}\",encoding=\"gzip\"}} > 0")
    });
    daemon.shows(&asked).await;
}

#[tokio::test]
async fn victoria_metrics_stores_all_and_nothing_else() {
    let (_cloud, daemon) = frozen().await;
    let want = said(&daemon).await;
    let victoria = Victoria::start(&scrape_config(&[("ours", &daemon)])).await;
    let mut attempt = 0;
    wait_for(FIRST_SCRAPE, "every series", async || {
        // It remembers for ten seconds that a selector found nothing: each attempt has one of its own.
        attempt += 1;
        let selector = format!("{{job=\"ours\",__name__!=\"attempt_{attempt}\"}}");
        let stored = held(victoria.query(&selector).await?);
        compare(&stored, &want, |a, b| (a - b).abs() <= DECIMAL * b.abs())
    })
    .await;
}

#[tokio::test]
async fn curl_unpacks_what_it_asks_for() {
    let (_cloud, daemon) = frozen().await;
    let directory = TempDir::new().expect("a temporary directory");
    let head = directory.path().join("head");
    let mut command = Command::new("curl");
    command.env_clear().args(["--silent", "--show-error", "--fail", "--compressed"]);
    command.arg("--dump-header").arg(&head).arg(format!("{}/metrics", daemon.url()));
    let curl = Process::run("curl", &mut command, CLIENT).await;
    assert!(curl.status.success(), "{}{}", curl.status, curl.stderr);
    let head = std::fs::read_to_string(head).expect("a head").to_ascii_lowercase();
    assert!(head.contains("\r\ncontent-encoding: gzip\r\n"), "{head}");
    let got: Vec<_> = Scrape::read(&curl.stdout)
        .samples()
        .iter()
        .filter(|s| is_still(&s.name))
        .cloned()
        .collect();
    let want = daemon.scrape().await;
    let want: Vec<_> = want.samples().iter().filter(|s| is_still(&s.name)).cloned().collect();
    assert_eq!(got, want);
}

#[tokio::test]
async fn pythons_decoders_unpack_each_text_format() {
    let (_cloud, daemon) = frozen().await;
    let mut command = Command::new(peer("clients/bin/python"));
    command.args(["-B"]).arg(repository("tests/peers/unpack.py"));
    command.arg(format!("{}/metrics", daemon.url())).args(MOVING);
    let python = Process::run("unpack.py", &mut command, CLIENT).await;
    assert!(python.status.success(), "{}{}", python.stdout, python.stderr);
}
