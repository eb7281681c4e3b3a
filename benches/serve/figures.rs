//! What the kernel says about a server, whose workers may be processes of their own.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;

use crate::process::memory;

/// Parts of a second in which `/proc` counts CPU time, on every Linux.
const TICKS: u32 = 100;

/// The place of `utime` in `/proc/PID/stat` behind the program's name, which may hold anything.
const UTIME: usize = 11;

/// CPU time so far, of a process and its children.
///
/// Of `stat`, which keeps the time of threads that have ended: encodings are made in threads that come
/// and go.
pub(crate) fn cpu(id: u32) -> anyhow::Result<Duration> {
    let mut ticks = 0;
    for id in family(id)? {
        let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
        let (_, fields) = stat.rsplit_once(')').context("an odd stat")?;
        for field in fields.split_ascii_whitespace().skip(UTIME).take(2) {
            ticks += field.parse::<u32>()?;
        }
    }
    Ok(Duration::from_secs(1) / TICKS * ticks)
}

/// The most memory that a process and its children ever held, in bytes.
pub(crate) fn peak_rss(id: u32) -> anyhow::Result<u64> {
    family(id)?.into_iter().map(|id| memory(id, "VmHWM")).sum()
}

/// A process, then its children.
pub(crate) fn family(id: u32) -> anyhow::Result<Vec<u32>> {
    let mut family = vec![id];
    for thread in fs::read_dir(format!("/proc/{id}/task"))? {
        let children = fs::read_to_string(thread?.path().join("children"))?;
        for child in children.split_ascii_whitespace() {
            family.push(child.parse()?);
        }
    }
    Ok(family)
}
