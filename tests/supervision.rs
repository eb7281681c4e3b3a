//! What the daemon tells the service manager that started it.

use std::process::Stdio;
use std::time::Duration;

use tokio::time::Instant;

use crate::harness::{Cloud, Daemon, PATIENCE, QUICK, Setup, Supervisor, wait_for};

/// For how long the machine has been up, by its own steady clock.
fn uptime() -> Duration {
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
    Duration::from_secs_f64(uptime.split(' ').next().unwrap().parse().unwrap())
}

#[tokio::test]
async fn it_is_ready_when_it_serves_though_the_cloud_is_silent() {
    let cloud = Cloud::empty().await;
    let job = cloud.add("train").await.job_id;
    cloud.fault(r#""fault": "hang", "on": "any""#).await;
    let mut supervisor = Supervisor::at_a_path();
    let daemon = supervisor.start("", &Setup::of([job]).file(&cloud)).await;
    supervisor.hears("READY=1").await;
    assert_eq!(daemon.get("/-/healthy").await.status, 200);
    supervisor
        .hears_one_that("STATUS=", |status| status.ends_with("; projects without answers: 1"))
        .await;
    cloud.heal().await;
}

#[tokio::test]
async fn it_says_in_a_line_how_things_are() {
    let cloud = Cloud::empty().await;
    let jobs = [cloud.add("one").await.job_id, cloud.add("two").await.job_id];
    let mut supervisor = Supervisor::at_a_name();
    let _daemon = supervisor.start("", &Setup::of(jobs).file(&cloud)).await;
    let awaited = "; the first answers are awaited";
    let status = supervisor.hears_one_that("STATUS=", |status| !status.ends_with(awaited)).await;
    let (followed, time) = status.split_once(", shown as of ").unwrap();
    assert_eq!(followed, "jobs: 2, projects: 1");
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "00:00:00 UTC");
}

#[tokio::test]
async fn a_reload_is_told_from_its_beginning_to_its_end() {
    let cloud = Cloud::empty().await;
    let config = Setup::of([cloud.add("train").await.job_id]).file(&cloud);
    let mut supervisor = Supervisor::at_a_path();
    let daemon = supervisor.start("", &config).await;
    supervisor.hears("READY=1").await;
    daemon.configure("nonsense");
    // Told in hundredths.
    let (before, hundredth) = (uptime(), Duration::from_millis(10));
    daemon.signal("HUP");
    // systemd refuses what has no time, or an old one.
    let told =
        supervisor.hears("MONOTONIC_USEC=").await.parse().map(Duration::from_micros).unwrap();
    assert!((before..uptime() + hundredth).contains(&told), "{told:?} is not after {before:?}");
    supervisor.hears("READY=1").await;
    let refused = "; the configuration was refused, the one before is in use";
    supervisor.hears_one_that("STATUS=", |status| status.ends_with(refused)).await;
    daemon.configure(&config);
    daemon.signal("HUP");
    supervisor.hears("RELOADING=1").await;
    supervisor.hears("READY=1").await;
    supervisor.hears_one_that("STATUS=", |status| !status.ends_with(refused)).await;
}

#[tokio::test]
async fn the_stop_is_told_when_it_begins() {
    let cloud = Cloud::empty().await;
    let config = Setup::of([cloud.add("train").await.job_id]).file(&cloud);
    let mut supervisor = Supervisor::at_a_path();
    let daemon = supervisor.start("", &config).await;
    supervisor.hears("READY=1").await;
    let finished = daemon.stop().await;
    assert!(finished.status.success(), "{}", finished.stderr);
    supervisor.hears("STOPPING=1").await;
    assert_eq!(supervisor.next(Duration::ZERO).await, None, "nothing after it");
}

#[tokio::test]
async fn the_watchdog_hears_in_time() {
    /// What it waits, at most.
    const LIMIT: Duration = Duration::from_secs(4);
    let cloud = Cloud::empty().await;
    let config = Setup::of([cloud.add("train").await.job_id]).file(&cloud);
    let mut supervisor = Supervisor::at_a_path();
    let watchdog = format!("WATCHDOG_PID=$$ WATCHDOG_USEC={}", LIMIT.as_micros());
    let _daemon = supervisor.start(&watchdog, &config).await;
    supervisor.hears("READY=1").await;
    let mut last = Instant::now();
    for turn in 0..4 {
        supervisor.hears("WATCHDOG=1").await;
        let waited = last.elapsed();
        assert!(waited < LIMIT, "{waited:?} in turn {turn}");
        last = Instant::now();
    }
}

#[tokio::test]
async fn no_watchdog_is_told_that_is_not_ours() {
    let cloud = Cloud::empty().await;
    let config = Setup::of([cloud.add("train").await.job_id]).file(&cloud);
    let mut supervisor = Supervisor::at_a_path();
    let another = "WATCHDOG_PID=1 WATCHDOG_USEC=2000000";
    let daemon = supervisor.start(another, &config).await;
    daemon.is_ready().await;
    daemon.stop().await;
    while let Some(message) = supervisor.next(Duration::ZERO).await {
        assert!(!message.contains("WATCHDOG"), "{message}");
    }
}

#[tokio::test]
async fn who_does_not_listen_holds_up_nothing() {
    let cloud = Cloud::empty().await;
    let setup = Setup { poll: QUICK, ..Setup::of([cloud.add("train").await.job_id]) };
    let supervisor = Supervisor::at_a_path();
    supervisor.stops_listening();
    // Told with each publication.
    let daemon = supervisor.start("WATCHDOG_USEC=1000", &setup.file(&cloud)).await;
    let snapshot = async || {
        daemon.scrape().await.get("modelarts_exporter_snapshot_timestamp_seconds").unwrap_or(0.0)
    };
    let first = snapshot().await;
    wait_for(PATIENCE, "later snapshots", async || match snapshot().await {
        later if later > first + 2.0 => Ok(()),
        later => Err(format!("{later} after {first}")),
    })
    .await;
    assert_eq!(daemon.logged(&["the service manager does not listen"]), 1, "{}", daemon.log());
}

#[tokio::test]
async fn who_has_no_room_for_a_while_hears_nevertheless_that_it_is_ready() {
    let cloud = Cloud::empty().await;
    let config = Setup::of([cloud.add("train").await.job_id]).file(&cloud);
    let mut supervisor = Supervisor::at_a_path();
    supervisor.stops_listening();
    let daemon = supervisor.start("", &config).await;
    wait_for(PATIENCE, "a word about it", async || {
        match daemon.logged(&["the service manager does not listen"]) {
            0 => Err(daemon.log()),
            _ => Ok(()),
        }
    })
    .await;
    supervisor.hears("READY=1").await;
}

#[tokio::test]
async fn an_address_that_is_none_is_said_and_no_reason_to_stay_away() {
    let cloud = Cloud::empty().await;
    let config = Setup::of([cloud.add("train").await.job_id]).file(&cloud);
    let shell = r#"NOTIFY_SOCKET=vsock:2:1234 exec "$@""#;
    let daemon = Daemon::start_reading(Stdio::null(), shell, &config).await;
    assert_eq!(daemon.logged(&["NOTIFY_SOCKET", "neither a path"]), 1, "{}", daemon.log());
}
