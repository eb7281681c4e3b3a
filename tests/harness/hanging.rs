//! The scene in which a fifth of all jobs hang.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{Daemon, Simulator, wait_for};

/// How large the scene is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Jobs, of which every fifth hangs.
    pub(crate) jobs: usize,
    /// `poll.concurrency`.
    pub(crate) concurrency: usize,
    /// `poll.interval`.
    pub(crate) interval: Duration,
    /// `poll.timeout`.
    pub(crate) timeout: Duration,
    /// No well job's last success may ever be older.
    pub(crate) oldest: Duration,
    /// For how long that is watched, once the jobs hang.
    pub(crate) watch: Duration,
}

const LAST_SUCCESS: &str = "modelarts_job_poll_last_success_timestamp_seconds";

/// Lets every fifth job hang and watches the age of all others.
pub(crate) async fn hold(size: Size) {
    let simulator =
        Simulator::start(&["--scenario=steady", &format!("--jobs={}", size.jobs), "--speed=0"])
            .await;
    let ids = job_ids(&simulator).await;
    assert_eq!(ids.len(), size.jobs);
    let daemon = Daemon::start(&configuration(&size, simulator.url(), &ids)).await;
    let all = |ages: &[(String, f64)]| match ages.len() {
        known if known == size.jobs => Ok(()),
        known => Err(format!("{known} jobs were polled")),
    };
    let first_round = size.interval * 3;
    wait_for(first_round, "the first round", async || all(&ages(&daemon).await)).await;

    let hanging: Vec<&String> = ids.iter().step_by(5).collect();
    for job in &hanging {
        let fault = format!(r#"{{"fault":"hang","on":"any","job_id":{job}}}"#);
        assert_eq!(simulator.post("/-/simulator/faults", &fault).await.status, 201);
    }
    let end = Instant::now() + size.watch;
    let mut looks = interval(Duration::from_secs(1));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut oldest = (String::new(), 0.0);
    while Instant::now() < end {
        looks.tick().await;
        for (job, age) in ages(&daemon).await {
            if age > oldest.1 && !hanging.contains(&&job) {
                oldest = (job, age);
            }
        }
    }
    let (job, age) = oldest;
    assert!(age <= size.oldest.as_secs_f64(), "job {job} was not polled for {age:.1} s");

    let metrics = daemon.get("/metrics").await.text;
    let failing = metrics
        .lines()
        .filter(|line| line.starts_with("modelarts_job_poll_success{") && line.ends_with(" 0"));
    assert_eq!(failing.count(), hanging.len(), "those that hang are known by name");
    let finished = daemon.stop().await;
    assert!(finished.status.success(), "{}", finished.stderr);
}

/// The ids of a simulator's jobs.
pub(crate) async fn job_ids(simulator: &Simulator) -> Vec<String> {
    let text = simulator.get("/-/simulator/jobs?samples=false").await.text;
    // One `"job_id": N` a job of v1, and none elsewhere in the truth; v2's are texts.
    let ids = text
        .split("\"job_id\":")
        .skip(1)
        .map(|rest| rest.trim_start().chars().take_while(char::is_ascii_digit).collect());
    ids.filter(|id: &String| !id.is_empty()).collect()
}

fn configuration(size: &Size, cloud: &str, ids: &[String]) -> String {
    let mut text = format!(
        r#"
[poll]
interval = "{}ms"
timeout = "{}ms"
concurrency = {}
requests_per_minute = 0
max_staleness = "10m"

[[projects]]
name = "p"
endpoint = "{cloud}"
auth = {{ method = "password", iam_endpoint = "{cloud}", domain = "demo", username = "demo", password = "demo", project_name = "demo" }}
"#,
        size.interval.as_millis(),
        size.timeout.as_millis(),
        size.concurrency,
    );
    for id in ids {
        let _ = writeln!(text, "[[projects.jobs]]\njob_id = {id}");
    }
    text
}

/// Every job's age of its last success, seconds.
async fn ages(daemon: &Daemon) -> Vec<(String, f64)> {
    let metrics = daemon.get("/metrics").await.text;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let lines =
        metrics.lines().filter_map(|line| line.strip_prefix(LAST_SUCCESS)?.strip_prefix('{'));
    let ages = lines.map(|line| {
        let (labels, value) = line.rsplit_once(' ').unwrap();
        let job = labels.split("job_id=\"").nth(1).unwrap().split('"').next().unwrap();
        (job.to_owned(), now - value.parse::<f64>().unwrap())
    });
    ages.collect()
}
