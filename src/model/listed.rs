use std::borrow::Cow;

use crate::model::{Api, JobId, State, Version, VersionId};

/// What a list says of a job stands for so many of its intervals: one reading may fail.
pub const LISTS_TO_TRUST: u32 = 2;

/// What the list of jobs says of one job: who it is, and how its newest version is.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedJob {
    /// The job.
    pub job_id: JobId,
    /// Its name.
    pub job_name: String,
    /// Its newest version; `None` where the list does not say.
    pub version_id: Option<VersionId>,
    /// That version's status.
    pub state: State,
    /// When the job was created, Unix seconds; no document says whether this is the version's time.
    pub created: Option<f64>,
    /// How long the newest version has been running, seconds.
    pub duration: Option<f64>,
    /// How many versions the job has.
    pub version_count: Option<u64>,
    /// The job itself, as its own document has it, where the items of the list are whole jobs (v2).
    pub whole: Option<Box<Version>>,
}

impl ListedJob {
    /// The newest version of a job of which nothing else is known; `None` where the list does not name it.
    pub fn newest_version(&self) -> Option<Cow<'_, Version>> {
        if let Some(whole) = &self.whole {
            return Some(Cow::Borrowed(whole));
        }
        let version_id = self.version_id.clone()?;
        Some(Cow::Owned(Version {
            job_name: self.job_name.clone(),
            created: self.created,
            duration: self.duration,
            // The other API's lists tell everything.
            ..Version::unknown(Api::V1, self.job_id.clone(), version_id, self.state)
        }))
    }
}

/// Who came and who left with a list of jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turnover {
    /// Jobs to be asked about from now on.
    pub found: Vec<JobId>,
    /// Jobs that nobody asks about any more.
    pub left: Vec<JobId>,
}

/// The list of jobs, as far as it came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobList {
    /// Each job once, in the order of the answers.
    pub jobs: Vec<ListedJob>,
    /// As many came as there are: no page is missing.
    pub complete: bool,
    /// Nothing came or went between two of its pages, so that no job slipped from one to another: of a
    /// complete list, a job that is not among these is not listed.
    pub settled: bool,
    /// Requests that the whole list takes.
    pub pages: usize,
}

impl JobList {
    /// Whether a job that is not among these is not there.
    pub fn proves_absence(&self) -> bool {
        self.complete && self.settled
    }
}
