//! What systemd says of the files it is given.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::harness::{Finished, PATIENCE, Process, peer, repository};

/// The most that `systemd-analyze security` may find exposed, in tenths: 0 is a service that can do
/// nothing, 100 one that may do everything.
const EXPOSURE: &str = "--threshold=20";

/// Runs one of systemd's programs, which has to succeed.
async fn succeeds(program: &str, arguments: &[&str]) -> Finished {
    let mut command = Command::new(peer("systemd/programs").join(program));
    command.env("LD_LIBRARY_PATH", peer("systemd/libraries")).args(arguments);
    // The units that ours names.
    command.env("SYSTEMD_UNIT_PATH", peer("systemd/lib/systemd/system"));
    let finished = Process::run(program, &mut command, PATIENCE).await;
    let Finished { status, stdout, stderr } = &finished;
    assert!(status.success(), "{program}: {status}\n{stdout}\n{stderr}");
    finished
}

/// The unit, with programs that are on this machine, in a folder.
fn unit(folder: &Path) -> String {
    let unit = repository("deploy/systemd/modelarts-exporter.service");
    let unit = std::fs::read_to_string(unit).unwrap();
    let here = env!("CARGO_BIN_EXE_modelarts-exporter");
    let file = folder.join("modelarts-exporter.service");
    let unit = unit.replace("/usr/bin/modelarts-exporter", here).replace("/bin/kill", here);
    std::fs::write(&file, unit).unwrap();
    file.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_unit_may_do_little() {
    let folder = TempDir::new().unwrap();
    let arguments = ["security", "--offline=true", EXPOSURE, &unit(folder.path())];
    succeeds("systemd-analyze", &arguments).await;
}

#[tokio::test]
async fn the_unit_has_no_mistake() {
    let folder = TempDir::new().unwrap();
    let checked = succeeds("systemd-analyze", &["verify", "--man=no", &unit(folder.path())]).await;
    // It succeeds in spite of keys that it does not know.
    assert_eq!(checked.stderr, "");
}

#[tokio::test]
async fn the_user_can_be_made_and_cannot_log_in() {
    let root = TempDir::new().unwrap();
    std::fs::create_dir(root.path().join("etc")).unwrap();
    let users = repository("deploy/systemd/modelarts-exporter.conf");
    let root_flag = format!("--root={}", root.path().display());
    succeeds("systemd-sysusers", &[&root_flag, users.to_str().unwrap()]).await;
    let made = std::fs::read_to_string(root.path().join("etc/passwd")).unwrap();
    let [name, _, _, _, _, home, shell] = made.trim().split(':').collect::<Vec<_>>()[..] else {
        panic!("one user: {made}")
    };
    assert_eq!((name, home), ("modelarts-exporter", "/var/lib/modelarts-exporter"));
    assert!(shell.ends_with("/nologin"), "{shell}");
    let unit = std::fs::read_to_string(unit(root.path())).unwrap();
    assert!(unit.contains(&format!("\nUser={name}\nGroup={name}\n")), "runs as that user");
}
