//! `estimate`: what it says beforehand is what the exporter then shows and asks, and a filter saves what it
//! is said to save.

mod report;
mod v2;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use regex::Regex;
use tokio::time::Instant;

use crate::harness::{Cloud, Daemon, ONE_POLL, QUICK, Scrape, Setup, run_in, wait_for};
use crate::parser::Sample;
use modelarts_exporter::simulator::{Scenario, Settings};
use report::{Report, Requests, Saved, estimate, estimate_in};

/// As much as it asks about: it knows every job then.
const WHOLE: usize = 20;

/// With jobs that find themselves by the list.
const FOUND: &str =
    "password = \"S3CR3Tdemo\"\nproject_name = \"demo\"\n[projects.discovery]\nenabled = true";

/// A frozen cloud with jobs of every kind.
async fn cloud(scenario: Scenario, jobs: usize) -> Cloud {
    Cloud::start(Settings { scenario, jobs: Some(jobs), speed: 0.0, ..Settings::default() }).await
}

/// All jobs of a cloud, named by the file.
fn all_of(cloud: &Cloud, versions: &str) -> Setup<'static> {
    Setup { poll: ONE_POLL, ..Setup::new().with("p", cloud.jobs(), versions) }
}

/// What the exporter shows of the cloud.
#[derive(Debug)]
struct Shown {
    series: i64,
    versions: i64,
    classes: i64,
    usage: i64,
    bytes: f64,
}

/// What the exporter shows with this file.
async fn shown(config: &str) -> Shown {
    let finished = run_in(&[], &["once"], config).await;
    let scrape = Scrape::read(&finished.stdout);
    let of_cloud: Vec<_> = scrape
        .samples()
        .iter()
        .filter(|sample| sample.name.starts_with("modelarts_"))
        .filter(|sample| !sample.name.starts_with("modelarts_exporter_"))
        .collect();
    let count = |is_one: &dyn Fn(&Sample) -> bool| {
        of_cloud.iter().map(|sample| i64::from(is_one(sample))).sum()
    };
    let has = |sample: &Sample, label: &str| sample.labels.iter().any(|(name, _)| name == label);
    Shown {
        series: count(&|_| true),
        versions: count(&|sample| sample.name == "modelarts_job_info"),
        classes: count(&|sample| has(sample, "class_id")),
        usage: count(&|sample| has(sample, "task")),
        bytes: scrape.get("modelarts_exporter_exposition_bytes").unwrap(),
    }
}

#[tokio::test]
async fn where_every_job_was_asked_about_the_series_are_those_that_are_then_shown() {
    let extra = "[metrics]\nextra_model_metrics = true\ninfo_labels = [\"user_name\"]";
    for (scenario, versions, tables) in [
        (Scenario::Mixed, "\"latest\"", ""),
        (Scenario::Mixed, "\"all\"", extra),
        (Scenario::Steady, "\"latest\"", ""),
        (Scenario::Quirks, "\"latest\"", extra),
    ] {
        let cloud = cloud(scenario, WHOLE).await;
        let config = Setup { tables, ..all_of(&cloud, versions) }.file(&cloud);
        let said = estimate(&config).await;
        let shown = shown(&config).await;
        let project = said.project();
        assert_eq!(project.sample.asked, WHOLE);
        assert_eq!(project.sample.stood_in, 0);
        assert_eq!(project.scrape.series, shown.series, "{scenario:?} {project:?}");
        assert_eq!(project.jobs.versions, shown.versions, "{scenario:?}");
        assert_eq!(project.series.classes, shown.classes, "{scenario:?}");
        assert_eq!(project.series.usage, shown.usage, "{scenario:?}");
        assert_eq!(project.series.sum(), shown.series, "{scenario:?}");
        assert!(
            project.scrape.gzip_bytes > 0 && project.scrape.gzip_bytes * 3 < project.scrape.bytes
        );
        // A time may have fewer digits.
        let off = project.scrape.bytes as f64 / shown.bytes - 1.0;
        assert!(off.abs() < 0.01, "{scenario:?}: {project:?} {shown:?}");
        assert_eq!((said.total.series, said.total.series_limit), (shown.series, 500_000));
    }
}

