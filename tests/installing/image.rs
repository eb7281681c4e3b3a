//! The image, built where there is no registry, and its root run as a container's.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;

use crate::harness::{Cloud, PATIENCE, Process, Scrape, Setup, Site, peer, repository, wait_for};

/// Everything is compiled, the dependencies first, on a machine that may have other things to do.
const BUILT: Duration = Duration::from_mins(40);

/// The most that the files of the image may take, in bytes.
const LARGEST: u64 = 15_000_000;

/// What the image brings for a state, and for its configuration.
const STATE: &str = "var/lib/modelarts-exporter";
const CONFIG: &str = "etc/modelarts-exporter";

/// In the place of the base image's: its registry is another one, and the toolchain is this machine's.
const RUSTUP: &str = "#!/bin/sh
# rustup target add TARGET
test -d \"$(rustc --print sysroot)/lib/rustlib/$3\" && exit
echo \"the toolchain of this machine lacks $3: rustup target add $3\" >&2
exit 1
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stderr, reason = "figures are looked at where a test passes, too")]
async fn the_image_runs_on_a_root_that_cannot_be_written() {
    let bench = Bench::new();
    bench.make_base().await;
    bench.build().await;
    let stand = Stand::of(&bench).await;
    let size = size(&stand.path("root"));
    eprintln!("the image has {size} bytes");
    assert!(size < LARGEST, "the image has {size} bytes");

    let cloud = Cloud::empty().await;
    let job = cloud.add("train").await.job_id;
    let state = format!("[state]\nfile = \"/{STATE}/state\"");
    let config = Setup { tables: &state, ..Setup::of([job]) }.file(&cloud);
    fs::write(stand.path("config/modelarts-exporter.toml"), config).unwrap();

    let mut exporter = stand.start(&stand.config.command(), "the container");
    let listening = |process: &Process| process.logged_address("listening");
    let address = exporter.wait_until(PATIENCE, "an address", listening).await;
    let site = Site::new(&format!("http://{address}"));
    site.shows(&["modelarts_job_consecutive_failures == 0"]).await;
    assert!(stand.path("state/state").exists(), "an outcome is on disk before it is shown");
    let inside = inside(&exporter);
    stand.is_confined(&inside);

    let mut check = stand.config.health_check();
    check.push(format!("http://{address}/-/healthy"));
    let checked = stand.start(&check, "the health check").ended(PATIENCE).await;
    assert!(checked.status.success(), "{}", checked.stderr);
    succeeds("kill", Command::new("sh").args(["-c", "kill -TERM $0", &inside])).await;
    let finished = exporter.ended(PATIENCE).await;
    assert!(finished.status.success(), "{}", finished.stderr);
    let checked = stand.start(&check, "the health check").ended(PATIENCE).await;
    assert_eq!(checked.status.code(), Some(1), "nobody is there any more");
}

/// Where images are built and kept, and thrown away in the end.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    /// buildah, with its images here.
    async fn buildah(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("buildah");
        command.arg("--root").arg(self.folder.path().join("images"));
        command.arg("--runroot").arg(self.folder.path().join("run"));
        command.args(["--storage-driver", "vfs"]).args(arguments);
        succeeds("buildah", command.current_dir(repository(""))).await
    }

    /// Gives a Debian with a C compiler the name of the image that is built on, which has the toolchain
    /// of this machine mounted later.
    async fn make_base(&self) {
        let dockerfile = fs::read_to_string(repository("Dockerfile")).unwrap();
        let from = dockerfile.lines().find_map(|line| line.strip_prefix("FROM ")).unwrap();
        let (name, _) = from.split_once(" AS ").unwrap();
        let rustup = self.folder.path().join("rustup");
        fs::write(&rustup, RUSTUP).unwrap();
        fs::set_permissions(&rustup, Permissions::from_mode(0o755)).unwrap();

        let base = self.buildah(&["from", "scratch"]).await;
        let debian = peer("debian");
        self.buildah(&["copy", "--quiet", &base, debian.to_str().unwrap(), "/"]).await;
        let rustup = rustup.to_str().unwrap();
        self.buildah(&["copy", "--quiet", &base, rustup, "/usr/local/bin/rustup"]).await;
        let compiler =
            "apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev make";
        self.buildah(&["run", "--isolation", "chroot", &base, "sh", "-c", compiler]).await;
        let path = "PATH=/usr/local/rust/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let [home, offline] = ["CARGO_HOME=/usr/local/cargo", "CARGO_NET_OFFLINE=true"];
        self.buildah(&["config", "--env", path, "--env", home, "--env", offline, &base]).await;
        self.buildah(&["commit", "--quiet", "--rm", &base, name]).await;
    }

    /// What the Dockerfile makes, with the toolchain of this machine and the crates that it knows.
    async fn build(&self) {
        let cargo = env!("CARGO");
        succeeds(cargo, Command::new(cargo).args(["fetch", "--locked"])).await;
        let sysroot = succeeds("rustc", Command::new("rustc").args(["--print", "sysroot"])).await;
        let toolchain = format!("{sysroot}:/usr/local/rust:ro");
        let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo"))).unwrap();
        let crates = format!("{}:/usr/local/cargo/registry", home.join("registry").display());
        let mut arguments = vec!["build", "--isolation", "chroot", "--pull-never"];
        arguments.extend(["--format", "docker", "--tag", "modelarts-exporter"]);
        arguments.extend(["--volume", &toolchain, "--volume", &crates, "."]);
        self.buildah(&arguments).await;
    }
}

