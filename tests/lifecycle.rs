//! What becomes of a job and of its series, and of the exporter itself.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use modelarts_exporter::model::Api;
use modelarts_exporter::simulator::Settings;

use crate::harness::{
    Cloud, Daemon, ONE_POLL, PATIENCE, QUICK, Scrape, Setup, in_both, run, run_with_config,
    wait_for,
};

/// Everything of the newest minute, which goes when the run ends. v2 tells of no network and no disk, and
/// its jobs have NPUs here, those of v1 GPUs.
const NEWEST: [&str; 7] = [
    "modelarts_job_cpu_usage_ratio",
    "modelarts_job_gpu_utilization_ratio",
    "modelarts_job_npu_utilization_ratio",
    "modelarts_job_network_receive_bytes_per_second",
    "modelarts_job_disk_read_rate",
    "modelarts_job_usage_samples",
    "modelarts_job_usage_last_sample_timestamp_seconds",
];

/// Each of the series is not there.
fn absent(series: &[&str]) -> Vec<String> {
    series.iter().map(|series| format!("{series} absent")).collect()
}

#[tokio::test]
async fn at_the_end_of_a_run_its_newest_minute_goes_and_the_rest_stays() {
    in_both(async |api| {
        let cloud = Cloud::empty().await;
        let (accelerator, quality) = match api {
            Api::V1 => ("gpu", "\"quality\": {\"recall\": 0.75}"),
            Api::V2 => ("npu", ""),
        };
        let good = cloud.add_in(api, "good", quality).await;
        let bad = cloud.add_in(api, "bad", "").await;
        let daemon =
            Daemon::start(&Setup::new().with_api("p", api, [&good, &bad]).file(&cloud)).await;
        let running = daemon
            .shows(&[
                "modelarts_job_status{status=\"running\"} == 2",
                "modelarts_job_usage_samples == 20",
                &format!("modelarts_job_{accelerator}_utilization_ratio > 0"),
                "modelarts_job_duration_seconds == 1200",
                "modelarts_job_finished_timestamp_seconds absent",
            ])
            .await;
        cloud.set_status(&good, "completed").await;
        cloud.set_status(&bad, "failed").await;
        let started = "modelarts_job_started_timestamp_seconds";
        let mut expected = absent(&NEWEST);
        for (job, status, code) in [(&good, "completed", 10), (&bad, "failed", 11)] {
            let of_job = format!("job_id=\"{job}\"");
            let end = running.get(&format!("{started}{{{of_job}}}")).unwrap() + 600.0;
            expected.extend([
                format!("modelarts_job_status{{{of_job},status=\"{status}\"}} == 1"),
                format!("modelarts_job_status{{{of_job}}} == 1"),
                format!("modelarts_job_finished_timestamp_seconds{{{of_job}}} == {end}"),
                format!("modelarts_job_duration_seconds{{{of_job}}} == 600"),
            ]);
            if api == Api::V1 {
                expected.push(format!("modelarts_job_status_code{{{of_job}}} == {code}"));
            }
            let [utilization, memory] =
                ["utilization", "memory_usage"].map(|what| format!("{accelerator}_{what}"));
            for family in ["cpu_usage", "memory_usage", &utilization, &memory] {
                for kind in ["mean", "max"] {
                    let series = format!("modelarts_job_{family}_{kind}_ratio{{{of_job}}}");
                    expected.push(format!("{series} == {}", running.get(&series).unwrap()));
                }
            }
        }
        expected.push(match api {
            Api::V1 => format!("modelarts_model_recall{{job_id=\"{good}\"}} == 0.75"),
            Api::V2 => "modelarts_job_failure_info{reason=\"error\"} == 1".to_owned(),
        });
        daemon.shows(&expected).await;
    })
    .await;
}

