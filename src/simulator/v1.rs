//! The v1 training-job API.

use std::{borrow::Cow, cmp::Ordering};

use http::StatusCode;

use super::{
    answer::Answer,
    fault::Fault,
    job::Job,
    page::page_of,
    rules::Verdict,
    story::Version,
    wire::{HUGE_MARK, JobList, ListedJob, VersionDetail, VersionList},
    world::{Project, newest_first},
};

/// Jobs a project may have, says the service.
const QUOTA: u64 = 20_000;

/// The parameters of a request.
pub(super) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    pub(super) fn new(query: &'a str) -> Self {
        Self(url::form_urlencoded::parse(query.as_bytes()).collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_ref())
    }

    /// A whole number within bounds, or the default where there is none.
    pub(super) fn number(
        &self,
        name: &str,
        low: usize,
        high: usize,
        default: usize,
    ) -> Result<usize, Answer> {
        let Some(text) = self.get(name) else { return Ok(default) };
        text.parse()
            .ok()
            .filter(|number| (low..=high).contains(number))
            .ok_or_else(|| Answer::bad_parameter(name))
    }
}

/// The most a page can hold.
const PAGE_MOST: usize = 1000;
/// What a page holds when nobody says.
const PAGE_USUAL: usize = 10;
/// The last page there is.
const PAGES_MOST: usize = 65_535;
/// Letters in a search.
const SEARCH_MOST: usize = 64;

/// `GET /v1/{project_id}/training-jobs`.
pub(super) fn list(
    project: &mut Project,
    query: &Query<'_>,
    verdict: &Verdict,
    now: i64,
) -> Result<Answer, Answer> {
    let per_page = query.number("per_page", 1, PAGE_MOST, PAGE_USUAL)?;
    let page = query.number("page", 1, PAGES_MOST, 1)?;
    let status = query
        .get("status")
        .map(|code| code.parse::<i64>().map_err(|_| Answer::bad_parameter("status")))
        .transpose()?;
    let descending = match query.get("order") {
        None | Some("asc") => false,
        Some("desc") => true,
        Some(_) => return Err(Answer::bad_parameter("order")),
    };
    let sort = query.get("sortBy").unwrap_or("job_name");
    let compare = order_by(sort).ok_or_else(|| Answer::bad_parameter("sortBy"))?;
    let search = query.get("search_content").unwrap_or_default();
    if search.chars().count() > SEARCH_MOST {
        return Err(Answer::bad_parameter("search_content"));
    }
    let workspace = query.get("workspace_id").unwrap_or("0");

    project.jobs.turn_over(now);
    let mut rows: Vec<Row<'_>> = project
        .jobs
        .all
        .values_mut()
        .filter_map(|job| {
            job.catch_up(now);
            let job = &*job;
            let versions = newest_first(job, now);
            let latest = *versions.first()?;
            Some(Row { job, latest, count: versions.len(), now })
        })
        .filter(|row| {
            status.is_none_or(|code| row.latest.at(now).code == code)
                && row.job.name.contains(search)
                && row.job.workspace == workspace
                && !verdict.unknown.has(row.job.id)
        })
        .collect();
    // Rows that are equal keep the order of their ids, so that pages do not overlap.
    rows.sort_by(|a, b| if descending { compare(b, a) } else { compare(a, b) });

    let (shown, total) = page_of(&rows, (page - 1) * per_page, per_page, verdict);
    let jobs = shown
        .iter()
        .map(|row| {
            ListedJob::new(row.job, row.latest, row.count, now, verdict.renamed.has(row.job.id))
        })
        .collect();
    Ok(Answer::json(
        StatusCode::OK,
        &JobList {
            is_success: true,
            quotas: QUOTA,
            job_total_count: total,
            job_count_limit: QUOTA.saturating_sub(rows.len() as u64),
            jobs,
        },
    ))
}

/// A job and its latest version, to be sorted.
struct Row<'a> {
    job: &'a Job,
    latest: &'a Version,
    count: usize,
    now: i64,
}

