//! Orders that break something.

use http::StatusCode;
use serde::Deserialize;

use super::{Word, bad};
use crate::simulator::{
    answer::Answer,
    cloud::Cloud,
    fault::{Fault, Target},
    rules::Rule,
    settings::FaultSpec,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultOrder {
    fault: String,
    #[serde(default)]
    on: Option<String>,
    #[serde(default)]
    job_id: Option<Word>,
    #[serde(default)]
    count: Option<u64>,
    #[serde(default)]
    value: Option<u64>,
}

/// `POST faults`.
pub(super) fn break_something(cloud: &Cloud, order: &FaultOrder) -> Result<Answer, Answer> {
    let spec = order
        .fault
        .parse::<Fault>()
        .and_then(|fault| {
            let on = order.on.as_deref().map_or(Ok(Target::Any), str::parse)?;
            FaultSpec::new(fault, on, order.value)
        })
        .map_err(|error| bad(&error.to_string()))?;
    let job = order.job_id.as_ref().map(Word::id).transpose()?;
    let issued = cloud.identity().issued();
    let rule = Rule::new(spec, job, order.count, issued);
    let answer = Answer::json(StatusCode::CREATED, &rule);
    cloud.rules().push(rule);
    Ok(answer)
}
