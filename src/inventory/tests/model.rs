//! Whatever the cloud answers and whenever: what is shown was said, lately enough, and nothing is
//! counted twice.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::model::{Detail, Outcome};

const DELETE_FAILED: i64 = 6;
const CODES: [i64; 8] = [PENDING, RUNNING, COMPLETED, FAILED, 12, LOST, DELETE_FAILED, 99];

/// One thing that happens.
#[derive(Clone, Debug)]
enum Event {
    /// A poll, with what it brings and when the next one is due, in seconds.
    Poll(u64, Brings, u64),
    /// A reading of the list, asked for so many seconds ago, due again in so many.
    List(Vec<(u64, Told)>, u64, u64),
    /// The budget stretches one job to so many seconds.
    Stretch(u64, u64),
    /// Both clocks go on, and ours may be set.
    Time(u64, i64),
    /// The process ends, and another one begins with its state file.
    Restart,
}

/// What a poll brings.
#[derive(Clone, Debug)]
enum Brings {
    Versions(Vec<Told>),
    /// Also the document of the first of them, which says something else.
    Detail(Vec<Told>, Told),
    Nothing,
    Gone,
}

/// What the cloud says of one version.
#[derive(Clone, Debug)]
struct Told {
    id: u64,
    code: i64,
    name: &'static str,
    created: Option<u32>,
    duration: Option<u32>,
    samples: Option<u64>,
    recall: Option<f64>,
}

impl Told {
    fn version(&self) -> Version {
        let told = Version {
            job_name: self.name.to_owned(),
            created: self.created.map(|at| TODAY - f64::from(at)),
            started: self.duration.map(|_| TODAY - 1000.0),
            duration: self.duration.map(f64::from),
            ..version(self.id, self.code)
        };
        let told = match self.samples {
            Some(samples) => with_samples(told, samples),
            None => told,
        };
        match self.recall {
            Some(recall) => with_recall(told, recall),
            None => told,
        }
    }

    fn listed(&self, job: u64) -> ListedJob {
        ListedJob {
            job_id: JobId::from(job),
            job_name: self.name.to_owned(),
            created: self.created.map(|at| TODAY - f64::from(at)),
            duration: self.duration.map(f64::from),
            ..listed(self.code, self.id, 1 + self.id % 3)
        }
    }
}

fn told() -> impl Strategy<Value = Told> {
    (
        1..=4u64,
        prop::sample::select(&CODES),
        prop::sample::select(&["", "a", "b"]),
        prop::option::of(0..200_000u32),
        prop::option::of(0..5000u32),
        prop::option::of(0..5u64),
        prop::option::of(0.0..1.0),
    )
        .prop_map(|(id, code, name, created, duration, samples, recall)| Told {
            id,
            code,
            name,
            created,
            duration,
            samples,
            recall,
        })
}

fn versions() -> impl Strategy<Value = Vec<Told>> {
    let by_id = |told: Vec<Told>| told.into_iter().map(|told| (told.id, told)).collect();
    prop::collection::vec(told(), 0..5)
        .prop_map(move |told| BTreeMap::from_iter::<Vec<_>>(by_id(told)).into_values().collect())
}

fn event() -> impl Strategy<Value = Event> {
    let job = || 1..=JOBS;
    let interval = || prop::sample::select(&[60u64, 60, 600]);
    let brings = prop_oneof![
        6 => versions().prop_map(Brings::Versions),
        2 => (versions(), told()).prop_map(|(versions, told)| Brings::Detail(versions, told)),
        2 => Just(Brings::Nothing),
        1 => Just(Brings::Gone),
    ];
    let list = prop::collection::vec((job(), told()), 0..3);
    prop_oneof![
        6 => (job(), brings, interval()).prop_map(|(job, brings, next)| Event::Poll(job, brings, next)),
        3 => (list, 0..20u64, interval()).prop_map(|(list, ago, next)| Event::List(list, ago, next)),
        1 => (job(), interval()).prop_map(|(job, next)| Event::Stretch(job, next)),
        // Longer than between two looks at what grew old.
        6 => (6..900u64, prop_oneof![8 => Just(0i64), 1 => -200_000..200_000i64])
            .prop_map(|(length, set)| Event::Time(length, set)),
        1 => Just(Event::Restart),
    ]
}