#[tokio::test]
async fn the_last_samples_of_a_task_come_after_its_end_and_are_asked_for_once() {
    // A minute every three seconds, far more often than the one poll.
    let cloud = Cloud::start(Settings { speed: 20.0, ..Cloud::no_jobs() }).await;
    let job = cloud.add_in(Api::V2, "one", "\"workers\": 2").await;
    let poll = QUICK.replacen("200ms", "1h", 1).replace("5m", "3h");
    let setup = Setup { poll: &poll, ..Setup::new() }.with_api("p", Api::V2, [&job]);
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    let of_tasks = ["worker-0", "worker-1"]
        .map(|task| format!("modelarts_job_cpu_usage_mean_ratio{{task=\"{task}\"}}"));
    let mut shown: Vec<_> = of_tasks.iter().map(|series| format!("{series} > 0")).collect();
    let before = daemon.shows(&shown).await;
    let asked = cloud.requests("metrics").await;
    let start = cloud.clock().await;
    wait_for(PATIENCE, "two minutes more", async || match cloud.clock().await - start {
        passed if passed > 120.0 => Ok(()),
        passed => Err(passed.to_string()),
    })
    .await;
    cloud.set_status(&job, "completed").await;
    shown = absent(&NEWEST);
    shown.push("modelarts_job_status{status=\"completed\"} == 1".to_owned());
    daemon.shows(&shown).await;
    wait_for(PATIENCE, "other means of both tasks", async || {
        let after = daemon.scrape().await;
        let moved = |series: &&String| after.get(series) != before.get(series);
        match of_tasks.iter().filter(moved).count() {
            2 => Ok(()),
            moved => Err(moved.to_string()),
        }
    })
    .await;
    // The list, which is read again and again, tells the rest.
    let lists = "modelarts_exporter_api_requests_total{operation=\"list\"}";
    let read = daemon.scrape().await.sum(lists);
    daemon.shows(&[format!("{lists} > {}", read + 3.0)]).await;
    assert_eq!(cloud.requests("metrics").await, asked + 2);
}

