use crate::cloud::{Error, Misread, Pace, TrainingApi};
use crate::model::{Activity, JobId, ListedJob, Polled, Version, VersionId};
use crate::schedule::Ledger;

/// Own documents read in one poll; more wait for the next one, so that a job with many listed
/// versions does not hold its slot for long.
pub(super) const DETAILS_PER_POLL: usize = 4;

/// What one poll brought.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) outcome: Polled,
    /// The first thing that went wrong.
    pub(super) error: Option<Error>,
    pub(super) misreads: Vec<Misread>,
    /// What the list of versions told, where it came.
    pub(super) news: Option<News>,
    /// Own documents of versions that were asked for.
    pub(super) details: usize,
}

/// What a list of versions says about asking again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct News {
    pub(super) activity: Activity,
    pub(super) newest: Newest,
    /// Own documents are still wanted and are left for later.
    pub(super) postponed: bool,
}

/// A job's newest version, in the words that the list of jobs has for it too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Newest {
    version_id: Option<VersionId>,
    code: Option<i64>,
    version_count: Option<u64>,
}

impl Newest {
    fn of(versions: &[Version]) -> Self {
        let newest = versions.iter().max_by_key(|version| version.age_key());
        Self {
            version_id: newest.map(|newest| newest.version_id.clone()),
            code: newest.and_then(|newest| newest.state.code),
            version_count: Some(versions.len() as u64),
        }
    }

    pub(super) fn listed(job: &ListedJob) -> Self {
        Self {
            version_id: job.version_id.clone(),
            code: job.state.code,
            version_count: job.version_count,
        }
    }

    /// Both cannot be true at once. What one of them does not say is no contradiction.
    pub(super) fn contradicts(&self, other: &Self) -> bool {
        fn differ<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
            one.zip(other).is_some_and(|(one, other)| one != other)
        }
        differ(self.version_id.as_ref(), other.version_id.as_ref())
            || differ(self.code.as_ref(), other.code.as_ref())
            || differ(self.version_count.as_ref(), other.version_count.as_ref())
    }
}

impl Report {
    pub(super) fn failed(outcome: Polled, error: Error) -> Self {
        Self { outcome, error: Some(error), misreads: Vec::new(), news: None, details: 0 }
    }

    /// The poll brought something.
    pub(super) fn brought(&self) -> bool {
        matches!(self.outcome, Polled::Success | Polled::Partial)
    }
}

/// Asks what there is to ask about one job, at most `details` own documents of versions among it.
pub(super) async fn poll<A: TrainingApi, L: Ledger>(
    api: &A,
    ledger: &L,
    job: &JobId,
    details: usize,
    pace: &dyn Pace,
) -> Report {
    let reading = match api.versions(job, pace).await {
        Ok(reading) => reading,
        Err(error @ Error::NotFound(_)) => return Report::failed(Polled::Gone, error),
        Err(error) => return Report::failed(Polled::Failed, error),
    };
    let newest = Newest::of(&reading.content);
    let outlook = ledger.versions(job, reading.content);
    let postponed = outlook.details.len() > details;
    let mut report = Report {
        outcome: Polled::Success,
        error: None,
        misreads: reading.misreads,
        news: Some(News { activity: outlook.activity, newest, postponed }),
        details: 0,
    };
    for version in outlook.details.iter().take(details) {
        report.details += 1;
        match api.version(job, version, pace).await {
            Ok(reading) => {
                report.misreads.extend(reading.misreads);
                ledger.version(job, reading.content);
            }
            Err(error) => {
                report.outcome = Polled::Partial;
                report.error = Some(error);
                break;
            }
        }
    }
    report
}