const JOBS: u64 = 2;

/// What one job was said to be, as far as what is shown of it has to be justified.
#[derive(Debug, Default)]
struct Account {
    interval: Duration,
    answered: Option<Instant>,
    gone: bool,
    /// The newest words about each version: its state, which call said so, and when.
    said: BTreeMap<u64, Vec<(State, IsList, Instant)>>,
    /// When an answer last carried usage, and quality, of each version.
    carried: BTreeMap<u64, [Option<Instant>; 2]>,
}

type IsList = bool;

struct Life {
    scene: Scene,
    jobs: BTreeMap<u64, Account>,
    list_interval: Duration,
    rendered: BTreeMap<u64, String>,
    /// Versions that an answer showed before their end, and those that were seen to have ended.
    open: BTreeSet<(u64, u64)>,
    ended: BTreeSet<(u64, u64)>,
    /// Versions that have to be counted.
    due: BTreeSet<(u64, u64)>,
    counted: [u64; Outcome::ALL.len()],
}

impl Life {
    fn new() -> Self {
        let account = || Account { interval: MINUTE, ..Account::default() };
        let mut life = Self {
            scene: Scene::new(VersionSelection::All),
            jobs: (1..=JOBS).map(|job| (job, account())).collect(),
            list_interval: Duration::ZERO,
            rendered: BTreeMap::new(),
            open: BTreeSet::new(),
            ended: BTreeSet::new(),
            due: BTreeSet::new(),
            counted: [0; Outcome::ALL.len()],
        };
        life.begin(Saved::default());
        life
    }

    fn key(&self, job: u64) -> JobKey {
        JobKey { job_id: JobId::from(job), ..self.scene.key.clone() }
    }

