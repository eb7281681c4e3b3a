use serde::{Deserialize, Serialize};

/// The status of a version, the same words for both APIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Being set up.
    Creating,
    /// Waiting for resources or for a review.
    Pending,
    /// Training.
    Running,
    /// Being stopped.
    Terminating,
    /// Ended by itself, successfully.
    Completed,
    /// Ended by an error.
    Failed,
    /// Ended by a user.
    Terminated,
    /// Neither running nor properly ended.
    Abnormal,
    /// A code or phase that no document names.
    Unknown,
}

impl Status {
    /// Every status, in the order of the label values on `/metrics`.
    pub const ALL: [Self; 9] = [
        Self::Creating,
        Self::Pending,
        Self::Running,
        Self::Terminating,
        Self::Completed,
        Self::Failed,
        Self::Terminated,
        Self::Abnormal,
        Self::Unknown,
    ];

    /// The label value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Terminating => "terminating",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Terminated => "terminated",
            Self::Abnormal => "abnormal",
            Self::Unknown => "unknown",
        }
    }
}

/// A status as the cloud gave it, with what follows for polling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// The status in common words.
    pub status: Status,
    /// v1's integer; v2 has none.
    pub code: Option<i64>,
    /// No further change is expected.
    pub terminal: bool,
    /// v1's LOST: it may come back, and counts as ended only after a while.
    pub lost: bool,
    /// The cloud said something, be it a word or a code that no document names.
    pub is_said: bool,
}

/// v1's `JOBSTAT_DELETE_FAILED`: the delete failed, which says nothing about the training.
const DELETE_FAILED: i64 = 6;

/// v1's `JOBSTAT_LOST`.
const LOST: i64 = 14;

impl State {
    /// The state behind a v1 status code.
    ///
    /// Codes: Open Telekom Cloud, `ModelArts` API reference, "Job Statuses" (old version); 22 is named
    /// only by the SDK reference.
    pub fn from_v1(code: i64) -> Self {
        let status = match code {
            1 | 2 | 4 | 18 => Status::Creating,
            7 | 19 | 20 => Status::Pending,
            8 | 15 => Status::Running,
            9 => Status::Terminating,
            10 => Status::Completed,
            3 | 5 | 11 | 16 | 17 | 21 | 22 => Status::Failed,
            12 | 13 => Status::Terminated,
            DELETE_FAILED | LOST => Status::Abnormal,
            _ => Status::Unknown,
        };
        let terminal = matches!(status, Status::Completed | Status::Failed | Status::Terminated)
            || code == DELETE_FAILED;
        Self { status, code: Some(code), terminal, lost: code == LOST, is_said: true }
    }

    /// The state behind a v2 phase. The cloud says Abnormal of runs that never began or were lost; no
    /// document has one come back, so that it is an end.
    ///
    /// Phases: Open Telekom Cloud, `ModelArts` API reference, "Querying the Details About a Training Job";
    /// the secondary phases beside them are "not recommended" there to depend on.
    pub fn from_v2(phase: &str) -> Self {
        let status = match phase {
            "Creating" => Status::Creating,
            "Pending" => Status::Pending,
            "Running" => Status::Running,
            "Terminating" => Status::Terminating,
            "Completed" => Status::Completed,
            "Failed" => Status::Failed,
            "Terminated" => Status::Terminated,
            "Abnormal" => Status::Abnormal,
            _ => Status::Unknown,
        };
        let terminal = matches!(
            status,
            Status::Completed | Status::Failed | Status::Terminated | Status::Abnormal
        );
        Self { status, code: None, terminal, lost: false, is_said: true }
    }

    /// The state of a version whose status field was missing or unreadable.
    pub const UNREADABLE: Self =
        Self { status: Status::Unknown, code: None, terminal: false, lost: false, is_said: false };

    /// It waits for resources, or is being set up.
    pub fn waits(self) -> bool {
        matches!(self.status, Status::Creating | Status::Pending)
    }

    /// It has ended, and not as it should; v1's LOST may come back and is not meant.
    pub fn has_failed(self) -> bool {
        self.terminal && matches!(self.status, Status::Failed | Status::Abnormal)
    }

    /// Usage is being sampled.
    pub fn is_running(self) -> bool {
        self.status == Status::Running
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_v1_code_has_its_contract_status() {
        let table = [
            (Status::Creating, &[1, 2, 4, 18][..], false),
            (Status::Pending, &[7, 19, 20], false),
            (Status::Running, &[8, 15], false),
            (Status::Terminating, &[9], false),
            (Status::Completed, &[10], true),
            (Status::Failed, &[3, 5, 11, 16, 17, 21, 22], true),
            (Status::Terminated, &[12, 13], true),
            (Status::Abnormal, &[6], true),
            (Status::Abnormal, &[14], false),
            (Status::Unknown, &[0, 23, 99, -1, i64::MAX], false),
        ];
        for (status, codes, terminal) in table {
            for &code in codes {
                let state = State::from_v1(code);
                assert_eq!((state.status, state.terminal), (status, terminal), "code {code}");
                assert_eq!(state.lost, code == 14, "code {code}");
            }
        }
    }

    #[test]
    fn every_documented_v2_phase_has_its_contract_status() {
        let table = [
            ("Creating", Status::Creating, false),
            ("Pending", Status::Pending, false),
            ("Running", Status::Running, false),
            ("Terminating", Status::Terminating, false),
            ("Completed", Status::Completed, true),
            ("Failed", Status::Failed, true),
            ("Terminated", Status::Terminated, true),
            ("Abnormal", Status::Abnormal, true),
            ("running", Status::Unknown, false),
            ("Suspended", Status::Unknown, false),
            ("", Status::Unknown, false),
        ];
        for (phase, status, terminal) in table {
            let state = State::from_v2(phase);
            assert_eq!((state.status, state.terminal), (status, terminal), "{phase}");
            assert_eq!((state.code, state.lost), (None, false), "{phase}");
        }
    }
}
