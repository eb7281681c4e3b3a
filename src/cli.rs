//! What the operator typed on the command line.
//!
//! Flags follow the habits of Prometheus' exporters: names with dots, each with a key in the file.
//! There is no flag for a secret: the process list would show it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::LazyLock;

use clap::{Args, Parser, Subcommand};
use url::Url;

use crate::own::BuildInfo;

/// The daemon's default port, on loopback, where `healthcheck` looks.
const DEFAULT_HEALTH_URL: &str = "http://127.0.0.1:10977/-/healthy";
/// The simulator's default address: loopback, beside the exporter's port.
const DEFAULT_SIMULATOR_ADDRESS: &str = "127.0.0.1:10978";

const EXAMPLES: &str = "\
Examples:
  modelarts-exporter demo
      Look around: the exporter against a simulated cloud, no account needed.
  modelarts-exporter generate config > modelarts-exporter.toml
      Start a configuration file: every key at its default, with comments.
  modelarts-exporter check --config.file=modelarts-exporter.toml
      Find all mistakes of the file at once.
  modelarts-exporter --config.file=modelarts-exporter.toml
      Serve http://127.0.0.1:10977/metrics.

Every key can also be set by the environment, with `__` between levels:
  MODELARTS_EXPORTER_POLL__INTERVAL=30s
  MODELARTS_EXPORTER_PROJECTS__0__AUTH__PASSWORD_FILE=/run/secrets/password
A flag beats the environment, the environment beats the file.";

/// `--version`: everything a bug report needs. The build may pass revision and compiler.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let BuildInfo { version, revision, branch, rustc } = BuildInfo::CURRENT;
    format!("{version}\n  revision: {revision}\n  branch:   {branch}\n  rustc:    {rustc}")
});

/// The command line as typed.
#[derive(Debug, Parser)]
#[command(
    name = "modelarts-exporter",
    version = VERSION.as_str(),
    about = "Prometheus exporter for ModelArts training jobs on Huawei Cloud and Open Telekom Cloud",
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    #[command(flatten)]
    daemon: DaemonArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

impl Cli {
    /// What is to be done; without a subcommand, the daemon is to be run.
    pub fn into_command(self) -> Command {
        self.command.unwrap_or(Command::Run(self.daemon))
    }
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Poll the cloud and serve metrics (also without this word)
    Run(DaemonArgs),
    /// Run against the built-in simulator: no account, no file, no network
    Demo(DemoArgs),
    /// Run only the simulator of the cloud
    Simulate(SimulateArgs),
    /// Report every mistake of the configuration; exit 1 if there is one
    Check(DaemonArgs),
    /// Poll everything once and print the metrics; exit 1 if a project failed
    Once(DaemonArgs),
    /// Exit 0 if the running daemon is healthy (for images without a shell)
    Healthcheck(HealthcheckArgs),
    /// Explain connection, credentials, permissions, jobs and budget; exit 1 if something fails
    Doctor(ReportArgs),
    /// Tell the series, bytes and API requests of a configuration, and what each filter saves
    Estimate(ReportArgs),
    /// Print a generated document
    #[command(hide = true)]
    Generate {
        /// Which
        document: Document,
    },
}

/// The documents that follow from the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Document {
    /// The example configuration file, every key at its default
    Config,
    /// The reference of the configuration
    ConfigurationDoc,
    /// The reference of the metrics
    MetricsDoc,
}

/// The flags of everything that reads the configuration. Each is a key of the file, too.
///
/// Values stay text here: the configuration knows their types and reports all mistakes together.
#[derive(Clone, Debug, Default, Args)]
pub struct DaemonArgs {
    /// Configuration file; TOML, or YAML by its ending
    #[arg(long = "config.file", value_name = "PATH")]
    pub config_file: Option<PathBuf>,
    /// Address to listen on, such as :10977; repeatable [default: 127.0.0.1:10977]
    #[arg(long = "web.listen-address", value_name = "HOST:PORT")]
    listen_address: Vec<String>,
    /// Path of the metrics [default: /metrics]
    #[arg(long = "web.telemetry-path", value_name = "PATH")]
    telemetry_path: Option<String>,
    /// Put before every path
    #[arg(long = "web.route-prefix", value_name = "PREFIX")]
    route_prefix: Option<String>,
    /// Requests answered at once; more get 503 [default: 40]
    #[arg(long = "web.max-requests", value_name = "N")]
    max_requests: Option<String>,
    /// TLS and users: a file with the keys of Prometheus' exporter-toolkit
    #[arg(long = "web.config.file", value_name = "PATH")]
    web_config_file: Option<String>,
    /// Listen on the sockets that systemd hands over, instead of the addresses
    #[arg(long = "web.systemd-socket")]
    systemd_socket: bool,
    /// Answer POST /-/reload, which reads the configuration again
    #[arg(long = "web.enable-lifecycle")]
    enable_lifecycle: bool,
    /// Show /config to other machines, too
    #[arg(long = "web.enable-config")]
    enable_config: bool,
    /// error, warn, info, debug, trace or off, or directives by module [default: info]
    #[arg(long = "log.level", value_name = "LEVEL")]
    log_level: Option<String>,
    /// logfmt or json [default: logfmt]
    #[arg(long = "log.format", value_name = "FORMAT")]
    log_format: Option<String>,
    /// Which part of the jobs is ours, from 0 on [default: what follows the last - of HOSTNAME]
    #[arg(long = "shard.index", value_name = "I")]
    shard_index: Option<String>,
    /// Into how many parts the jobs are divided [default: 1]
    #[arg(long = "shard.total", value_name = "N")]
    shard_total: Option<String>,
}

