//! The scene in which more jobs run than the request budget can hold: each has its turn.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use tokio::time::Instant;

use super::{Cloud, Daemon, Setup, wait_for};

/// How large the scene is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Jobs, all of which run.
    pub(crate) jobs: usize,
    /// `poll.interval` and `poll.list_interval`.
    pub(crate) interval: Duration,
    /// `poll.requests_per_minute`.
    pub(crate) requests_per_minute: u32,
    /// Polls of each job that are watched.
    pub(crate) rounds: usize,
}

const LAST_SUCCESS: &str = "modelarts_job_poll_last_success_timestamp_seconds";

/// Nobody has a second turn before each had one, no gap between two turns is longer than 1.2 times
/// what the budget makes it, and no minute holds more requests than the budget.
#[expect(clippy::print_stderr, reason = "figures are looked at where a test passes, too")]
pub(crate) async fn hold(size: Size) {
    let settings =
        modelarts_exporter::simulator::Settings { jobs: Some(size.jobs), ..Cloud::no_jobs() };
    let cloud = Cloud::start(settings).await;
    let (milliseconds, budget) = (size.interval.as_millis(), size.requests_per_minute);
    let mut poll = format!("interval = \"{milliseconds}ms\"\nlist_interval = \"{milliseconds}ms\"");
    let _ = write!(poll, "\npending_interval = \"{milliseconds}ms\"\ntimeout = \"5s\"");
    let _ = write!(poll, "\nmax_staleness = \"10m\"\nrequests_per_minute = {budget}");
    let jobs: Vec<u64> = cloud.jobs().collect();
    let setup = Setup { poll: &poll, ..Setup::of(jobs) };
    let alone = match budget {
        0 => size.interval.as_secs_f64(),
        budget => size.interval.as_secs_f64().max(size.jobs as f64 * 60.0 / f64::from(budget)),
    };
    let began = Instant::now();
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    let mut turns: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let patience = Duration::from_secs_f64(alone * (size.rounds as f64 + 1.0) * 1.5 + 30.0);
    wait_for(patience, "every job to have had its turns", async || {
        for sample in daemon.scrape().await.find(LAST_SUCCESS) {
            let (_, job) = sample.labels.iter().find(|(label, _)| label == "job_id").unwrap();
            let turns = turns.entry(job.clone()).or_default();
            if turns.last() != Some(&sample.value) {
                turns.push(sample.value);
            }
        }
        let fewest = turns.values().map(Vec::len).min().unwrap_or_default();
        if turns.len() == size.jobs && fewest >= size.rounds {
            Ok(())
        } else {
            Err(format!("{} jobs had at least {fewest}", turns.len()))
        }
    })
    .await;
    let (sent, most) = (cloud.requests("all").await, cloud.most_in_a_minute().await);
    let rate = sent as f64 / began.elapsed().as_secs_f64() * 60.0;
    let gaps = turns.values().flat_map(|turns| turns.windows(2).map(|pair| pair[1] - pair[0]));
    let ratio = gaps.fold(0.0, f64::max) / alone;
    eprintln!(
        "{} jobs, {budget} a minute: the largest gap is {ratio:.3} x jobs / budget, {rate:.0} requests a minute on average, {most} in the fullest minute",
        size.jobs
    );
    let all_once = turns.values().map(|turns| turns[0]).fold(0.0, f64::max);
    let twice = turns.values().map(|turns| turns[1]).fold(f64::INFINITY, f64::min);
    assert!(
        twice >= all_once,
        "one had a second turn at {twice}, the last its first at {all_once}"
    );
    assert!(ratio <= 1.2, "{ratio}");
    if budget > 0 {
        // A hundredth of a minute's requests may come at once.
        let allowed = f64::from(budget) * (began.elapsed().as_secs_f64() / 60.0 + 0.01);
        assert!(sent as f64 <= allowed && most <= u64::from(budget), "{sent} {allowed} {most}");
        let shown = daemon.scrape().await.get("modelarts_exporter_poll_interval_seconds").unwrap();
        assert!((1.0..=1.2).contains(&(shown / alone)), "the metric says {shown}, not {alone}");
        assert_eq!(daemon.logged(&["the request budget is too small"]), 1, "{}", daemon.log());
    }
}
