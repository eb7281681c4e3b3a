use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tokio::time::Instant;
use tracing::info;

use super::plan::Plan;
use super::sample;
use crate::app::advice::{self, LIST_ACTION};
use crate::app::ledger::now;
use crate::cloud::{Chain, Error, Training, TrainingApi};
use crate::inventory::Moment;
use crate::model::{JobId, JobList, Quota, TaskUsage, Usage, Version};
use crate::schedule::{Budget, PollPace};

/// Whoever waits is told this often how far it has come.
const TOLD_EVERY: Duration = Duration::from_secs(5);

/// Of the tasks of a job so many are asked about: those of one run are much alike.
const MOST_TASKS_ASKED: usize = 4;

/// What the cloud said.
pub(super) struct Survey {
    pub(super) at: Moment,
    /// Or why it may not be read.
    pub(super) list: Result<JobList, String>,
    /// Where they are asked for and told.
    pub(super) quotas: Option<Vec<Quota>>,
    pub(super) asked: BTreeMap<JobId, Answer>,
    /// Why fewer jobs were asked about than meant.
    pub(super) ended_by: Option<String>,
    /// Requests that a poll takes on average.
    pub(super) requests_per_poll: f64,
}

/// What the cloud said of one job.
pub(super) enum Answer {
    Versions(Vec<Version>),
    /// It does not know the job.
    Gone,
}

/// Asks the cloud for the list and for a sample of the jobs, within the project's budget.
pub(super) async fn make(plan: &Plan, training: &Training) -> anyhow::Result<Survey> {
    let budget = Arc::new(Budget::new(plan.schedule.requests_per_minute));
    let list = match training.list(training.most_list_pages(), &budget.pace().await).await {
        Ok(read) => Ok(read.content),
        Err(error) => Err(without_list(plan, &error)?),
    };
    let project = &*plan.project;
    if let Ok(list) = &list {
        info!(project, jobs = list.jobs.len(), "read the list of jobs");
    }
    let at = now();
    let wanted = sample::choose(plan, list.as_ref().ok(), at);
    let (asked, ended_by, requests_per_poll) = (BTreeMap::new(), None, 1.0);
    let quotas = quotas(plan, training, &budget).await;
    let mut survey = Survey { at, list, quotas, asked, ended_by, requests_per_poll };
    let (mut requests, mut told) = (0, Instant::now());
    for (place, job) in wanted.iter().enumerate() {
        if told.elapsed() >= TOLD_EVERY {
            told = Instant::now();
            info!(project, asked = place, of = wanted.len(), "asking about jobs");
        }
        match ask(training, job, &budget.pace().await).await {
            Ok((answer, took)) => {
                requests += took;
                survey.asked.insert(job.clone(), answer);
            }
            Err(error) => {
                let text = Chain(advice::cause(&error)).to_string();
                info!(project, job = job.as_str(), error = text, "no answer about a job");
                // Those like it speak for it, unless all others would be answered so.
                if advice::is_final(&error) {
                    survey.ended_by = Some(text);
                    break;
                }
            }
        }
    }
    match (&survey.ended_by, survey.asked.len()) {
        (Some(error), 0) => Err(anyhow!("{error}")).context("cannot ask about the jobs"),
        (_, answered) => {
            survey.requests_per_poll = (requests as f64 / answered.max(1) as f64).max(1.0);
            Ok(survey)
        }
    }
}

/// Many regions do not tell them, which is as well.
async fn quotas(plan: &Plan, training: &Training, budget: &Arc<Budget>) -> Option<Vec<Quota>> {
    if !plan.schedule.asks_quotas {
        return None;
    }
    Some(training.quotas(&budget.pace().await).await.ok()??.content)
}

/// Why the list may not be read, where the jobs of the file can do without.
fn without_list(plan: &Plan, error: &Error) -> anyhow::Result<String> {
    let cause = advice::cause(error);
    let text = Chain(cause).to_string();
    let is_missing_permission =
        matches!(cause, Error::Forbidden(refusal) if !advice::is_of_other_project(refusal));
    if is_missing_permission && !plan.jobs.is_empty() {
        return Ok(text);
    }
    let next = advice::for_call(error, LIST_ACTION);
    Err(anyhow!("{text}; {next}")).context("cannot list the jobs")
}

/// Asks about one job; says too how many requests a poll of it takes.
async fn ask(training: &Training, job: &JobId, pace: &PollPace) -> Result<(Answer, usize), Error> {
    let mut versions = match training.versions(job, pace).await {
        Ok(read) => read.content,
        Err(Error::NotFound(_)) => return Ok((Answer::Gone, pace.sent())),
        Err(error) => return Err(error),
    };
    let requests = pace.sent();
    // The list of versions leaves the flavour out, which runs of one job share.
    let newest = versions.iter().max_by_key(|version| version.age_key());
    if let Some(newest) = newest.filter(|newest| newest.facts.flavor.is_empty()) {
        let flavor = training.version(job, &newest.version_id, pace).await?.content.facts.flavor;
        for version in &mut versions {
            version.facts.flavor.clone_from(&flavor);
        }
    }
    for version in &mut versions {
        version.usage = usage(training, version, pace).await?.or(version.usage.take());
    }
    Ok((Answer::Versions(versions), requests))
}

/// The usage of the tasks of a run, which v2 tells one by one; `None` where it comes with the version.
async fn usage(
    training: &Training,
    version: &Version,
    pace: &PollPace,
) -> Result<Option<Usage>, Error> {
    let names = &version.execution.tasks;
    // Of one that has not run yet there is none.
    if version.started.is_none() || names.is_empty() {
        return Ok(None);
    }
    let mut asked = Vec::new();
    for task in names.iter().take(MOST_TASKS_ASKED) {
        match training.usage(&version.job_id, task, pace).await {
            Ok(read) => asked.push(read.content),
            Err(Error::NotFound(_) | Error::BadRequest(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Some(Usage { tasks: of_all(&asked, names) }))
}

/// The usage of tasks of these names, which are like those that were asked about, in turn.
pub(super) fn of_all(asked: &[TaskUsage], names: &[String]) -> Vec<TaskUsage> {
    let like =
        |(name, like): (&String, &TaskUsage)| TaskUsage { task: name.clone(), ..like.clone() };
    names.iter().zip(asked.iter().cycle()).map(like).collect()
}