impl DaemonArgs {
    /// Key paths and texts, as the configuration's uppermost layer.
    pub fn flags(&self) -> Vec<(String, String)> {
        let switch = |on: bool| on.then(|| "true".to_owned());
        let single = [
            ("web.telemetry_path", self.telemetry_path.clone()),
            ("web.route_prefix", self.route_prefix.clone()),
            ("web.max_requests", self.max_requests.clone()),
            ("log.level", self.log_level.clone()),
            ("log.format", self.log_format.clone()),
            ("web.config_file", self.web_config_file.clone()),
            ("web.systemd_socket", switch(self.systemd_socket)),
            ("web.enable_lifecycle", switch(self.enable_lifecycle)),
            ("web.enable_config", switch(self.enable_config)),
            ("shard.index", self.shard_index.clone()),
            ("shard.total", self.shard_total.clone()),
        ];
        let addresses = self.listen_address.iter().map(|text| ("web.listen_addresses", text));
        addresses
            .map(|(key, text)| (key.to_owned(), text.clone()))
            .chain(single.into_iter().filter_map(|(key, text)| Some((key.to_owned(), text?))))
            .collect()
    }
}

/// Flags of `demo`.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// Address the exporter listens on; port 0 lets the system choose
    #[arg(
        long = "web.listen-address",
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:10977"
    )]
    pub listen_address: String,
    /// Address the simulator listens on; port 0 lets the system choose
    #[arg(long = "listen", value_name = "HOST:PORT", default_value = DEFAULT_SIMULATOR_ADDRESS)]
    pub simulator_address: SocketAddr,
    /// What the simulated cloud is and does
    #[command(flatten)]
    pub world: WorldArgs,
}

/// Flags of `simulate`.
#[derive(Clone, Debug, Args)]
pub struct SimulateArgs {
    /// Address to listen on; port 0 lets the system choose
    #[arg(long = "listen", value_name = "HOST:PORT", default_value = DEFAULT_SIMULATOR_ADDRESS)]
    pub address: SocketAddr,
    /// Allow an address that is not loopback
    #[arg(long)]
    pub allow_remote: bool,
    /// A project, in the place of the demo project; repeatable
    #[arg(long = "project", value_name = "NAME:ID")]
    pub projects: Vec<String>,
    /// Let this Keystone check the tokens instead of the simulator
    #[arg(long, value_name = "URL")]
    pub iam: Option<Url>,
    /// Something that goes wrong from the start, such as latency:detail:500; repeatable
    #[arg(long = "fault", value_name = "FAULT[:ON[:VALUE]]")]
    pub faults: Vec<String>,
    /// What the simulated cloud is and does
    #[command(flatten)]
    pub world: WorldArgs,
}

/// What the simulated cloud is and does.
#[derive(Clone, Debug, Args)]
pub struct WorldArgs {
    /// The stories its jobs tell: demo, mixed, steady, history, hostile, quirks or churn [default:
    /// mixed; for the demo, demo]
    #[arg(long, value_name = "NAME")]
    pub scenario: Option<String>,
    /// The same seed tells the same stories
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How fast its clock runs; 0 stops every clock and story [default: 1; for the demo, 60]
    #[arg(long, value_name = "X")]
    pub speed: Option<f64>,
    /// This many jobs of each API instead of the scenario's own; with churn, in a simulated day
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
}

