use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::name::Name;
use super::run::Millis;

/// The names of a project that outcomes are kept under, at most as many as the limit allows.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Names {
    known: BTreeMap<Arc<str>, Name>,
    /// Those no job has any more, the longest gone first.
    #[serde(skip)]
    gone: BTreeSet<(Millis, Arc<str>)>,
    /// Names that found no room, and how many jobs have them: as many as there are jobs.
    #[serde(skip)]
    refused: BTreeMap<Arc<str>, usize>,
}

impl Names {
    pub(super) fn get(&self, name: &str) -> Option<&Name> {
        self.known.get(name)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Name> {
        self.known.get_mut(name)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<str>> {
        self.known.keys()
    }

    /// Before any job has entered.
    pub(super) fn retain(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.known.retain(|name, _| is_kept(name));
    }

    pub(super) fn refused(&self) -> usize {
        self.refused.len()
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
        let jobs = self.refused.remove(name).unwrap_or_default();
        self.known.insert(Arc::clone(name), Name::of_jobs(jobs));
        changed.push(Arc::clone(name));
        changed
    }

    /// One more job has this name.
    pub(super) fn enter(&mut self, name: &Arc<str>) {
        match self.known.get_mut(name) {
            Some(known) => {
                known.jobs += 1;
                if let Some(since) = known.gone.take() {
                    self.gone.remove(&(since, Arc::clone(name)));
                }
            }
            None => *self.refused.entry(Arc::clone(name)).or_default() += 1,
        }
    }

    /// One job less has this name.
    pub(super) fn leave(&mut self, name: &Arc<str>, now: Millis) {
        if let Some(known) = self.known.get_mut(name) {
            known.jobs = known.jobs.saturating_sub(1);
            if known.jobs == 0 && known.gone.is_none() {
                known.gone = Some(now);
                self.gone.insert((now, Arc::clone(name)));
            }
        } else if let Some(jobs) = self.refused.get_mut(name) {
            *jobs -= 1;
            if *jobs == 0 {
                self.refused.remove(name);
            }
        }
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

    /// After reading from the state file, and after every job has entered.
    pub(super) fn settle(&mut self, now: Millis) {
        for (name, known) in &mut self.known {
            if known.jobs == 0 {
                let since = *known.gone.get_or_insert(now);
                self.gone.insert((since, Arc::clone(name)));
            }
        }
    }
}
