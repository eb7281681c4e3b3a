use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;

use crate::metrics::{Family, JobKey};
use crate::own;

use super::group::{GROUP_JOBS, Group, Lines};
use super::job_text::JobText;
use super::locked;
use super::snapshot::Snapshot;

/// Why a series that was refused as a repetition counts as dropped.
const DUPLICATE: &str = "duplicate";

/// What `/metrics` is made of: the lines of every job.
///
/// Pollers [put](Self::put) and [remove](Self::remove) jobs at any time, which only takes a note;
/// [publish](Self::publish) works the notes in and shows the result to the readers. Clones share
/// one store.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    families: &'static [Family],
    own: own::Metrics,
    /// What changed since the last publication; `None` is a job that left.
    pending: Mutex<BTreeMap<JobKey, Option<JobText>>>,
    jobs: Mutex<Jobs>,
    publisher: watch::Sender<Arc<Snapshot>>,
}

/// What one publication did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Blocks that were put together anew; all others are shared with the snapshot before.
    pub rebuilt_blocks: usize,
    /// Series now shown.
    pub series: usize,
    /// Size of the snapshot in text 0.0.4.
    pub bytes: u64,
}

impl Store {
    pub(super) fn new(
        families: &'static [Family],
        own: own::Metrics,
        publisher: watch::Sender<Arc<Snapshot>>,
    ) -> Self {
        let shared = Shared {
            families,
            own,
            pending: Mutex::default(),
            jobs: Mutex::new(Jobs::new(families.len())),
            publisher,
        };
        Self { shared: Arc::new(shared) }
    }

    /// An empty text for the families of this store.
    pub fn text(&self) -> JobText {
        JobText::new(self.shared.families)
    }

    /// From the next publication on the job's lines are these.
    pub fn put(&self, key: JobKey, text: JobText) {
        self.note(key, Some(text));
    }

    /// From the next publication on the job is gone.
    pub fn remove(&self, key: JobKey) {
        self.note(key, None);
    }

    fn note(&self, key: JobKey, change: Option<JobText>) {
        locked(&self.shared.pending).insert(key, change);
    }

    /// Works in what was put and removed, which nobody sees before the next publication.
    ///
    /// Whoever puts a whole fleet does this now and then: until then its lines are held twice.
    pub fn settle(&self) {
        drop(self.settled());
    }

    /// The jobs with every note worked in, which nobody sees before the next publication.
    fn settled(&self) -> MutexGuard<'_, Jobs> {
        // Notes are taken with the jobs locked, or an older one could come after a newer one.
        let mut jobs = locked(&self.shared.jobs);
        let changes = mem::take(&mut *locked(&self.shared.pending));
        jobs.apply(changes);
        jobs
    }

    /// Shows the readers what was put and removed. `now` is the Unix time.
    ///
    /// Costs as much as what changed, not as much as what is held. Meant to be called about once a
    /// second, so that a burst of polls makes one snapshot; it does not wait for any reader.
    pub fn publish(&self, now: f64) -> Published {
        let mut jobs = self.settled();
        let rebuilt_blocks = mem::take(&mut jobs.rebuilt_blocks);
        let mut snapshot = Arc::clone(&self.shared.publisher.borrow());
        if mem::take(&mut jobs.has_changed) {
            snapshot = Arc::new(snapshot.with(jobs.groups.clone()));
            self.shared.publisher.send_replace(Arc::clone(&snapshot));
        }
        jobs.report_refused(&self.shared.own);
        drop(jobs);
        let published =
            Published { rebuilt_blocks, series: snapshot.series(), bytes: snapshot.size() };
        self.shared.own.series(published.series);
        self.shared.own.exposition_bytes(published.bytes);
        self.shared.own.snapshot_timestamp(now);
        published
    }
}

/// Every job, in key order, in groups.
struct Jobs {
    families: usize,
    groups: Vec<Arc<Group>>,
    /// Since the last publication.
    has_changed: bool,
    /// Since the last publication.
    rebuilt_blocks: usize,
    /// Refused series by project, as last reported.
    refused: BTreeMap<Arc<str>, usize>,
}

impl Jobs {
    fn new(families: usize) -> Self {
        Self {
            families,
            groups: Vec::new(),
            has_changed: false,
            rebuilt_blocks: 0,
            refused: BTreeMap::new(),
        }
    }

