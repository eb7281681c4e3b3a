use crate::inventory::outcomes::{Answer, Outcomes, Remembered, Seen};
use crate::inventory::version::end_of_unfollowed;
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
        let remembered = self.remembered(&version.version_id);
        end_of_unfollowed(version, remembered, self.settings, self.now)
    }

    /// Has the ends of these versions taken note of.
    pub(super) fn see(&mut self, seen: &[Seen<'_>], answer: Answer) {
        self.outcomes.see(self.key, seen, answer, self.now);
    }
}
