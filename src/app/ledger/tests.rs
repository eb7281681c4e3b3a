//! The poller and what is shown of its answers, together and in paused time: who has a turn, how old
//! what is shown may become, and what is withdrawn. The jobs are v2's, whose lists tell everything but
//! usage, which takes a request a task.

use std::collections::{BTreeMap, HashMap};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::exposition;
use crate::metrics::FAMILIES;
use crate::model::{Discovery, JobSpec, ListedJob, VersionSelection};
use crate::schedule::tests::cloud::{Asked, Cloud, CloudJob, CloudState};
use crate::schedule::{self, Poller};

const MINUTE: Duration = Duration::from_mins(1);

const RUNNING: i64 = 8;
const PENDING: i64 = 7;
const COMPLETED: i64 = 10;

/// The ledger of the daemon, and a look at what it shows just before each answer: then it is oldest.
struct Watched {
    ledger: ProjectLedger,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// When the answer of each task came last.
    usage: HashMap<(JobId, String), Instant>,
    /// The longest time between two answers of one task, while its job ran.
    oldest_usage: Duration,
    /// When what the newest list says of all jobs was asked for, and its interval.
    list: Option<(Instant, Duration)>,
    /// The longest time from the question of one list to the answer of the next one, in intervals.
    oldest_list: f64,
    /// What was not shown any more when an answer came that would have confirmed it.
    withdrawn: Vec<String>,
    /// How the last poll of each job went.
    polled: BTreeMap<JobId, Polled>,
    /// Polls that brought nothing.
    failed: usize,
}

impl Watched {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// How many tasks of a job are shown with their newest sample; `None`: not even its status is.
    fn shown(&self, job: &JobId) -> Option<usize> {
        let key = self.ledger.key(job);
        let entries = self.ledger.book.lock();
        let view = entries.inventory.job(&key, now())?;
        let version = view.versions.first()?;
        Some(version.tasks.iter().filter(|task| task.sampled.is_some()).count())
    }

    fn is_sampled(&self, job: &JobId, task: &str) -> bool {
        let key = self.ledger.key(job);
        let entries = self.ledger.book.lock();
        let view = entries.inventory.job(&key, now());
        let versions = view.iter().flat_map(|view| &view.versions);
        let mut tasks = versions.flat_map(|version| &version.tasks);
        tasks.any(|shown| shown.usage.task == task && shown.sampled.is_some())
    }
}

impl Ledger for Watched {
    fn listed(&self, list: &JobList, asked: Instant, interval: Duration) -> Turnover {
        let is_complete = self.ledger.book.lock().inventory.is_complete();
        let is_gone = |job: &&ListedJob| is_complete && self.shown(&job.job_id).is_none();
        let withdrawn = list.jobs.iter().filter(is_gone);
        let withdrawn: Vec<_> =
            withdrawn.map(|job| format!("the status of {}", job.job_id)).collect();
        let mut seen = self.seen();
        if let Some((before, its_interval)) = seen.list {
            let interval = interval.max(its_interval);
            let age = before.elapsed().as_secs_f64() / interval.as_secs_f64();
            seen.oldest_list = seen.oldest_list.max(age);
            seen.withdrawn.extend(withdrawn);
        }
        seen.list = Some((asked, interval));
        drop(seen);
        self.ledger.listed(list, asked, interval)
    }

    fn list_refused(&self) -> Turnover {
        self.ledger.list_refused()
    }

    fn versions(&self, job: &JobId, versions: Vec<Version>) -> Outlook {
        self.ledger.versions(job, versions)
    }

    fn version(&self, job: &JobId, version: Version) {
        self.ledger.version(job, version);
    }

