//! Whole expositions of the simulated scenarios, compared with reviewed files.
//!
//! `make golden` writes them anew; the difference is then read before it is committed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use modelarts_exporter::model::Api;
use modelarts_exporter::simulator::{Scenario, Settings};

use crate::harness::{Cloud, Daemon, ONE_POLL, Setup};
use crate::parser::parse;

/// Where the stories' clock stands.
const EPOCH: &str = "2026-01-15T12:00:00Z";

/// What our own clock decides.
const CLOCK: [&str; 3] = [
    "modelarts_job_status_changed_timestamp_seconds",
    "modelarts_job_usage_last_sample_timestamp_seconds",
    "modelarts_job_poll_last_success_timestamp_seconds",
];

/// `limits` under which nothing of the stories is too old to be shown.
const KEEP_ALL: &str = "[limits]\nfinished_retention = \"3650d\"\n[metrics]\nextra_model_metrics = true\ninfo_labels = [\"user_name\", \"job_desc\", \"workspace_id\", \"pool_id\"]";

/// The differing lines that a failed test prints.
const SHOWN_LINES: usize = 12;

async fn exposition(api: Api, scenario: Scenario, jobs: Option<usize>, accept: &str) -> String {
    let cloud = Cloud::start(Settings {
        scenario,
        jobs,
        seed: 7,
        speed: 0.0,
        epoch: Some(EPOCH.parse().unwrap()),
        ..Settings::default()
    })
    .await;
    let setup = Setup { poll: ONE_POLL, tables: KEEP_ALL, ..Setup::new() };
    let setup = match api {
        Api::V1 => setup.with("demo", cloud.jobs(), "\"all\""),
        Api::V2 => setup.with_api("demo", api, cloud.jobs_in(api)),
    };
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    daemon.is_ready().await;
    let polled = format!("modelarts_job_poll_success == {}", cloud.jobs_in(api).len());
    daemon.shows(&[polled]).await;
    daemon.get_with("/metrics", &[("Accept", accept)]).await.text
}

/// Without the exporter's own families, and without what the clock decides.
fn of_the_cloud(text: &str) -> String {
    let mut kept = String::new();
    for line in text.lines() {
        let mut words = line.split([' ', '{']);
        let name = match words.next() {
            Some("#") => words.nth(1).unwrap_or_default(),
            first => first.unwrap_or_default(),
        };
        if name.starts_with("modelarts_exporter_") || name.starts_with("process_") {
            continue;
        }
        match line.rsplit_once(' ') {
            Some((series, _)) if CLOCK.contains(&name) && !line.starts_with('#') => {
                let _ = writeln!(kept, "{series} <clock>");
            }
            _ => kept = kept + line + "\n",
        }
    }
    kept
}

fn compare(file: &str, text: &str, openmetrics: bool) {
    parse(text, openmetrics).unwrap_or_else(|e| panic!("{file}: {e}"));
    let got = of_the_cloud(text);
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/golden", file].iter().collect();
    if std::env::var_os("GOLDEN").is_some_and(|mode| mode == "write") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, got).unwrap();
        return;
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{file}: {e}"));
    if got == wanted {
        return;
    }
    let (new, old): (BTreeSet<_>, BTreeSet<_>) = (got.lines().collect(), wanted.lines().collect());
    let lines = |sign: char, some: Vec<&&str>| {
        some.iter()
            .take(SHOWN_LINES)
            .fold(String::new(), |all, line| format!("{all}{sign}{line}\n"))
    };
    panic!(
        "{file} differs; where that is right, `make golden`\n{}{}",
        lines('-', old.difference(&new).collect()),
        lines('+', new.difference(&old).collect()),
    );
}

async fn golden(file: &str, scenario: Scenario, jobs: Option<usize>) {
    compare(file, &exposition(Api::V1, scenario, jobs, "").await, false);
}

async fn golden_v2(file: &str, scenario: Scenario) {
    compare(file, &exposition(Api::V2, scenario, None, "").await, false);
}

#[tokio::test]
async fn demo() {
    golden("demo.prom", Scenario::Demo, None).await;
}

#[tokio::test]
async fn mixed() {
    golden("mixed.prom", Scenario::Mixed, Some(12)).await;
}

#[tokio::test]
async fn hostile() {
    golden("hostile.prom", Scenario::Hostile, None).await;
}

#[tokio::test]
async fn quirks() {
    golden("quirks.prom", Scenario::Quirks, None).await;
}

#[tokio::test]
async fn v2_mixed() {
    golden_v2("v2_mixed.prom", Scenario::Mixed).await;
}

#[tokio::test]
async fn v2_hostile() {
    golden_v2("v2_hostile.prom", Scenario::Hostile).await;
}

#[tokio::test]
async fn v2_quirks() {
    golden_v2("v2_quirks.prom", Scenario::Quirks).await;
}

#[tokio::test]
async fn steady() {
    golden("steady.prom", Scenario::Steady, Some(2)).await;
}

#[tokio::test]
async fn steady_in_openmetrics() {
    let accept = "application/openmetrics-text;version=1.0.0";
    let text = exposition(Api::V1, Scenario::Steady, Some(2), accept).await;
    compare("steady.openmetrics", &text, true);
}
