//! The Debian package in a Debian below a folder.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::{
    Cloud, Finished, PATIENCE, Process, Scrape, Setup, Site, Supervisor, peer, repository, secrets,
    wait_for,
};

/// dpkg writes every file to disk before it goes on; the package is compressed with xz.
const INSTALLED: Duration = Duration::from_mins(3);

/// The name of the package, its user and its unit.
const NAME: &str = "modelarts-exporter";

const CONFIG: &str = "etc/modelarts-exporter/modelarts-exporter.toml";
const PASSWORD: &str = "etc/modelarts-exporter/password";
const STATE: &str = "var/lib/modelarts-exporter/state";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_package_is_installed_run_upgraded_removed_and_purged() {
    let root = Root::new().await;
    let untouched = root.files();
    let cloud = Cloud::empty().await;
    let (job, ends) = (cloud.add("train").await.job_id, cloud.add("ends").await.job_id);

    root.install("0.1.0-1").await;
    assert_eq!(root.status().await, "ii 0.1.0-1");
    let access = root.access("etc/modelarts-exporter").await;
    assert_eq!(access, "root modelarts-exporter 750", "passwords may stand there");

    let shipped = root.read(CONFIG);
    let auth = format!("password_file = \"/{PASSWORD}\"\nproject_name = \"demo\"");
    let setup = Setup { auth: &auth, ..Setup::of([job, ends]) };
    let edited =
        format!("{shipped}\n[web]\nlisten_addresses = [\"127.0.0.1:0\"]\n{}", setup.file(&cloud));
    root.write(CONFIG, &edited);
    root.write(PASSWORD, secrets::PASSWORD);
    root.run("chown root:modelarts-exporter $1; chmod 640 $1", &[PASSWORD]).await;

    let mut service = Service::start(&root).await;
    service.site.shows(&["modelarts_job_status{status=\"running\"} == 2"]).await;
    cloud.set_status(ends, "failed").await;
    // Where the unit hides the rest of /proc.
    service.site.shows(&["process_start_time_seconds > 1000000000"]).await;
    let failed = ["modelarts_job_runs_total{job_name=\"ends\",outcome=\"failed\"} == 1"];
    service.site.shows(&failed).await;
    assert_eq!(root.access(STATE).await, "modelarts-exporter modelarts-exporter 600");
    service.reload(&root).await;

    root.install("0.2.0-1").await;
    assert_eq!(root.status().await, "ii 0.2.0-1");
    assert_eq!(root.read(CONFIG), edited, "what was edited stays");
    service.stop(&root).await;
    let service = Service::start(&root).await;
    service.site.shows(&failed).await;
    service.stop(&root).await;

    root.run("dpkg --remove $1", &[NAME]).await;
    assert!(!root.path("usr/bin/modelarts-exporter").exists());
    assert_eq!(root.read(CONFIG), edited);
    assert!(root.path(STATE).exists(), "who installs it again goes on");
    fs::remove_file(root.path(PASSWORD)).unwrap();
    root.run("dpkg --purge $1", &[NAME]).await;
    let left: Vec<_> = root.files().difference(&untouched).cloned().collect();
    assert_eq!(left, Vec::<String>::new(), "the package left this behind");
}

/// A Debian of its own in a folder.
struct Root {
    folder: TempDir,
}

impl Root {
    async fn new() -> Self {
        let root = Self { folder: TempDir::new().unwrap() };
        let mut copy = Command::new("cp");
        copy.arg("--archive").arg(peer("debian")).arg(root.folder.path().join("root"));
        succeeds("cp", &mut copy).await;
        root
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join("root").join(inside)
    }

    fn read(&self, inside: &str) -> String {
        fs::read_to_string(self.path(inside)).unwrap()
    }

    fn write(&self, inside: &str, text: &str) {
        fs::write(self.path(inside), text).unwrap();
    }

    /// Runs a line of shell inside, which has to succeed.
    async fn run(&self, line: &str, arguments: &[&str]) -> Finished {
        let mut command = Command::new("chroot");
        command.arg(self.path("")).args(["sh", "-euc", line, "sh"]).args(arguments);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        succeeds(line, &mut command).await
    }