/// Flags of `doctor` and `estimate`.
#[derive(Clone, Debug, Args)]
pub struct ReportArgs {
    /// How the report is written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = ReportFormat::Table)]
    pub format: ReportFormat,
    /// Where the configuration comes from
    #[command(flatten)]
    pub daemon: DaemonArgs,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ReportFormat {
    /// A table for people
    Table,
    /// One JSON document
    Json,
}

/// Arguments of `healthcheck`.
#[derive(Clone, Debug, Args)]
pub struct HealthcheckArgs {
    /// The daemon's health endpoint
    #[arg(value_name = "URL", default_value = DEFAULT_HEALTH_URL)]
    pub url: Url,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(words: &[&str]) -> Command {
        let words = std::iter::once("modelarts-exporter").chain(words.iter().copied());
        Cli::try_parse_from(words).unwrap().into_command()
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_is_enough_to_get_going() {
        let help = Cli::command().term_width(100).render_help().to_string();
        insta::assert_snapshot!(help, @r"
        Prometheus exporter for ModelArts training jobs on Huawei Cloud and Open Telekom Cloud

        Usage: modelarts-exporter [OPTIONS]
               modelarts-exporter <COMMAND>

        Commands:
          run          Poll the cloud and serve metrics (also without this word)
          demo         Run against the built-in simulator: no account, no file, no network
          simulate     Run only the simulator of the cloud
          check        Report every mistake of the configuration; exit 1 if there is one
          once         Poll everything once and print the metrics; exit 1 if a project failed
          healthcheck  Exit 0 if the running daemon is healthy (for images without a shell)
          doctor       Explain connection, credentials, permissions, jobs and budget; exit 1 if something
                       fails
          estimate     Tell the series, bytes and API requests of a configuration, and what each filter
                       saves

        Options:
              --config.file <PATH>              Configuration file; TOML, or YAML by its ending
              --web.listen-address <HOST:PORT>  Address to listen on, such as :10977; repeatable [default:
                                                127.0.0.1:10977]
              --web.telemetry-path <PATH>       Path of the metrics [default: /metrics]
              --web.route-prefix <PREFIX>       Put before every path
              --web.max-requests <N>            Requests answered at once; more get 503 [default: 40]
              --web.config.file <PATH>          TLS and users: a file with the keys of Prometheus'
                                                exporter-toolkit
              --web.systemd-socket              Listen on the sockets that systemd hands over, instead of
                                                the addresses
              --web.enable-lifecycle            Answer POST /-/reload, which reads the configuration again
              --web.enable-config               Show /config to other machines, too
              --log.level <LEVEL>               error, warn, info, debug, trace or off, or directives by
                                                module [default: info]
              --log.format <FORMAT>             logfmt or json [default: logfmt]
              --shard.index <I>                 Which part of the jobs is ours, from 0 on [default: what
                                                follows the last - of HOSTNAME]
              --shard.total <N>                 Into how many parts the jobs are divided [default: 1]
          -h, --help                            Print help
          -V, --version                         Print version

        Examples:
          modelarts-exporter demo
              Look around: the exporter against a simulated cloud, no account needed.
          modelarts-exporter generate config > modelarts-exporter.toml
              Start a configuration file: every key at its default, with comments.
          modelarts-exporter check --config.file=modelarts-exporter.toml
              Find all mistakes of the file at once.
          modelarts-exporter --config.file=modelarts-exporter.toml
              Serve http://127.0.0.1:10977/metrics.

        Every key can also be set by the environment, with `__` between levels:
          MODELARTS_EXPORTER_POLL__INTERVAL=30s
          MODELARTS_EXPORTER_PROJECTS__0__AUTH__PASSWORD_FILE=/run/secrets/password
        A flag beats the environment, the environment beats the file.
        ");
    }

    #[test]
    fn the_version_is_what_a_bug_report_needs() {
        let version = Cli::command().render_version();
        assert!(version.starts_with("modelarts-exporter 0."), "{version}");
        for part in ["revision:", "branch:", "rustc:"] {
            assert!(version.contains(part), "{version}");
        }
    }

    #[test]
    fn the_word_run_may_be_left_out() {
        for words in [&["--config.file=a.toml"][..], &["run", "--config.file=a.toml"]] {
            let Command::Run(daemon) = parse(words) else { panic!("{words:?} is not the daemon") };
            assert_eq!(daemon.config_file, Some(PathBuf::from("a.toml")));
            assert!(daemon.flags().is_empty());
        }
    }

    #[test]
    fn flags_become_keys() {
        let Command::Run(daemon) = parse(&[
            "--web.listen-address=:1",
            "--web.listen-address=[::1]:2",
            "--web.max-requests=7",
            "--web.enable-lifecycle",
            "--shard.index=0",
        ]) else {
            panic!("not the daemon")
        };
        let pairs = [
            ("web.listen_addresses", ":1"),
            ("web.listen_addresses", "[::1]:2"),
            ("web.max_requests", "7"),
            ("web.enable_lifecycle", "true"),
            ("shard.index", "0"),
        ];
        assert_eq!(daemon.flags(), pairs.map(|(key, text)| (key.to_owned(), text.to_owned())));
    }

    #[test]
    fn simulate_has_the_documented_defaults() {
        let Command::Simulate(simulate) =
            parse(&["simulate", "--fault=hang", "--fault=reset:detail"])
        else {
            panic!("not the simulator")
        };
        assert_eq!(simulate.address.to_string(), "127.0.0.1:10978");
        assert_eq!((simulate.world.seed, simulate.world.speed), (1, None));
        assert_eq!(simulate.faults, ["hang", "reset:detail"]);
    }
}
