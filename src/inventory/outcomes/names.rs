use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::name::Name;
use super::run::Millis;
use super::shared_map::SharedMap;
use crate::model::JobId;

/// The names of a project that outcomes are kept under, at most as many as the limit allows.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: Known,
    /// The jobs that have each name; also of names that found no room, so that there are as many as
    /// there are jobs.
    jobs: BTreeMap<Arc<str>, BTreeSet<JobId>>,
    /// Those no job has any more, the longest gone first.
    gone: BTreeSet<(Millis, Arc<str>)>,
}

/// What the state file keeps of the names.
pub(super) type Known = SharedMap<Arc<str>, Name>;

impl Names {
    pub(super) fn get(&self, name: &str) -> Option<&Name> {
        self.known.get(name)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Name> {
        self.known.get_mut(name)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<str>> {
        self.known.iter().map(|(name, _)| name)
    }

    /// What is to be saved.
    pub(super) fn known(&self) -> &Known {
        &self.known
    }

    /// How many names found no room. One that did has jobs, or is gone.
    pub(super) fn refused(&self) -> usize {
        self.jobs.len() - (self.known.len() - self.gone.len())
    }

    /// The jobs that have this name.
    pub(super) fn jobs_of(&self, name: &str) -> impl Iterator<Item = &JobId> {
        self.jobs.get(name).into_iter().flatten()
    }

    /// Makes room for a name of which there are jobs. Returns the names that changed by it: this one,
    /// and one that had been gone for the longest time and gave way. None where it was known, or where
    /// there is no room.
    pub(super) fn admit(&mut self, name: &Arc<str>, limit: usize) -> Vec<Arc<str>> {
        if self.known.contains_key(name) {
            return Vec::new();
        }
        let mut changed = Vec::new();
        if self.known.len() >= limit {
            let Some((_, longest_gone)) = self.gone.pop_first() else { return changed };
            self.known.remove(&longest_gone);
            changed.push(longest_gone);
        }
        self.known.entry(name, Name::default);
        changed.push(Arc::clone(name));
        changed
    }

    /// This job has this name from now on.
    pub(super) fn enter(&mut self, name: &Arc<str>, job: &JobId) {
        self.jobs.entry(Arc::clone(name)).or_default().insert(job.clone());
        let Some(since) = self.known.get(name).and_then(|known| known.gone) else { return };
        if let Some(known) = self.known.get_mut(name) {
            known.gone = None;
        }
        self.gone.remove(&(since, Arc::clone(name)));
    }

    /// This job has this name no more.
    pub(super) fn leave(&mut self, name: &Arc<str>, job: &JobId, now: Millis) {
        let Some(jobs) = self.jobs.get_mut(name) else { return };
        jobs.remove(job);
        if !jobs.is_empty() {
            return;
        }
        self.jobs.remove(name);
        if let Some(known) = self.known.get_mut(name) {
            known.gone = Some(now);
            self.gone.insert((now, Arc::clone(name)));
        }
    }

    /// Forgets a name, unless a job has it. Returns whether it was known.
    pub(super) fn forget(&mut self, name: &Arc<str>) -> bool {
        let Some(since) = self.known.get(name).and_then(|known| known.gone) else { return false };
        self.gone.remove(&(since, Arc::clone(name)));
        self.known.remove(name).is_some()
    }

    /// Forgets the names no job has had since then. Returns them.
    pub(super) fn expire(&mut self, gone_by: Millis) -> Vec<Arc<str>> {
        let mut expired = Vec::new();
        while self.gone.first().is_some_and(|(since, _)| *since <= gone_by) {
            let Some((_, name)) = self.gone.pop_first() else { break };
            self.known.remove(&name);
            expired.push(name);
        }
        expired
    }

    /// Takes up what was saved, with the jobs that have a name.
    pub(super) fn take_up<'a>(
        known: Known,
        jobs: impl Iterator<Item = (&'a JobId, &'a Arc<str>)>,
        now: Millis,
    ) -> Self {
        let mut names = Self { known, ..Self::default() };
        for (job, name) in jobs {
            names.enter(name, job);
        }
        let without_jobs = names.all().filter(|name| !names.jobs.contains_key(*name)).cloned();
        for name in without_jobs.collect::<Vec<_>>() {
            if let Some(known) = names.known.get_mut(&name) {
                names.gone.insert((*known.gone.get_or_insert(now), name));
            }
        }
        names
    }
}
