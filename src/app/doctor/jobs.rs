use super::facts::Facts;
use super::project::{AtOnce, ends_questions};
use super::report::{Checks, Part};
use crate::app::advice::{self, LIST_ACTION, VERSIONS_ACTION};
use crate::cloud::{Chain, Error, Training, TrainingApi as _};
use crate::model::{JobId, Version, VersionId, VersionSelection};
use crate::schedule::JobSpec;

/// Jobs that are asked about one by one; `once` asks about all.
const MOST_ASKED: usize = 10;

/// Of the list, which holds a thousand jobs a page: enough to see that it may be read.
pub(super) const PAGES_LOOKED_AT: usize = 1;

/// What became of asking about a job.
struct Asked<'a> {
    spec: &'a JobSpec,
    answer: Result<Vec<Version>, Error>,
}

/// Tries each call the exporter makes, and looks for each configured job.
pub(super) async fn check(checks: &mut Checks, training: &Training, jobs: &[JobSpec]) {
    let action = LIST_ACTION;
    match training.list(PAGES_LOOKED_AT, &AtOnce).await {
        Ok(read) => {
            let more = if read.content.complete { "" } else { "more than " };
            let count = read.content.jobs.len();
            let detail = format!("{action}: the project has {more}{count} jobs");
            checks.ok(Part::Permissions, "list", detail, Facts::Permission { action });
        }
        Err(error) => {
            refused(checks, "list", &error, action);
            if ends_questions(&error) {
                skip_versions(checks, "the list failed");
                return skip_jobs(checks, jobs, "the list failed");
            }
        }
    }
    let asked = ask(training, jobs).await;
    versions(checks, &asked);
    detail(checks, training, &asked).await;
    found(checks, jobs, &asked);
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
