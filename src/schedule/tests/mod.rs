//! The scheduler against a cloud in memory, in paused time: an hour of polling takes moments.

mod budget;
mod cadence;
mod changes;
pub(crate) mod cloud;
mod cost;
mod hanging;
mod list;
mod panics;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::model::{
    Activity, Detail, JobId, JobList, Outlook, Polled, Quota, TaskUsage, Turnover, Version,
};
use crate::own::{self, Reason};
use crate::schedule::{Ledger, Poller, Settings};
use cloud::{Asked, Cloud};

const MINUTE: Duration = Duration::from_mins(1);

const RUNNING: i64 = 8;
const PENDING: i64 = 7;
const COMPLETED: i64 = 10;
const LOST: i64 = 14;

/// Remembers when each job last had an answer.
#[derive(Default)]
struct Answers {
    /// The list says which jobs there are.
    discovers: bool,
    last: Mutex<HashMap<JobId, Instant>>,
    /// When a list last showed the job.
    listed: Mutex<HashMap<JobId, Instant>>,
    failed: Mutex<HashMap<JobId, usize>>,
    gone: Mutex<HashSet<JobId>>,
    intervals: Mutex<HashMap<JobId, Duration>>,
    /// What went wrong with the last poll of each job, and with the last list.
    trouble: Mutex<HashMap<Option<JobId>, Option<Reason>>>,
    /// Jobs whose detail is still to be read.
    without_detail: Mutex<HashSet<JobId>>,
    /// Of a project whose jobs are found: those that are followed.
    followed: Mutex<HashSet<JobId>>,
    /// Jobs that every list finds and lets go, because they ended long ago.
    passing: Mutex<HashSet<JobId>>,
    /// Those that would be, were the list refused.
    ours_by_id: Mutex<HashSet<JobId>>,
}

impl Ledger for Answers {
    fn listed(&self, list: &JobList, _: Instant, _: Duration) -> Turnover {
        let (now, jobs) = (Instant::now(), list.jobs.iter().map(|job| &job.job_id));
        self.listed.lock().unwrap().extend(jobs.clone().map(|job| (job.clone(), now)));
        if !self.discovers {
            return Turnover::default();
        }
        self.follow(&jobs.cloned().collect(), list.proves_absence())
    }

    fn list_refused(&self) -> Turnover {
        self.follow(&self.ours_by_id.lock().unwrap(), self.discovers)
    }

    fn versions(&self, job: &JobId, versions: Vec<Version>) -> Outlook {
        let activity = match versions.first() {
            Some(version) if version.state.terminal => Activity::Ended,
            Some(version) if version.state.waits() => Activity::Waits,
            _ => Activity::Runs,
        };
        let wanted = self.without_detail.lock().unwrap().contains(job);
        let details = versions.into_iter().filter(|_| wanted);
        let details = details.map(|version| Detail::Version(version.version_id)).collect();
        Outlook { activity, details, tasks: Vec::new() }
    }

    fn version(&self, job: &JobId, _: Version) {
        self.without_detail.lock().unwrap().remove(job);
    }

    fn usage(&self, _: &JobId, _: &str, _: Option<TaskUsage>, _: Instant) {}

    fn quotas(&self, _: Option<Vec<Quota>>, _: Duration) {}

    fn told(&self, _: &JobId) -> Option<Outlook> {
        None
    }

    fn polled(&self, job: &JobId, polled: Polled, interval: Duration) {
        self.intervals.lock().unwrap().insert(job.clone(), interval);
        match polled {
            Polled::Success => {
                self.last.lock().unwrap().insert(job.clone(), Instant::now());
            }
            Polled::Gone => {
                self.gone.lock().unwrap().insert(job.clone());
            }
            Polled::Partial | Polled::Failed => {
                *self.failed.lock().unwrap().entry(job.clone()).or_default() += 1;
            }
        }
    }

    fn trouble(&self, job: Option<&JobId>, reason: Option<Reason>) {
        self.trouble.lock().unwrap().insert(job.cloned(), reason);
    }

    fn interval(&self, job: &JobId, interval: Duration) {
        let mut intervals = self.intervals.lock().unwrap();
        let known = intervals.entry(job.clone()).or_default();
        *known = interval.max(*known);
    }

    fn list_interval(&self, _: Duration) {}
}

impl Answers {
    fn follow(&self, jobs: &HashSet<JobId>, others_leave: bool) -> Turnover {
        let mut followed = self.followed.lock().unwrap();
        let mut turnover = Turnover {
            found: jobs.difference(&followed).cloned().collect(),
            left: followed.difference(jobs).filter(|_| others_leave).cloned().collect(),
        };
        turnover.left.extend(self.passing.lock().unwrap().iter().cloned());
        followed.extend(jobs.iter().cloned());
        followed.retain(|job| !turnover.left.contains(job));
        turnover
    }
}

