use super::advice::{self, LIST_ACTION, VERSIONS_ACTION};
use super::facts::Facts;
use super::project::{AtOnce, ends_questions};
use super::report::{Checks, Part};
use crate::app::ledger::now;
use crate::cloud::{Chain, Error, Training, TrainingApi as _};
use crate::config::ProjectConfig;
use crate::model::{Discovery, JobId, JobList, JobSpec, Version, VersionId, VersionSelection};

/// Jobs that are asked about one by one; `once` asks about all.
const MOST_ASKED: usize = 10;

/// Of the list, which holds a thousand jobs a page: enough to see that it may be read.
pub(super) const PAGES_LOOKED_AT: usize = 1;

/// What became of asking about a job.
struct Asked<'a> {
    spec: &'a JobSpec,
    answer: Result<Vec<Version>, Error>,
}

/// Of the list where it says which jobs there are: as many as the API allows an account, and more.
const PAGES_OF_ALL: usize = 100;

/// Tries each call the exporter makes, and looks for each configured job. Returns how many jobs there are
/// to poll.
pub(super) async fn check(
    checks: &mut Checks,
    training: &Training,
    config: &ProjectConfig,
) -> usize {
    let (action, named) = (LIST_ACTION, &config.jobs);
    let pages = if config.discovery.is_some() { PAGES_OF_ALL } else { PAGES_LOOKED_AT };
    let mut discovered = None;
    match training.list(pages, &AtOnce).await {
        Ok(read) => {
            let discovery = config.discovery.as_ref();
            discovered = discovery.map(|discovery| Discovered::of(discovery, named, &read.content));
            let more = if read.content.complete { "" } else { "more than " };
            let count = read.content.jobs.len();
            let detail = format!("{action}: the project has {more}{count} jobs");
            checks.ok(Part::Permissions, "list", detail, Facts::Permission { action });
        }
        Err(error) => {
            refused(checks, "list", &error, action);
            if ends_questions(&error) {
                skip_versions(checks, "the list failed");
                skip_jobs(checks, named, "the list failed");
                return named.len();
            }
        }
    }
    // Of those that nobody named, one shows whether they can be read.
    let example = discovered.as_ref().and_then(|discovered| discovered.example.clone());
    let jobs = if named.is_empty() { example.as_slice() } else { named };
    let asked = ask(training, jobs).await;
    versions(checks, &asked);
    detail(checks, training, &asked).await;
    match &discovered {
        Some(discovered) => discovered.tell(checks),
        None if config.discovery.is_some() => {
            checks.skip(Part::Jobs, "discovery", "the list failed", Facts::None);
        }
        None => {}
    }
    found(checks, jobs, &asked);
    named.len() + discovered.map_or(0, |discovered| discovered.not_ended)
}

/// What the list holds for a project whose jobs are found by it.
struct Discovered {
    listed: usize,
    admitted: usize,
    /// Of those that nobody named.
    not_ended: usize,
    /// One of them.
    example: Option<JobSpec>,
}

impl Discovered {
    fn of(discovery: &Discovery, named: &[JobSpec], list: &JobList) -> Self {
        let now = now().unix;
        let admitted: Vec<_> = list.jobs.iter().filter(|job| discovery.admits(job, now)).collect();
        let is_named = |id: &JobId| named.iter().any(|spec| spec.job_id == *id);
        let others = || admitted.iter().filter(|job| !is_named(&job.job_id));
        Self {
            listed: list.jobs.len(),
            admitted: admitted.len(),
            not_ended: others().filter(|job| !job.state.terminal).count(),
            example: others().next().map(|job| JobSpec {
                job_id: job.job_id.clone(),
                versions: discovery.versions.clone(),
            }),
        }
    }

    fn tell(&self, checks: &mut Checks) {
        let Self { listed, admitted, not_ended, .. } = *self;
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
pub(super) fn skip(checks: &mut Checks, jobs: &[JobSpec], because: &str) {
    let facts = Facts::Permission { action: LIST_ACTION };
    checks.skip(Part::Permissions, "list", because, facts);
    skip_versions(checks, because);
    skip_jobs(checks, jobs, because);
}

fn skip_versions(checks: &mut Checks, because: &str) {
    for check in ["versions", "detail"] {
        let facts = Facts::Permission { action: VERSIONS_ACTION };
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

fn versions(checks: &mut Checks, asked: &[Asked<'_>]) {
    let (check, action) = ("versions", VERSIONS_ACTION);
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
    let (check, action) = ("detail", VERSIONS_ACTION);
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

/// Whether each configured job is there, and what of it is asked for.
fn found(checks: &mut Checks, jobs: &[JobSpec], asked: &[Asked<'_>]) {
    for Asked { spec, answer } in asked {
        match answer {
            Ok(versions) => job(checks, spec, versions),
            Err(error) if advice::is_final(error) => {
                checks.skip(Part::Jobs, "job", "the versions call failed", unknown(&spec.job_id));
            }
            Err(error) => {
                let detail = Chain(error).to_string();
                let next = advice::for_job(error);
                checks.fail(Part::Jobs, "job", detail, next, unknown(&spec.job_id));
            }
        }
    }
    for spec in jobs.iter().take(MOST_ASKED).skip(asked.len()) {
        checks.skip(Part::Jobs, "job", "the versions call failed", unknown(&spec.job_id));
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
    let count = versions.len();
    let plural = if count == 1 { "" } else { "s" };
    let (status, name) = (newest.state.status.as_str(), name(newest));
    let detail =
        format!("{}, {count} version{plural}, the newest is {name}: {status}", newest.job_name);
    let missing = missing(&spec.versions, versions);
    if missing.is_empty() {
        checks.ok(Part::Jobs, "job", detail, facts);
    } else {
        let detail = format!("{detail}; it has no version {}", missing.join(", "));
        let next = "correct `versions` of the job: ids, or names such as V0003";
        checks.fail(Part::Jobs, "job", detail, next, facts);
    }
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
