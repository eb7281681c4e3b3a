use crate::model::JobId;

/// A job the operator named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSpec {
    /// Its id.
    pub job_id: JobId,
    /// Which of its versions are followed.
    pub versions: VersionSelection,
}

/// Which versions of a job are followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum VersionSelection {
    /// The newest (greatest create time, then version id), and older ones that were being followed
    /// until they have ended and their retention is over.
    #[default]
    Latest,
    /// Every version, newest first, up to `limits.versions_per_job`.
    All,
    /// These ids or names, however many.
    Listed(Vec<String>),
}
