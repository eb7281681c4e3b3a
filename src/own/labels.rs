/// What the cloud was asked for: the closed set of the label `operation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A token of the identity service.
    Token,
    /// The list of jobs.
    List,
    /// The versions of one job.
    Versions,
    /// One version in full.
    Detail,
    /// The usage of one task.
    Metrics,
    /// Credentials of the machine we run on.
    Metadata,
    /// The limits of the account.
    Quota,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Token,
        Self::List,
        Self::Versions,
        Self::Detail,
        Self::Metrics,
        Self::Metadata,
        Self::Quota,
    ];

    /// The label value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::List => "list",
            Self::Versions => "versions",
            Self::Detail => "detail",
            Self::Metrics => "metrics",
            Self::Metadata => "metadata",
            Self::Quota => "quota",
        }
    }
}

/// How a poll of one job ended: the closed set of the label `result`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PollResult {
    /// Every answer came and was understood.
    Success,
    /// Some of it came.
    Partial,
    /// Nothing came.
    Failed,
}

impl PollResult {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Success, Self::Partial, Self::Failed];

    /// The label value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }
}
