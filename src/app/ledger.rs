use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::app::outcomes::Keeping;
use crate::app::series::Told;
use crate::exposition::Store;
use crate::inventory::outcomes::Rules;
use crate::inventory::state_file::StateFile;
use crate::inventory::{self, Inventory, Moment};
use crate::metrics::{self, Budget};
use crate::model::{JobId, JobKey, ListedJob, Outlook, Polled, Version};
use crate::own;
use crate::schedule::{JobSpec, Ledger};

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
    pub(super) jobs: Vec<JobSpec>,
    /// Between two polls of one job, as stretched by the budget.
    pub(super) interval: Duration,
    pub(super) own: own::Project,
}

impl Book {
    /// Nothing known yet, and nothing that survives a restart.
    pub(super) fn new(store: Store, settings: metrics::Settings, own: own::Metrics) -> Self {
        let entries = Entries {
            inventory: Inventory::new(),
            budget: Budget::new(settings.series),
            settings,
            own: BTreeMap::new(),
            told: Told::new(own.clone()),
        };
        Self { entries: Mutex::new(entries), store, publishing: Mutex::new(Keeping::new(own)) }
    }

    /// Outcomes go on from what this file holds, and survive in it from now on. To be called before the
    /// first project is there.
    pub(super) fn open(&self, file: StateFile) -> anyhow::Result<()> {
        self.publishing().open(file, now())
    }

    /// Saves what the next start would otherwise miss.
    pub(super) fn close(&self) {
        self.keep(&mut self.publishing(), true);
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
            entries.budget.forget_project(name);
        }
        for Coming { name, settings, rules, jobs, interval, own } in change.coming {
            let outcomes = &mut entries.inventory.outcomes;
            outcomes.add_project(&name, rules, &mut keeping.saved, now());
            for job in &jobs {
                outcomes
                    .await_job(&JobKey { project: Arc::clone(&name), job_id: job.job_id.clone() });
            }
            entries.own.insert(Arc::clone(&name), own);
            let jobs = jobs.into_iter().map(|job| (job.job_id, job.versions));
            if entries.inventory.has_project(&name) {
                let left = entries.inventory.change_project(&name, settings, jobs, interval);
                for key in left {
                    self.forget(&mut entries, key);
                }
            } else {
                entries.inventory.add_project(&name, settings, jobs, interval, now());
            }
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

    /// Lets time pass and shows what is true now. Returns whether the first round is over.
    pub(super) fn publish(&self) -> bool {
        self.show(&mut self.publishing())
    }

    fn show(&self, keeping: &mut Keeping) -> bool {
        let mut entries = self.lock();
        let due = entries.inventory.tick(now());
        // As it was when those due were named: what completes meanwhile is rendered the next time.
        let complete = entries.inventory.is_complete();
        drop(entries);
        self.render_all(&due);
        self.render_all(&self.keep(keeping, false));
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
            series += text.series();
            self.store.put(of_project(project.name), text);
        }
        series
    }

    /// Saves what is new, and shows it once it is on disk. Returns the jobs of which something else is
    /// to be shown for it.
    fn keep(&self, keeping: &mut Keeping, everything: bool) -> Vec<JobKey> {
        let due = keeping.due(&mut self.lock().inventory, everything);
        let Some(due) = due else { return Vec::new() };
        // Nobody who polls waits for the disk.
        if keeping.write(&due) {
            keeping.show(due.changes, &self.store)
        } else {
            self.lock().inventory.outcomes.put_back(due.changes);
            Vec::new()
        }
    }

    /// The projects none of whose calls was answered of late.
    pub(super) fn projects_down(&self) -> Vec<String> {
        let entries = self.lock();
        let down = entries.inventory.projects(now()).filter(|project| !project.up);
        down.map(|project| project.name.to_owned()).collect()
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
        let Some(job) = inventory.job(key, now) else { return };
        let mut text = self.store.text();
        budget.weigh(key, &job, settings);
        metrics::of_job(&job, settings, budget.room(), &mut text);
        self.store.put(key.clone(), text);
    }

    /// The job and all its series are gone.
    fn remove(&self, key: &JobKey) {
        let mut entries = self.lock();
        entries.inventory.remove(key, now());
        entries.budget.forget(key);
        // With the entries locked: nobody renders it anew in between.
        self.store.remove(key.clone());
        drop(entries);
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
    fn listed(&self, jobs: &[ListedJob], asked: Instant, interval: Duration) {
        let mut entries = self.book.lock();
        let touched = entries.inventory.listed(&self.project, jobs, asked, interval, now());
        drop(entries);
        self.book.render_all(&touched);
    }

    fn versions(&self, job: &JobId, versions: Vec<Version>) -> Outlook {
        let outlook = self.book.lock().inventory.versions(&self.key(job), versions, now());
        outlook.unwrap_or_default()
    }

    fn version(&self, job: &JobId, version: Version) {
        self.book.lock().inventory.version(&self.key(job), version, now());
    }

    fn polled(&self, job: &JobId, polled: Polled, interval: Duration) {
        let (key, now) = (self.key(job), now());
        let mut entries = self.book.lock();
        entries.inventory.polled(&key, polled, interval, now);
        self.book.render(&mut entries, &key, now);
    }

    fn interval(&self, job: &JobId, interval: Duration) {
        self.book.lock().inventory.interval(&self.key(job), interval);
    }

    fn removed(&self, job: &JobId) {
        self.book.remove(&self.key(job));
    }
}

/// The time on both clocks.
pub(super) fn now() -> Moment {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // Milliseconds are what the cloud counts in, and keep the exposition short.
    Moment { steady: Instant::now(), unix: unix.as_millis() as f64 / 1000.0 }
}