fn order_by(key: &str) -> Option<fn(&Row<'_>, &Row<'_>) -> Ordering> {
    Some(match key {
        "job_name" => |a, b| a.job.name.cmp(&b.job.name),
        "job_desc" => |a, b| a.job.description.cmp(&b.job.description),
        "status" => |a, b| a.latest.at(a.now).code.cmp(&b.latest.at(b.now).code),
        "duration" => |a, b| a.latest.at(a.now).duration.cmp(&b.latest.at(b.now).duration),
        "version_count" => |a, b| a.count.cmp(&b.count),
        "create_time" => |a, b| a.latest.created.cmp(&b.latest.created),
        _ => return None,
    })
}

/// A job and its versions, newest first; or that there is none.
fn versions_of<'a>(
    project: &'a mut Project,
    job: &str,
    verdict: &Verdict,
    now: i64,
) -> Result<(&'a Job, Vec<&'a Version>), Answer> {
    let id: u64 = job.parse().map_err(|_| Answer::bad_parameter("job_id"))?;
    project.jobs.turn_over(now);
    let job = project
        .jobs
        .all
        .get_mut(&id)
        .filter(|_| !verdict.unknown.has(id))
        .ok_or_else(Answer::unknown_job)?;
    job.catch_up(now);
    let job = &*job;
    Ok((job, newest_first(job, now)))
}

/// The models' metrics are to hold the mark where enormous images go.
fn huge(verdict: &Verdict) -> bool {
    matches!(verdict.fault, Some((Fault::Huge, _)))
}

/// `GET /v1/{project_id}/training-jobs/{job_id}/versions`.
pub(super) fn versions(
    project: &mut Project,
    job: &str,
    query: &Query<'_>,
    verdict: &Verdict,
    now: i64,
) -> Result<Answer, Answer> {
    let per_page = query.number("per_page", 1, PAGE_MOST, PAGE_USUAL)?;
    // 0 is documented as "no paging at all".
    let page = query.number("page", 0, PAGES_MOST, 0)?;
    let (job, versions) = versions_of(project, job, verdict, now)?;
    let (shown, total) = if page == 0 {
        (versions.clone(), versions.len())
    } else {
        let (shown, total) = page_of(&versions, (page - 1) * per_page, per_page, verdict);
        (shown.into_iter().copied().collect(), total)
    };
    let renamed = verdict.renamed.has(job.id);
    let list = VersionList::new(job, total, &shown, now, renamed, huge(verdict));
    Ok(Answer::json(StatusCode::OK, &list))
}

/// `GET /v1/{project_id}/training-jobs/{job_id}/versions/{version_id}`.
pub(super) fn detail(
    project: &mut Project,
    job: &str,
    version: &str,
    verdict: &Verdict,
    now: i64,
) -> Result<Answer, Answer> {
    let id: u64 = version.parse().map_err(|_| Answer::bad_parameter("version_id"))?;
    let (job, versions) = versions_of(project, job, verdict, now)?;
    let version =
        versions.into_iter().find(|version| version.id == id).ok_or_else(Answer::unknown_job)?;
    let renamed = verdict.renamed.has(job.id);
    let detail = VersionDetail::new(job, version, now, renamed, huge(verdict));
    Ok(Answer::json(StatusCode::OK, &detail))
}

/// Where the mark stands in a rendered answer: what comes before it, what after, and whether it stands
/// inside a string that is itself JSON.
pub(super) fn around_mark(body: &[u8]) -> Option<(usize, usize, bool)> {
    let plain = format!("\"{HUGE_MARK}\"");
    let escaped = format!("\\\"{HUGE_MARK}\\\"");
    let find =
        |needle: &str| body.windows(needle.len()).position(|window| window == needle.as_bytes());
    find(&escaped)
        .map(|at| (at, at + escaped.len(), true))
        .or_else(|| find(&plain).map(|at| (at, at + plain.len(), false)))
}
