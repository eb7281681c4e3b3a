use std::str::FromStr;

use serde::Serialize;

use super::settings::SpecError;

/// 256 MiB: enough to burst any cap, little enough for a laptop's loopback.
const HUGEST: u64 = 256 << 20;

/// An hour in milliseconds: longer than any deadline a client could have.
const LONGEST_DELAY: u64 = 60 * 60 * 1000;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The whole answer comes late, by a value in milliseconds.
    Latency,
    /// The body comes in drips, a value in milliseconds apart.
    SlowBody,
    /// The connection stays open and no byte comes.
    Hang,
    /// The connection is reset in the middle of the body.
    Reset,
    /// 429 with `Retry-After`, a value in seconds.
    Throttle,
    /// 500 with the service's own error document.
    ServerError,
    /// 502 with a page that was meant for people.
    Html,
    /// The JSON is cut in half.
    Truncated,
    /// Objects, arrays and strings have changed places.
    WrongTypes,
    /// A valid answer with a value of bytes in `images_outputs`, where models have it or at the top.
    Huge,
    /// HTTP 200 and `is_success: false`.
    Rejected,
    /// The job is unknown.
    NotFound,
    /// The gateway no longer knows the API.
    Retired,
    /// 401 for ever.
    Unauthorized,
    /// 401 once for each token or access key issued before the fault.
    ExpiredToken,
    /// 403.
    Forbidden,
    /// The cloud's clock is ahead, by a value in seconds: signatures have expired, tokens that should
    /// still live too, and `Date` says so.
    SkewedClock,
    /// From the second on, a page repeats the one before.
    DuplicatePage,
    /// The second page is missing: from the second on, each is the next one.
    SkippedPage,
    /// There is always one more page.
    EndlessPages,
    /// The id comes back under another name.
    Renamed,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 21] = [
        Self::Latency,
        Self::SlowBody,
        Self::Hang,
        Self::Reset,
        Self::Throttle,
        Self::ServerError,
        Self::Html,
        Self::Truncated,
        Self::WrongTypes,
        Self::Huge,
        Self::Rejected,
        Self::NotFound,
        Self::Retired,
        Self::Unauthorized,
        Self::ExpiredToken,
        Self::Forbidden,
        Self::SkewedClock,
        Self::DuplicatePage,
        Self::SkippedPage,
        Self::EndlessPages,
        Self::Renamed,
    ];

    /// Its name on the command line and in control calls.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::SlowBody => "slow_body",
            Self::Hang => "hang",
            Self::Reset => "reset",
            Self::Throttle => "throttle",
            Self::ServerError => "server_error",
            Self::Html => "html",
            Self::Truncated => "truncated",
            Self::WrongTypes => "wrong_types",
            Self::Huge => "huge",
            Self::Rejected => "rejected",
            Self::NotFound => "not_found",
            Self::Retired => "retired",
            Self::Unauthorized => "unauthorized",
            Self::ExpiredToken => "expired_token",
            Self::Forbidden => "forbidden",
            Self::SkewedClock => "skewed_clock",
            Self::DuplicatePage => "duplicate_page",
            Self::SkippedPage => "skipped_page",
            Self::EndlessPages => "endless_pages",
            Self::Renamed => "renamed",
        }
    }

    /// How much of it there is when nobody says.
    pub(super) fn default_value(self) -> u64 {
        match self {
            Self::Latency => 1000,
            Self::SlowBody => 100,
            Self::Throttle => 1,
            Self::Huge => 50 << 20,
            // Twice what the gateway forgives.
            Self::SkewedClock => 1800,
            _ => 0,
        }
    }

    /// The most there can be.
    pub(super) fn greatest_value(self) -> u64 {
        match self {
            Self::Huge => HUGEST,
            _ => LONGEST_DELAY,
        }
    }

    /// It changes what a list says of its jobs one by one, so that a job's fault reaches the list too.
    pub(super) fn edits_jobs(self) -> bool {
        matches!(self, Self::NotFound | Self::Renamed)
    }

    /// It is about pages, which the list has, and the versions of a job for whoever asks for a page.
    pub(super) fn edits_pages(self) -> bool {
        matches!(self, Self::DuplicatePage | Self::SkippedPage | Self::EndlessPages)
    }

    pub(super) fn words() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }
}

impl FromStr for Fault {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        Self::ALL
            .into_iter()
            .find(|fault| fault.as_str() == text)
            .ok_or_else(|| SpecError::Fault(text.to_owned()))
    }
}

/// The requests a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Token requests.
    Token,
    /// The list of jobs.
    List,
    /// The versions of one job.
    Versions,
    /// One version, or one job of v2.
    Detail,
    /// Metrics of a task.
    Metrics,
    /// The quotas of a project.
    Quota,
    /// What a server asks its metadata service.
    Metadata,
    /// All of them.
    Any,
}

impl Target {
    /// Every target.
    pub const ALL: [Self; 8] = [
        Self::Token,
        Self::List,
        Self::Versions,
        Self::Detail,
        Self::Metrics,
        Self::Quota,
        Self::Metadata,
        Self::Any,
    ];

    /// Its name on the command line and in control calls.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::List => "list",
            Self::Versions => "versions",
            Self::Detail => "detail",
            Self::Metrics => "metrics",
            Self::Quota => "quota",
            Self::Metadata => "metadata",
            Self::Any => "any",
        }
    }

    pub(super) fn words() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }
}

impl FromStr for Target {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        Self::ALL
            .into_iter()
            .find(|target| target.as_str() == text)
            .ok_or_else(|| SpecError::Target(text.to_owned()))
    }
}
