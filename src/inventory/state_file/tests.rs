//! What a disk, a crash and another version can do to the file.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use tempfile::TempDir;

use super::*;

/// Of one project with nothing in it.
const CONTENT: &[u8] =
    br#"{"p":{"place":"","watched":true,"forgotten":null,"runs":[1,2,3],"names":{},"jobs":{}}}"#;

/// Set for the child that runs a test's other half within a limit; its folder.
const CHILD: &str = "STATE_FILE_TEST_FOLDER";

const NOW: f64 = 1_700_000_000.7;

struct Scene {
    folder: TempDir,
    file: StateFile,
}

impl Scene {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let file = StateFile::new(folder.path().join("state"));
        Self { folder, file }
    }

    fn holding(content: &[u8]) -> Self {
        let scene = Self::new();
        fs::write(&scene.file.path, content).unwrap();
        scene
    }

    /// Runs the other half of this test, with this limit of the shell's `ulimit`.
    fn with_limit(&self, limit: &str, test: &str) -> Output {
        // The signal would end the child before it saw the error.
        let script = format!(
            "trap '' XFSZ; ulimit {limit}; exec \"$0\" --exact inventory::state_file::tests::{test}"
        );
        let mut child = Command::new("sh");
        child.arg("-c").arg(script).arg(std::env::current_exe().unwrap());
        child.env(CHILD, self.folder.path()).output().unwrap()
    }

    /// The names of everything in the folder.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn saved() -> Saved {
    serde_json::from_slice(CONTENT).unwrap()
}

fn good() -> Vec<u8> {
    [header(CONTENT).as_bytes(), CONTENT].concat()
}

#[test]
fn what_was_written_is_read_and_the_first_start_finds_nothing() {
    let scene = Scene::new();
    assert!(matches!(scene.file.read(NOW), Ok(Loaded::Missing)));
    assert_eq!(scene.file.write(&saved()).unwrap(), CONTENT.len());
    assert_eq!(fs::read(&scene.file.path).unwrap(), good());
    assert_eq!(fs::metadata(&scene.file.path).unwrap().permissions().mode() & 0o777, 0o600);
    // A second time over the first, and over what a killed process left behind.
    fs::write(scene.file.beside("new"), vec![b'x'; 10_000]).unwrap();
    scene.file.write(&saved()).unwrap();
    let Ok(Loaded::State(saved)) = scene.file.read(NOW) else { panic!("it is there") };
    assert_eq!(serde_json::to_vec(&saved).unwrap(), CONTENT);
    assert_eq!(scene.names(), ["state", "state.lock"]);
}

#[test]
fn a_file_that_was_cut_off_anywhere_is_set_aside() {
    let good = good();
    for length in 0..good.len() {
        assert_eq!(decode(&good[..length]).err(), Some(Unusable::Damaged), "{length} bytes");
    }
    let scene = Scene::holding(&good[..good.len() - 1]);
    let Ok(Loaded::SetAside { reason: Unusable::Damaged, to }) = scene.file.read(NOW) else {
        panic!("it is damaged")
    };
    assert_eq!(scene.names(), ["state.damaged-1700000001"]);
    assert_eq!(fs::read(to).unwrap(), good[..good.len() - 1]);
    assert!(matches!(scene.file.read(NOW), Ok(Loaded::Missing)));
}

#[test]
fn no_bit_may_be_wrong() {
    let good = good();
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << bit;
            assert_eq!(decode(&bytes).err(), Some(Unusable::Damaged), "bit {bit} of byte {at}");
        }
    }
    assert!(decode(&[good.as_slice(), b"\n"].concat()).is_err());
}

#[test]
fn a_later_format_is_told_from_damage_and_so_is_a_document_we_do_not_know() {
    let content = b"anything at all";
    let later =
        format!("{MAGIC} {} {}\nanything at all", FORMAT + 1, checksum(FORMAT + 1, content));
    assert_eq!(decode(later.as_bytes()).err(), Some(Unusable::Newer));
    let scene = Scene::holding(later.as_bytes());
    let read = scene.file.read(NOW);
    assert!(matches!(read, Ok(Loaded::SetAside { reason: Unusable::Newer, .. })), "{read:?}");
    assert_eq!(scene.names(), ["state.newer-1700000001"]);
    for content in [&b"[]"[..], b"{\"p\":{}}", b"", b"\xff", &[b'['; 10_000]] {
        let bytes = [header(content).as_bytes(), content].concat();
        assert_eq!(decode(&bytes).err(), Some(Unusable::Damaged), "{content:?}");
    }
}