/// What the image says of how it is run.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    user: String,
    env: Vec<String>,
    entrypoint: Vec<String>,
    cmd: Vec<String>,
    healthcheck: HealthCheck,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HealthCheck {
    test: Vec<String>,
}

impl Config {
    fn command(&self) -> Vec<String> {
        [self.entrypoint.as_slice(), &self.cmd].concat()
    }

    fn health_check(&self) -> Vec<String> {
        let (kind, command) = self.healthcheck.test.split_first().unwrap();
        assert_eq!(kind, "CMD", "there is no shell");
        command.to_vec()
    }
}

/// The root of the image with what a container gets beside it.
struct Stand {
    folder: TempDir,
    config: Config,
}

impl Stand {
    async fn of(bench: &Bench) -> Self {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Inspected {
            docker: Docker,
        }
        #[derive(Deserialize)]
        struct Docker {
            config: Config,
        }
        let inspected = bench.buildah(&["inspect", "--type", "image", "modelarts-exporter"]).await;
        let inspected: Inspected = serde_json::from_str(&inspected).unwrap();
        let stand = Self { folder: TempDir::new().unwrap(), config: inspected.docker.config };
        let container = bench.buildah(&["from", "--pull-never", "modelarts-exporter"]).await;
        let mounted = bench.buildah(&["mount", &container]).await;
        let mut copy = Command::new("cp");
        succeeds("cp", copy.arg("--archive").arg(mounted).arg(stand.path("root"))).await;
        // The image's own folder becomes the volume, with its owner.
        fs::rename(stand.path("root").join(STATE), stand.path("state")).unwrap();
        fs::create_dir(stand.path("config")).unwrap();
        // A container's root has them made by whatever starts it.
        for place in [STATE, CONFIG, "proc", "dev"] {
            fs::create_dir_all(stand.path("root").join(place)).unwrap();
        }
        fs::set_permissions(stand.folder.path(), Permissions::from_mode(0o755)).unwrap();
        stand
    }

    fn path(&self, place: &str) -> PathBuf {
        self.folder.path().join(place)
    }

    /// Runs a command of the image as its user, with its environment.
    fn start(&self, command: &[String], name: &str) -> Process {
        let (user, group) = self.config.user.split_once(':').unwrap();
        let mut bwrap = Command::new("setpriv");
        bwrap.args(["--reuid", user, "--regid", group, "--clear-groups", "--no-new-privs"]);
        bwrap.args(["bwrap", "--unshare-user", "--unshare-ipc", "--unshare-uts"]);
        bwrap.args(["--cap-drop", "ALL", "--die-with-parent", "--clearenv"]);
        for variable in &self.config.env {
            let (name, value) = variable.split_once('=').unwrap();
            bwrap.args(["--setenv", name, value]);
        }
        // A port of its own.
        bwrap.args(["--setenv", "MODELARTS_EXPORTER_WEB__LISTEN_ADDRESSES", "127.0.0.1:0"]);
        bwrap.arg("--ro-bind").arg(self.path("root")).arg("/");
        bwrap.arg("--bind").arg(self.path("state")).arg(format!("/{STATE}"));
        bwrap.arg("--ro-bind").arg(self.path("config")).arg(format!("/{CONFIG}"));
        bwrap.args(["--proc", "/proc", "--dev", "/dev", "--"]).args(command);
        Process::start(name, &mut bwrap)
    }

    /// It is the image's user, may do nothing, and cannot write where it stands.
    fn is_confined(&self, process: &str) {
        let told =
            |file: &str| fs::read_to_string(format!("/proc/{process}/{file}")).expect("it runs");
        let (user, _) = self.config.user.split_once(':').unwrap();
        let status = told("status");
        for line in [format!("Uid:\t{user}\t{user}\t"), "CapEff:\t0000000000000000\n".to_owned()] {
            assert!(status.contains(&line), "no {line:?} in {status}");
        }
        let mounts = told("mounts");
        let root = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let root = root.filter(|mount| mount[1] == "/").next_back().expect("there is a root");
        assert!(root[3].starts_with("ro,"), "{root:?}");
    }
}

/// The number of the process that bwrap has started and waits for.
fn inside(bwrap: &Process) -> String {
    let id = bwrap.id();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).expect("it runs");
    children.trim().to_owned()
}

/// The bytes of all files below a folder.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let sizes = entries.map(|entry| match entry.metadata().unwrap() {
        folder if folder.is_dir() => size(&entry.path()),
        file => file.len(),
    });
    sizes.sum()
}

/// Runs a command to its end; what it wrote to stdout, without the end of the line.
async fn succeeds(name: &str, command: &mut Command) -> String {
    let finished = Process::run(name, command, BUILT).await;
    assert!(finished.status.success(), "{name}\n{}\n{}", finished.stdout, finished.stderr);
    finished.stdout.trim().to_owned()
}
