use crate::model::VersionId;

/// What there is to ask about a job whose versions are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// What its followed versions are about.
    pub activity: Activity,
    /// Tasks that run, whose usage each poll asks for by a call of its own (v2).
    pub tasks: Vec<String>,
    /// What is read once, and has time.
    pub details: Vec<Detail>,
}

/// What is read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// A version's own document, which alone tells everything about it (v1).
    Version(VersionId),
    /// The usage of a task of a run that has ended: its last samples came after they were last asked
    /// for (v2).
    Usage(String),
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