#[test]
fn what_may_not_be_read_is_an_error_that_names_the_file() {
    // A folder is refused to everybody, root included.
    let scene = Scene::new();
    fs::create_dir(&scene.file.path).unwrap();
    let error = scene.file.read(NOW).unwrap_err();
    let want = format!("cannot read the state file {}", scene.file.path.display());
    assert_eq!(error.to_string(), want);
    let error = scene.file.write(&saved()).unwrap_err();
    assert!(matches!(error, StateError::Write { .. }), "{error:?}");
    assert_eq!(scene.names(), ["state", "state.lock"], "nothing else is left behind");
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let scene = Scene::new();
    let file = StateFile::new(scene.folder.path().join("none/state"));
    assert!(matches!(file.read(NOW), Ok(Loaded::Missing)));
    let error = file.write(&saved()).unwrap_err();
    assert!(error.to_string().starts_with("cannot write the state file "), "{error}");
}

#[test]
fn one_file_is_locked_by_one_at_a_time() {
    let scene = Scene::new();
    scene.file.write(&saved()).unwrap();
    let other = StateFile::new(scene.file.path.clone());
    let (lock, write) = (other.lock().unwrap_err(), other.write(&saved()).unwrap_err());
    assert!(matches!(lock, StateError::Taken { .. }), "{lock:?}");
    assert!(matches!(write, StateError::Taken { .. }), "{write:?}");
    assert!(lock.to_string().contains(&*scene.file.path.to_string_lossy()), "{lock}");
    scene.file.lock().expect("it is ours");
    let Scene { folder, file } = scene;
    drop(file);
    other.write(&saved()).expect("nobody has it any more");
    drop(folder);
}

/// With no room for a larger file, which is what a full disk looks like to a writer.
#[test]
fn a_full_disk_leaves_the_old_file_as_it_was() {
    if let Some(folder) = std::env::var_os(CHILD) {
        let file = StateFile::new(PathBuf::from(folder).join("state"));
        let place = format!("\"place\":\"{}\"", "x".repeat(1 << 20));
        let large = String::from_utf8_lossy(CONTENT).replace("\"place\":\"\"", &place);
        let large = serde_json::from_str(&large).unwrap();
        let Err(StateError::Write { source, .. }) = file.write(&large) else {
            panic!("there is room")
        };
        assert_eq!(source.kind(), ErrorKind::FileTooLarge);
        file.write(&saved()).expect("there is room for little");
        return;
    }
    let scene = Scene::holding(b"the old one");
    let name = "a_full_disk_leaves_the_old_file_as_it_was";
    let none = scene.with_limit("-f 0", name);
    assert!(!none.status.success(), "not even the little one fits");
    assert_eq!(fs::read(&scene.file.path).unwrap(), b"the old one");
    assert_eq!(scene.names(), ["state", "state.lock"]);
    let some = scene.with_limit("-f 64", name);
    assert!(some.status.success(), "{}", String::from_utf8_lossy(&some.stdout));
    assert_eq!(fs::read(&scene.file.path).unwrap(), good());
    assert_eq!(scene.names(), ["state", "state.lock"]);
}

/// With one file to open, where writing takes two: the new file and its folder.
#[test]
fn a_folder_that_cannot_be_opened_leaves_the_old_file_as_it_was() {
    if let Some(folder) = std::env::var_os(CHILD) {
        let file = StateFile::new(PathBuf::from(folder).join("state"));
        file.lock().unwrap();
        let mut open: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        open.pop();
        let written = file.write(&saved());
        assert!(matches!(written, Err(StateError::Write { .. })), "{written:?}");
        return;
    }
    let scene = Scene::holding(b"the old one");
    let few =
        scene.with_limit("-n 64", "a_folder_that_cannot_be_opened_leaves_the_old_file_as_it_was");
    assert!(few.status.success(), "{}", String::from_utf8_lossy(&few.stdout));
    assert_eq!(fs::read(&scene.file.path).unwrap(), b"the old one");
    assert_eq!(scene.names(), ["state", "state.lock"]);
}
