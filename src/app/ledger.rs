#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::app::notify::Standing;
use crate::app::outcomes::{self, Keeping, Settled};
use crate::app::series::Told;
use crate::exposition::Store;
use crate::inventory::outcomes::Rules;
use crate::inventory::state_file::StateFile;
use crate::inventory::{self, Inventory, Moment, Roster};
use crate::metrics::{self, Budget};
use crate::model::{JobId, JobKey, JobList, Outlook, Polled, Quota, TaskUsage, Turnover, Version};
use crate::own::{self, Reason};
use crate::schedule::{self, Ledger};

/// Jobs rendered without letting a poller in between: at the end of the first round the whole fleet is due.
const RENDERED_AT_ONCE: usize = 64;

/// Answers in, exposition out: the inventory and the store behind one lock.
pub(super) struct Book {
    entries: Mutex<Entries>,
    store: Store,
    /// Held while a snapshot is put together and while the configuration changes, so that the change is
    /// seen whole. Locked before the entries.
    publishing: Mutex<Keeping>,
}

struct Entries {
    inventory: Inventory,
    settings: metrics::Settings,
    budget: Budget,
    own: BTreeMap<Arc<str>, own::Project>,
    /// What the requests of each project are paid from.
    paid_from: BTreeMap<Arc<str>, Arc<schedule::Budget>>,
    told: Told,
}

/// What changes between one configuration and the next.
pub(super) struct Change {
    /// Projects whose jobs are all to be forgotten.
    pub(super) leaving: Vec<Arc<str>>,
    /// Projects that are new, or have other settings or jobs than before.
    pub(super) coming: Vec<Coming>,
    /// What is shown of every project.
    pub(super) metrics: metrics::Settings,
}

/// One project as it is to be from now on.
pub(super) struct Coming {
    pub(super) name: Arc<str>,
    pub(super) settings: inventory::Settings,
    pub(super) rules: Rules,
    pub(super) roster: Roster,
    /// Between two polls of one job, as stretched by the budget.
    pub(super) interval: Duration,
    /// Its quotas are asked for.
    pub(super) asks_quotas: bool,
    pub(super) own: own::Project,
    /// What its requests are paid from.
    pub(super) paid_from: Arc<schedule::Budget>,
}

impl Book {
    /// Nothing known yet, and nothing that survives a restart.
    pub(super) fn new(store: Store, settings: metrics::Settings, own: own::Metrics) -> Self {
        let entries = Entries {
            inventory: Inventory::new(),
            budget: Budget::new(settings.series),
            settings,
            own: BTreeMap::new(),
            paid_from: BTreeMap::new(),
            told: Told::new(own.clone()),
        };
        Self { entries: Mutex::new(entries), store, publishing: Mutex::new(Keeping::new(own)) }
    }

    /// Outcomes go on from what this file holds, and survive in it from now on. To be called before the
    /// first project is there.
    pub(super) fn open(&self, file: StateFile) -> anyhow::Result<()> {
        self.publishing().open(file, now())
    }

    /// Saves what the next start would otherwise miss, unless the disk takes longer than this for it.
    pub(super) fn close(&self, patience: Duration) {
        let mut keeping = self.publishing();
        self.settle(&mut keeping, patience);
        keeping.begin(&mut self.lock().inventory, true);
        self.settle(&mut keeping, patience);
    }

    /// Takes the next configuration into use and shows what it leaves, in one snapshot. Takes as long as
    /// rendering every job where what is shown of them changes.
    pub(super) fn change(&self, change: Change) {
        let mut keeping = self.publishing();
        let mut entries = self.lock();
        for name in &change.leaving {
            for key in entries.inventory.remove_project(name) {
                self.forget(&mut entries, key);
            }
            entries.inventory.outcomes.remove_project(name);
            keeping.forget(name, &self.store);
            self.store.remove(of_project(name));
            entries.own.remove(name);
            entries.paid_from.remove(name);
            entries.budget.forget_project(name);
        }
        for coming in change.coming {
            let Coming { name, settings, rules, roster, interval, asks_quotas, own, paid_from } =
                coming;
            let outcomes = &mut entries.inventory.outcomes;
            outcomes.add_project(&name, rules, &mut keeping.saved, now());
            for job in &roster.named {
                outcomes
                    .await_job(&JobKey { project: Arc::clone(&name), job_id: job.job_id.clone() });
            }
            entries.own.insert(Arc::clone(&name), own);
            entries.paid_from.insert(Arc::clone(&name), paid_from);
            if entries.inventory.has_project(&name) {
                let left = entries.inventory.change_project(&name, settings, roster, interval);
                for key in left {
                    self.forget(&mut entries, key);
                }
            } else {
                entries.inventory.add_project(&name, settings, roster, interval, now());
            }
            entries.inventory.await_quotas(&name, asks_quotas);
        }
        let renders_anew = entries.settings != change.metrics;
        entries.budget.change(change.metrics.series);
        entries.settings = change.metrics;
        let all = if renders_anew { entries.inventory.all_job_keys() } else { Vec::new() };
        drop(entries);
        self.render_all(&all);
        self.show(&mut keeping);
    }