type TestPoller = Poller<Cloud, Answers>;

struct Scene {
    cloud: Arc<Cloud>,
    answers: Arc<Answers>,
    own: own::Metrics,
    stop: CancellationToken,
    jobs: Vec<JobId>,
    running: Option<JoinHandle<TestPoller>>,
}

/// Running jobs, all of them polled.
fn start(count: u64, settings: Settings) -> Scene {
    start_with((0..count).map(|id| (id, RUNNING)), settings)
}

/// Jobs with their codes, all of them polled.
fn start_with(jobs: impl Iterator<Item = (u64, i64)>, settings: Settings) -> Scene {
    let mut scene = prepare(jobs, settings);
    scene.run();
    scene
}

fn prepare(jobs: impl Iterator<Item = (u64, i64)>, settings: Settings) -> Scene {
    let answers = Answers { discovers: settings.discovers, ..Answers::default() };
    let (cloud, answers) = (Arc::new(Cloud::default()), Arc::new(answers));
    let ids: Vec<JobId> = jobs.map(|(id, code)| cloud.add(id, code)).collect();
    let own = own::Metrics::new();
    let (api, ledger, counters) = (Arc::clone(&cloud), Arc::clone(&answers), own.project("test"));
    let named = if settings.discovers { Vec::new() } else { ids.clone() };
    let poller = Poller::new("test".into(), api, ledger, counters, settings, named);
    let idle = tokio::spawn(std::future::ready(poller));
    let stop = CancellationToken::new();
    Scene { cloud, answers, own, stop, jobs: ids, running: Some(idle) }
}

fn settings() -> Settings {
    Settings {
        interval: MINUTE,
        pending_interval: MINUTE * 2,
        list_interval: MINUTE,
        timeout: Duration::from_secs(10),
        concurrency: 16,
        requests_per_minute: 0,
        discovers: false,
        asks_quotas: false,
        reads_all: false,
    }
}

impl Scene {
    /// Lets the poller run until it is told to stop.
    fn run(&mut self) {
        let (stop, idle) = (self.stop.clone(), self.running.take().unwrap());
        self.running = Some(tokio::spawn(async move {
            let mut poller = idle.await.unwrap();
            poller.run(stop).await;
            poller
        }));
    }

    /// The oldest answer among the jobs that are well, second by second.
    async fn oldest_over(&self, length: Duration) -> Duration {
        let end = Instant::now() + length;
        let mut oldest = Duration::ZERO;
        while Instant::now() < end {
            sleep(Duration::from_secs(1)).await;
            let last = self.answers.last.lock().unwrap();
            let well = self.jobs.iter().filter(|job| !self.cloud.hangs(job));
            let ages = well.filter_map(|job| last.get(job)).map(Instant::elapsed);
            oldest = oldest.max(ages.max().unwrap_or_default());
        }
        oldest
    }

    fn hang(&self, jobs: impl Iterator<Item = u64>) {
        self.cloud.state().hanging = jobs.map(JobId::from).collect();
    }

    /// Polls of each job, in order.
    fn polls(&self) -> BTreeMap<JobId, Vec<Instant>> {
        let mut polls = BTreeMap::<_, Vec<_>>::new();
        for (at, asked) in &self.cloud.state().requests {
            if let Asked::Versions(job) = asked {
                polls.entry(job.clone()).or_default().push(*at);
            }
        }
        polls
    }

    fn polls_of(&self, job: u64) -> usize {
        self.polls().get(&JobId::from(job)).map_or(0, Vec::len)
    }

    /// How many requests of a kind there were.
    fn count(&self, is_one: impl Fn(&Asked) -> bool) -> usize {
        self.cloud.state().requests.iter().filter(|(_, asked)| is_one(asked)).count()
    }

    /// The metric of the effective interval, in seconds.
    fn shown_interval(&self) -> f64 {
        self.shown("modelarts_exporter_poll_interval_seconds")
    }

    /// The one series of an own metric.
    fn shown(&self, name: &str) -> f64 {
        let reading = self.own.read().into_iter();
        let family = reading.filter(|reading| reading.family.name == name);
        let series: Vec<_> = family.flat_map(|reading| reading.series).collect();
        match series[..] {
            [own::Series { value: own::Value::Number(value), .. }] => value,
            _ => panic!("{series:?}"),
        }
    }
}
