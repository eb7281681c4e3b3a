//! The scheduler against a cloud in memory, in paused time: an hour of polling takes moments.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::cloud::{Error, Pace, Reading, TrainingApi};
use crate::model::{
    Api, Facts, JobId, Polled, Resources, State, Version, VersionId, VersionSelection,
};
use crate::own;
use crate::schedule::{JobSpec, Ledger, Poller, Settings};

const MINUTE: Duration = Duration::from_mins(1);

/// A cloud that answers after a while, or never.
#[derive(Default)]
struct Cloud {
    state: Mutex<CloudState>,
}

#[derive(Default)]
struct CloudState {
    hanging: HashSet<JobId>,
    pending: HashSet<JobId>,
    throttled: Option<Duration>,
    in_flight: HashMap<JobId, usize>,
    most_in_flight: usize,
    overlaps: usize,
    requests: Vec<(Instant, JobId)>,
}

/// A request that is counted until it is dropped.
struct Request<'a>(&'a Cloud, JobId);

impl Drop for Request<'_> {
    fn drop(&mut self) {
        self.0.state.lock().unwrap().in_flight.remove(&self.1);
    }
}

impl TrainingApi for Cloud {
    async fn versions(&self, job: &JobId, pace: &dyn Pace) -> Result<Reading<Vec<Version>>, Error> {
        pace.ready().await;
        let (hangs, waits, throttled) = {
            let mut state = self.state.lock().unwrap();
            state.requests.push((Instant::now(), job.clone()));
            if state.in_flight.insert(job.clone(), 1).is_some() {
                state.overlaps += 1;
            }
            state.most_in_flight = state.most_in_flight.max(state.in_flight.len());
            (state.hanging.contains(job), state.pending.contains(job), state.throttled.take())
        };
        let _request = Request(self, job.clone());
        if hangs {
            sleep(Duration::from_secs(10)).await;
            return Err(Error::Timeout(Duration::from_secs(10)));
        }
        sleep(Duration::from_millis(80)).await;
        if let Some(retry_after) = throttled {
            let refusal = crate::cloud::Refusal {
                status: 429,
                code: "APIGW.0308".to_owned(),
                message: String::new(),
            };
            return Err(Error::Throttled { retry_after: Some(retry_after), refusal });
        }
        let content = vec![version(job, if waits { 7 } else { 8 })];
        Ok(Reading { content, misreads: Vec::new() })
    }

    async fn version(
        &self,
        job: &JobId,
        _: &VersionId,
        pace: &dyn Pace,
    ) -> Result<Reading<Version>, Error> {
        pace.ready().await;
        sleep(Duration::from_millis(80)).await;
        Ok(Reading { content: version(job, 8), misreads: Vec::new() })
    }
}

fn version(job: &JobId, code: i64) -> Version {
    Version {
        api: Api::V1,
        job_id: job.clone(),
        job_name: "job".to_owned(),
        version_id: VersionId::from(1),
        version_name: None,
        state: State::from_v1(code),
        created: Some(1.0),
        started: None,
        duration: None,
        facts: Facts::default(),
        resources: Resources::default(),
        usage: None,
        quality: None,
    }
}

/// Remembers when each job last had an answer.
#[derive(Default)]
struct Answers {
    last: Mutex<HashMap<JobId, Instant>>,
    failed: Mutex<HashMap<JobId, usize>>,
    intervals: Mutex<HashMap<JobId, Duration>>,
    /// Jobs whose detail is still to be read.
    without_detail: Mutex<HashSet<JobId>>,
}

impl Ledger for Answers {
    fn versions(&self, job: &JobId, versions: Vec<Version>) -> Vec<VersionId> {
        let wanted = self.without_detail.lock().unwrap().contains(job);
        versions.into_iter().filter(|_| wanted).map(|version| version.version_id).collect()
    }

    fn version(&self, job: &JobId, _: Version) {
        self.without_detail.lock().unwrap().remove(job);
    }

