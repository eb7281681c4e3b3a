use std::collections::BTreeSet;
use std::ops::Deref;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::{Finished, PATIENCE, Process, Site, wait_for};

/// From exec to the first line that names an address; generous, because all tests share the machine.
const START: Duration = Duration::from_secs(20);

/// The contract gives 5 s from SIGTERM to the end; this adds what a busy machine may take.
const STOP: Duration = Duration::from_secs(15);

/// What the daemon's configuration file is called.
const CONFIG_FILE: &str = "modelarts-exporter.toml";

/// Our binary with nothing of the tester's environment in its own.
fn exporter(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_modelarts-exporter"));
    command.env_clear().args(args);
    command
}

/// The daemon with a configuration file of its own, listening on a port of its own.
#[derive(Debug)]
pub(crate) struct Daemon {
    process: Process,
    site: Site,
    directory: TempDir,
}

impl Daemon {
    /// Starts the daemon with this configuration, and waits until it listens.
    pub(crate) async fn start(config: &str) -> Self {
        Self::start_reading(Stdio::null(), "exec \"$@\"", config).await
    }

    /// The same through a line of shell, in which `"$@"` is the daemon, with something to read.
    pub(crate) async fn start_reading(stdin: Stdio, shell: &str, config: &str) -> Self {
        let (directory, mut process) = Self::launch(stdin, shell, config);
        let address = process
            .wait_until(START, "the address it listens on", |p| p.logged_address("listening"))
            .await;
        let site = Site::searched(&format!("http://{address}"));
        Self { process, site, directory }
    }

    /// The end of a daemon that has to refuse to start.
    pub(crate) async fn refuses_reading(stdin: Stdio, shell: &str, config: &str) -> Finished {
        let (_directory, process) = Self::launch(stdin, shell, config);
        process.ended(START).await
    }

    fn launch(stdin: Stdio, shell: &str, config: &str) -> (TempDir, Process) {
        let directory = TempDir::new().expect("a temporary directory");
        let file = directory.path().join(CONFIG_FILE);
        std::fs::write(&file, config).expect("the configuration can be written");
        let mut command = Command::new("sh");
        command.env_clear().args(["-c", shell, "sh", env!("CARGO_BIN_EXE_modelarts-exporter")]);
        command.arg("--web.listen-address=127.0.0.1:0");
        command.arg(format!("--config.file={}", file.display()));
        (directory, Process::start_reading(stdin, "the daemon", &mut command))
    }

    /// The configuration file that it reads.
    pub(crate) fn file(&self) -> PathBuf {
        self.directory.path().join(CONFIG_FILE)
    }

    /// Writes another configuration, which it has to be told of.
    pub(crate) fn configure(&self, config: &str) {
        std::fs::write(self.file(), config).expect("the configuration can be written");
    }

    /// SIGTERM, and the end.
    pub(crate) async fn stop(self) -> Finished {
        self.process.terminate();
        self.ended().await
    }

    /// The end, which something else brings about.
    pub(crate) async fn ended(self) -> Finished {
        self.process.ended(STOP).await
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// The most memory it ever held, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.process.peak_memory()
    }

    /// The memory it holds, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.process.memory()
    }

    /// What its descriptors lead to.
    pub(crate) fn open_files(&self) -> BTreeSet<String> {
        self.process.open_files()
    }

    /// The same files with what the kernel knows of those that are sockets of TCP.
    pub(crate) fn describe(&self, files: &BTreeSet<String>) -> String {
        self.process.describe(files)
    }

    /// How many of these files are connections.
    pub(crate) fn connections(&self, files: &BTreeSet<String>) -> usize {
        self.process.connections(files)
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.process.stderr()
    }

    /// How many complete log lines hold all of these words.
    pub(crate) fn logged(&self, words: &[&str]) -> usize {
        let log = self.log();
        complete_lines(&log).filter(|line| words.iter().all(|word| line.contains(word))).count()
    }

    /// Waits until the daemon says that its first round is over.
    pub(crate) async fn is_ready(&self) {
        wait_for(PATIENCE, "the daemon to be ready", async || match self.get("/-/ready").await {
            ready if ready.status == 200 => Ok(()),
            other => Err(format!("{} {}", other.status, other.text)),
        })
        .await;
    }
}

/// The whole configuration file on disk beside a command that ends by itself.
pub(crate) async fn run_with_config(command: &str, config: &str) -> Finished {
    run_in(&[], &[command], config).await
}

/// The same with further arguments, and with these variables in its environment.
pub(crate) async fn run_in(environment: &[(&str, &str)], args: &[&str], config: &str) -> Finished {
    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("modelarts-exporter.toml");
    std::fs::write(&file, config).expect("the configuration can be written");
    let mut command = exporter(args);
    command.arg(format!("--config.file={}", file.display())).envs(environment.iter().copied());
    Process::run(args[0], &mut command, PATIENCE).await
}

/// Our binary with these arguments, to its end.
pub(crate) async fn run(args: &[&str]) -> Finished {
    Process::run(args[0], &mut exporter(args), PATIENCE).await
}

impl Deref for Daemon {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

/// `modelarts-exporter simulate` on a port of its own.
#[derive(Debug)]
pub(crate) struct Simulator {
    _process: Process,
    site: Site,
}

impl Simulator {
    /// Starts the simulator with these arguments, and waits until it listens.
    pub(crate) async fn start(args: &[&str]) -> Self {
        let mut command = exporter(&["simulate", "--listen=127.0.0.1:0"]);
        let mut process = Process::start("the simulator", command.args(args));
        let url =
            process.wait_until(START, "a URL", |p| complete_lines(&p.stdout()).find_map(url)).await;
        Self { _process: process, site: Site::new(&url) }
    }
}

impl Deref for Simulator {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

/// `modelarts-exporter demo`: the daemon and the simulator in one process, on ports of their own.
#[derive(Debug)]
pub(crate) struct Demo {
    process: Process,
    site: Site,
    /// The simulator inside.
    pub(crate) simulator: Site,
}

impl Demo {
    /// Starts the demo, and waits until it has printed both of its URLs.
    pub(crate) async fn start() -> Self {
        let mut command =
            exporter(&["demo", "--web.listen-address=127.0.0.1:0", "--listen=127.0.0.1:0"]);
        let mut process = Process::start("the demo", &mut command);
        let (metrics, simulator) = process
            .wait_until(START, "the URLs of metrics and simulator", |p| {
                let stdout = p.stdout();
                let (metrics, others): (Vec<_>, Vec<_>) = complete_lines(&stdout)
                    .filter_map(|line| Some((line, url(line)?)))
                    .partition(|(_, url)| url.ends_with("/metrics"));
                let simulator = others.into_iter().find(|(line, _)| line.contains("simulat"))?;
                Some((metrics.into_iter().next()?.1, simulator.1))
            })
            .await;
        let site = Site::searched(metrics.trim_end_matches("/metrics"));
        Self { process, site, simulator: Site::new(&simulator) }
    }

    /// SIGTERM, and the end.
    pub(crate) async fn stop(self) -> Finished {
        self.process.terminate();
        self.process.ended(STOP).await
    }
}

impl Deref for Demo {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

/// The lines that are complete: an address cut in half is still an address.
fn complete_lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'))
}

/// The first URL of a line.
fn url(line: &str) -> Option<String> {
    let url = &line[line.find("http://")?..];
    url.split_whitespace().next().map(str::to_owned)
}
