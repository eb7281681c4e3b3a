use super::budget::ToPoll;
use super::facts::Facts;
use super::project::{AtOnce, ends_questions};
use super::report::{Checks, Part};
use crate::app::advice::{self, LIST_ACTION, QUOTAS_ACTION, job_action};
use crate::app::ledger::now;
use crate::cloud::{Chain, Error, Training, TrainingApi as _};
use crate::config::ProjectConfig;
use crate::model::{
    Api, Discovery, JobId, JobList, JobSpec, ListedJob, Version, VersionId, VersionSelection,
};

/// Jobs that are asked about one by one; `once` asks about all.
const MOST_ASKED: usize = 10;

/// Of the list, which holds a thousand jobs a page: enough to see that it may be read.
pub(super) const PAGES_LOOKED_AT: usize = 1;

/// What became of asking about a job.
struct Asked<'a> {
    spec: &'a JobSpec,
    answer: Result<Vec<Version>, Error>,
}

/// The two checks of the calls about a job, in the order in which they are made.
fn calls(api: Api) -> [&'static str; 2] {
    match api {
        Api::V1 => ["versions", "detail"],
        // The job has no versions, and its usage comes task by task.
        Api::V2 => ["detail", "metrics"],
    }
}

/// Tries each call the exporter makes, and looks for each configured job. Returns what there is to poll.
pub(super) async fn check(
    checks: &mut Checks,
    training: &Training,
    config: &ProjectConfig,
) -> ToPoll {
    let (action, named, api) = (LIST_ACTION, &config.jobs, config.cloud.api);
    let finds = config.discovery.is_some();
    let pages = if finds { training.most_list_pages() } else { PAGES_LOOKED_AT };
    let mut to_poll = ToPoll::named(named.len(), api);
    let (mut discovered, mut list_pages) = (None, 0);
    match training.list(pages, &AtOnce).await {
        Ok(read) => {
            let discovery = config.discovery.as_ref();
            discovered = discovery.map(|discovery| Discovered::of(discovery, named, &read.content));
            if let Some(discovered) = &discovered {
                discovered.tasks.iter().for_each(|tasks| to_poll.found(*tasks));
            }
            list_pages = read.content.pages;
            let more = if read.content.complete { "" } else { "more than " };
            let count = read.content.jobs.len();
            let detail = format!("{action}: the project has {more}{count} jobs");
            checks.ok(Part::Permissions, "list", detail, Facts::Permission { action });
        }
        Err(error) => {
            refused(checks, "list", &error, action);
            if ends_questions(&error) {
                skip_calls(checks, api, "the list failed");
                skip_jobs(checks, named, "the list failed");
                return to_poll;
            }
        }
    }
    // Of those that nobody named, one shows whether they can be read.
    let example = discovered.as_ref().and_then(|discovered| discovered.example.clone());
    let jobs = if named.is_empty() { example.as_slice() } else { named };
    let asked = ask(training, jobs).await;
    if !named.is_empty() {
        let versions = asked.iter().filter_map(|one| newest(one.answer.as_ref().ok()?));
        versions.for_each(|job| to_poll.has_tasks(job.execution.tasks.len()));
    }
    if list_pages > 0 {
        to_poll.list_of(list_pages, finds);
    }
    of_jobs(checks, &asked, api);
    match api {
        Api::V1 => detail(checks, training, &asked).await,
        Api::V2 => {
            metrics(checks, training, &asked).await;
            quotas(checks, training).await;
        }
    }
    match &discovered {
        Some(discovered) => discovered.tell(checks),
        None if config.discovery.is_some() => {
            checks.skip(Part::Jobs, "discovery", "the list failed", Facts::None);
        }
        None => {}
    }
    found(checks, jobs, &asked, api);
    to_poll
}

/// What the list holds for a project whose jobs are found by it.
struct Discovered {
    listed: usize,
    admitted: usize,
    /// How many tasks each of those has that nobody named and that have not ended.
    tasks: Vec<usize>,
    /// One of them.
    example: Option<JobSpec>,
}

impl Discovered {
    fn of(discovery: &Discovery, named: &[JobSpec], list: &JobList) -> Self {
        let now = now().unix;
        let admitted: Vec<_> = list.jobs.iter().filter(|job| discovery.admits(job, now)).collect();
        let is_named = |id: &JobId| named.iter().any(|spec| spec.job_id == *id);
        let tasks =
            |job: &ListedJob| job.whole.as_ref().map_or(0, |whole| whole.execution.tasks.len());
        let others = || admitted.iter().filter(|job| !is_named(&job.job_id));
        Self {
            listed: list.jobs.len(),
            admitted: admitted.len(),
            tasks: others().filter(|job| !job.state.terminal).map(|job| tasks(job)).collect(),
            example: others().next().map(|job| JobSpec {
                job_id: job.job_id.clone(),
                versions: discovery.versions.clone(),
            }),
        }
    }

