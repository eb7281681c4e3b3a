use crate::cloud::{Error, Misread, Pace, TrainingApi};
use crate::model::{JobId, Polled, Status, Version};
use crate::schedule::Ledger;

/// Own documents read in one poll; more wait for the next one, so that a job with many listed
/// versions does not hold its slot for long.
const DETAILS_PER_POLL: usize = 4;

/// What one poll brought.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) outcome: Polled,
    /// The first thing that went wrong.
    pub(super) error: Option<Error>,
    pub(super) misreads: Vec<Misread>,
    /// The newest version waits for resources: there is little to see for a while.
    pub(super) waits: bool,
}

/// Asks everything there is to ask about one job.
pub(super) async fn poll<A: TrainingApi, L: Ledger>(
    api: &A,
    ledger: &L,
    job: &JobId,
    pace: &dyn Pace,
) -> Report {
    let mut report =
        Report { outcome: Polled::Success, error: None, misreads: Vec::new(), waits: false };
    let versions = match api.versions(job, pace).await {
        Ok(reading) => {
            report.misreads = reading.misreads;
            reading.content
        }
        Err(error) => {
            let is_gone = matches!(error, Error::NotFound(_));
            report.outcome = if is_gone { Polled::Gone } else { Polled::Failed };
            report.error = Some(error);
            return report;
        }
    };
    report.waits = versions.iter().max_by_key(|version| version.age_key()).is_some_and(waits);
    let wanted = ledger.versions(job, versions);
    for version in wanted.iter().take(DETAILS_PER_POLL) {
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

fn waits(version: &Version) -> bool {
    matches!(version.state.status, Status::Creating | Status::Pending)
}