    fn usage(&self, job: &JobId, task: &str, usage: Option<TaskUsage>, asked: Instant) {
        let runs = self.ledger.told(job).is_some_and(|outlook| !outlook.tasks.is_empty());
        let is_shown = self.is_sampled(job, task);
        // Before the first round is over nothing is shown of any job.
        let is_complete = self.ledger.book.lock().inventory.is_complete();
        let mut seen = self.seen();
        let before = seen.usage.insert((job.clone(), task.to_owned()), Instant::now());
        if let Some(before) = before.filter(|_| runs) {
            seen.oldest_usage = seen.oldest_usage.max(before.elapsed());
            if is_complete && !is_shown {
                seen.withdrawn.push(format!("{task} of {job}"));
            }
        }
        drop(seen);
        self.ledger.usage(job, task, usage, asked);
    }

    fn quotas(&self, quotas: Option<Vec<Quota>>, interval: Duration) {
        self.ledger.quotas(quotas, interval);
    }

    fn told(&self, job: &JobId) -> Option<Outlook> {
        self.ledger.told(job)
    }

    fn polled(&self, job: &JobId, polled: Polled, interval: Duration) {
        let mut seen = self.seen();
        seen.polled.insert(job.clone(), polled);
        seen.failed += usize::from(polled == Polled::Failed);
        drop(seen);
        self.ledger.polled(job, polled, interval);
    }

    fn trouble(&self, job: Option<&JobId>, reason: Option<Reason>) {
        self.ledger.trouble(job, reason);
    }

    fn interval(&self, job: &JobId, interval: Duration) {
        self.ledger.interval(job, interval);
    }

    fn list_interval(&self, interval: Duration) {
        self.ledger.list_interval(interval);
    }
}

struct Scene {
    cloud: Arc<Cloud>,
    watched: Arc<Watched>,
    stop: CancellationToken,
    settings: schedule::Settings,
}

fn settings(requests_per_minute: u32) -> schedule::Settings {
    schedule::Settings {
        interval: MINUTE,
        pending_interval: MINUTE * 2,
        list_interval: MINUTE,
        timeout: Duration::from_secs(10),
        concurrency: 16,
        requests_per_minute,
        discovers: true,
        asks_quotas: true,
        reads_all: false,
    }
}

impl Scene {
    /// Jobs that are found by the list: so many of this code and with so many tasks.
    fn of(jobs: &[(usize, i64, usize)], settings: schedule::Settings) -> Self {
        let scene = Self::empty(settings);
        let kinds =
            jobs.iter().flat_map(|&(count, code, tasks)| std::iter::repeat_n((code, tasks), count));
        // As in a real account they do not stand in the order of what they are.
        let mut kinds: Vec<_> = kinds.collect();
        let count = kinds.len();
        for place in 0..count {
            kinds.swap(place, (place * 7919 + 13) % count);
        }
        for (id, (code, tasks)) in (0..).zip(kinds) {
            scene.add(id, code, tasks);
        }
        scene
    }

    fn empty(settings: schedule::Settings) -> Self {
        let own = own::Metrics::new();
        let (store, _) = exposition::new(FAMILIES, own.clone());
        let shown = metrics::Settings {
            extra_model_metrics: false,
            info_labels: Vec::new(),
            series: usize::MAX,
        };
        let book = Arc::new(Book::new(store, shown, own));
        let ledger = ProjectLedger { project: "p".into(), book };
        let watched = Arc::new(Watched { ledger, seen: Mutex::default() });
        Self { cloud: Arc::default(), watched, stop: CancellationToken::new(), settings }
    }

    fn add(&self, id: u64, code: i64, tasks: usize) -> JobId {
        let job = self.cloud.add(id, code);
        let created = Some(now().unix - 3600.0);
        self.cloud.change(id, |job| *job = CloudJob { tasks, created, ..job.clone() });
        job
    }