#[tokio::test]
async fn a_status_is_dated_when_it_is_first_seen() {
    let cloud = Cloud::empty().await;
    let job = cloud.add_as("one", r#""status": "pending""#).await.job_id;
    let daemon = Daemon::start(&Setup::of([job]).file(&cloud)).await;
    let changed = "modelarts_job_status_changed_timestamp_seconds";
    let first = daemon.shows(&["modelarts_job_status{status=\"pending\"} == 1"]).await;
    let first = first.get(changed).unwrap();
    // Another code of the same status is no change.
    cloud.set_status(job, "19").await;
    daemon.shows(&["modelarts_job_status_code == 19", &format!("{changed} == {first}")]).await;
    cloud.set_status(job, "running").await;
    daemon
        .shows(&["modelarts_job_status{status=\"running\"} == 1", &format!("{changed} > {first}")])
        .await;
}

#[tokio::test]
async fn a_lost_job_counts_as_ended_only_after_a_while() {
    let cloud = Cloud::empty().await;
    let (soon, later) = (cloud.add("soon").await.job_id, cloud.add("later").await.job_id);
    let start = async |job, lost_after: &str| {
        let poll = format!("{QUICK}\nlost_after = \"{lost_after}\"");
        let setup = Setup { poll: &poll, ..Setup::of([job]) };
        let daemon = Daemon::start(&setup.file(&cloud)).await;
        daemon.shows(&["modelarts_job_usage_samples == 10"]).await;
        cloud.set_status(job, "lost").await;
        daemon
            .shows(&[
                "modelarts_job_status{status=\"abnormal\"} == 1",
                "modelarts_job_status_code == 14",
            ])
            .await;
        daemon
    };
    let (short, long) = (start(soon, "1s").await, start(later, "1h").await);
    short.shows(&["modelarts_job_finished_timestamp_seconds > 0"]).await;
    let lost = long.scrape().await;
    assert!(lost.find("modelarts_job_finished_timestamp_seconds").is_empty(), "it may come back");
    // And it does.
    cloud.set_status(later, "running").await;
    long.shows(&[
        "modelarts_job_status{status=\"running\"} == 1",
        "modelarts_job_finished_timestamp_seconds absent",
        "modelarts_job_usage_samples == 10",
    ])
    .await;
}

#[tokio::test]
async fn a_failed_deletion_keeps_the_end_of_the_run() {
    let cloud = Cloud::empty().await;
    let job = cloud.add("one").await.job_id;
    let daemon = Daemon::start(&Setup::of([job]).file(&cloud)).await;
    cloud.set_status(job, "completed").await;
    let finished = "modelarts_job_finished_timestamp_seconds";
    let end = daemon.shows(&[format!("{finished} > 0")]).await.get(finished).unwrap();
    cloud.set_status(job, "6").await;
    daemon
        .shows(&[
            "modelarts_job_status{status=\"abnormal\"} == 1".to_owned(),
            "modelarts_job_status_code == 6".to_owned(),
            format!("{finished} == {end}"),
            "modelarts_job_cpu_usage_max_ratio > 0".to_owned(),
            "modelarts_job_usage_samples absent".to_owned(),
        ])
        .await;
}

#[tokio::test]
async fn a_job_deleted_in_the_cloud_is_gone_at_once_and_said_to_be() {
    in_both(async |api| {
        let cloud = Cloud::empty().await;
        let gone = cloud.add_in(api, "gone", "").await;
        let ended = cloud.add_in(api, "ended", "\"status\": \"completed\"").await;
        let stays = cloud.add_in(api, "stays", "").await;
        // Nothing that an old list told is trusted for as long as this would allow.
        let poll = QUICK.replace("3s", "2m");
        let setup = Setup { poll: &poll, ..Setup::new() };
        let setup = setup.with_api("p", api, [&gone, &ended, &stays]);
        let daemon = Daemon::start(&setup.file(&cloud)).await;
        daemon
            .shows(&["modelarts_job_poll_success == 3", "modelarts_job_cpu_usage_max_ratio > 0"])
            .await;
        let mut expected = vec![
            format!("modelarts_job_poll_success{{job_id=\"{stays}\"}} == 1"),
            "modelarts_up == 1".to_owned(),
            "modelarts_exporter_polls_total{result=\"failed\"} > 3".to_owned(),
        ];
        for job in [gone, ended] {
            cloud.remove(&job).await;
            expected.push(format!("modelarts_job_poll_success{{job_id=\"{job}\"}} == 0"));
            for family in ["info", "status", "cpu_usage_mean_ratio"] {
                expected.push(format!("modelarts_job_{family}{{job_id=\"{job}\"}} absent"));
            }
        }
        daemon.shows(&expected).await;
        assert_eq!(daemon.logged(&["cannot be polled", "not found"]), 2, "{}", daemon.log());
    })
    .await;
}

#[tokio::test]
async fn versions_are_followed_as_they_were_asked_for() {
    let cloud = Cloud::empty().await;
    let mut job = 0;
    let mut second = 0;
    for number in 1..=5 {
        let added = cloud.add_as("one", &format!(r#""minutes": {}"#, 60 - number)).await;
        (job, second) = (added.job_id, if number == 2 { added.version_id } else { second });
    }
    let daemon = Daemon::start(
        &Setup::new()
            .with("latest", [job], "\"latest\"")
            .with("all", [job], "\"all\"")
            .with("listed", [job], &format!("[{second}, \"V0004\", \"V0099\"]"))
            .file(&cloud),
    )
    .await;
    let ranks = [("V0001", 4), ("V0002", 3), ("V0003", 2), ("V0004", 1), ("V0005", 0)];
    let shown: [(&str, &[&str]); 3] = [
        ("latest", &["V0005"]),
        // `limits.versions_per_job` is 3.
        ("all", &["V0003", "V0004", "V0005"]),
        ("listed", &["V0002", "V0004"]),
    ];
    let mut expected = Vec::new();
    for (project, versions) in shown {
        for (version, rank) in ranks {
            let series = format!(
                "modelarts_job_version_rank{{project=\"{project}\",version=\"{version}\"}}"
            );
            let is_shown = versions.contains(&version);
            expected.push(if is_shown {
                format!("{series} == {rank}")
            } else {
                format!("{series} absent")
            });
        }
    }
    daemon.shows(&expected).await;
}

#[tokio::test]
async fn an_older_version_is_followed_to_its_end_beside_the_newest() {
    let cloud = Cloud::empty().await;
    let job = cloud.add("one").await.job_id;
    let setup = Setup { tables: "[limits]\nfinished_retention = \"1h\"", ..Setup::of([job]) };
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    daemon.shows(&["modelarts_job_version_rank{version=\"V0001\"} == 0"]).await;
    cloud.add_as("one", r#""minutes": 1"#).await;
    daemon
        .shows(&[
            "modelarts_job_version_rank{version=\"V0001\"} == 1",
            "modelarts_job_version_rank{version=\"V0002\"} == 0",
            "modelarts_job_status{status=\"running\"} == 2",
        ])
        .await;
    let order = r#"{"status": "failed", "version_id": "V0001"}"#;
    let path = format!("/-/simulator/jobs/{job}/status");
    assert_eq!(cloud.post(&path, order).await.status, 200);
    daemon
        .shows(&[
            "modelarts_job_status{version=\"V0001\",status=\"failed\"} == 1",
            "modelarts_job_status{version=\"V0002\",status=\"running\"} == 1",
        ])
        .await;
}

#[tokio::test]
async fn what_ended_long_ago_is_not_shown_except_as_the_newest_of_a_listed_job() {
    let cloud = Cloud::start(Settings {
        epoch: Some("2026-01-15T12:00:00Z".parse().unwrap()),
        ..Cloud::no_jobs()
    })
    .await;
    let job = cloud.add_as("one", r#""status": "completed", "minutes": 90"#).await.job_id;
    cloud.add_as("one", r#""status": "completed", "minutes": 60"#).await;
    let file = |retention: &str| {
        let tables = format!("[limits]\nfinished_retention = \"{retention}\"");
        let setup = Setup { tables: &tables, ..Setup::new().with("p", [job], "\"all\"") };
        setup.file(&cloud)
    };
    let daemon = Daemon::start(&file("24h")).await;
    daemon
        .shows(&["modelarts_job_version_rank == 0", "modelarts_job_info{version=\"V0002\"} == 1"])
        .await;
    assert!(daemon.scrape().await.find("modelarts_job_info{version=\"V0001\"}").is_empty());
    // A newer version takes its place, and the retention of the older one is over.
    cloud.add_as("one", r#""minutes": 1"#).await;
    daemon
        .shows(&[
            "modelarts_job_info{version=\"V0003\"} == 1",
            "modelarts_job_info{version=\"V0002\"} absent",
        ])
        .await;
    let patient = Daemon::start(&file("3650d")).await;
    patient.shows(&["modelarts_job_info == 3"]).await;
}

#[tokio::test]
async fn a_retention_that_runs_out_takes_the_series_with_it() {
    let cloud = Cloud::empty().await;
    let job = cloud.add_as("one", r#""minutes": 1"#).await.job_id;
    cloud.add_as("one", r#""status": "pending""#).await;
    let setup = Setup {
        tables: "[limits]\nfinished_retention = \"3s\"",
        ..Setup::new().with("p", [job], "\"all\"")
    };
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    daemon.shows(&["modelarts_job_info == 2"]).await;
    let order = r#"{"status": "completed", "version_id": "V0001"}"#;
    assert_eq!(cloud.post(&format!("/-/simulator/jobs/{job}/status"), order).await.status, 200);
    daemon
        .shows(&[
            "modelarts_job_info{version=\"V0001\"} absent",
            "modelarts_job_info{version=\"V0002\"} == 1",
        ])
        .await;
}

#[tokio::test]
async fn what_is_no_longer_confirmed_is_withdrawn() {
    in_both(async |api| {
        let cloud = Cloud::empty().await;
        let hangs = cloud.add_in(api, "hangs", "").await;
        let ended = cloud.add_in(api, "ended", "\"status\": \"completed\"").await;
        let poll = QUICK.replace("3s", "1s").replace("5m", "3s");
        let setup = Setup { poll: &poll, ..Setup::new() }.with_api("p", api, [&hangs, &ended]);
        let daemon = Daemon::start(&setup.file(&cloud)).await;
        daemon.shows(&["modelarts_job_info == 2", "modelarts_job_poll_success == 2"]).await;
        cloud.fault(r#""fault": "hang", "on": "any""#).await;
        let mut expected = absent(&NEWEST);
        expected.extend(absent(&[
            "modelarts_job_info",
            "modelarts_job_status",
            "modelarts_job_created_timestamp_seconds",
            "modelarts_job_cpu_usage_mean_ratio",
            "modelarts_model_recall",
        ]));
        expected.push("modelarts_job_poll_success == 0".to_owned());
        expected.push("modelarts_up == 0".to_owned());
        expected.push("modelarts_job_poll_last_success_timestamp_seconds > 0".to_owned());
        daemon.shows(&expected).await;
        cloud.heal().await;
        daemon.shows(&["modelarts_job_info == 2", "modelarts_up == 1"]).await;
    })
    .await;
}

#[tokio::test]
async fn usage_that_stopped_growing_is_withdrawn_while_the_status_stays() {
    in_both(async |api| {
        // The clocks stand still: no minute is added to the curves.
        let cloud = Cloud::empty().await;
        let job = cloud.add_in(api, "one", "").await;
        let poll = QUICK.replace("3s", "1s").replace("5m", "3s");
        let setup = Setup { poll: &poll, ..Setup::new() }.with_api("p", api, [&job]);
        let daemon = Daemon::start(&setup.file(&cloud)).await;
        daemon.shows(&["modelarts_job_usage_samples == 10"]).await;
        let mut expected = absent(&NEWEST);
        expected.push("modelarts_job_status{status=\"running\"} == 1".to_owned());
        expected.push("modelarts_job_cpu_usage_mean_ratio > 0".to_owned());
        expected.push("modelarts_job_poll_success == 1".to_owned());
        daemon.shows(&expected).await;
    })
    .await;
}

#[tokio::test]
async fn ready_only_after_the_first_round() {
    in_both(async |api| {
        let cloud = Cloud::empty().await;
        let quick = cloud.add_in(api, "quick", "").await;
        let slow = cloud.add_in(api, "slow", "").await;
        let hangs = "\"fault\": \"hang\", \"on\": \"any\"";
        cloud.fault(&format!("{hangs}, \"job_id\": \"{slow}\"")).await;
        let poll = ONE_POLL.replace("20s", "8s");
        let setup = Setup { poll: &poll, ..Setup::new() }.with_api("p", api, [&quick, &slow]);
        let daemon = Daemon::start(&setup.file(&cloud)).await;
        daemon
            .shows(&[
                "modelarts_exporter_polls_total{result=\"success\"} == 1",
                "modelarts_exporter_polls_total{result=\"failed\"} == 0",
                "modelarts_up == 1",
            ])
            .await;
        // One of two has answered: the round is not over, and a part of the jobs would look like all.
        assert_eq!(daemon.get("/-/ready").await.status, 503);
        assert_eq!(daemon.get("/-/healthy").await.status, 200);
        let before = daemon.scrape().await;
        for family in ["modelarts_job_info", "modelarts_job_status", "modelarts_job_poll_success"] {
            assert!(before.find(family).is_empty(), "{family} before the first round is over");
        }
        daemon.is_ready().await;
        daemon
            .shows(&[
                format!("modelarts_job_info{{job_id=\"{quick}\"}} == 1"),
                format!("modelarts_job_poll_success{{job_id=\"{slow}\"}} == 0"),
            ])
            .await;
    })
    .await;
}

/// A daemon whose exposition is larger than what sockets hold, and a scrape of it of which only the
/// first byte was read.
async fn slow_scrape() -> (Cloud, Daemon, TcpStream) {
    let cloud = Cloud::empty().await;
    let job = cloud.add_as("many", r#""classes": 30000"#).await.job_id;
    let setup = Setup {
        poll: ONE_POLL,
        tables: "[limits]\nclasses_per_version = 30000",
        ..Setup::of([job])
    };
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    daemon.shows(&["modelarts_job_poll_success == 1"]).await;
    let address = daemon.url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap();
    (cloud, daemon, stream)
}

#[tokio::test]
async fn a_stop_finishes_the_scrapes_in_flight() {
    let (_cloud, daemon, mut stream) = slow_scrape().await;
    daemon.signal("TERM");
    wait_for(PATIENCE, "the daemon to say that it stops", async || {
        if daemon.logged(&["stopping"]) == 1 { Ok(()) } else { Err(daemon.log()) }
    })
    .await;
    let mut rest = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut rest)).await.unwrap().unwrap();
    assert!(rest.len() > 10_000_000, "{} bytes", rest.len());
    assert!(rest.contains("\nprocess_start_time_seconds "), "the whole of it");
    let finished = daemon.ended().await;
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
    assert!(finished.stderr.contains("message=stopped"), "{}", finished.stderr);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever_and_a_second_one_not_at_all() {
    let (_cloud, daemon, _stream) = slow_scrape().await;
    daemon.signal("TERM");
    wait_for(PATIENCE, "the daemon to say that it stops", async || {
        if daemon.logged(&["stopping"]) == 1 { Ok(()) } else { Err(daemon.log()) }
    })
    .await;
    daemon.signal("TERM");
    let finished = daemon.ended().await;
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    assert!(finished.stderr.contains("ended at once"), "{}", finished.stderr);

    let (_cloud, daemon, _stream) = slow_scrape().await;
    let asked = Instant::now();
    let finished = daemon.stop().await;
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
    assert!(finished.stderr.contains("cut off"), "{}", finished.stderr);
}

#[tokio::test]
async fn polls_that_hang_do_not_hold_the_stop_and_hangup_does_not_kill() {
    let cloud = Cloud::empty().await;
    let job = cloud.add("one").await.job_id;
    cloud.fault(r#""fault": "hang", "on": "versions""#).await;
    let setup = Setup { poll: &ONE_POLL.replace("20s", "600s"), ..Setup::of([job]) };
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    wait_for(PATIENCE, "the request", async || match cloud.requests("versions").await {
        0 => Err("none".to_owned()),
        _ => Ok(()),
    })
    .await;
    daemon.signal("HUP");
    wait_for(PATIENCE, "a reload", async || match daemon.logged(&["configuration reloaded"]) {
        0 => Err(daemon.log()),
        _ => Ok(()),
    })
    .await;
    assert_eq!(daemon.get("/-/healthy").await.status, 200);
    let finished = daemon.stop().await;
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
    assert!(finished.stderr.contains("message=stopped"), "{}", finished.stderr);
}

#[tokio::test]
async fn the_commands_that_end_say_how_it_went() {
    let cloud = Cloud::empty().await;
    let job = cloud.add("one").await.job_id;
    let setup = Setup { poll: ONE_POLL, ..Setup::of([job]) };
    let once = run_with_config("once", &setup.file(&cloud)).await;
    assert_eq!(once.status.code(), Some(0), "{}", once.stderr);
    let scrape = Scrape::read(&once.stdout);
    let unmet =
        scrape.unmet(&["modelarts_up == 1", "modelarts_job_status{status=\"running\"} == 1"]);
    assert_eq!(unmet, [""; 0]);

    let wrong = Setup { auth: "password = \"wrong\"\nproject_name = \"demo\"", ..setup.clone() };
    let once = run_with_config("once", &wrong.file(&cloud)).await;
    assert_eq!(once.status.code(), Some(1), "{}", once.stderr);
    assert!(once.stdout.contains("modelarts_up{project=\"p\"} 0"), "{}", once.stdout);
    assert!(once.stderr.contains("not authorized"), "{}", once.stderr);

    let check = run_with_config("check", &setup.file(&cloud)).await;
    assert_eq!(check.status.code(), Some(0), "{}", check.stderr);
    assert!(check.stdout.contains("no mistakes: 1 project, 1 job\n"), "{}", check.stdout);
    let check = run_with_config("check", "[poll]\ninterval = \"soon\"\nspeed = 1").await;
    assert_eq!(check.status.code(), Some(1));
    assert!(
        check.stderr.contains("poll.interval") && check.stderr.contains("poll.speed"),
        "{}",
        check.stderr
    );

    let daemon = Daemon::start(&setup.file(&cloud)).await;
    let healthy = format!("{}/-/healthy", daemon.url());
    assert_eq!(run(&["healthcheck", &healthy]).await.status.code(), Some(0));
    let lost = format!("{}/nowhere", daemon.url());
    let sick = run(&["healthcheck", &lost]).await;
    assert_eq!(sick.status.code(), Some(1));
    assert!(sick.stderr.contains("404"), "{}", sick.stderr);
    daemon.stop().await;
    let dead = run(&["healthcheck", &healthy]).await;
    assert_eq!(dead.status.code(), Some(1));
    assert!(dead.stderr.contains("does not answer"), "{}", dead.stderr);
}

#[tokio::test]
async fn once_reads_all_that_there_is_to_read_however_small_the_budget() {
    let cloud = Cloud::empty().await;
    let mut jobs = Vec::new();
    for at in 0..6 {
        let order = "\"status\": \"completed\", \"minutes\": 5, \"workers\": 5";
        jobs.push(cloud.add_in(Api::V2, &format!("job-{at}"), order).await);
    }
    let setup = Setup::new().with_api("p", Api::V2, &jobs);
    // Two requests a second, where the intervals of the jobs ask for six last usages a second.
    let short = "interval = \"5s\"\npending_interval = \"5s\"\nlist_interval = \"5s\"\ntimeout = \"1s\"\nrequests_per_minute = 120";
    for poll in [short, ONE_POLL] {
        let once = run_with_config("once", &Setup { poll, ..setup.clone() }.file(&cloud)).await;
        assert_eq!(once.status.code(), Some(0), "{}", once.stderr);
        let scrape = Scrape::read(&once.stdout);
        let means = scrape.find("modelarts_job_cpu_usage_mean_ratio").len();
        assert_eq!(means, 30, "a mean of each task: {}", once.stderr);
        assert_eq!(scrape.unmet(&["modelarts_job_poll_success == 6"]), [""; 0]);
    }
    // What fails is not waited for.
    cloud.fault("\"fault\": \"server_error\", \"on\": \"metrics\"").await;
    let once = run_with_config("once", &Setup { poll: ONE_POLL, ..setup }.file(&cloud)).await;
    let scrape = Scrape::read(&once.stdout);
    let unmet = scrape.unmet(&[
        "modelarts_job_poll_success == 0",
        "modelarts_job_status{status=\"completed\"} == 6",
    ]);
    assert_eq!(unmet, [""; 0]);
}