    /// A process that knows nothing but this.
    fn begin(&mut self, mut saved: Saved) {
        let roster = named([(1, VersionSelection::Latest), (2, VersionSelection::All)]);
        let (project, now) = (Arc::clone(&self.scene.key.project), self.scene.now);
        let inventory = &mut self.scene.inventory;
        *inventory = Inventory::new();
        let rules = Rules {
            names: 10,
            retention: MINUTE * 1_000_000,
            memory: MINUTE * 1_000_000,
            ..Rules::default()
        };
        inventory.outcomes.add_project(&project, rules, &mut saved, now);
        for JobSpec { job_id, .. } in roster.named.clone() {
            inventory.outcomes.await_job(&JobKey { project: Arc::clone(&project), job_id });
        }
        inventory.add_project(&project, SETTINGS, roster, MINUTE, now);
        for account in self.jobs.values_mut() {
            *account = Account { interval: MINUTE, ..Account::default() };
        }
        self.list_interval = Duration::ZERO;
        self.rendered.clear();
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Poll(job, brings, next) => self.poll(job, brings, Duration::from_secs(next)),
            Event::List(list, ago, next) => self.list(&list, ago, Duration::from_secs(next)),
            Event::Stretch(job, next) => {
                let (key, next) = (self.key(job), Duration::from_secs(next));
                self.scene.inventory.interval(&key, next);
                let account = self.jobs.get_mut(&job).unwrap();
                account.interval = account.interval.max(next);
            }
            Event::Time(length, set) => {
                self.scene.now = self.scene.now.after(Duration::from_secs(length));
                self.scene.now.unix += set as f64;
            }
            Event::Restart => {
                let saved = reread(&self.scene.inventory.outcomes.saved());
                self.begin(saved);
            }
        }
        for key in self.scene.inventory.tick(self.scene.now) {
            self.render(&key);
        }
    }

    fn poll(&mut self, job: u64, brings: Brings, next: Duration) {
        let (key, now) = (self.key(job), self.scene.now);
        let inventory = &mut self.scene.inventory;
        let (versions, detail, polled) = match brings {
            Brings::Versions(versions) => (Some(versions), None, Polled::Success),
            Brings::Detail(versions, told) => (Some(versions), Some(told), Polled::Success),
            Brings::Nothing => (None, None, Polled::Failed),
            Brings::Gone => (None, None, Polled::Gone),
        };
        if let Some(versions) = &versions {
            let listed = versions.iter().map(Told::version).collect();
            let wanted = inventory.versions(&key, listed, now).unwrap().details;
            // Asked for is what is followed.
            let wanted = wanted.first().and_then(|detail| match detail {
                Detail::Version(id) => id.number(),
                Detail::Usage(_) => None,
            });
            let detail = wanted.zip(detail).map(|(id, told)| Told { id, ..told });
            if let Some(told) = &detail {
                inventory.version(&key, told.version(), now);
            }
            inventory.polled(&key, polled, next, now);
            for told in versions.iter().chain(&detail) {
                self.answered(job, told);
            }
        } else {
            inventory.polled(&key, polled, next, now);
        }
        let account = self.jobs.get_mut(&job).unwrap();
        account.interval = next;
        if versions.is_some() {
            (account.answered, account.gone) = (Some(now.steady), false);
        }
        if polled == Polled::Gone {
            *account = Account { interval: next, gone: true, ..Account::default() };
        }
        self.render(&key);
    }

    /// An answer said this of a version.
    fn answered(&mut self, job: u64, told: &Told) {
        let (now, state) = (self.scene.now.steady, State::from_v1(told.code));
        let account = self.jobs.get_mut(&job).unwrap();
        account.said.entry(told.id).or_default().push((state, false, now));
        let [usage, quality] = account.carried.entry(told.id).or_default();
        *usage = told.samples.map(|_| now).or(*usage);
        *quality = told.recall.map(|_| now).or(*quality);
        let version = (job, told.id);
        if state.terminal || state.lost {
            self.ended.insert(version);
            let has_outcome = state.terminal && Outcome::of(state).is_some();
            if has_outcome && self.open.contains(&version) {
                self.due.insert(version);
            }
        } else if !self.ended.contains(&version) {
            self.open.insert(version);
        }
    }

    fn list(&mut self, list: &[(u64, Told)], ago: u64, next: Duration) {
        let now = self.scene.now;
        let asked = now.steady.checked_sub(Duration::from_secs(ago)).unwrap();
        let jobs: Vec<_> = list.iter().map(|(job, told)| told.listed(*job)).collect();
        let touched = self.scene.listed(&jobs, asked, next);
        self.list_interval = next;
        for (job, told) in list {
            let account = self.jobs.get_mut(job).unwrap();
            if account.gone || account.answered.is_some_and(|at| at > asked) {
                continue;
            }
            let state = State::from_v1(told.code);
            account.said.entry(told.id).or_default().push((state, true, now.steady));
            if state.terminal || state.lost {
                self.ended.insert((*job, told.id));
            }
        }
        for key in touched {
            self.render(&key);
        }
    }

    /// What the exposition has of a job changes only when the inventory says that it does.
    fn render(&mut self, key: &JobKey) {
        if let Some(view) = self.scene.inventory.job(key, self.scene.now) {
            self.rendered.insert(key.job_id.number().unwrap(), in_short(&view));
        }
    }

    /// `looked`: time enough has passed since to have looked at what grew old.
    fn check(&mut self, looked: bool) -> Result<(), TestCaseError> {
        let now = self.scene.now;
        for job in 1..=JOBS {
            let key = self.key(job);
            let Some(view) = self.scene.inventory.job(&key, now) else { continue };
            if looked {
                prop_assert_eq!(self.rendered.get(&job), Some(&in_short(&view)), "not rendered");
            }
            let account = &self.jobs[&job];
            for version in &view.versions {
                check_version(version, account, self.list_interval, now.steady)?;
            }
            let labels: BTreeSet<_> = view.versions.iter().map(|version| version.label).collect();
            prop_assert_eq!(labels.len(), view.versions.len(), "one series twice");
            let ranks: Vec<_> = view.versions.iter().map(|version| version.rank).collect();
            prop_assert!(ranks.is_sorted_by(|a, b| a < b), "{:?}", ranks);
            prop_assert!(job == 1 || ranks.len() <= SETTINGS.versions_per_job);
        }
        self.check_counts()
    }

    fn check_counts(&mut self) -> Result<(), TestCaseError> {
        let changes = self.scene.inventory.outcomes.take();
        let Some(changes) = changes.first() else { return Ok(()) };
        let counted = Outcome::ALL.map(|outcome| changes.runs.of(outcome));
        for (before, now) in self.counted.iter().zip(counted) {
            prop_assert!(now >= *before, "a count fell: {:?} {:?}", self.counted, counted);
        }
        self.counted = counted;
        let all = usize::try_from(counted.iter().sum::<u64>()).unwrap();
        prop_assert!(all <= self.ended.len(), "{} of {:?}", all, self.ended);
        prop_assert!(all >= self.due.len(), "{} of {:?}", all, self.due);
        Ok(())
    }
}