    fn tell(&self, checks: &mut Checks) {
        let Self { listed, admitted, .. } = *self;
        let not_ended = self.tasks.len();
        let facts = Facts::Discovery { listed, admitted };
        let detail = format!("{admitted} of {listed} listed jobs are found");
        if admitted == 0 && listed > 0 {
            let next = "correct the filters of `discovery`, if this is not what they are for";
            checks.warn(Part::Jobs, "discovery", detail, next, facts);
        } else {
            let detail = format!("{detail}; {not_ended} of those nobody named have not ended");
            checks.ok(Part::Jobs, "discovery", detail, facts);
        }
    }
}

/// Nothing can be asked.
pub(super) fn skip(checks: &mut Checks, config: &ProjectConfig, because: &str) {
    let facts = Facts::Permission { action: LIST_ACTION };
    checks.skip(Part::Permissions, "list", because, facts);
    skip_calls(checks, config.cloud.api, because);
    skip_jobs(checks, &config.jobs, because);
}

fn skip_calls(checks: &mut Checks, api: Api, because: &str) {
    for check in calls(api) {
        let facts = Facts::Permission { action: job_action(api) };
        checks.skip(Part::Permissions, check, because, facts);
    }
}

fn skip_jobs(checks: &mut Checks, jobs: &[JobSpec], because: &str) {
    for job in jobs.iter().take(MOST_ASKED) {
        checks.skip(Part::Jobs, "job", because, unknown(&job.job_id));
    }
    skip_others(checks, jobs.len());
}

fn skip_others(checks: &mut Checks, jobs: usize) {
    if let Some(others @ 1..) = jobs.checked_sub(MOST_ASKED) {
        let because =
            format!("{MOST_ASKED} jobs are enough here; `once` asks about these {others}, too");
        checks.skip(Part::Jobs, "others", &because, Facts::None);
    }
}

/// Asks about the first jobs, until an answer says that all others would be the same.
async fn ask<'a>(training: &Training, jobs: &'a [JobSpec]) -> Vec<Asked<'a>> {
    let mut asked = Vec::new();
    for spec in jobs.iter().take(MOST_ASKED) {
        let answer = training.versions(&spec.job_id, &AtOnce).await.map(|read| read.content);
        let is_final = answer.as_ref().is_err_and(advice::is_final);
        asked.push(Asked { spec, answer });
        if is_final {
            break;
        }
    }
    asked
}

fn refused(checks: &mut Checks, check: &'static str, error: &Error, action: &'static str) {
    let detail = Chain(advice::cause(error)).to_string();
    let detail = match advice::cause(error) {
        Error::Forbidden(_) => format!("{action} is missing: {detail}"),
        _ => detail,
    };
    let next = advice::for_call(error, action);
    checks.fail(Part::Permissions, check, detail, next, Facts::Permission { action });
}