#[tokio::test]
async fn from_a_sample_the_series_of_a_fleet_of_one_kind_are_exact_and_of_every_kind_close() {
    for (scenario, jobs, off) in [(Scenario::Steady, 100, 0.0), (Scenario::Mixed, 120, 0.1)] {
        let cloud = cloud(scenario, jobs).await;
        let config = all_of(&cloud, "\"latest\"").file(&cloud);
        let said = estimate(&config).await;
        let shown = shown(&config).await;
        let project = said.project();
        assert_eq!((project.sample.asked, project.sample.stood_in), (WHOLE, jobs - WHOLE));
        for (said, shown) in [
            (project.scrape.series as f64, shown.series as f64),
            (project.scrape.bytes as f64, shown.bytes),
        ] {
            let found = said / shown - 1.0;
            assert!(found.abs() <= off + 0.01, "{scenario:?}: {said} {shown}");
        }
        assert_eq!(project.jobs.versions, shown.versions);
    }
}

#[tokio::test]
async fn the_requests_are_those_that_the_cloud_then_counts() {
    let cloud = Cloud::empty().await;
    let mut jobs = Vec::new();
    for (count, status) in [(8, "running"), (6, "pending"), (5, "completed")] {
        for number in 0..count {
            let fields = format!("\"status\": \"{status}\"");
            jobs.push(cloud.add_as(&format!("{status}-{number}"), &fields).await.job_id);
        }
    }
    let poll = "interval = \"1s\"\npending_interval = \"2s\"\nlist_interval = \"1s\"\ntimeout = \"1s\"\nrequests_per_minute = 0";
    let config = Setup { poll, ..Setup::of(jobs) }.file(&cloud);
    let said = estimate(&config).await;
    let requests = &said.project().requests;
    let Requests { running, waiting, ended, unknown, list, per_minute, .. } = requests;
    let said = format!("{running} {waiting} {ended} {unknown} {list} {per_minute}");
    assert_eq!(said, "480 180 0 0 60 720");
    assert_eq!(requests.per_minute_allowed, None);

    let daemon = Daemon::start(&config).await;
    daemon.is_ready().await;
    let (before, began) = (cloud.requests("all").await, Instant::now());
    let count = 120;
    let asked = wait_for(Duration::from_secs(30), "requests", async || {
        let asked = cloud.requests("all").await - before;
        if asked >= count { Ok(asked) } else { Err(format!("{asked} requests")) }
    })
    .await;
    let per_minute = asked as f64 / began.elapsed().as_secs_f64() * 60.0;
    assert!((per_minute / 720.0 - 1.0).abs() < 0.15, "{per_minute}");
}

#[tokio::test]
async fn a_budget_that_is_too_small_is_said_to_stretch_the_interval() {
    let cloud = Cloud::empty().await;
    let mut jobs = Vec::new();
    for number in 0..5 {
        jobs.push(cloud.add(&format!("job-{number}")).await.job_id);
    }
    let poll = "interval = \"100ms\"\nlist_interval = \"1s\"\ntimeout = \"1s\"\nrequests_per_minute = 1200";
    let said = estimate(&Setup { poll, ..Setup::of(jobs) }.file(&cloud)).await;
    let requests = &said.project().requests;
    assert_eq!(requests.per_minute_allowed, Some(1200));
    assert!((requests.per_minute - 3060.0).abs() < 1e-6, "{requests:?}");
    assert!(requests.interval_seconds > 0.25 && requests.interval_seconds < 0.3, "{requests:?}");
}

