use std::sync::Arc;

use tracing::{info, warn};

use crate::cloud::{Chain, Error, Misread};
use crate::model::JobId;
use crate::schedule::poll::Report;

/// Says what changed, once: for the project where it is hit as a whole, else for the job.
pub(super) struct TroubleLog {
    project: Arc<str>,
    /// Why the project as a whole cannot be asked, as last logged.
    trouble: Option<Trouble>,
}

/// What was last said about one job.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Why its last poll did not bring everything.
    trouble: Option<Trouble>,
    misreads: Vec<Misread>,
}

/// Why a call did not bring everything, as far as the log tells it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Trouble {
    reason: &'static str,
    /// Said once for all jobs of the project.
    is_of_project: bool,
}

impl Trouble {
    fn of(error: &Error) -> Self {
        Self { reason: error.reason(), is_of_project: error.concerns_project() }
    }
}

impl TroubleLog {
    pub(super) fn new(project: Arc<str>) -> Self {
        Self { project, trouble: None }
    }

    /// After a poll of a job.
    pub(super) fn polled(&mut self, job_id: &JobId, told: &mut Told, report: &Report) {
        let job_id = Some(job_id.as_str());
        self.say(job_id, &mut told.trouble, report.error.as_ref());
        if report.brought() {
            self.misread(job_id, &mut told.misreads, &report.misreads);
        }
    }

    /// After a reading of the list of jobs.
    pub(super) fn listed(&mut self, told: &mut Told, error: Option<&Error>, misreads: &[Misread]) {
        self.say(None, &mut told.trouble, error);
        if error.is_none() {
            self.misread(None, &mut told.misreads, misreads);
        }
    }

    /// Without a job it is about the list.
    fn say(&mut self, job_id: Option<&str>, told: &mut Option<Trouble>, error: Option<&Error>) {
        let project = &*self.project;
        let trouble = error.map(Trouble::of);
        // Each job remembers its own trouble: where one job alone is refused, the answers about the
        // others between its polls do not end that trouble, nor does its next poll begin it anew.
        let before = std::mem::replace(told, trouble);
        if let (Some(error), Some(trouble)) = (error, trouble)
            && before != Some(trouble)
        {
            let known = trouble.is_of_project && self.trouble == Some(trouble);
            let (error, remedy) = (Chain(error), error.remedy());
            if trouble.is_of_project && !known {
                warn!(project, job_id, %error, remedy, "the project cannot be polled");
            } else if !known && job_id.is_some() {
                warn!(project, job_id, %error, remedy, "the job cannot be polled");
            } else if !known {
                warn!(project, %error, remedy, "the list of jobs cannot be read");
            }
            // Only what is new to the job: a poll that was under way when the others recovered must
            // not begin the project's trouble anew.
            if trouble.is_of_project {
                self.trouble = Some(trouble);
            }
        }
        if before.is_some() && before == self.trouble && trouble != before {
            self.trouble = None;
            if trouble.is_none() {
                info!(project, "the project is polled again");
            }
        } else if before.is_some_and(|before| !before.is_of_project) && trouble.is_none() {
            if job_id.is_some() {
                info!(project, job_id, "the job is polled again");
            } else {
                info!(project, "the list of jobs is read again");
            }
        }
    }

    fn misread(&self, job_id: Option<&str>, told: &mut Vec<Misread>, misreads: &[Misread]) {
        let project = &*self.project;
        let mut misreads = misreads.to_vec();
        misreads.sort_unstable();
        misreads.dedup();
        if misreads == *told {
            return;
        }
        for misread in &misreads {
            let (field, reason) = (misread.field, misread.fault.as_str());
            warn!(project, job_id, field, reason, "a field of the answer was left out");
        }
        if misreads.is_empty() {
            info!(project, job_id, "every field of the answer is read again");
        }
        *told = misreads;
    }
}
