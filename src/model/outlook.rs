use crate::model::VersionId;

/// What there is to ask about a job after an answer listed its versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// What its followed versions are about.
    pub activity: Activity,
    /// Versions of which only their own document tells everything, and was not read yet.
    pub details: Vec<VersionId>,
}

/// What the followed versions of a job are about, all taken together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activity {
    /// One of them runs, or may: there is something new to see.
    #[default]
    Runs,
    /// None runs, and one of them waits for resources.
    Waits,
    /// No further change is expected of any.
    Ended,
}
