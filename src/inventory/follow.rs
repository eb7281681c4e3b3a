//! Which versions of a job are followed.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::inventory::answered::Answered;
use crate::inventory::version::VersionState;
use crate::model::{Version, VersionId, VersionSelection};

/// Chooses, from all versions an answer listed (newest first), those that are followed, given those
/// that were. `keeps_newest`: the newest one stays for as long as it is there.
pub(super) fn choose(
    selection: &VersionSelection,
    listed: &[Version],
    followed: &BTreeMap<VersionId, Box<VersionState>>,
    keeps_newest: bool,
    answered: &Answered<'_>,
) -> Vec<VersionId> {
    let Answered { settings, now, .. } = *answered;
    let mut room = match selection {
        VersionSelection::All => settings.versions_per_job.max(1),
        VersionSelection::Latest | VersionSelection::Listed(_) => usize::MAX,
    };
    let mut chosen = Vec::new();
    for (rank, version) in listed.iter().enumerate() {
        let known = followed.get(&version.version_id);
        let is_selected = match selection {
            VersionSelection::Latest => rank == 0 || known.is_some(),
            VersionSelection::All => true,
            VersionSelection::Listed(wanted) => is_wanted(wanted, version),
        };
        let is_exempt = rank == 0 && keeps_newest;
        let is_over = || match known {
            Some(known) => known.is_past_retention(settings, now),
            None => answered.is_unfollowed_past_retention(version),
        };
        if is_selected && room > 0 && (is_exempt || !is_over()) {
            chosen.push(version.version_id.clone());
            room -= 1;
        }
    }
    chosen
}

fn is_wanted(wanted: &[String], version: &Version) -> bool {
    wanted.iter().any(|wanted| {
        wanted == version.version_id.as_str()
            || version.version_name.as_ref().is_some_and(|name| name == wanted)
    })
}

/// Newest first.
pub(super) fn sort_newest_first(versions: &mut [Version]) {
    versions.sort_by_cached_key(|version| Reverse(version.age_key()));
}
