use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::own::Reason;

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
    /// There is nothing to tell yet. No failure: it says as much as an empty answer.
    #[error("nothing to tell yet: {0}")]
    TooEarly(Refusal),
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
        self.counts_as().as_str()
    }

    fn counts_as(&self) -> Reason {
        match self {
            Self::Unreachable { .. } => Reason::Unreachable,
            Self::Dns { .. } => Reason::Dns,
            Self::Tls { .. } => Reason::Tls,
            Self::Timeout(_) => Reason::Timeout,
            Self::Throttled { .. } => Reason::Throttled,
            Self::Unauthorized(_) | Self::Clock { .. } => Reason::Unauthorized,
            Self::Forbidden(_) => Reason::Forbidden,
            // Too early is no failure and is not counted.
            Self::NotFound(_) | Self::TooEarly(_) => Reason::NotFound,
            Self::ApiRetired(_) => Reason::ApiRetired,
            Self::BadRequest(_) => Reason::BadRequest,
            Self::Server(_) => Reason::ServerError,
            Self::Rejected(_) => Reason::Rejected,
            Self::Malformed(_) => Reason::Malformed,
            Self::TooLarge { .. } => Reason::TooLarge,
            Self::Held { cause, .. } | Self::NoToken(cause) | Self::Refused { cause, .. } => {
                cause.counts_as()
            }
            Self::Internal(_) => Reason::Internal,
        }
    }

    /// It tells what was asked for: nothing has gone wrong.
    pub(super) fn is_answer(&self) -> bool {
        matches!(self, Self::TooEarly(_))
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
            | Self::TooEarly(refusal)
            | Self::ApiRetired(refusal)
            | Self::BadRequest(refusal)
            | Self::Server(refusal)
            | Self::Rejected(refusal) => Some(refusal.status),
            _ => None,
        }
    }

    /// Asking again at once may help: who made the error saw a connection break or the cloud stumble.
    /// A refusal, a silence of a whole timeout and an answer that cannot be read would only come twice.
    pub fn may_be_retried(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Server(_))
    }

    /// What was asked for is not to be had: the user may not, or it is not offered. Asking again does not
    /// help, nor do newer credentials of the same user.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Forbidden(_) | Self::NotFound(_) | Self::ApiRetired(_))
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
            | Self::TooEarly(_)
            | Self::BadRequest(_)
            | Self::Server(_)
            | Self::Rejected(_)
            | Self::Malformed(_)
            | Self::TooLarge { .. }
            | Self::Internal(_) => false,
        }
    }

    /// What the operator can do about it, where we know. Names the keys of the configuration file, in
    /// backticks, as they stand below the project or at the top.
    pub fn remedy(&self) -> Option<&'static str> {
        Some(match self {
            Self::Unreachable { .. } => {
                "check `endpoint` and `auth.iam_endpoint` of the project, and the way there: firewall, `proxy_url`"
            }
            Self::Dns { .. } => {
                "check the host in `endpoint` and `auth.iam_endpoint` of the project, and the resolver of this machine"
            }
            Self::Tls { source, .. } => remedy_of_handshake(&**source),
            Self::Timeout(_) => "if the cloud is slow and not silent, raise `poll.timeout`",
            Self::Throttled { .. } => {
                "lower `poll.requests_per_minute`, or find who else uses up the account's limit"
            }
            Self::Unauthorized(_) => {
                "check `auth` and `project_id` of the project: user, domain, password, project"
            }
            Self::Clock { .. } => {
                "set this machine's clock; where the clocks agree, make a new temporary key or token"
            }
            Self::Refused { cause, .. } if matches!(**cause, Self::Clock { .. }) => {
                return cause.remedy();
            }
            Self::Refused { remedy, .. } => remedy,
            Self::Forbidden(_) => {
                "grant the user modelarts:trainJob:list, and modelarts:trainJobVersion:list for v1 or modelarts:trainJob:get for v2"
            }
            Self::NotFound(_) => {
                "take a job that was deleted out of `jobs`; for one that exists check `project_id` of the project"
            }
            Self::ApiRetired(_) => {
                "the region does not offer this API: where it has switched the v1 training API off, set `api = \"v2\"` of the project"
            }
            Self::BadRequest(_) => "check `endpoint` and `project_id` of the project",
            Self::Malformed(_) => {
                "check that `endpoint` of the project leads to ModelArts, not to the page of a proxy"
            }
            Self::TooLarge { .. } => "raise `limits.answer_bytes`, or follow fewer versions",
            Self::Held { cause, .. } | Self::NoToken(cause) => match **cause {
                Self::NotFound(_)
                | Self::ApiRetired(_)
                | Self::BadRequest(_)
                | Self::Malformed(_) => {
                    "check `auth.iam_endpoint` of the project: IAM does not answer like that"
                }
                _ => return cause.remedy(),
            },
            // The cloud's own affair, which its words explain best.
            Self::Server(_) | Self::Rejected(_) | Self::TooEarly(_) => return None,
            Self::Internal(_) => "report it with the lines before it in the log",
        })
    }
}

/// What is wrong with a certificate decides who can mend it.
fn remedy_of_handshake(error: &(dyn std::error::Error + 'static)) -> &'static str {
    use rustls::CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet,
        NotValidYetContext, UnknownIssuer,
    };
    match tls_error(error) {
        Some(rustls::Error::InvalidCertificate(
            Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. },
        )) => {
            "the server's certificate has to be renewed, unless the clock of this machine is wrong"
        }
        Some(rustls::Error::InvalidCertificate(
            NotValidForName | NotValidForNameContext { .. },
        )) => {
            "write the host in `endpoint` and `auth.iam_endpoint` as the server's certificate has it"
        }
        Some(rustls::Error::InvalidCertificate(UnknownIssuer)) => {
            "for a private CA set `ca_file` of the project"
        }
        Some(rustls::Error::InvalidCertificate(_)) => {
            "the server needs a certificate of its own; set `ca_file` of the project to its authority's"
        }
        _ => {
            "check that `endpoint` and `auth.iam_endpoint` of the project are ports that speak TLS"
        }
    }
}

/// The cause of a failed handshake.
pub(super) fn tls_error<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a rustls::Error> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// The error, its cause, the cause of that …, also through I/O errors, which stand for what they wrap
/// and do not name it as their cause.
pub(super) fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn std::error::Error + 'static)| {
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        wrapped.map(|wrapped| wrapped as _).or_else(|| error.source())
    })
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
