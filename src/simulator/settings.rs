use std::{net::SocketAddr, str::FromStr, time::Duration};

use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use super::fault::{Fault, Target};

/// The port the simulator listens on unless told otherwise: one above the exporter's.
const DEFAULT_PORT: u16 = 10978;

/// What the simulator plays and where it listens.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Listen on an address that others can reach.
    pub allow_remote: bool,
    /// Which jobs there are.
    pub scenario: Scenario,
    /// The same seed gives the same jobs.
    pub seed: u64,
    /// Simulated seconds in a real one; 0 freezes every story.
    pub speed: f64,
    /// How many jobs a project has in each API, or gets there in a day of the stories' clock where they
    /// come and go; `None` is the scenario's own number.
    pub jobs: Option<usize>,
    /// In the scenario `churn`: a job stays listed at least so long after its last end, by the stories'
    /// clock.
    pub stay: Duration,
    /// The projects; each has its own jobs.
    pub projects: Vec<ProjectSpec>,
    /// Tokens are checked at this Keystone instead of the simulator's own.
    pub iam: Option<Url>,
    /// In force from the start.
    pub faults: Vec<FaultSpec>,
    /// How long a token is valid, in real time: clients judge its expiry by their own clocks.
    pub token_ttl: Duration,
    /// Bytes in a token. Open Telekom Cloud's have several thousand.
    pub token_bytes: usize,
    /// Stands before the password and in every token and temporary key, so that whoever looks for it
    /// finds them wherever they got to.
    pub mark: String,
    /// How long temporary access keys are valid, whatever a request asks for; `None` is as it asks, and
    /// an hour for those of the metadata service.
    pub temporary_ttl: Option<Duration>,
    /// How the metadata service behaves.
    pub metadata: Metadata,
    /// What the offset of a v2 list counts.
    pub offsets: Offsets,
    /// What the stories' clock shows at the start; `None` is the real time.
    pub epoch: Option<Timestamp>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], DEFAULT_PORT)),
            allow_remote: false,
            scenario: Scenario::Mixed,
            seed: 1,
            speed: 1.0,
            jobs: None,
            // Ten readings of a list that is read once a minute.
            stay: Duration::from_mins(10),
            projects: vec![ProjectSpec::default()],
            iam: None,
            faults: Vec::new(),
            // What Open Telekom Cloud documents.
            token_ttl: Duration::from_hours(24),
            token_bytes: 512,
            mark: String::new(),
            temporary_ttl: None,
            metadata: Metadata::default(),
            offsets: Offsets::default(),
            epoch: None,
        }
    }
}

/// What the offset of a v2 list counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Offsets {
    /// Pages, as today's documents say.
    #[default]
    Pages,
    /// Jobs, as older documents and other clients have it.
    Items,
}

/// How the metadata service of a server behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// What it does with session tokens.
    pub sessions: Sessions,
    /// The server was given an agency; one without has no credentials.
    pub agency: bool,
}

impl Default for Metadata {
    fn default() -> Self {
        Self { sessions: Sessions::Offered, agency: true }
    }
}

/// What a metadata service does with session tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sessions {
    /// It gives them, and answers without one too.
    Offered,
    /// It answers nobody without one.
    Required,
    /// It has none and says so with this status: 404, 405 and 503 occur.
    Refused(StatusCode),
}

/// Why a word from the command line means nothing here.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// Not a scenario.
    #[error("unknown scenario {0:?}, expected one of: {all}", all = Scenario::words())]
    Scenario(String),
    /// Not a fault.
    #[error("unknown fault {0:?}, expected one of: {all}", all = Fault::words())]
    Fault(String),
    /// Not a kind of request.
    #[error("unknown kind of request {0:?}, expected one of: {all}", all = Target::words())]
    Target(String),
    /// Not a number.
    #[error("the value of a fault is a whole number of its unit, not {0:?}")]
    Value(String),
    /// A value the fault cannot take.
    #[error("the value of {fault} is at most {most}")]
    TooMuch {
        /// The fault's name.
        fault: &'static str,
        /// The greatest value it takes.
        most: u64,
    },
    /// Not a project.
    #[error("expected a project as NAME:ID, not {0:?}")]
    Project(String),
}

/// Which jobs there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scenario {
    /// Jobs in every state, ending and beginning again.
    #[default]
    Mixed,
    /// A dozen jobs whose fates are decided within the first simulated half hour.
    Demo,
    /// Running jobs that never end, all of one size: for measurements.
    Steady,
    /// The same where they have a history: of twenty one runs, the others completed within the last half
    /// day.
    History,
    /// Names that break careless programs.
    Hostile,
    /// One job for each contradiction between the documents and the wire.
    Quirks,
    /// Jobs appear, run, end and vanish: for the long run.
    Churn,
}

impl Scenario {
    /// Every scenario.
    pub const ALL: [Self; 7] = [
        Self::Mixed,
        Self::Demo,
        Self::Steady,
        Self::History,
        Self::Hostile,
        Self::Quirks,
        Self::Churn,
    ];

    /// Its name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mixed => "mixed",
            Self::Demo => "demo",
            Self::Steady => "steady",
            Self::History => "history",
            Self::Hostile => "hostile",
            Self::Quirks => "quirks",
            Self::Churn => "churn",
        }
    }

    fn words() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }
}

impl FromStr for Scenario {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        Self::ALL
            .into_iter()
            .find(|scenario| scenario.as_str() == text)
            .ok_or_else(|| SpecError::Scenario(text.to_owned()))
    }
}

/// A project of the simulated account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectSpec {
    /// Its name, as in a token request's scope.
    pub name: String,
    /// Its id, as in the paths of the API.
    pub id: String,
}

impl Default for ProjectSpec {
    fn default() -> Self {
        Self { name: "demo".to_owned(), id: "0123456789abcdef0123456789abcdef".to_owned() }
    }
}

impl FromStr for ProjectSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        match text.rsplit_once(':') {
            Some((name, id)) if !name.is_empty() && !id.is_empty() && !id.contains('/') => {
                Ok(Self { name: name.to_owned(), id: id.to_owned() })
            }
            _ => Err(SpecError::Project(text.to_owned())),
        }
    }
}

/// A fault as the command line names it: `FAULT[:ON[:VALUE]]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultSpec {
    /// What goes wrong.
    pub fault: Fault,
    /// In which requests.
    pub on: Target,
    /// How much of it, in the fault's unit.
    pub value: u64,
}

impl FaultSpec {
    /// A fault with a value that it can take; `None` is its default.
    pub fn new(fault: Fault, on: Target, value: Option<u64>) -> Result<Self, SpecError> {
        let value = value.unwrap_or(fault.default_value());
        let most = fault.greatest_value();
        if value > most {
            return Err(SpecError::TooMuch { fault: fault.as_str(), most });
        }
        Ok(Self { fault, on, value })
    }
}

impl FromStr for FaultSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let mut parts = text.splitn(3, ':');
        let fault = parts.next().unwrap_or_default().parse()?;
        let on = parts.next().filter(|on| !on.is_empty()).map_or(Ok(Target::Any), str::parse)?;
        let value = parts
            .next()
            .map(|value| value.parse().map_err(|_| SpecError::Value(value.to_owned())))
            .transpose()?;
        Self::new(fault, on, value)
    }
}
