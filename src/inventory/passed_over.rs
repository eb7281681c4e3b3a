use std::collections::{HashMap, HashSet};

use crate::model::JobId;

/// A job that so many incomplete lists in a row do not show is taken for gone: as a rule each leaves out
/// another page.
const LISTS_TO_FORGET: usize = 10;

/// Jobs that the last lists showed and nobody follows: they were there before.
#[derive(Debug)]
pub(super) struct PassedOver {
    /// Those of the last complete list.
    complete: HashSet<JobId>,
    /// Those of incomplete ones since then, and how many more of these they are remembered for.
    parts: HashMap<JobId, usize>,
}

impl PassedOver {
    pub(super) fn by_complete_list(jobs: impl Iterator<Item = JobId>) -> Self {
        Self { complete: jobs.collect(), parts: HashMap::new() }
    }

    /// What an incomplete list does not show may be there all the same.
    pub(super) fn by_part_of_list(&mut self, jobs: impl Iterator<Item = JobId>) {
        self.parts.retain(|_, lists| {
            *lists -= 1;
            *lists > 0
        });
        let new = jobs.filter(|job| !self.complete.contains(job));
        self.parts.extend(new.map(|job| (job, LISTS_TO_FORGET)));
    }

    pub(super) fn has(&self, job: &JobId) -> bool {
        self.complete.contains(job) || self.parts.contains_key(job)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_incomplete_lists_show_is_remembered_for_some_of_them() {
        let mut passed_over = PassedOver::by_complete_list([0, 1].map(JobId::from).into_iter());
        for job in 1..=1000_u64 {
            passed_over.by_part_of_list([1, job].map(JobId::from).into_iter());
        }
        let (known, forgotten) = ([0, 1, 991, 1000], [2, 990, 1001]);
        assert!(known.map(JobId::from).iter().all(|job| passed_over.has(job)));
        assert!(!forgotten.map(JobId::from).iter().any(|job| passed_over.has(job)));
        assert_eq!(passed_over.parts.len(), LISTS_TO_FORGET);
    }
}