    fn run(&self) {
        let ledger = &self.watched.ledger;
        let named = self.cloud.state().jobs.keys().cloned().collect::<Vec<_>>();
        let named = if self.settings.discovers { Vec::new() } else { named };
        let spec =
            |job_id: &JobId| JobSpec { job_id: job_id.clone(), versions: VersionSelection::Latest };
        let discovery = self.settings.discovers.then(Discovery::default);
        let roster =
            Roster { named: named.iter().map(spec).collect(), discovery, ..Roster::default() };
        let own = own::Metrics::new().project("p");
        let coming = Coming {
            name: Arc::clone(&ledger.project),
            settings: inventory::Settings {
                timeout: self.settings.timeout,
                max_staleness: MINUTE * 5,
                lost_after: MINUTE * 15,
                finished_retention: MINUTE * 60 * 24,
                versions_per_job: 3,
            },
            rules: Rules { names: 10_000, ..Rules::default() },
            roster,
            interval: self.settings.interval,
            asks_quotas: self.settings.asks_quotas,
            own: own.clone(),
            paid_from: Arc::new(schedule::Budget::new(self.settings.requests_per_minute)),
        };
        let metrics = ledger.book.lock().settings.clone();
        ledger.book.change(Change { leaving: Vec::new(), coming: vec![coming], metrics });
        let (api, watched) = (Arc::clone(&self.cloud), Arc::clone(&self.watched));
        let project = Arc::clone(&ledger.project);
        // Whoever begins anew takes over those that were found before.
        let known = ledger.book.jobs_of(&project);
        let mut poller = Poller::new(project, api, watched, own, self.settings, known);
        let stop = self.stop.clone();
        tokio::spawn(async move { poller.run(stop).await });
    }

    /// Lets so many minutes pass.
    async fn pass(&self, minutes: u32) {
        for _ in 0..minutes * 12 {
            sleep(Duration::from_secs(5)).await;
            drop(self.watched.ledger.book.lock().inventory.tick(now()));
        }
    }

    /// The oldest usage of a task that runs: seen when its next answer came, or so far.
    fn oldest_usage(&self) -> Duration {
        let seen = self.watched.seen();
        let state = self.cloud.state();
        let runs = |job: &JobId| state.jobs.get(job).is_some_and(|job| job.code == RUNNING);
        let waiting = seen.usage.iter().filter(|((job, _), _)| runs(job));
        let so_far = waiting.map(|(_, at)| at.elapsed()).max().unwrap_or_default();
        seen.oldest_usage.max(so_far)
    }

    fn tasks_running(&self) -> usize {
        let state = self.cloud.state();
        state.jobs.values().filter(|job| job.code == RUNNING).map(|job| job.tasks).sum()
    }

    fn count(&self, is_one: impl Fn(&Asked) -> bool) -> usize {
        self.cloud.state().requests.iter().filter(|(_, asked)| is_one(asked)).count()
    }

