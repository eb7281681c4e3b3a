use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use figment::value::Dict;
use ring::digest::{Digest, SHA256, digest};
use secrecy::zeroize::Zeroizing;

use crate::config::layers::{parse_yaml, unreadable};
use crate::config::mistake::Refusal;

/// The largest bundle of authorities in use has a few hundred KiB.
const LARGEST_FILE: u64 = 4 << 20;

/// The files that were read, and what was in them, so that a change is seen.
///
/// Contents are compared, not times: neither a clock of coarse ticks nor a `ConfigMap`'s swapped links
/// can hide a change. Digests stand for contents, so that no key stays in memory for it.
#[derive(Default)]
pub(super) struct Files {
    seen: Vec<(PathBuf, Option<Digest>)>,
}

type Content = Zeroizing<Vec<u8>>;

impl Files {
    /// Reads a file and remembers what was in it.
    pub(super) fn read(&mut self, path: &Path) -> Result<Content, Refusal> {
        let content = content(path);
        // A pipe, such as the shell's <(…), gives its content once.
        if path.is_file() || !path.exists() {
            let digest = content.as_ref().ok().map(fingerprint);
            self.seen.push((path.to_owned(), digest));
        }
        content
    }

    /// Reads a table of keys; an error says at which line and column, if at any.
    pub(super) fn read_yaml(&mut self, path: &Path) -> Result<Dict, (String, Refusal)> {
        let content = self.read(path).map_err(|refusal| (String::new(), refusal))?;
        let text = std::str::from_utf8(&content)
            .map_err(|_| (String::new(), Refusal::new("is not UTF-8 text", "")))?;
        parse_yaml(text.trim_start_matches('\u{feff}'))
    }

    /// Whether a file that was read has another content since.
    pub(super) fn have_changed(&self) -> bool {
        let is_same = |(path, before): &(PathBuf, Option<Digest>)| {
            let present = content(path).ok().map(|content| fingerprint(&content));
            present.as_ref().map(Digest::as_ref) == before.as_ref().map(Digest::as_ref)
        };
        !self.seen.iter().all(is_same)
    }
}

fn fingerprint(content: &Content) -> Digest {
    digest(&SHA256, content)
}

fn content(path: &Path) -> Result<Content, Refusal> {
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(path)
        .and_then(|file| file.take(LARGEST_FILE + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(Refusal::new("is larger than 4 MiB", ""));
    }
    Ok(bytes)
}