    fn forget(&self, entries: &mut Entries, key: JobKey) {
        entries.budget.forget(&key);
        self.store.remove(key);
    }

    /// Lends what is known, and what time it is.
    pub(super) fn look(&self, look: &mut dyn FnMut(&Inventory, Moment)) {
        look(&self.lock().inventory, now());
    }

    /// What each project makes of its request budget.
    pub(super) fn spending(&self) -> Vec<(Arc<str>, schedule::Spending)> {
        let entries = self.lock();
        let spending = entries.paid_from.iter();
        spending.map(|(name, budget)| (Arc::clone(name), budget.spending())).collect()
    }

    /// The jobs of a project that are followed.
    pub(super) fn jobs_of(&self, project: &Arc<str>) -> Vec<JobId> {
        self.lock().inventory.jobs_of(project)
    }

    /// Whether every job was polled, or had long enough for it.
    pub(super) fn is_polled(&self) -> bool {
        self.lock().inventory.is_polled(now())
    }

    /// How many jobs of each project were not polled yet, where there are any.
    pub(super) fn unpolled(&self) -> Vec<(String, usize)> {
        let entries = self.lock();
        let unpolled = entries.inventory.unpolled();
        unpolled.map(|(project, jobs)| (project.to_string(), jobs)).collect()
    }

    /// Lets time pass and shows what is true now. Returns whether the first round is over.
    pub(super) fn publish(&self) -> bool {
        self.show(&mut self.publishing())
    }

    fn show(&self, keeping: &mut Keeping) -> bool {
        let mut entries = self.lock();
        let due = entries.inventory.tick(now());
        entries.count_contradictions();
        // As it was when those due were named: what completes meanwhile is rendered the next time.
        let complete = entries.inventory.is_complete();
        drop(entries);
        self.render_all(&due);
        self.render_all(&self.keep(keeping));
        let (mut entries, beside) = loop {
            let mut entries = self.lock();
            let beside = keeping.series() + self.put_projects(&entries, keeping);
            let moved = entries.budget.fit(beside);
            if moved.is_empty() {
                break (entries, beside);
            }
            drop(entries);
            self.render_all(&Vec::from_iter(moved));
        };
        keeping.tell_refused(&entries.inventory);
        // With the entries locked: what came in between could be more than there is room for.
        self.store.publish(now().unix);
        let Entries { budget, own, told, .. } = &mut *entries;
        told.tell(budget, beside, own);
        complete
    }

    /// Puts the lines of every project beside its jobs; returns how many.
    fn put_projects(&self, entries: &Entries, keeping: &Keeping) -> usize {
        let mut series = 0;
        for project in entries.inventory.projects(now()) {
            let mut text = self.store.text();
            metrics::of_project(&project, &mut text);
            if let Some(runs) = keeping.runs(project.name) {
                metrics::of_runs(project.name, runs, &mut text);
            }
            metrics::of_quotas(project.name, project.quotas, &mut text);
            series += text.series();
            self.store.put(of_project(project.name), text);
        }
        series
    }

    /// Has saved what is new, and shows what is on disk by now. Returns the jobs of which something else
    /// is to be shown for it.
    fn keep(&self, keeping: &mut Keeping) -> Vec<JobKey> {
        let mut rescored = self.settle(keeping, Duration::ZERO);
        keeping.begin(&mut self.lock().inventory, false);
        rescored.extend(self.settle(keeping, outcomes::QUICK));
        rescored
    }

    /// Shows what was saved within that time.
    fn settle(&self, keeping: &mut Keeping, patience: Duration) -> Vec<JobKey> {
        match keeping.settled(patience) {
            None => Vec::new(),
            Some(Settled::Saved(changes)) => keeping.show(changes, &self.store),
            Some(Settled::Failed(changes)) => {
                self.lock().inventory.outcomes.put_back(changes);
                Vec::new()
            }
        }
    }

    /// The projects none of whose calls was answered of late.
    pub(super) fn projects_down(&self) -> Vec<String> {
        let entries = self.lock();
        let down = entries.inventory.projects(now()).filter(|project| !project.up);
        down.map(|project| project.name.to_owned()).collect()
    }

    /// How much is followed, and how much of it in vain.
    pub(super) fn standing(&self) -> Standing {
        let Entries { inventory, .. } = &*self.lock();
        let (mut projects, mut silent) = (0, 0);
        for project in inventory.projects(now()) {
            projects += 1;
            silent += usize::from(!project.up);
        }
        Standing { jobs: inventory.job_count(), projects, silent }
    }