    /// Nothing became older than the contract has it, and nothing was withdrawn.
    fn judge(&self) {
        let seen = self.watched.seen();
        let budget = self.settings.requests_per_minute;
        let tasks = self.tasks_running();
        let of_usage = |(job, _): &&(JobId, String)| self.cloud.state().jobs[job].code == RUNNING;
        let asked = seen.usage.keys().filter(of_usage).count();
        let withdrawn = seen.withdrawn.len();
        let oldest_list = seen.oldest_list;
        drop(seen);
        let alone = if budget == 0 {
            MINUTE
        } else {
            MINUTE.mul_f64((tasks as f64 / f64::from(budget)).max(1.0))
        };
        let ratio = self.oldest_usage().as_secs_f64() / alone.as_secs_f64();
        eprintln!(
            "{tasks} tasks, {budget} a minute: usage is at most {ratio:.3} x tasks / budget old, status {oldest_list:.2} list intervals, {withdrawn} withdrawn"
        );
        assert_eq!(asked, tasks, "every task has had its turn");
        assert!(ratio <= 1.2, "{ratio}");
        assert!(oldest_list <= 2.0, "{oldest_list}");
        assert_eq!(self.watched.seen().withdrawn, Vec::<String>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn five_thousand_jobs_of_four_tasks_take_turns_within_the_budget() {
    let scene = Scene::of(&[(5000, RUNNING, 4)], settings(600));
    scene.run();
    scene.pass(90).await;
    scene.judge();
}

#[tokio::test(start_paused = true)]
async fn small_and_large_jobs_take_turns_within_the_budget() {
    let scene = Scene::of(&[(900, RUNNING, 1), (100, RUNNING, 32)], settings(600));
    scene.run();
    scene.pass(40).await;
    scene.judge();
}

#[tokio::test(start_paused = true)]
async fn a_poll_of_many_requests_is_not_cut_off_for_it() {
    // All of them are due at once at first, and every slot is taken.
    let scene = Scene::of(&[(900, RUNNING, 1), (100, RUNNING, 32)], settings(0));
    scene.run();
    scene.pass(5).await;
    assert_eq!(scene.watched.seen().failed, 0);
    assert!(scene.oldest_usage() < MINUTE * 3 / 2, "{:?}", scene.oldest_usage());
    assert_eq!(scene.watched.seen().usage.len(), scene.tasks_running());
}

#[tokio::test(start_paused = true)]
async fn thousands_that_have_ended_do_not_slow_down_those_that_run() {
    let scene = Scene::of(&[(100, RUNNING, 4), (3000, COMPLETED, 4)], settings(600));
    scene.run();
    scene.pass(60).await;
    // Those that run need two thirds of the budget: each task has its answer every minute, or a little
    // later where others are under way.
    let oldest = scene.oldest_usage();
    assert!(oldest <= MINUTE * 3 / 2, "{oldest:?}");
    assert_eq!(scene.watched.seen().withdrawn, Vec::<String>::new());
    let ended = |job: &JobId| scene.cloud.state().jobs[job].code == COMPLETED;
    let last = scene.watched.seen().usage.keys().filter(|(job, _)| ended(job)).count();
    eprintln!("oldest {oldest:?}; {last} of 12000 last usages were read in an hour");
    assert!(last >= 1500, "what is left over is used: {last}");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_fails_for_a_while_leaves_no_gap() {
    let scene =
        Scene::of(&[(100, RUNNING, 2), (50, PENDING, 2), (50, COMPLETED, 1)], settings(600));
    scene.run();
    scene.pass(10).await;
    assert_eq!(scene.count(|asked| matches!(asked, Asked::Versions(_))), 0, "the list tells all");
    scene.cloud.state().list_is_refused = true;
    scene.pass(30).await;
    let details = scene.count(|asked| matches!(asked, Asked::Versions(_)));
    assert!(details > 100 * 20, "jobs are asked about one by one: {details}");
    scene.cloud.state().list_is_refused = false;
    scene.pass(3).await;
    let details = scene.count(|asked| matches!(asked, Asked::Versions(_)));
    scene.pass(10).await;
    let more = scene.count(|asked| matches!(asked, Asked::Versions(_))) - details;
    assert!(more <= 20, "{more}: but for those that a list just missed");
    assert_eq!(scene.watched.seen().withdrawn, Vec::<String>::new());
    assert!(scene.oldest_usage() <= MINUTE * 2, "{:?}", scene.oldest_usage());
    assert!((0..200).all(|job| scene.watched.shown(&JobId::from(job)).is_some()));
}

#[tokio::test(start_paused = true)]
async fn jobs_of_the_file_are_asked_about_as_those_that_are_found() {
    let settings = schedule::Settings { discovers: false, ..settings(600) };
    let scene = Scene::of(&[(200, RUNNING, 4)], settings);
    scene.run();
    scene.pass(20).await;
    scene.judge();
}

#[tokio::test(start_paused = true)]
async fn one_that_ends_between_a_list_and_its_poll_has_its_last_usage_read_once() {
    let scene = Scene::of(&[(3, RUNNING, 3)], settings(0));
    scene.run();
    scene.pass(5).await;
    let ended = JobId::from(1);
    let asked = || scene.count(|asked| matches!(asked, Asked::Usage(job, _) if *job == ended));
    sleep(Duration::from_secs(20)).await;
    scene.cloud.change(1, |job| job.code = COMPLETED);
    scene.pass(4).await;
    let after = asked();
    scene.pass(20).await;
    assert_eq!(asked(), after, "once after the end");
    assert_eq!(scene.watched.shown(&ended), Some(0), "no newest sample");
    assert_eq!(scene.watched.seen().polled[&ended], Polled::Success);
    scene.cloud.state().jobs.remove(&JobId::from(2));
    scene.pass(2).await;
    assert_eq!(scene.watched.shown(&JobId::from(2)), None, "it was deleted");
    assert_eq!(scene.watched.seen().withdrawn, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_poller_that_begins_beside_what_is_known_asks_about_what_runs_later() {
    let mut scene = Scene::of(&[(2, PENDING, 2)], settings(0));
    scene.run();
    scene.pass(3).await;
    scene.stop.cancel();
    scene.stop = CancellationToken::new();
    scene.run();
    scene.pass(3).await;
    scene.cloud.change(1, |job| job.code = RUNNING);
    scene.pass(3).await;
    assert_eq!(scene.watched.shown(&JobId::from(1)), Some(2));
}

#[tokio::test(start_paused = true)]
async fn tasks_that_are_listed_later_than_that_the_job_runs_are_asked_about() {
    let scene = Scene::of(&[(2, RUNNING, 0)], settings(0));
    scene.run();
    scene.pass(3).await;
    assert_eq!(scene.watched.shown(&JobId::from(1)), Some(0));
    scene.cloud.change(1, |job| job.tasks = 2);
    scene.pass(3).await;
    assert_eq!(scene.watched.shown(&JobId::from(1)), Some(2));
}

#[tokio::test(start_paused = true)]
async fn however_many_tasks_hang_the_others_have_their_turn() {
    let scene = Scene::of(&[(1, RUNNING, 32)], settings(0));
    let hang = (0..4).map(|task| (JobId::from(0), format!("worker-{task}")));
    scene.cloud.state().hanging_tasks.extend(hang);
    scene.run();
    scene.pass(12).await;
    assert_eq!(scene.watched.shown(&JobId::from(0)), Some(28));
}

/// Worker 1 of every job of four does as it is told to, for half an hour.
async fn one_task_of_each(troubled: impl FnOnce(&mut CloudState, Vec<(JobId, String)>)) -> Scene {
    let scene = Scene::of(&[(200, RUNNING, 4)], settings(900));
    scene.run();
    scene.pass(5).await;
    let tasks = (0..200).map(|job| (JobId::from(job), "worker-1".to_owned())).collect();
    troubled(&mut scene.cloud.state(), tasks);
    scene.pass(30).await;
    scene
}

#[tokio::test(start_paused = true)]
async fn a_task_that_fails_alone_leaves_the_others_theirs() {
    let scene = one_task_of_each(|cloud, tasks| cloud.failing_tasks.extend(tasks)).await;
    for job in (0..200).map(JobId::from) {
        assert_eq!(scene.watched.shown(&job), Some(3), "{job}");
        assert_eq!(scene.watched.seen().polled[&job], Polled::Partial, "{job}");
    }
    assert_eq!(scene.watched.seen().withdrawn, Vec::<String>::new());
    let well = scene.watched.seen().oldest_usage;
    assert!(well <= MINUTE * 2, "{well:?}");
    scene.cloud.state().failing_tasks.clear();
    scene.pass(2).await;
    assert!((0..200).all(|job| scene.watched.shown(&JobId::from(job)) == Some(4)));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_hangs_leaves_the_others_theirs() {
    let few = |tasks: Vec<(JobId, String)>| tasks.into_iter().take(20);
    let scene = one_task_of_each(|cloud, tasks| cloud.hanging_tasks.extend(few(tasks))).await;
    for job in 0..200 {
        let wanted = if job < 20 { 3 } else { 4 };
        assert_eq!(scene.watched.shown(&JobId::from(job)), Some(wanted), "{job}");
    }
    assert_eq!(scene.watched.seen().withdrawn, Vec::<String>::new());
    let well = scene.watched.seen().oldest_usage;
    assert!(well <= MINUTE * 5 / 2, "{well:?}");
}

#[tokio::test(start_paused = true)]
async fn polls_that_are_throttled_half_way_go_on_after_the_silence() {
    let scene = Scene::of(&[(100, RUNNING, 4)], settings(600));
    scene.run();
    scene.pass(5).await;
    for _ in 0..5 {
        {
            let mut state = scene.cloud.state();
            (state.throttle_after, state.throttle) = (3, Some(Duration::from_secs(40)));
        }
        sleep(Duration::from_secs(1)).await;
        scene.cloud.state().throttle = None;
        scene.pass(3).await;
    }
    assert_eq!(scene.watched.seen().withdrawn, Vec::<String>::new());
    assert!(scene.oldest_usage() <= MINUTE * 3, "{:?}", scene.oldest_usage());
    assert!((0..100).all(|job| scene.watched.shown(&JobId::from(job)) == Some(4)));
}

#[tokio::test(start_paused = true)]
async fn quotas_are_asked_for_every_five_minutes_and_withdrawn_when_they_come_no_more() {
    let scene = Scene::of(&[(1, RUNNING, 1)], settings(60));
    let quota = Quota { resource: "job-num".to_owned(), limit: Some(9.0), used: Some(1.0) };
    scene.cloud.state().quotas = Some(vec![quota]);
    scene.run();
    let shown = || {
        let entries = scene.watched.ledger.book.lock();
        entries.inventory.projects(now()).map(|project| project.quotas.len()).sum::<usize>()
    };
    let asked = || scene.count(|asked| *asked == Asked::Quotas);
    scene.pass(22).await;
    assert_eq!((asked(), shown()), (5, 1));
    scene.cloud.state().quotas = None;
    scene.pass(7).await;
    assert_eq!(shown(), 1, "it is not too old yet");
    scene.pass(3).await;
    assert_eq!(shown(), 0);
    let before = asked();
    scene.pass(100).await;
    assert_eq!(asked() - before, 2, "a region without them is asked now and then");
    let up = scene.watched.ledger.book.projects_down();
    assert!(up.is_empty(), "that is no trouble of the project");
}

#[tokio::test(start_paused = true)]
async fn a_last_usage_that_failed_stands_until_it_was_asked_for_again() {
    let scene = Scene::of(&[(100, RUNNING, 4), (3000, COMPLETED, 1)], settings(600));
    let ended = |(_, job): &(&JobId, &CloudJob)| job.code == COMPLETED;
    let job = scene.cloud.state().jobs.iter().find(ended).map(|(job, _)| job.clone()).unwrap();
    scene.cloud.state().failing_tasks.insert((job.clone(), "worker-0".to_owned()));
    scene.run();
    let polled = || scene.watched.seen().polled.get(&job).copied();
    let mut answers = Vec::new();
    for _ in 0..60 * 12 {
        sleep(Duration::from_secs(5)).await;
        drop(scene.watched.ledger.book.lock().inventory.tick(now()));
        let polled = polled().map(|polled| polled == Polled::Success);
        if answers.last() != Some(&polled) {
            answers.push(polled);
        }
    }
    // What the list tells is all that was wanted before its turn came.
    let since = answers.into_iter().skip_while(|polled| *polled != Some(false));
    assert_eq!(since.collect::<Vec<_>>(), [Some(false)]);
    let asked = scene.count(|asked| matches!(asked, Asked::Usage(of, _) if *of == job));
    assert!(asked > 5, "it is asked for again and again: {asked}");
    scene.cloud.state().failing_tasks.clear();
    scene.pass(20).await;
    assert_eq!(polled(), Some(Polled::Success));
}