/// The first call about a job.
fn of_jobs(checks: &mut Checks, asked: &[Asked<'_>], api: Api) {
    let ([check, _], action) = (calls(api), job_action(api));
    let facts = Facts::Permission { action };
    let answered = asked.iter().find(|asked| asked.answer.is_ok());
    let refusal = asked.iter().find_map(|asked| asked.answer.as_ref().err());
    match (answered, refusal) {
        (Some(one), _) => {
            let detail = format!("{action}: tried with job {}", one.spec.job_id);
            checks.ok(Part::Permissions, check, detail, facts);
        }
        (None, Some(error)) if advice::is_final(error) => refused(checks, check, error, action),
        (None, Some(_)) => {
            checks.skip(Part::Permissions, check, "no configured job can be read", facts);
        }
        (None, None) => checks.skip(Part::Permissions, check, "no job is configured", facts),
    }
}

async fn detail(checks: &mut Checks, training: &Training, asked: &[Asked<'_>]) {
    let ([_, check], action) = (calls(Api::V1), job_action(Api::V1));
    let facts = Facts::Permission { action };
    let one = asked.iter().find_map(|one| Some((one.spec, newest(one.answer.as_ref().ok()?)?)));
    let Some((spec, version)) = one else {
        return checks.skip(Part::Permissions, check, "no version is known to ask for", facts);
    };
    match training.version(&spec.job_id, &version.version_id, &AtOnce).await {
        Ok(_) => {
            let (job, version) = (&spec.job_id, name(version));
            let detail = format!("{action}: tried with job {job}, version {version}");
            checks.ok(Part::Permissions, check, detail, facts);
        }
        Err(error) => refused(checks, check, &error, action),
    }
}

async fn metrics(checks: &mut Checks, training: &Training, asked: &[Asked<'_>]) {
    let ([_, check], action) = (calls(Api::V2), job_action(Api::V2));
    let facts = Facts::Permission { action };
    let one = asked.iter().find_map(|one| {
        let job = newest(one.answer.as_ref().ok()?)?;
        Some((&job.job_id, job.execution.tasks.first()?))
    });
    let Some((job, task)) = one else {
        return checks.skip(Part::Permissions, check, "no task is known to ask for", facts);
    };
    match training.usage(job, task, &AtOnce).await {
        Ok(read) => {
            let samples = read.content.samples;
            let detail = format!("{action}: tried with job {job}, {task}: {samples} samples");
            checks.ok(Part::Permissions, check, detail, facts);
        }
        Err(error) => refused(checks, check, &error, action),
    }
}

/// Which many regions do not offer, and nothing else needs.
async fn quotas(checks: &mut Checks, training: &Training) {
    let (check, action) = ("quotas", QUOTAS_ACTION);
    let facts = Facts::Permission { action };
    match training.quotas(&AtOnce).await {
        Ok(read) => {
            let count = read.map_or(0, |read| read.content.len());
            let detail = format!("{action}: of {count} resource{}", plural(count));
            checks.ok(Part::Permissions, check, detail, facts);
        }
        Err(error) if error.is_refusal() => {
            let because = format!("they are left out: {}", Chain(advice::cause(&error)));
            checks.skip(Part::Permissions, check, &because, facts);
        }
        Err(error) => refused(checks, check, &error, action),
    }
}

/// Whether each configured job is there, and what of it is asked for.
fn found(checks: &mut Checks, jobs: &[JobSpec], asked: &[Asked<'_>], api: Api) {
    let because = format!("the {} call failed", calls(api)[0]);
    for Asked { spec, answer } in asked {
        match answer {
            Ok(versions) => job(checks, spec, versions),
            Err(error) if advice::is_final(error) => {
                checks.skip(Part::Jobs, "job", &because, unknown(&spec.job_id));
            }
            Err(error) => {
                let detail = Chain(error).to_string();
                let next = advice::for_job(error, api);
                checks.fail(Part::Jobs, "job", detail, next, unknown(&spec.job_id));
            }
        }
    }
    for spec in jobs.iter().take(MOST_ASKED).skip(asked.len()) {
        checks.skip(Part::Jobs, "job", &because, unknown(&spec.job_id));
    }
    skip_others(checks, jobs.len());
}

fn job(checks: &mut Checks, spec: &JobSpec, versions: &[Version]) {
    let newest = newest(versions);
    let facts = Facts::Job {
        job_id: spec.job_id.to_string(),
        name: newest.map(|version| version.job_name.clone()),
        versions: Some(versions.len() as u64),
        newest_version: newest.map(|version| name(version).to_owned()),
        newest_status: newest.map(|version| version.state.status.as_str()),
    };
    let Some(newest) = newest else {
        let next = "start it once, or remove it from `jobs`";
        return checks.warn(Part::Jobs, "job", "it has no version", next, facts);
    };
    let (status, job_name) = (newest.state.status.as_str(), &newest.job_name);
    let detail = match newest.api {
        Api::V1 => {
            let (count, name) = (versions.len(), name(newest));
            let plural = plural(count);
            format!("{job_name}, {count} version{plural}, the newest is {name}: {status}")
        }
        Api::V2 => {
            let count = newest.execution.tasks.len();
            format!("{job_name}, {count} task{}: {status}", plural(count))
        }
    };
    let missing = missing(&spec.versions, versions);
    if missing.is_empty() {
        checks.ok(Part::Jobs, "job", detail, facts);
    } else {
        let detail = format!("{detail}; it has no version {}", missing.join(", "));
        let next = "correct `versions` of the job: ids, or names such as V0003";
        checks.fail(Part::Jobs, "job", detail, next, facts);
    }
}

pub(super) fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// The configured versions that the job does not have.
fn missing<'a>(selection: &'a VersionSelection, versions: &[Version]) -> Vec<&'a str> {
    let VersionSelection::Listed(listed) = selection else { return Vec::new() };
    let has = |wanted: &str| {
        versions.iter().any(|version| {
            version.version_id == VersionId::from(wanted)
                || version.version_name.as_deref() == Some(wanted)
        })
    };
    listed.iter().map(String::as_str).filter(|wanted| !has(wanted)).collect()
}

fn newest(versions: &[Version]) -> Option<&Version> {
    versions.iter().max_by_key(|version| version.age_key())
}

fn name(version: &Version) -> &str {
    version.version_name.as_deref().unwrap_or(version.version_id.as_str())
}

fn unknown(job: &JobId) -> Facts {
    Facts::Job {
        job_id: job.to_string(),
        name: None,
        versions: None,
        newest_version: None,
        newest_status: None,
    }
}