    fn polled(&self, job: &JobId, polled: Polled, interval: Duration) {
        self.intervals.lock().unwrap().insert(job.clone(), interval);
        if polled == Polled::Success {
            self.last.lock().unwrap().insert(job.clone(), Instant::now());
        } else {
            *self.failed.lock().unwrap().entry(job.clone()).or_default() += 1;
        }
    }
}

struct Scene {
    cloud: Arc<Cloud>,
    answers: Arc<Answers>,
    stop: CancellationToken,
    jobs: Vec<JobId>,
}

fn start(count: u64, settings: Settings) -> Scene {
    let (cloud, answers) = (Arc::new(Cloud::default()), Arc::new(Answers::default()));
    let stop = CancellationToken::new();
    let jobs: Vec<_> = (0..count).map(JobId::from).collect();
    let specs = jobs
        .iter()
        .map(|id| JobSpec { job_id: id.clone(), versions: VersionSelection::Latest })
        .collect();
    let own = own::Metrics::new().project("test");
    let poller =
        Poller::new("test".into(), Arc::clone(&cloud), Arc::clone(&answers), own, settings, specs);
    tokio::spawn(poller.run(stop.clone()));
    Scene { cloud, answers, stop, jobs }
}

fn settings() -> Settings {
    Settings {
        interval: MINUTE,
        pending_interval: MINUTE * 2,
        timeout: Duration::from_secs(10),
        concurrency: 16,
        requests_per_minute: 0,
    }
}

impl Scene {
    /// The oldest answer among the jobs that are well, second by second.
    async fn oldest_over(&self, length: Duration) -> Duration {
        let end = Instant::now() + length;
        let mut oldest = Duration::ZERO;
        while Instant::now() < end {
            sleep(Duration::from_secs(1)).await;
            let hanging = self.cloud.state.lock().unwrap().hanging.clone();
            let last = self.answers.last.lock().unwrap();
            let well = self.jobs.iter().filter(|job| !hanging.contains(*job));
            let ages = well.filter_map(|job| last.get(job)).map(Instant::elapsed);
            oldest = oldest.max(ages.max().unwrap_or_default());
        }
        oldest
    }

    fn hang(&self, jobs: impl Iterator<Item = u64>) {
        self.cloud.state.lock().unwrap().hanging = jobs.map(JobId::from).collect();
    }
}