fn check_version(
    shown: &VersionView<'_>,
    account: &Account,
    list_interval: Duration,
    now: Instant,
) -> Result<(), TestCaseError> {
    let limit = |interval: Duration| SETTINGS.max_staleness.max(interval * 2);
    let is_fresh = |at: Instant| now - at <= limit(account.interval);
    let version = shown.version;
    let id = version.version_id.number().unwrap();
    let said = account.said.get(&id).map_or(&[][..], Vec::as_slice);
    // The words since it was last said to be something else.
    let same = said.iter().rev().take_while(|(state, ..)| *state == version.state);
    let is_justified = same.clone().any(|(_, by_list, at)| {
        let interval = if *by_list { list_interval } else { account.interval };
        now - *at <= limit(interval)
    });
    // The list shows the newest version alone, and with their number vouches for ended ones beside it.
    let vouched = version.state.terminal && same.count() > 0;
    prop_assert!(is_justified || vouched, "{:?} {:?}", version, said);
    let [usage, quality] = account.carried.get(&id).copied().unwrap_or_default();
    let task = shown.tasks.first();
    if task.is_some_and(|task| task.sampled.is_some()) {
        prop_assert!(version.state.is_running() && usage.is_some_and(is_fresh));
    }
    let carried =
        |at: Option<Instant>| at.is_some() && version.state.terminal || at.is_some_and(is_fresh);
    prop_assert!(!task.is_some_and(|task| task.has_whole_run) || carried(usage));
    prop_assert!(shown.quality.is_none() || carried(quality));
    prop_assert!(shown.finished.is_some() == version.state.terminal || version.state.lost);
    Ok(())
}

/// What is shown of a job, without what outcomes bring to it.
fn in_short(view: &JobView<'_>) -> String {
    let versions = view.versions.iter().map(|shown| {
        let version = shown.version;
        let times = [version.created, version.started, version.duration, shown.finished];
        let is = (version.state, shown.label, shown.rank, &version.job_name, shown.status_changed);
        let shown_tasks = shown.tasks.iter().filter(|it| it.sampled.is_some() || it.has_whole_run);
        let tasks: Vec<_> = shown_tasks.collect();
        format!("{is:?} {times:?} {tasks:?} {:?}", shown.quality)
    });
    let versions: Vec<_> = versions.collect();
    format!("{:?} {:?} {versions:#?}", view.poll_success, view.last_success)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_shown_that_was_not_said_lately(
        events in prop::collection::vec(event(), 1..60),
    ) {
        let mut life = Life::new();
        for event in events {
            let looked = matches!(event, Event::Time(..));
            life.happens(event);
            life.check(looked)?;
        }
    }
}
