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

/// Why a request gave nothing usable: the closed set of the label `reason` of
/// `modelarts_exporter_api_errors_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// No connection, or it broke.
    Unreachable,
    /// The host's name has no address.
    Dns,
    /// The TLS handshake failed.
    Tls,
    /// No whole answer in time.
    Timeout,
    /// Too many requests.
    Throttled,
    /// The credentials were refused.
    Unauthorized,
    /// The user may not do this.
    Forbidden,
    /// The job is unknown.
    NotFound,
    /// The region no longer offers this API.
    ApiRetired,
    /// The request was wrong.
    BadRequest,
    /// The cloud has a problem of its own.
    ServerError,
    /// HTTP 200 that says it is a failure.
    Rejected,
    /// The answer is not what the API documents.
    Malformed,
    /// The answer is larger than allowed.
    TooLarge,
    /// A mistake of ours.
    Internal,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Unreachable,
        Self::Dns,
        Self::Tls,
        Self::Timeout,
        Self::Throttled,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::ApiRetired,
        Self::BadRequest,
        Self::ServerError,
        Self::Rejected,
        Self::Malformed,
        Self::TooLarge,
        Self::Internal,
    ];

    /// What was asked for is not to be had: the user may not, or it is not offered.
    pub fn is_refusal(self) -> bool {
        matches!(self, Self::Forbidden | Self::NotFound | Self::ApiRetired)
    }

    /// The label value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Throttled => "throttled",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::ApiRetired => "api_retired",
            Self::BadRequest => "bad_request",
            Self::ServerError => "server_error",
            Self::Rejected => "rejected",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::Internal => "internal",
        }
    }

    /// What it says about the request, for the reference.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Unreachable => "no connection, or it broke before the answer was whole",
            Self::Dns => "the name of the host has no address",
            Self::Tls => "no trusted TLS connection: certificate, name, or no TLS at all",
            Self::Timeout => "no whole answer within `poll.timeout`",
            Self::Throttled => "too many requests: 429, or 503 with `Retry-After`",
            Self::Unauthorized => "401: the credentials were refused, or their token has ended",
            Self::Forbidden => "403: the user may not do this",
            Self::NotFound => "the cloud does not know the job",
            Self::ApiRetired => "404 APIGW.0101: this API is not offered here",
            Self::BadRequest => "any other refusal: a redirect, a 404 that is not the service's",
            Self::ServerError => "5xx: the cloud has a problem of its own",
            Self::Rejected => "HTTP 200 with `is_success: false`",
            Self::Malformed => "the answer is not what the API documents",
            Self::TooLarge => "the answer is larger than `limits.answer_bytes`",
            Self::Internal => "a mistake of the exporter",
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

/// What cannot be true beside what was seen before: the closed set of the label `reason` of
/// `modelarts_exporter_contradictions_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Contradiction {
    /// A version that had ended has not.
    Restarted,
    /// A job has another name.
    Renamed,
    /// A new job has the name of one that is gone.
    NameReused,
    /// An id stands for something that was created at another time.
    IdReused,
    /// A version has been running for less time than before.
    Shrunk,
    /// A version is older than one with a smaller id.
    OutOfOrder,
    /// It is earlier than it was.
    ClockSetBack,
}

impl Contradiction {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Restarted,
        Self::Renamed,
        Self::NameReused,
        Self::IdReused,
        Self::Shrunk,
        Self::OutOfOrder,
        Self::ClockSetBack,
    ];

    /// The label value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Restarted => "restarted",
            Self::Renamed => "renamed",
            Self::NameReused => "name_reused",
            Self::IdReused => "id_reused",
            Self::Shrunk => "shrunk",
            Self::OutOfOrder => "out_of_order",
            Self::ClockSetBack => "clock_set_back",
        }
    }

    /// What was seen and what follows from it, for the reference.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Restarted => {
                "a version that had ended runs or waits again; its next end is not counted once more"
            }
            Self::Renamed => "a job has another name; its outcomes go on under the new one",
            Self::NameReused => {
                "a new job has the name of one that left the cloud; its outcomes go on where those ended"
            }
            Self::IdReused => {
                "the id of a job or version came back for one that was created at another time"
            }
            Self::Shrunk => "a version has been running for less time than it had been before",
            Self::OutOfOrder => {
                "a version was created before one with a smaller id; the newest is the one created last"
            }
            Self::ClockSetBack => {
                "the clock of this machine was set back; what has ended may be kept for longer"
            }
        }
    }
}
