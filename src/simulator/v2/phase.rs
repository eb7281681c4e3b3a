use std::borrow::Cow;

/// The two words a job's status has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulator) struct Phase {
    /// The documented one.
    pub(super) first: Cow<'static, str>,
    /// The internal one, which "may be added, modified, or deleted".
    pub(super) second: Cow<'static, str>,
}

const fn phase(first: &'static str, second: &'static str) -> Phase {
    Phase { first: Cow::Borrowed(first), second: Cow::Borrowed(second) }
}

pub(super) const CREATING: Phase = phase("Creating", "Creating");
pub(super) const PENDING: Phase = phase("Pending", "Queuing");
pub(super) const RUNNING: Phase = phase("Running", "Running");
pub(super) const COMPLETED: Phase = phase("Completed", "Completed");
pub(super) const FAILED: Phase = phase("Failed", "Failed");
pub(super) const TERMINATING: Phase = phase("Terminating", "Terminating");
pub(super) const TERMINATED: Phase = phase("Terminated", "Terminated");
/// It could not be created.
pub(super) const CREATE_FAILED: Phase = phase("Abnormal", "CreateFailed");
/// It could not be stopped.
pub(super) const TERMINATED_FAILED: Phase = phase("Abnormal", "TerminatedFailed");
/// It is out of sight.
pub(super) const LOST: Phase = phase("Abnormal", "Lost");

/// Those that a word can name. Open Telekom Cloud, `ModelArts` API reference, "Querying the Details About
/// a Training Job", table "Status".
const NAMED: [Phase; 8] =
    [CREATING, PENDING, RUNNING, COMPLETED, FAILED, TERMINATING, TERMINATED, LOST];

impl Phase {
    /// The phase that a word means: a documented one, small letters allowed, or one with a capital that
    /// nobody has heard of.
    pub(super) fn named(word: &str) -> Option<Self> {
        let known = NAMED.into_iter().find(|phase| phase.first.eq_ignore_ascii_case(word));
        known.or_else(|| {
            let first: Cow<'static, str> = word.to_owned().into();
            word.starts_with(char::is_uppercase).then(|| Self { second: first.clone(), first })
        })
    }

    /// Tasks work.
    pub(super) fn is_running(&self) -> bool {
        self.first == RUNNING.first
    }

    /// Nothing follows.
    pub(super) fn is_terminal(&self) -> bool {
        matches!(&*self.first, "Completed" | "Failed" | "Terminated" | "Abnormal")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_phases() {
        assert_eq!(Phase::named("Pending"), Some(PENDING));
        assert_eq!(Phase::named("abnormal"), Some(LOST));
        let unheard_of = Phase::named("Hibernating").unwrap();
        assert!(!unheard_of.is_terminal() && !unheard_of.is_running());
        assert_eq!(Phase::named("runing"), None);
    }
}