    fn apply(&mut self, changes: BTreeMap<JobKey, Option<JobText>>) {
        if changes.is_empty() {
            return;
        }
        // Only the groups from the first change to the last are looked at.
        let owner = |key: Option<&JobKey>| {
            let after =
                self.groups.partition_point(|group| key.is_some_and(|key| group.keys()[0] <= *key));
            after.saturating_sub(1)
        };
        let first = owner(changes.keys().next());
        let last = owner(changes.keys().next_back());
        let after = self.groups.split_off(self.groups.len().min(last + 1));
        let mut old = self.groups.split_off(first).into_iter().peekable();
        let mut changes = changes.into_iter().peekable();
        if old.peek().is_none() {
            self.regroup(None, changes.by_ref().collect());
        }
        while let Some(group) = old.next() {
            // A group owns every key below the first one of the next.
            let end = old.peek().map(|next| &next.keys()[0]);
            let mut mine = Vec::new();
            while let Some(change) = changes.next_if(|(key, _)| end.is_none_or(|end| key < end)) {
                mine.push(change);
            }
            if mine.is_empty() {
                self.keep(group);
            } else {
                self.work_in(&group, mine);
            }
        }
        let mut after = after.into_iter();
        after.next().into_iter().for_each(|group| self.keep(group));
        self.groups.extend(after);
    }

    /// Works the changes that fall into a group in, and keeps what becomes of it.
    fn work_in(&mut self, group: &Group, changes: Vec<(JobKey, Option<JobText>)>) {
        let stays =
            |(key, text): &(JobKey, Option<JobText>)| group.find(key).is_some() == text.is_some();
        if !changes.iter().all(stays) {
            self.regroup(Some(group), changes);
            return;
        }
        let updates: Vec<_> = changes
            .into_iter()
            .filter_map(|(key, text)| Some((group.find(&key)?, text?)))
            .collect();
        let (group, rebuilt) = group.with(&updates);
        self.rebuilt_blocks += rebuilt;
        self.has_changed |= rebuilt > 0;
        self.keep(Arc::new(group));
    }

    /// Puts the jobs of a group together anew, without those that left and with those that came.
    fn regroup(&mut self, group: Option<&Group>, changes: Vec<(JobKey, Option<JobText>)>) {
        self.has_changed = true;
        let mut jobs: BTreeMap<JobKey, Lines<'_>> = group.map(kept).into_iter().flatten().collect();
        for (key, text) in changes {
            match text {
                Some(text) => jobs.insert(key, Lines::New(text)),
                None => jobs.remove(&key),
            };
        }
        let jobs: Vec<(JobKey, Lines<'_>)> = jobs.into_iter().collect();
        let mut jobs = jobs.into_iter().peekable();
        while let Some(project) = jobs.peek().map(|(key, _)| Arc::clone(&key.project)) {
            let mut of_project = Vec::new();
            while let Some(job) = jobs.next_if(|(key, _)| key.project == project) {
                of_project.push(job);
            }
            self.split(of_project);
        }
    }

    /// Keeps the jobs of one project as one group, or as several of about the named size where there
    /// are more than twice as many.
    fn split(&mut self, jobs: Vec<(JobKey, Lines<'_>)>) {
        let parts = if jobs.len() > 2 * GROUP_JOBS { jobs.len().div_ceil(GROUP_JOBS) } else { 1 };
        let size = jobs.len().div_ceil(parts);
        let mut jobs = jobs.into_iter().peekable();
        while jobs.peek().is_some() {
            let group = self.built(jobs.by_ref().take(size).collect());
            self.keep(Arc::new(group));
        }
    }

    fn built(&mut self, jobs: Vec<(JobKey, Lines<'_>)>) -> Group {
        let group = Group::new(self.families, jobs);
        self.rebuilt_blocks += group.blocks().count();
        group
    }

    /// Puts a group at the end, joined with the one before where both are small and of one project.
    fn keep(&mut self, group: Arc<Group>) {
        let room = |before: &mut Arc<Group>| {
            before.project() == group.project()
                && before.keys().len() + group.keys().len() <= GROUP_JOBS
        };
        let group = match self.groups.pop_if(room) {
            Some(before) => {
                let joined = kept(&before).chain(kept(&group)).collect();
                Arc::new(self.built(joined))
            }
            None => group,
        };
        self.groups.push(group);
    }

    /// Tells how many series of each project are missing because they were refused.
    fn report_refused(&mut self, own: &own::Metrics) {
        let mut refused: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        for group in &self.groups {
            let count = group.sums().refused;
            if count > 0 {
                *refused.entry(Arc::clone(group.project())).or_default() += count;
            }
        }
        for project in self.refused.keys() {
            refused.entry(Arc::clone(project)).or_default();
        }
        for (project, count) in &refused {
            if let Some(project) = own.known_project(project) {
                project.series_dropped(DUPLICATE, *count as f64);
            }
        }
        self.refused = refused;
    }
}

/// The jobs of a group with the lines they have.
fn kept(group: &Group) -> impl Iterator<Item = (JobKey, Lines<'_>)> {
    group.keys().iter().enumerate().map(|(at, key)| (key.clone(), Lines::Kept(group, at)))
}
