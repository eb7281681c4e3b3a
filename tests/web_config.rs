//! The web configuration file: what may be in it, and what comes of it on the wire.

mod certificates;
mod changes;
mod mistakes;
mod transport;
mod users;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::harness::{Authority, Cloud, Daemon, Finished, ONE_POLL, PATIENCE, Process, Setup};

/// bcrypt of `S3CR3T-right` at the lowest cost.
pub(crate) const RIGHT_HASH: &str = "$2b$04$ZohzX3IB4G9sr0V0YORy4upZhFswwLT7Li9H6HX5jw/oHey7/6mkq";
pub(crate) const RIGHT: &str = "S3CR3T-right";

/// A daemon with a web configuration file, and the folder in which the file and its certificates are.
pub(crate) struct Served {
    pub(crate) daemon: Daemon,
    pub(crate) folder: TempDir,
    pub(crate) authority: Authority,
    _cloud: Cloud,
}

impl Served {
    /// With a certificate for loopback in `server.pem` and `server.key`, and its issuer in `ca.pem`.
    pub(crate) async fn start(web: &str) -> Self {
        Self::start_with(web, "").await
    }

    /// The same with further lines of `[web]`.
    async fn start_with(web: &str, lines: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let authority = Authority::new("authority");
        authority.issue_server().write(folder.path(), "server");
        fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        let file = folder.path().join("web.yml");
        fs::write(&file, web).unwrap();
        let cloud = Cloud::empty().await;
        let job = cloud.add("job").await.job_id;
        let tables =
            format!("[web]\nconfig_file = \"{}\"\n{lines}[log]\nlevel = \"debug\"", file.display());
        let setup = Setup { poll: ONE_POLL, tables: &tables, ..Setup::of([job]) };
        let daemon = Daemon::start(&setup.file(&cloud)).await;
        Self { daemon, folder, authority, _cloud: cloud }
    }

    /// `127.0.0.1:port`.
    fn address(&self) -> &str {
        self.daemon.url().trim_start_matches("http://")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// curl, told whom to trust, with the head of the answer before its body.
    async fn curl(&self, scheme: &str, path: &str, arguments: &[&str]) -> Finished {
        let url = format!("{scheme}://{}{path}", self.address());
        let mut command = tool("curl");
        command.current_dir(self.folder.path());
        command.args(["--silent", "--show-error", "--noproxy", "*", "--cacert", "ca.pem"]);
        command.args(["--max-time", "30", "--include"]).args(arguments).arg(url);
        run("curl", command).await
    }

    /// The status line of the answer over TLS, or why there is none.
    async fn status(&self, path: &str, arguments: &[&str]) -> String {
        let answer = self.curl("https", path, arguments).await;
        match answer.stdout.lines().next() {
            Some(line) => line.trim().to_owned(),
            None => format!("no answer: {}", answer.stderr.trim()),
        }
    }

    /// `openssl s_client`, to the end of the handshake.
    async fn openssl(&self, arguments: &[&str]) -> Finished {
        let mut command = tool("openssl");
        command.current_dir(self.folder.path());
        command.args(["s_client", "-connect", self.address(), "-CAfile", "ca.pem"]);
        command.args(arguments);
        run("openssl", command).await
    }
}

async fn run(name: &str, mut command: Command) -> Finished {
    Process::run(name, &mut command, PATIENCE).await
}

/// A program of the machine.
fn tool(name: &str) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    assert!(is_there, "{name} is missing; bring it with `apt-get install {name}`");
    Command::new(name)
}

/// The least there is to TLS, with these lines added.
pub(crate) fn tls(lines: &[&str]) -> String {
    let mut text =
        "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n".to_owned();
    for line in lines {
        writeln!(text, "  {line}").unwrap();
    }
    text
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
