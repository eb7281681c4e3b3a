//! The jobs that the operator named, where several processes share them.
//!
//! Jobs are divided by the name their outcomes are kept under, and what a named job is called is known
//! from the list alone. So nobody follows such a job before the first list. One that the list proves to
//! be absent has no name that everybody knows: its id says whose it is. So it does for all of them as
//! long as the list is refused. Whatever is the case, every process comes to the same division.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::inventory::Moment;
use crate::inventory::job::JobState;
use crate::inventory::outcomes::Outcomes;
use crate::inventory::project::ProjectState;
use crate::inventory::roster::Reason;
use crate::model::{JobId, JobKey, JobSpec, Turnover, VersionSelection};

/// Named jobs that are followed once it is known that they are ours. Empty where all jobs are.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// All of them, with the versions that the operator asked for.
    named: BTreeMap<JobId, VersionSelection>,
    /// Those that are followed, and whoever polls now was not there to be told.
    untold: HashSet<JobId>,
    /// The list was refused, and none has come since.
    pub(super) is_list_refused: bool,
}

impl Shared {
    pub(super) fn new(named: Vec<JobSpec>) -> Self {
        let named = named.into_iter().map(|spec| (spec.job_id, spec.versions));
        Self { named: named.collect(), ..Self::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    pub(super) fn has(&self, job_id: &JobId) -> bool {
        self.named.contains_key(job_id)
    }

    /// The list has to say who follows these jobs.
    pub(super) fn waits_for_list(&self) -> bool {
        !self.is_empty() && !self.is_list_refused
    }

    /// Takes over what was known of the jobs before the configuration changed, and that whoever polls
    /// from now on has to be told of those that are `followed`.
    pub(super) fn follows(&mut self, before: &Self, followed: impl Iterator<Item = JobId>) {
        self.is_list_refused = before.is_list_refused;
        self.untold = followed.collect();
    }
}

impl ProjectState {
    /// Follows a job that is shared, or leaves it to another process.
    pub(super) fn place(
        &mut self,
        key: &JobKey,
        is_ours: bool,
        turnover: &mut Turnover,
        outcomes: &mut Outcomes,
        now: Moment,
    ) {
        let job_id = &key.job_id;
        let Some(versions) = self.shared.named.get(job_id) else { return };
        let is_untold = self.shared.untold.remove(job_id);
        if !is_ours {
            if self.jobs.remove(job_id).is_some() {
                turnover.left.push(job_id.clone());
            }
            outcomes.leave_to_others(key, now);
            return;
        }
        let is_new = !self.jobs.contains_key(job_id);
        if is_new {
            // What it did until now was another's to count.
            outcomes.await_job(key);
            let job = JobState::new(versions.clone(), Reason::Named, self.interval);
            self.jobs.insert(job_id.clone(), job);
        }
        if is_new || is_untold {
            turnover.found.push(job_id.clone());
        }
    }

    /// Divides the shared jobs for which nobody knows a name: all but those that are `listed`.
    pub(super) fn place_by_id(
        &mut self,
        project: &Arc<str>,
        listed: &HashSet<&JobId>,
        turnover: &mut Turnover,
        outcomes: &mut Outcomes,
        now: Moment,
    ) {
        let unlisted = self.shared.named.keys().filter(|job_id| !listed.contains(job_id));
        for job_id in unlisted.cloned().collect::<Vec<_>>() {
            let is_ours = self.shard.has(project, job_id.as_str());
            let key = JobKey { project: Arc::clone(project), job_id };
            self.place(&key, is_ours, turnover, outcomes, now);
        }
    }
}
