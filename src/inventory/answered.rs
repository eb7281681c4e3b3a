use crate::inventory::contradictions::{self, Contradictions};
use crate::inventory::outcomes::{Answer, Outcomes, Remembered, Seen};
use crate::inventory::version::{end_of_unfollowed, is_past_retention};
use crate::inventory::{Moment, Settings};
use crate::model::{JobKey, Version, VersionId};
use crate::own::Contradiction;

/// An answer that is being taken: what it is about, when it came, and who else has to know.
pub(super) struct Answered<'a> {
    pub(super) key: &'a JobKey,
    pub(super) settings: &'a Settings,
    pub(super) outcomes: &'a mut Outcomes,
    pub(super) contradictions: &'a mut Contradictions,
    pub(super) now: Moment,
}

impl Answered<'_> {
    /// What is known of a version that this process has not seen yet.
    pub(super) fn remembered(&self, version_id: &VersionId) -> Option<Remembered> {
        self.outcomes.remembered(self.key, version_id)
    }

    /// When a version that is not followed ended, Unix seconds; `None` if it has not.
    pub(super) fn end_of_unfollowed(&self, version: &Version) -> Option<f64> {
        let remembered = self.remembered(&version.version_id);
        end_of_unfollowed(version, remembered, self.settings, self.now)
    }

    /// Takes note of what cannot be true of a version beside what is known of it, followed or not.
    pub(super) fn compare(&mut self, known: Option<&Version>, newer: &Version) {
        let kind = if known.is_some_and(|known| !newer.is_same_as(known)) {
            Contradiction::IdReused
        } else if contradictions::is_restarted(known, self.remembered(&newer.version_id), newer) {
            Contradiction::Restarted
        } else if known.is_some_and(|known| contradictions::is_shrunk(known, newer)) {
            Contradiction::Shrunk
        } else {
            return;
        };
        self.contradictions.saw(kind);
    }

    /// Takes note of another name of the job.
    pub(super) fn compare_names(&mut self, known: &Version, newer: &Version) {
        let (before, now) = (&known.job_name, &newer.job_name);
        if before != now && !before.is_empty() && !now.is_empty() {
            self.contradictions.saw(Contradiction::Renamed);
        }
    }

    /// A version that is not followed ended longer ago than series are kept.
    pub(super) fn is_unfollowed_past_retention(&self, version: &Version) -> bool {
        let (end, seen) = (self.end_of_unfollowed(version), self.seen_at(version));
        is_past_retention(end, seen, self.settings, self.now)
    }

    /// When a version was first seen with its present status, Unix seconds.
    pub(super) fn seen_at(&self, version: &Version) -> f64 {
        let remembered = self.remembered(&version.version_id);
        let remembered = remembered.filter(|it| it.status == version.state.status);
        remembered.map_or(self.now.unix, |it| it.status_changed)
    }

    /// Has the ends of these versions taken note of.
    pub(super) fn see(&mut self, seen: &[Seen<'_>], answer: Answer) {
        if let Some(Seen { version, .. }) = seen.first()
            && self.outcomes.is_name_of_gone(self.key, &version.job_name)
        {
            self.contradictions.saw(Contradiction::NameReused);
        }
        self.outcomes.see(self.key, seen, answer, self.now);
    }
}
