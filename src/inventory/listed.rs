//! What the list of jobs says of a job's newest version, as far as it goes.

use crate::model::{Api, ListedJob, Version};

/// The newest version of a job of which nothing else is known; `None` where the list does not name it.
pub(super) fn as_version(listed: &ListedJob) -> Option<Version> {
    Some(Version {
        job_name: listed.job_name.clone(),
        created: listed.created,
        duration: listed.duration,
        ..Version::unknown(Api::V1, listed.job_id.clone(), listed.version_id.clone()?, listed.state)
    })
}

/// Whether something that is shown of a version is not as it was; `now` is what `known` became by what
/// the list says.
pub(super) fn differs(known: &Version, now: &Version) -> bool {
    known.state != now.state
        || known.duration != now.duration
        || known.created != now.created
        || known.job_name != now.job_name
}

/// The version with what the list says of it; the rest of it is as it was. Carries neither usage nor
/// quality, which grow old alone.
pub(super) fn applied_to(known: &Version, listed: &ListedJob) -> Version {
    // A status that cannot be read is not another status.
    let state = if listed.state.code.is_some() { listed.state } else { known.state };
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
