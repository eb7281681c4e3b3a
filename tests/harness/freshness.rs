//! How long a value takes from the end of its poll into a compressed scrape.

use std::io::Read as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::hanging::job_ids;
use super::{Daemon, Raw, Setup, Simulator};

/// About 83 thousand series.
const JOBS: usize = 1300;

/// Each job is polled once in the time it is watched.
const INTERVAL: Duration = Duration::from_secs(6);

const LAST_SUCCESS: &str = "modelarts_job_poll_last_success_timestamp_seconds{";

/// Job lines with the time of their last poll, and when they were received.
async fn look(daemon: &Daemon) -> (Vec<(String, f64)>, f64) {
    let packed = Raw::ask(daemon, "GET", "/metrics", &[("Accept-Encoding", "gzip")]).await.body;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*packed).read_to_string(&mut text).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix(LAST_SUCCESS)?.rsplit_once(' '));
    let polled = lines.map(|(labels, at)| (labels.to_owned(), at.parse().unwrap())).collect();
    (polled, now)
}

/// Watches every job for one poll; no value may take longer than this, in seconds.
#[expect(clippy::print_stdout, reason = "the figure is for whoever asks with --nocapture")]
pub(crate) async fn arrives_within(most: f64) {
    let simulator =
        Simulator::start(&["--scenario=steady", &format!("--jobs={JOBS}"), "--speed=0"]).await;
    let ids = job_ids(&simulator).await;
    let poll = format!(
        "interval = \"{}s\"\ntimeout = \"5s\"\nrequests_per_minute = 0",
        INTERVAL.as_secs()
    );
    // A simulator of its own process has the account that everybody knows.
    let auth = "password = \"demo\"\nproject_name = \"demo\"";
    let jobs = ids.iter().map(|id| id.parse().unwrap());
    let setup = Setup { poll: &poll, auth, ..Setup::of(jobs) };
    let daemon = Daemon::start(&setup.file(&simulator)).await;
    daemon.is_ready().await;

    let (mut before, _) = look(&daemon).await;
    let (mut slowest, mut seen, end) = (0.0_f64, 0, Instant::now() + INTERVAL);
    while Instant::now() < end {
        let (polled, now) = look(&daemon).await;
        assert_eq!(polled.len(), JOBS);
        // Both are in the order of the exposition.
        for ((_, at), (_, at_before)) in polled.iter().zip(&before) {
            if at > at_before {
                slowest = slowest.max(now - at);
                seen += 1;
            }
        }
        before = polled;
    }
    println!("{seen} new values, the slowest after {slowest:.2} s");
    assert!(seen >= JOBS / 2, "{seen} polls were seen");
    assert!(slowest <= most, "{slowest:.2} s");
}