#[tokio::test(start_paused = true)]
async fn jobs_that_begin_to_hang_delay_no_other() {
    let scene = start(1000, settings());
    assert!(scene.oldest_over(MINUTE * 3).await <= Duration::from_secs(61), "all is well");
    scene.hang((0..1000).filter(|job| job % 5 == 0));
    let oldest = scene.oldest_over(MINUTE * 15).await;
    assert!(oldest <= Duration::from_secs(75), "{oldest:?}");
    let state = scene.cloud.state.lock().unwrap();
    assert!(state.most_in_flight <= 16, "{}", state.most_in_flight);
    assert_eq!(state.overlaps, 0);
    assert_eq!(scene.answers.failed.lock().unwrap().len(), 200);
    scene.stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn jobs_that_hang_from_the_start_delay_no_other_and_are_polled_again_once_they_answer() {
    let scene = start(1000, settings());
    scene.hang(0..200);
    let oldest = scene.oldest_over(MINUTE * 15).await;
    assert!(oldest <= Duration::from_secs(75), "{oldest:?}");
    assert_eq!(scene.answers.last.lock().unwrap().len(), 800, "every well job has an answer");
    scene.hang(std::iter::empty());
    sleep(MINUTE * 2).await;
    assert_eq!(scene.answers.last.lock().unwrap().len(), 1000);
    scene.stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_cloud_that_is_slow_for_everybody_loses_no_poll() {
    // 16 slots, 80 ms a poll, 10,000 jobs: a round takes 50 s, and every slot is always in use.
    let scene = start(10_000, settings());
    scene.oldest_over(MINUTE * 5).await;
    assert!(scene.answers.failed.lock().unwrap().is_empty());
    assert_eq!(scene.answers.last.lock().unwrap().len(), 10_000);
    scene.stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn polls_are_spread_over_the_interval() {
    let scene = start(600, settings());
    sleep(MINUTE * 3).await;
    let state = scene.cloud.state.lock().unwrap();
    let start = state.requests[0].0;
    let mut by_second = vec![0; 60];
    for (at, _) in
        state.requests.iter().filter(|(at, _)| *at >= start + MINUTE && *at < start + MINUTE * 2)
    {
        by_second[usize::try_from((*at - start).as_secs()).unwrap() - 60] += 1;
    }
    assert!(by_second.iter().all(|count| (9..=11).contains(count)), "{by_second:?}");
    scene.stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_small_budget_stretches_the_interval_evenly() {
    let scene = start(500, Settings { requests_per_minute: 100, ..settings() });
    sleep(MINUTE * 21).await;
    let state = scene.cloud.state.lock().unwrap();
    let mut first = HashSet::new();
    let all_once = state.requests.iter().position(|(_, job)| {
        first.insert(job.clone());
        first.len() == 500
    });
    assert_eq!(all_once, Some(499), "no job twice before each once");
    let mut last: HashMap<&JobId, Instant> = HashMap::new();
    let mut largest = Duration::ZERO;
    for (at, job) in &state.requests {
        if let Some(before) = last.insert(job, *at) {
            largest = largest.max(*at - before);
        }
    }
    assert!(largest <= Duration::from_mins(5).mul_f64(1.2), "{largest:?}");
    for (position, (at, _)) in state.requests.iter().enumerate() {
        let within =
            state.requests[position..].iter().take_while(|(other, _)| *other - *at < MINUTE);
        assert!(within.count() <= 100);
    }
    scene.stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_throttled_project_is_silent_for_as_long_as_the_cloud_asks() {
    let scene = start(100, settings());
    sleep(MINUTE).await;
    scene.cloud.state.lock().unwrap().throttled = Some(Duration::from_secs(90));
    sleep(MINUTE * 3).await;
    let state = scene.cloud.state.lock().unwrap();
    let gaps = state.requests.windows(2).map(|pair| pair[1].0 - pair[0].0);
    let longest = gaps.max().unwrap();
    assert!((85..=91).contains(&longest.as_secs()), "{longest:?}");
    scene.stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_job_that_waits_is_polled_less_often() {
    let scene = start(2, settings());
    scene.cloud.state.lock().unwrap().pending = [JobId::from(1)].into();
    sleep(MINUTE * 20).await;
    let state = scene.cloud.state.lock().unwrap();
    let polls = |job| state.requests.iter().filter(|(_, of)| *of == JobId::from(job)).count();
    assert!((20..=22).contains(&polls(0)), "{}", polls(0));
    assert!((10..=12).contains(&polls(1)), "{}", polls(1));
    scene.stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_waits_for_the_budget_is_not_cut_off_for_it() {
    let scene = start(50, Settings { requests_per_minute: 60, ..settings() });
    scene.answers.without_detail.lock().unwrap().extend(scene.jobs.iter().cloned());
    sleep(MINUTE * 10).await;
    assert_eq!(scene.answers.without_detail.lock().unwrap().len(), 0);
    assert_eq!(*scene.answers.failed.lock().unwrap(), HashMap::new());
    scene.stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_waiting_job_keeps_its_interval_when_a_poll_fails() {
    let scene = start(1, settings());
    let job = &scene.jobs[0];
    scene.cloud.state.lock().unwrap().pending = [job.clone()].into();
    sleep(MINUTE * 3).await;
    scene.hang(0..1);
    sleep(MINUTE * 5).await;
    assert!(scene.answers.failed.lock().unwrap()[job] >= 2);
    assert_eq!(scene.answers.intervals.lock().unwrap()[job], MINUTE * 2);
    scene.stop.cancel();
}
