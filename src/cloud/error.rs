use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Why a call to the cloud brought no answer that can be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// No connection, or it broke.
    #[error("cannot reach {host}")]
    Unreachable {
        /// Host and port.
        host: String,
        /// What the client said.
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// The host's name has no address.
    #[error("cannot resolve the name of {host}")]
    Dns {
        /// Host and port.
        host: String,
        /// What the client said.
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// The TLS handshake failed.
    #[error("no trusted TLS connection to {host}")]
    Tls {
        /// Host and port.
        host: String,
        /// What the client said.
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// No whole answer in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// Too many requests.
    #[error("throttled: {refusal}")]
    Throttled {
        /// How long the cloud asks us to wait.
        retry_after: Option<Duration>,
        /// What it said.
        refusal: Refusal,
    },
    /// The credentials were refused.
    #[error("not authorized: {0}")]
    Unauthorized(Refusal),
    /// The credentials were refused for the time they were used at.
    #[error("a signature or its key has expired{}: {refusal}", Ahead(*ahead_seconds))]
    Clock {
        /// How far our clock is ahead of the cloud's, if the cloud said what time it is.
        ahead_seconds: Option<i64>,
        /// What it said.
        refusal: Refusal,
    },
    /// The user may not do this.
    #[error("forbidden: {0}")]
    Forbidden(Refusal),
    /// The job is unknown.
    #[error("not found: {0}")]
    NotFound(Refusal),
    /// The region no longer offers this API.
    #[error("the API is not offered here: {0}")]
    ApiRetired(Refusal),
    /// The request was wrong.
    #[error("bad request: {0}")]
    BadRequest(Refusal),
    /// The cloud has a problem of its own.
    #[error("the cloud failed: {0}")]
    Server(Refusal),
    /// HTTP 200 with `is_success: false`.
    #[error("the cloud rejected the call: {0}")]
    Rejected(Refusal),
    /// The answer is not what the API documents.
    #[error("the answer cannot be read: {0}")]
    Malformed(String),
    /// The answer is larger than `limits.answer_bytes`.
    #[error("the answer is larger than limits.answer_bytes ({limit} bytes)")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// Not asked: an earlier refusal holds all calls of the project for a while.
    #[error("not asked again for {remaining:?}, since an earlier call was refused")]
    Held {
        /// Until the next attempt.
        remaining: Duration,
        /// The refusal.
        #[source]
        cause: Arc<Self>,
    },
    /// There is nothing to call with: every job of the project waits for it.
    #[error("no credentials to call with")]
    NoToken(#[source] Arc<Self>),
    /// Refused, and nothing newer was to be had.
    #[error("the credentials are not accepted")]
    Refused {
        /// Which keys of the configuration to look at.
        remedy: &'static str,
        /// The refusal.
        #[source]
        cause: Arc<Self>,
    },
    /// A mistake of ours.
    #[error("internal error: {0}")]
    Internal(String),
}

/// What the cloud said when it refused, fit for a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The cloud's error code, such as `APIGW.0301`; may be empty.
    pub code: String,
    /// The cloud's words, shortened; may be empty.
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status)?;
        if !self.code.is_empty() {
            write!(f, ", {}", self.code)?;
        }
        if !self.message.is_empty() {
            write!(f, ", {:?}", self.message)?;
        }
        Ok(())
    }
}

/// A difference of clocks, for people.
struct Ahead(Option<i64>);

impl fmt::Display for Ahead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => Ok(()),
            Some(seconds) if seconds < 0 => {
                write!(f, ", our clock is {} s behind the cloud's", seconds.unsigned_abs())
            }
            Some(seconds) => write!(f, ", our clock is {seconds} s ahead of the cloud's"),
        }
    }
}

impl Error {
    /// The label value of `modelarts_exporter_api_errors_total{reason}`: a closed set.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::Dns { .. } => "dns",
            Self::Tls { .. } => "tls",
            Self::Timeout(_) => "timeout",
            Self::Throttled { .. } => "throttled",
            Self::Unauthorized(_) | Self::Clock { .. } => "unauthorized",
            Self::Forbidden(_) => "forbidden",
            Self::NotFound(_) => "not_found",
            Self::ApiRetired(_) => "api_retired",
            Self::BadRequest(_) => "bad_request",
            Self::Server(_) => "server_error",
            Self::Rejected(_) => "rejected",
            Self::Malformed(_) => "malformed",
            Self::TooLarge { .. } => "too_large",
            Self::Held { cause, .. } | Self::NoToken(cause) | Self::Refused { cause, .. } => {
                cause.reason()
            }
            Self::Internal(_) => "internal",
        }
    }

    /// Not we are refused, but what we call with: newer credentials may help.
    pub(super) fn refuses_credentials(&self) -> bool {
        matches!(self, Self::Unauthorized(_) | Self::Clock { .. })
    }

    /// The HTTP status of a refusal.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Throttled { refusal, .. }
            | Self::Unauthorized(refusal)
            | Self::Clock { refusal, .. }
            | Self::Forbidden(refusal)
            | Self::NotFound(refusal)
            | Self::ApiRetired(refusal)
            | Self::BadRequest(refusal)
            | Self::Server(refusal)
            | Self::Rejected(refusal) => Some(refusal.status),
            _ => None,
        }
    }

    /// Asking again at once may help: the connection broke or the cloud stumbled.
    pub fn may_be_retried(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Server(_))
    }

    /// Every job of the project is hit, not this one alone.
    pub fn concerns_project(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Dns { .. }
            | Self::Tls { .. }
            | Self::Throttled { .. }
            | Self::Unauthorized(_)
            | Self::Clock { .. }
            | Self::ApiRetired(_)
            | Self::Held { .. }
            | Self::NoToken(_)
            | Self::Refused { .. } => true,
            Self::Timeout(_)
            | Self::Forbidden(_)
            | Self::NotFound(_)
            | Self::BadRequest(_)
            | Self::Server(_)
            | Self::Rejected(_)
            | Self::Malformed(_)
            | Self::TooLarge { .. }
            | Self::Internal(_) => false,
        }
    }

    /// What the operator can do about it, where we know.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::ApiRetired(_) => Some("this region has switched the v1 training API off"),
            Self::Tls { .. } => Some("for a private CA set `ca_file` of the project"),
            Self::TooLarge { .. } => Some("raise `limits.answer_bytes`, or follow fewer versions"),
            Self::Held { cause, .. } | Self::NoToken(cause) => cause.remedy(),
            Self::Clock { .. } => Some(
                "set this machine's clock; where the clocks agree, make a new temporary key or token",
            ),
            Self::Refused { cause, .. } if matches!(**cause, Self::Clock { .. }) => cause.remedy(),
            Self::Refused { remedy, .. } => Some(remedy),
            Self::Forbidden(_) => {
                Some("grant the user modelarts:trainJobVersion:list and modelarts:trainJob:list")
            }
            _ => None,
        }
    }
}

/// An error and all its causes in one line, for the one place that logs it.
pub struct Chain<'a>(pub &'a dyn std::error::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
