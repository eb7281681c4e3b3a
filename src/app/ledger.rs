use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::exposition::Store;
use crate::inventory::{Inventory, Moment};
use crate::metrics::{self, Dropped};
use crate::model::{JobId, JobKey, ListedJob, Outlook, Polled, Version};
use crate::own;
use crate::schedule::Ledger;

/// Jobs rendered without letting a poller in between: at the end of the first round the whole fleet is due.
const RENDERED_AT_ONCE: usize = 64;

/// Answers in, exposition out: the inventory and the store behind one lock.
pub(super) struct Book {
    entries: Mutex<Entries>,
    store: Store,
    settings: metrics::Settings,
}

struct Entries {
    inventory: Inventory,
    dropped: BTreeMap<JobKey, Dropped>,
    /// Of all jobs of a project.
    dropped_sums: BTreeMap<Arc<str>, Dropped>,
    own: BTreeMap<Arc<str>, own::Project>,
}

impl Book {
    pub(super) fn new(store: Store, settings: metrics::Settings) -> Self {
        let entries = Entries {
            inventory: Inventory::new(),
            dropped: BTreeMap::new(),
            dropped_sums: BTreeMap::new(),
            own: BTreeMap::new(),
        };
        Self { entries: Mutex::new(entries), store, settings }
    }

    pub(super) fn add_project(&self, project: &crate::config::ProjectConfig, own: own::Project) {
        let mut entries = self.lock();
        let name = &project.cloud.name;
        let jobs = project.jobs.iter().map(|job| (job.job_id.clone(), job.versions.clone()));
        let interval = project.schedule.interval;
        entries.inventory.add_project(name, project.inventory, jobs, interval, now());
        entries.own.insert(Arc::clone(name), own);
    }

    /// Lets time pass and shows what is true now. Returns whether the first round is over.
    pub(super) fn publish(&self) -> bool {
        let mut entries = self.lock();
        let due = entries.inventory.tick(now());
        // As it was when those due were named: what completes meanwhile is rendered the next time.
        let complete = entries.inventory.is_complete();
        drop(entries);
        self.render_all(&due);
        let entries = self.lock();
        let now = now();
        for project in entries.inventory.projects(now) {
            let mut text = self.store.text();
            metrics::of_project(&project, &mut text);
            // Before the project's first job in the order of the exposition.
            self.store.put(JobKey { project: project.name.into(), job_id: JobId::from("") }, text);
        }
        drop(entries);
        self.store.publish(now.unix);
        complete
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
        let Some(job) = entries.inventory.job(key, now) else { return };
        let mut text = self.store.text();
        metrics::of_job(&job, &self.settings, &mut text);
        let dropped = metrics::dropped(&job);
        self.store.put(key.clone(), text);
        let before = entries.dropped.insert(key.clone(), dropped).unwrap_or_default();
        Self::count_dropped(entries, key, before, dropped);
    }

    /// The job and all its series are gone.
    fn remove(&self, key: &JobKey) {
        let mut entries = self.lock();
        entries.inventory.remove(key);
        let before = entries.dropped.remove(key).unwrap_or_default();
        Self::count_dropped(&mut entries, key, before, Dropped::default());
        // With the entries locked: nobody renders it anew in between.
        self.store.remove(key.clone());
        drop(entries);
    }

    /// A job that left out `before` leaves out `now`.
    fn count_dropped(entries: &mut Entries, key: &JobKey, before: Dropped, now: Dropped) {
        if before != now {
            let sum = entries.dropped_sums.entry(Arc::clone(&key.project)).or_default();
            *sum = *sum + now - before;
            if let Some(own) = entries.own.get(&key.project) {
                own.series_dropped("classes", sum.classes as f64);
                own.series_dropped("extra_metrics", sum.extra_metrics as f64);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // A panic in one poll must not end all others; what it left behind is one job's.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
