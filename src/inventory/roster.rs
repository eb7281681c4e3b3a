use crate::model::{Discovery, JobSpec};

/// Which jobs of a project are followed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Roster {
    /// Those the operator named.
    pub named: Vec<JobSpec>,
    /// Which others the list adds to them.
    pub discovery: Option<Discovery>,
}

/// Why a job is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// The operator named it.
    Named,
    /// A list showed it, and it was admitted.
    Found,
    /// The same, before whoever polls now was there to be told.
    Untold,
    /// It was followed before the configuration changed: the next list says whether it still is.
    Unjudged,
}
