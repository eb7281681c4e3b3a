//! What the list of jobs says of a job's newest version, as far as it goes.

use crate::model::{ListedJob, State, Version};

/// Whether something that is shown of a version is not as it was; `now` is what `known` became by what
/// the list says.
pub(super) fn differs(known: &Version, now: &Version) -> bool {
    known.state != now.state
        || known.duration != now.duration
        || known.created != now.created
        || known.job_name != now.job_name
        || known.started != now.started
        || known.execution != now.execution
        || known.facts != now.facts
        || known.resources != now.resources
}

/// Whether the list says nothing else of a version than what is known.
pub(super) fn says(listed: &ListedJob, known: &Version) -> bool {
    listed.state == known.state
        && listed.duration.is_none_or(|duration| known.duration == Some(duration))
        && (listed.created.is_none() || known.created.is_some())
        && (listed.job_name.is_empty() || listed.job_name == known.job_name)
        && listed.whole.as_ref().is_none_or(|whole| {
            let (said, known) = (&whole.execution, &known.execution);
            (said.tasks.is_empty() || said.tasks == known.tasks)
                && (said.is_unexplained() || said.failure == known.failure)
        })
}

/// The version with what the list says of it; the rest of it is as it was. Carries neither usage nor
/// quality, which grow old alone.
pub(super) fn applied_to(known: &Version, listed: &ListedJob) -> Version {
    // A status that cannot be read is not another status.
    let state = if listed.state == State::UNREADABLE { known.state } else { listed.state };
    let job_name = if listed.job_name.is_empty() { &known.job_name } else { &listed.job_name };
    Version {
        api: known.api,
        job_id: known.job_id.clone(),
        job_name: job_name.clone(),
        version_id: known.version_id.clone(),
        version_name: known.version_name.clone(),
        state,
        created: known.created.or(listed.created),
        started: known.started,
        duration: listed.duration.or(known.duration),
        facts: known.facts.clone(),
        resources: known.resources,
        execution: known.execution.clone(),
        usage: None,
        quality: None,
    }
}
