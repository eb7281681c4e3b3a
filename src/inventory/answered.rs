use crate::inventory::outcomes::{Answer, Outcomes, Remembered, Seen};
use crate::inventory::version::{end_of_unfollowed, is_past_retention};
use crate::inventory::{Moment, Settings};
use crate::model::{JobKey, Version, VersionId};

/// An answer that is being taken: what it is about, when it came, and who else has to know.
pub(super) struct Answered<'a> {
    pub(super) key: &'a JobKey,
    pub(super) settings: &'a Settings,
    pub(super) outcomes: &'a mut Outcomes,
    pub(super) now: Moment,
}

impl Answered<'_> {
    /// What is known of a version that this process has not seen yet.
    pub(super) fn remembered(&self, version_id: &VersionId) -> Option<Remembered> {
        self.outcomes.remembered(self.key, version_id)
    }

    /// When a version that is not followed ended, Unix seconds; `None` if it has not.
    pub(super) fn end_of_unfollowed(&self, version: &Version) -> Option<f64> {
        end_of_unfollowed(version, self.remembered(&version.version_id), self.now)
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
        self.outcomes.see(self.key, seen, answer, self.now);
    }
}