    fn render_all(&self, keys: &[JobKey]) {
        for some in keys.chunks(RENDERED_AT_ONCE) {
            let mut entries = self.lock();
            let now = now();
            for key in some {
                self.render(&mut entries, key, now);
            }
            drop(entries);
            self.store.settle();
        }
    }

    fn render(&self, entries: &mut Entries, key: &JobKey, now: Moment) {
        let Entries { inventory, settings, budget, .. } = entries;
        let Some(job) = inventory.job(key, now) else {
            return self.forget(entries, key.clone());
        };
        let mut text = self.store.text();
        budget.weigh(key, &job, settings);
        metrics::of_job(&job, settings, budget.room(), &mut text);
        self.store.put(key.clone(), text);
    }

    fn publishing(&self) -> MutexGuard<'_, Keeping> {
        // What a panic left behind is saved or shown with the next change.
        self.publishing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // A panic in one poll must not end all others; what it left behind is one job's.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn count_contradictions(&mut self) {
        for (project, kind, times) in self.inventory.take_contradictions() {
            if let Some(own) = self.own.get(project) {
                own.contradicted(kind, times);
            }
        }
    }
}

/// Where the project's own lines stand: before its first job in the order of the exposition.
fn of_project(name: &str) -> JobKey {
    JobKey { project: name.into(), job_id: JobId::from("") }
}

/// One project's way into the book.
pub(super) struct ProjectLedger {
    pub(super) project: Arc<str>,
    pub(super) book: Arc<Book>,
}

impl ProjectLedger {
    fn key(&self, job: &JobId) -> JobKey {
        JobKey { project: Arc::clone(&self.project), job_id: job.clone() }
    }
}

impl Ledger for ProjectLedger {
    fn listed(&self, list: &JobList, asked: Instant, interval: Duration) -> Turnover {
        let (project, mut turnover) = (&self.project, Turnover::default());
        let mut touched = Vec::new();
        for some in list.jobs.chunks(RENDERED_AT_ONCE) {
            let mut entries = self.book.lock();
            let inventory = &mut entries.inventory;
            touched.extend(inventory.listed(project, some, asked, interval, &mut turnover, now()));
        }
        let mut entries = self.book.lock();
        entries.inventory.list_ended(project, list, interval, &mut turnover, now());
        drop(entries);
        touched.extend(turnover.left.iter().map(|job| self.key(job)));
        self.book.render_all(&touched);
        turnover
    }

    fn list_refused(&self) -> Turnover {
        let mut turnover = Turnover::default();
        self.book.lock().inventory.list_refused(&self.project, &mut turnover, now());
        let left: Vec<_> = turnover.left.iter().map(|job| self.key(job)).collect();
        self.book.render_all(&left);
        turnover
    }

    fn versions(&self, job: &JobId, versions: Vec<Version>) -> Outlook {
        let outlook = self.book.lock().inventory.versions(&self.key(job), versions, now());
        outlook.unwrap_or_default()
    }

    fn version(&self, job: &JobId, version: Version) {
        self.book.lock().inventory.version(&self.key(job), version, now());
    }

    fn usage(&self, job: &JobId, task: &str, usage: Option<TaskUsage>, asked: Instant) {
        self.book.lock().inventory.usage(&self.key(job), task, usage, asked, now());
    }

    fn quotas(&self, quotas: Option<Vec<Quota>>, interval: Duration) {
        self.book.lock().inventory.quotas(&self.project, quotas, interval, now());
    }

    fn told(&self, job: &JobId) -> Option<Outlook> {
        self.book.lock().inventory.told(&self.key(job), now())
    }

    fn polled(&self, job: &JobId, polled: Polled, interval: Duration) {
        let (key, now) = (self.key(job), now());
        let mut entries = self.book.lock();
        entries.inventory.polled(&key, polled, interval, now);
        self.book.render(&mut entries, &key, now);
    }

    fn trouble(&self, job: Option<&JobId>, reason: Option<Reason>) {
        let mut entries = self.book.lock();
        match job {
            Some(job) => entries.inventory.job_trouble(&self.key(job), reason, now()),
            None => entries.inventory.list_trouble(&self.project, reason, now()),
        }
    }

    fn interval(&self, job: &JobId, interval: Duration) {
        self.book.lock().inventory.interval(&self.key(job), interval);
    }

    fn list_interval(&self, interval: Duration) {
        self.book.lock().inventory.list_interval(&self.project, interval);
    }
}

/// The time on both clocks.
pub(super) fn now() -> Moment {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // Milliseconds are what the cloud counts in, and keep the exposition short.
    Moment { steady: Instant::now(), unix: unix.as_millis() as f64 / 1000.0 }
}