    /// Makes a package of the binary that is tested, under this version, and installs it.
    async fn install(&self, version: &str) {
        let package = self.path("root/package.deb");
        let folder = Path::new(env!("CARGO_BIN_EXE_modelarts-exporter")).parent().unwrap();
        let profile = if folder.ends_with("release") { "release" } else { "dev" };
        let mut make = Command::new(repository("target/tools/bin/cargo-deb"));
        make.current_dir(repository("")).args(["--locked", "--no-build", "--no-dbgsym", "--fast"]);
        make.args(["--profile", profile, "--deb-version", version, "--output"]).arg(&package);
        succeeds("cargo-deb", &mut make).await;
        // Asked about a file that was edited, people answer that theirs is to stay.
        self.run("dpkg --force-confold --install $1; rm $1", &["/root/package.deb"]).await;
    }

    /// What dpkg thinks of the package.
    async fn status(&self) -> String {
        let format = "dpkg-query --show --showformat '${db:Status-Abbrev}${Version}' $1";
        self.run(format, &[NAME]).await.stdout
    }

    /// Owner, group and mode of a file.
    async fn access(&self, inside: &str) -> String {
        let told = self.run("stat --format '%U %G %a' $1", &[&format!("/{inside}")]).await;
        told.stdout.trim().to_owned()
    }

    /// Every file and folder, without those that dpkg keeps for itself, the log, and the user, who stays.
    fn files(&self) -> BTreeSet<String> {
        let kept =
            ["var/lib/dpkg/", "var/log/", "etc/passwd", "etc/group", "etc/shadow", "etc/gshadow"];
        let mut files = BTreeSet::new();
        let mut folders = vec![self.path("")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let inside = entry.path().strip_prefix(self.path("")).unwrap().to_owned();
                let inside = inside.to_string_lossy().into_owned();
                if kept.iter().any(|kept| inside.starts_with(kept)) {
                    continue;
                }
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                }
                files.insert(inside);
            }
        }
        files
    }
}

/// What systemd does with the unit, done by hand: it is not the first process there.
struct Service {
    process: Process,
    site: Site,
    supervisor: Supervisor,
    unit: String,
}

impl Service {
    /// The command of the unit as its user, with its state folder, until it says that it is ready.
    async fn start(root: &Root) -> Self {
        let unit = root.read("usr/lib/systemd/system/modelarts-exporter.service");
        let key = |key: &str| {
            let line = unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_else(|| panic!("the unit has no {key}")).to_owned()
        };
        let (user, group) = (key("User"), key("Group"));
        let state = format!("/var/lib/{}", key("StateDirectory"));
        let make = "install --directory --owner $1 --group $2 --mode $3 $4";
        root.run(make, &[&user, &group, &key("StateDirectoryMode"), &state]).await;

        let mut supervisor = Supervisor::at_path(root.path("run/notify"));
        root.run("chmod 666 /run/notify", &[]).await;
        // With the /proc of the unit, which ends with the process, and no process between it and us.
        let enter =
            "mount -t proc -o hidepid=2,subset=pid proc $1/proc; exec chroot --userspec=$2 $1 $3";
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation=private", "sh", "-euc", enter, "sh"]);
        command.arg(root.path("")).arg(format!("{user}:{group}")).arg(key("ExecStart"));
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("NOTIFY_SOCKET", "/run/notify");
        let environment = key("Environment").replace("%S", "/var/lib");
        let (name, value) = environment.split_once('=').unwrap();
        command.env(name, value);
        let watchdog = key("WatchdogSec").trim_end_matches('s').parse::<u64>().unwrap();
        command.env("WATCHDOG_USEC", (watchdog * 1_000_000).to_string());
        let mut process = Process::start("the service", &mut command);
        let listening = |process: &Process| process.logged_address("listening");
        let address = process.wait_until(PATIENCE, "an address", listening).await;
        supervisor.hears("READY=1").await;
        Self { process, site: Site::new(&format!("http://{address}")), supervisor, unit }
    }

    /// The unit's own command for it.
    async fn reload(&mut self, root: &Root) {
        let line = self.unit.lines().find_map(|line| line.strip_prefix("ExecReload=")).unwrap();
        let line = line.replace("$MAINPID", &self.process.id().to_string());
        root.run(&line, &[]).await;
        self.supervisor.hears("RELOADING=1").await;
        self.supervisor.hears("READY=1").await;
    }

    async fn stop(mut self, root: &Root) {
        self.process.terminate();
        let finished = self.process.ended(PATIENCE).await;
        assert!(finished.status.success(), "{}", finished.stderr);
        self.supervisor.hears("STOPPING=1").await;
        fs::remove_file(root.path("run/notify")).unwrap();
    }
}

async fn succeeds(name: &str, command: &mut Command) -> Finished {
    let finished = Process::run(name, command, INSTALLED).await;
    assert!(finished.status.success(), "{name}\n{}\n{}", finished.stdout, finished.stderr);
    finished
}