#[tokio::test]
async fn what_would_have_to_give_way_is_in_the_estimate() {
    let cloud = cloud(Scenario::Steady, WHOLE).await;
    let setup = all_of(&cloud, "\"latest\"");
    let whole = shown(&setup.file(&cloud)).await.series;
    let config = Setup { tables: "[limits]\nseries = 1000", ..setup }.file(&cloud);
    let said = estimate(&config).await;
    assert_eq!((said.total.series, said.total.series_limit), (whole, 1000));
    assert!(shown(&config).await.series <= 1000);
    let table = run_in(&[], &["estimate"], &config).await.stdout;
    assert!(table.contains(&format!("raise it to {whole}")), "{table}");
}

#[tokio::test]
async fn a_limit_saves_what_its_key_then_saves() {
    // Where it is two hours ago.
    let epoch = Some(Timestamp::now() - SignedDuration::from_hours(2));
    let cloud = Cloud::start(Settings { epoch, ..Cloud::no_jobs() }).await;
    let quality = r#""classes": 12, "quality": {"accuracy": 0.9, "loss": 0.3}"#;
    cloud.add_as("mnist", &format!(r#""status": "completed", {quality}"#)).await;
    let job = cloud.add_as("mnist", quality).await.job_id;
    let file = |versions: &str, tables: &str| {
        let setup = Setup { poll: ONE_POLL, tables, ..Setup::new().with("p", [job], versions) };
        setup.file(&cloud)
    };
    let (all, extra) = ("\"all\"", "[metrics]\nextra_model_metrics = true");
    let limited = |limit: &str| file(all, &format!("{extra}\n[limits]\n{limit}"));
    let said = estimate(&file(all, extra)).await;
    let without = shown(&file(all, extra)).await;
    for (key, config) in [
        ("versions", file("\"latest\"", extra)),
        ("limits.finished_retention", limited("finished_retention = \"1h\"")),
        ("limits.classes_per_version", limited("classes_per_version = 10")),
        ("metrics.extra_model_metrics", file(all, "")),
    ] {
        let with = shown(&config).await;
        let Saved { series, bytes, .. } = said.project().saving(key, false).saves;
        assert_eq!(series, without.series - with.series, "{key}");
        assert!(series > 0, "{key}: {said:?}");
        let off = bytes as f64 - (without.bytes - with.bytes);
        assert!(off.abs() < 0.01 * without.bytes, "{key}: {bytes} {with:?} {without:?}");
    }
}

#[tokio::test]
async fn a_filter_saves_the_jobs_that_it_leaves_out() {
    let cloud = Cloud::empty().await;
    let (mut running, mut ended) = (Vec::new(), Vec::new());
    for number in 0..4 {
        running.push(cloud.add(&format!("prod-{number}")).await.job_id);
        let name = format!("test-{number}");
        ended.push(cloud.add_as(&name, r#""status": "completed", "minutes": 5"#).await.job_id);
    }
    // Created 35 days ago.
    cloud.add_as("ancient", r#""status": "completed", "minutes": 50000"#).await;
    let (first, all) = (running[0], [running.clone(), ended].concat());
    let of = |jobs: Vec<u64>| Setup { poll: ONE_POLL, ..Setup::of(jobs) }.file(&cloud);
    let (some, all) = (shown(&of(running)).await, shown(&of(all)).await);
    let difference = all.series - some.series;

    let found = |filter: &str| {
        let auth = format!("{FOUND}\n{filter}");
        let setup = Setup { poll: ONE_POLL, auth: &auth, ..Setup::of([]) };
        setup.file(&cloud)
    };
    let said = estimate(&found("")).await;
    let project = said.project();
    assert_eq!((project.scrape.series, project.jobs.found), (all.series, 8));
    let saving = project.saving("discovery.statuses", false);
    assert_eq!((saving.saves.jobs, saving.saves.series), (4, difference), "{saving:?}");
    assert_eq!(saving.value, r#"["creating", "pending", "running"]"#);
    assert_eq!(project.saving("discovery.max_age", true).saves.jobs, 1, "{project:?}");
    let week = &project.saving("discovery.max_age", false).saves;
    assert_eq!((week.jobs, week.series, week.bytes), (0, 0, 0), "{project:?}");

    for (key, filter) in [
        ("discovery.statuses", "statuses = [\"running\"]"),
        ("discovery.name_regex", "name_regex = \"prod-.*\""),
    ] {
        let said = estimate(&found(filter)).await;
        let project = said.project();
        assert_eq!((project.scrape.series, project.jobs.found), (some.series, 4), "{filter}");
        let saving = project.saving(key, true);
        assert_eq!((saving.saves.jobs, saving.saves.series), (4, difference), "{saving:?}");
    }

    // What it would cost to find the others, too; without the one that is as old.
    let named = Setup { poll: ONE_POLL, ..Setup::of([first]) };
    let said = estimate(&named.file(&cloud)).await;
    let saving = said.project().saving("discovery.enabled", false);
    assert_eq!(saving.saves.jobs, -7, "{saving:?}");
    assert!((saving.saves.requests_per_minute + 3.0 / 60.0).abs() < 1e-9, "{saving:?}");
}

#[tokio::test]
async fn an_estimate_reads_like_this() {
    let cloud = Cloud::empty().await;
    for number in 0..25 {
        cloud.add(&format!("prod-{number}")).await;
    }
    cloud.add_as("prod-old", r#""status": "completed", "minutes": 5"#).await;
    cloud.add_as("prod-new", r#""status": "pending""#).await;
    let auth = format!("{FOUND}\nname_regex = \"prod-.*\"\nversions = \"all\"");
    let poll = "interval = \"60s\"\nlist_interval = \"60s\"\npending_interval = \"60s\"\nrequests_per_minute = 0";
    let config = Setup { poll, auth: &auth, ..Setup::of([999_999]) }.file(&cloud);
    let finished = run_in(&[], &["estimate"], &config).await;
    let sizes = Regex::new(r"\b[\d.]+ (kB|MB)").unwrap();
    let text = sizes.replace_all(&finished.stdout, "N $1").into_owned();
    let columns = Regex::new(r"(?m)( +-?\d+)( +-?\d+)( +-?\d+)( +-?\d+\.\d)$").unwrap();
    let text = columns.replace_all(&text, "$1$2 BYTES$4").into_owned();
    insta::assert_snapshot!(text, @r#"
    project p
      jobs      27 in the list: 1 completed, 1 pending, 25 running
                28 followed: 1 of the file, 27 found; 27 versions shown; the cloud does not know 1 of
                them
                20 asked about; the other 8 are taken to be like those of the same status
      series    1274: 596 of jobs, 458 of usage, 104 of quality, 0 of classes, 116 of outcomes
      scrape    N kB, N kB in gzip
      requests  27.1 a minute without a limit: 25.0 for running jobs, 1.0 for waiting jobs, 0.1 for
                unknown jobs, 1.0 for the list
      interval  60 s between two polls of a job that runs, as configured
      saved by                                                     jobs   series      bytes requests/min
        discovery.name_regex = "prod-.*"                              0        0 BYTES          0.0
        discovery.max_age = "30d"                                     0        0 BYTES          0.0
      could be saved by                                            jobs   series      bytes requests/min
        discovery.max_age = "7d"                                      0        0 BYTES          0.0
        discovery.statuses = ["creating", "pending", "running"]       1       44 BYTES          0.0
        versions = "latest"                                           0        0 BYTES          0.0
        limits.finished_retention = "1h"                              0        0 BYTES          0.0
        limits.classes_per_version = 10                               0        0 BYTES          0.0

    in all
      scrape    1274 series, N kB, N kB in gzip, beside what the exporter says of itself
      limit     `limits.series` has room for 500000 series
      requests  27.1 a minute
      memory    at most about N MB
    "#);
    assert_eq!(finished.status.code(), Some(0));
    assert!(finished.stderr.contains("read the list of jobs"), "{finished:?}");
    assert!(finished.stdout.lines().all(|line| line.chars().count() <= 100), "{finished:?}");
}

#[tokio::test]
async fn without_permission_for_the_list_the_jobs_of_the_file_are_estimated() {
    let cloud = Cloud::empty().await;
    let running = cloud.add("runs").await.job_id;
    let ended = cloud.add_as("ended", r#""status": "completed""#).await.job_id;
    cloud.add("not-named").await;
    cloud.fault(r#""fault": "forbidden", "on": "list""#).await;
    let config = Setup { poll: QUICK, ..Setup::of([running, ended]) }.file(&cloud);
    let said = estimate(&config).await;
    let project = said.project();
    assert_eq!((project.jobs.listed, project.jobs.named), (None, 2));
    assert!(project.jobs.list_error.as_ref().is_some_and(|error| error.contains("HTTP 403")));
    assert_eq!(project.scrape.series, shown(&config).await.series);
    // Nobody shows that it has ended.
    assert!(project.requests.ended > 0.0, "{project:?}");
    let table = run_in(&[], &["estimate"], &config).await.stdout;
    assert!(table.contains("modelarts:trainJob:list"), "{table}");

    // Nothing is known then.
    let found = Setup { auth: FOUND, ..Setup::of([]) }.file(&cloud);
    let said = estimate_in(&found, 1).await;
    let error = said.projects[0].error.as_ref().unwrap();
    assert!(error.starts_with("cannot list the jobs: ") && error.contains("HTTP 403"), "{error}");
}

#[tokio::test]
async fn of_jobs_that_are_shared_each_shard_estimates_its_own() {
    const SHARDS: usize = 3;
    let cloud = Cloud::empty().await;
    // No job has this one.
    let mut named = vec![999_999];
    for number in 0..6 {
        named.push(cloud.add(&format!("named-{number}")).await.job_id);
    }
    for number in 0..4 {
        cloud.add(&format!("found-{number}")).await;
    }
    // Of all shards: named, found, unknown.
    let of_all = async || {
        let mut of_all = [0; 3];
        for index in 0..SHARDS {
            let tables = format!("[shard]\nindex = {index}\ntotal = {SHARDS}");
            let setup = Setup { poll: ONE_POLL, auth: FOUND, ..Setup::of(named.clone()) };
            let said = estimate(&Setup { tables: &tables, ..setup }.file(&cloud)).await;
            let jobs = &said.project().jobs;
            for (sum, part) in of_all.iter_mut().zip([jobs.named, jobs.found, jobs.unknown]) {
                *sum += part;
            }
        }
        of_all
    };
    assert_eq!(of_all().await, [7, 4, 1]);
    cloud.fault(r#""fault": "forbidden", "on": "list""#).await;
    assert_eq!(of_all().await, [7, 0, 1], "their ids say whose they are");
}

#[tokio::test]
async fn what_cannot_be_estimated_is_named_and_leaves_the_other_projects_theirs() {
    let cloud = Cloud::empty().await;
    let job = cloud.add("mnist").await.job_id;
    let well = Setup::of([job]).file(&cloud);
    let unreachable = Setup::new().with("q", [job], "\"latest\"").file(&cloud);
    let unreachable = unreachable
        .split_once("[[projects]]")
        .unwrap()
        .1
        .replace(cloud.url(), "http://127.0.0.1:9");
    let said = estimate_in(&format!("{well}\n[[projects]]{unreachable}"), 1).await;
    assert!(!said.ok);
    assert!(said.projects[0].error.is_none() && said.total.series > 0, "{said:?}");
    let error = said.projects[1].error.as_ref().unwrap();
    assert!(error.starts_with("cannot list the jobs: ") && error.contains("refused"), "{error}");

    for (fault, words) in [
        (r#""fault": "forbidden", "on": "versions""#, "cannot ask about the jobs: "),
        (r#""fault": "unauthorized", "on": "list""#, "cannot list the jobs: "),
        (r#""fault": "throttle", "on": "list""#, "cannot list the jobs: "),
    ] {
        cloud.fault(fault).await;
        let said = estimate_in(&well, 1).await;
        let error = said.projects[0].error.as_ref().unwrap();
        assert!(error.starts_with(words), "{fault}: {error}");
        cloud.heal().await;
    }
    let mistaken = run_in(&[], &["estimate"], "[[projects]]\nname = 7\n").await;
    assert_eq!(mistaken.status.code(), Some(1));
    assert!(mistaken.stderr.contains("projects[0].endpoint"), "{mistaken:?}");
}

#[tokio::test]
async fn jobs_that_are_not_there_and_an_account_without_any_cost_next_to_nothing() {
    let cloud = Cloud::empty().await;
    let found = Setup { poll: ONE_POLL, auth: FOUND, ..Setup::of([]) }.file(&cloud);
    let said = estimate(&found).await;
    let project = said.project();
    assert_eq!((project.jobs.listed, project.jobs.found, project.sample.asked), (Some(0), 0, 0));
    assert_eq!(project.jobs.versions, 0);

    let unknown = Setup { poll: ONE_POLL, ..Setup::of([999_999]) }.file(&cloud);
    let said = estimate(&unknown).await;
    let project = said.project();
    assert_eq!((project.jobs.named, project.jobs.unknown), (1, 1));
    assert_eq!(project.scrape.series, shown(&unknown).await.series);
    // One job of those that run, ten times less often; and the list.
    assert!((project.requests.per_minute - 1.1 / 60.0).abs() < 1e-9, "{project:?}");
}

#[tokio::test]
async fn a_cloud_that_has_had_enough_is_left_alone_and_what_came_by_then_counts() {
    let cloud = Cloud::empty().await;
    let mut jobs = Vec::new();
    for number in 0..4 {
        jobs.push(cloud.add(&format!("job-{number}")).await.job_id);
    }
    let config = Setup { poll: ONE_POLL, ..Setup::of(jobs.clone()) }.file(&cloud);
    let whole = estimate(&config).await.total.series;
    let mut asked = Vec::new();
    // One of them is the first to be asked about.
    for job in jobs {
        cloud.fault(&format!(r#""fault": "throttle", "on": "versions", "job_id": {job}"#)).await;
        let finished = run_in(&[], &["estimate", "--format=json"], &config).await;
        let said: Report = serde_json::from_str(&finished.stdout).unwrap();
        let error = if let Some(project) = &said.projects[0].estimate {
            assert_eq!(project.scrape.series, whole, "the others are like them");
            asked.push(project.sample.asked);
            project.sample.ended_by.as_ref()
        } else {
            asked.push(0);
            said.projects[0].error.as_ref()
        };
        assert!(error.is_some_and(|error| error.contains("HTTP 429")), "{said:?}");
        cloud.heal().await;
    }
    asked.sort_unstable();
    assert_eq!(asked, [0, 1, 2, 3]);
}

#[tokio::test]
async fn no_secret_is_shown_whatever_fails() {
    let cloud = Cloud::empty().await;
    let job = cloud.add("mnist").await.job_id;
    let auth = "password = \"MARKED-PASSWORD\"\nproject_name = \"demo\"";
    let config = Setup { auth, ..Setup::of([job]) }.file(&cloud);
    for format in ["--format=json", "--format=table"] {
        let finished = run_in(&[], &["estimate", format, "--log.level=trace"], &config).await;
        assert_eq!(finished.status.code(), Some(1), "{finished:?}");
        assert!(finished.stdout.contains("cannot list the jobs"), "{finished:?}");
        assert!(!format!("{finished:?}").contains("MARKED"), "{finished:?}");
    }
}
