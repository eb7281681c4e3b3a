//! The file in which outcomes survive a restart.
//!
//! One line says what it is, in which format and with which checksum; the rest is one JSON document. JSON,
//! because whoever repairs it can read it, and the types of what is kept are its only description. The
//! whole file is replaced each time: ten thousand names are a few megabytes, written in tens of
//! milliseconds, which costs less than a journal that has to be replayed and compacted.
//!
//! One process writes it: who does holds a lock on a file beside it, for the file itself is another one
//! after each write. The system takes the lock back when the process ends, however it ends.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;

use crate::inventory::outcomes::Saved;

#[cfg(test)]
mod tests;

/// The words the file begins with, before the number of its format.
const MAGIC: &str = "modelarts-exporter state";

/// The format we read and write. What an older exporter cannot read has the next number.
const FORMAT: u32 = 1;

/// Names of jobs are nobody else's business.
const MODE: u32 = 0o600;

/// The file that `state.file` names.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    /// Held from the first [`lock`](Self::lock) to the end of the process.
    lock: OnceLock<File>,
}

/// What reading the file came to.
#[derive(Debug)]
pub enum Loaded {
    /// There was none: the first start.
    Missing,
    /// All of it.
    State(Saved),
    /// It could not be used, and is out of the way.
    SetAside {
        /// Why.
        reason: Unusable,
        /// Where it is now.
        to: PathBuf,
    },
}

/// Why a state file cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// Cut off, changed, or of something else.
    Damaged,
    /// Of a later exporter.
    Newer,
}

impl Unusable {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Damaged, Self::Newer];

    /// The word in the name of a file that was set aside, and the label value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::Newer => "newer",
        }
    }
}

/// What the system refused.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file is there and may not be read.
    #[error("cannot read the state file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be used, and cannot be moved out of the way.
    #[error("cannot set the {} state file {} aside", reason.as_str(), path.display())]
    SetAside {
        /// The file.
        path: PathBuf,
        /// Why it cannot be used.
        reason: Unusable,
        /// Why it cannot be moved.
        source: io::Error,
    },
    /// Another process keeps its outcomes in it.
    #[error(
        "the state file {} belongs to another process, which has locked {}; stop that one first, or give each a state.file of its own",
        path.display(),
        lock.display()
    )]
    Taken {
        /// The file.
        path: PathBuf,
        /// The file beside it that is locked.
        lock: PathBuf,
    },
    /// The file was not written; see [`StateFile::write`] for what is there.
    #[error("cannot write the state file {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl StateFile {
    /// The file at that path, which need not be there yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, lock: OnceLock::new() }
    }

    /// Makes it ours until the process ends. [Writing](Self::write) does so too, where it was not
    /// possible before.
    pub fn lock(&self) -> Result<(), StateError> {
        if self.lock.get().is_some() {
            return Ok(());
        }
        let lock = self.beside("lock");
        let file =
            OpenOptions::new().write(true).create(true).truncate(false).mode(MODE).open(&lock);
        let file = file.map_err(|source| StateError::Write { path: lock.clone(), source })?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                Err(StateError::Taken { path: self.path.clone(), lock })
            }
            // A file system without locks has to do without.
            Ok(()) | Err(TryLockError::Error(_)) => {
                // Another thread of ours may have been first, and then holds the same lock.
                let _ = self.lock.set(file);
                Ok(())
            }
        }
    }

    /// Reads it. What cannot be used is renamed, with the time in its name (Unix seconds).
    pub fn read(&self, unix: f64) -> Result<Loaded, StateError> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Loaded::Missing),
            Err(source) => return Err(StateError::Read { path: self.path.clone(), source }),
        };
        match decode(&bytes) {
            Ok(saved) => Ok(Loaded::State(saved)),
            Err(reason) => {
                let to = self.beside(&format!("{}-{unix:.0}", reason.as_str()));
                fs::rename(&self.path, &to).map_err(|source| StateError::SetAside {
                    path: self.path.clone(),
                    reason,
                    source,
                })?;
                Ok(Loaded::SetAside { reason, to })
            }
        }
    }

    /// Replaces it; returns its length in bytes. It is on disk when this returns. After an error the old
    /// one is as it was, unless it was the last step that failed, in which the folder is written to disk: then
    /// the new one is there, and a crash of the machine may bring the old one back.
    ///
    /// Blocks for as long as the disk takes.
    pub fn write(&self, content: &Saved) -> Result<usize, StateError> {
        self.lock()?;
        let new = self.beside("new");
        let content = serde_json::to_vec(content).map_err(io::Error::from);
        let replaced = content.and_then(|content| {
            replace(&new, &self.path, &content)?;
            Ok(content.len())
        });
        if replaced.is_err() {
            // A disk that is full needs the room. There may be nothing to remove.
            let _ = fs::remove_file(&new);
        }
        replaced.map_err(|source| StateError::Write { path: self.path.clone(), source })
    }

    /// The path with one more ending.
    fn beside(&self, ending: &str) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(".");
        path.push(ending);
        path.into()
    }
}

fn replace(new: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    // The name is in the folder, which is written by itself. Whether it can be opened shows while the old
    // file is still there.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = File::open(folder.unwrap_or(Path::new(".")))?;
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(new)?;
    file.write_all(header(content).as_bytes())?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(new, path)?;
    folder.sync_all()
}

fn header(content: &[u8]) -> String {
    format!("{MAGIC} {FORMAT} {}\n", checksum(FORMAT, content))
}

fn checksum(format: u32, content: &[u8]) -> String {
    let mut sum = digest::Context::new(&digest::SHA256);
    sum.update(&format.to_be_bytes());
    sum.update(content);
    STANDARD.encode(sum.finish())
}

fn decode(bytes: &[u8]) -> Result<Saved, Unusable> {
    let content = |format: u32| {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let (line, content) = bytes.split_at(end + 1);
        let want = format!("{MAGIC} {format} {}\n", checksum(format, content));
        (line == want.as_bytes()).then_some(content)
    };
    match format_of(bytes).ok_or(Unusable::Damaged)? {
        FORMAT => {
            let content = content(FORMAT).ok_or(Unusable::Damaged)?;
            serde_json::from_slice(content).map_err(|_| Unusable::Damaged)
        }
        // A later format keeps the first line, so that whoever cannot read the rest can tell.
        later if later > FORMAT && content(later).is_some() => Err(Unusable::Newer),
        _ => Err(Unusable::Damaged),
    }
}

fn format_of(bytes: &[u8]) -> Option<u32> {
    let rest = bytes.strip_prefix(MAGIC.as_bytes())?.strip_prefix(b" ")?;
    let digits = rest.split(|byte| *byte == b' ').next()?;
    str::from_utf8(digits).ok()?.parse().ok()
}
