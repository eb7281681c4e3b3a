//! What the operator wants: a file as typed, overlaid by the environment and the flags, becomes a
//! `Config` that is valid by construction, or a list of everything that is wrong with it.
//!
//! The way: `load` reads the layers (`layers`), checks every key and value against one table
//! (`keys`, `kind`, `values`) and builds the settings of each room (`project`). The same table
//! writes the commented example file and the documentation (`document`), and what is in use (`effective`).

mod auth;
mod document;
mod effective;
mod fallback;
mod keys;
mod kind;
mod layers;
mod makings;
mod mistake;
mod project;
mod secret;
mod units;
mod values;
mod web;
mod web_file;

use std::fmt;
use std::path::PathBuf;

pub use document::{example_file, reference};
pub use effective::Effective;
pub use mistake::{ConfigError, Mistake, Warning};
pub use secret::SecretFiles;
pub use web_file::WebFile;

use figment::value::Dict;

use crate::inventory::outcomes::Rules;
use crate::inventory::state_file::StateFile;
use crate::model::{Discovery, JobSpec};
use crate::{cloud, inventory, metrics, schedule, server};
use makings::Makings;
use mistake::Report;
use project::count;
use values::Values;

/// Where the configuration comes from. Each layer wins over the one before.
#[derive(Default)]
pub struct Source {
    /// The file; TOML, or YAML where its name ends in `.yaml` or `.yml`.
    pub file: Option<PathBuf>,
    /// Names and texts of environment variables: ours begin with `MODELARTS_EXPORTER_`; those of
    /// other clients of the clouds (`OS_…`, `HUAWEICLOUD_SDK_…`) fill in what the first project lacks.
    pub environment: Vec<(String, String)>,
    /// Key paths and texts; a path that occurs several times is a list.
    pub flags: Vec<(String, String)>,
}

/// What the operator wants, for every room. Nothing in it is wrong.
#[derive(Debug)]
pub struct Config {
    /// Where and how we serve.
    pub web: server::Settings,
    /// Whether we listen on sockets that systemd hands over, instead of the addresses of `web`.
    pub systemd_socket: bool,
    /// Who may ask, and over what.
    pub web_file: WebFile,
    /// How we log.
    pub log: LogSettings,
    /// What is shown.
    pub metrics: metrics::Settings,
    /// Where outcomes survive a restart; `None`: nowhere.
    pub state_file: Option<StateFile>,
    /// At least one, each with a name of its own.
    pub projects: Vec<ProjectConfig>,
    /// All of it, for people.
    pub effective: Effective,
}

/// How we log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// A level or directives, as `tracing_subscriber::EnvFilter` reads them.
    pub level: String,
    /// How a line is written.
    pub format: LogFormat,
}

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// `key=value` pairs.
    Logfmt,
    /// One JSON object a line.
    Json,
}

/// What one project needs of each room.
#[derive(Debug)]
pub struct ProjectConfig {
    /// How it is reached.
    pub cloud: cloud::Project,
    /// When it is asked.
    pub schedule: schedule::Settings,
    /// How long its answers count.
    pub inventory: inventory::Settings,
    /// How its outcomes are kept.
    pub outcomes: Rules,
    /// The jobs it names, each once.
    pub jobs: Vec<JobSpec>,
    /// Which others are found by its list; `None`: none.
    pub discovery: Option<Discovery>,
    /// The files that its secrets were read from.
    pub secret_files: SecretFiles,
    makings: Makings,
}

/// Reads, merges and checks the configuration, secrets and certificates included.
///
/// The second half of the answer is for the log. The error holds every mistake at once, and no value
/// of any key: any may be a secret in the wrong place.
pub fn load(source: &Source) -> Result<(Config, Vec<Warning>), ConfigError> {
    let mut report = Report::new(source.file.as_deref());
    let tree = match &source.file {
        Some(path) => layers::read_file(path, &mut report),
        None => Some(Dict::new()),
    };
    let is_readable = tree.is_some();
    let file = source.file.as_deref().zip(tree);
    let merged = layers::merge(file, &source.environment, &source.flags, &mut report);
    let merged = fallback::fill(merged, &source.environment, &mut report);
    let values = values::check(&merged, &mut report);
    // Without the file everything would be missing, which says nothing.
    if !is_readable {
        return Err(report.into_error());
    }
    let config = build(&values, &mut report);
    if report.is_clean() { Ok((config, report.into_warnings())) } else { Err(report.into_error()) }
}

fn build(values: &Values, report: &mut Report) -> Config {
    let effective = Effective::of(values);
    let projects = project::build_all(values, &effective, report);
    Config {
        web: server::Settings {
            listen_addresses: values.addresses("web.listen_addresses"),
            telemetry_path: values.word("web.telemetry_path"),
            route_prefix: values.word("web.route_prefix"),
            max_requests: count(values.integer("web.max_requests")),
            enable_lifecycle: values.bool("web.enable_lifecycle"),
            enable_config: values.bool("web.enable_config"),
        },
        systemd_socket: values.bool("web.systemd_socket"),
        web_file: match values.path("web.config_file") {
            Some((path, _)) => WebFile::read(path, report),
            None => WebFile::none(),
        },
        log: LogSettings {
            level: values.word("log.level"),
            format: match values.word("log.format").as_str() {
                "json" => LogFormat::Json,
                _ => LogFormat::Logfmt,
            },
        },
        metrics: metrics::Settings {
            extra_model_metrics: values.bool("metrics.extra_model_metrics"),
            info_labels: values.info_labels("metrics.info_labels"),
        },
        state_file: values.path("state.file").map(|(path, _)| StateFile::new(path)),
        projects,
        effective,
    }
}

/// Shows where the configuration comes from, never what the environment and the flags say.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |table: &[(String, String)]| -> Vec<String> {
            table.iter().map(|(name, _)| name.clone()).collect()
        };
        f.debug_struct("Source")
            .field("file", &self.file)
            .field("environment", &names(&self.environment))
            .field("flags", &names(&self.flags))
            .finish()
    }
}
