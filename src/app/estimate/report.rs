use std::collections::BTreeMap;

use serde::Serialize;

use super::account::Account;
use super::plan::Plan;
use super::rehearsal::Rehearsed;

/// The exporter holds at most about this much beside what it shows …
const MEMORY_BASE: f64 = 30e6;

/// … and so many times the text of a scrape (docs/performance.md).
const MEMORY_PER_BYTE: f64 = 2.5;

/// The whole answer, as `--format=json` prints it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Every project could be estimated.
    pub(super) ok: bool,
    /// In the order of the file.
    pub(super) projects: Vec<Estimated>,
    /// Of the projects that could.
    pub(super) total: Total,
}

#[derive(Debug, Serialize)]
pub(super) struct Estimated {
    pub(super) project: String,
    /// Why there is no estimate.
    pub(super) error: Option<String>,
    #[serde(flatten)]
    pub(super) estimate: Option<Estimate>,
}

#[derive(Debug, Serialize)]
pub(super) struct Estimate {
    pub(super) jobs: Jobs,
    pub(super) sample: Sample,
    pub(super) series: Series,
    pub(super) scrape: Scrape,
    pub(super) requests: Requests,
    pub(super) savings: Vec<Saving>,
}

#[derive(Debug, Serialize)]
pub(super) struct Jobs {
    /// In the list; `None` where it may not be read.
    pub(super) listed: Option<usize>,
    /// Why it may not be read.
    pub(super) list_error: Option<String>,
    /// No job is missing from the list.
    pub(super) list_complete: bool,
    /// Of the jobs in the list.
    pub(super) by_status: BTreeMap<&'static str, usize>,
    /// Followed, and named by the file: where several processes share the jobs, not all that it names.
    pub(super) named: usize,
    /// Found by discovery beside them.
    pub(super) found: usize,
    /// Named jobs that the cloud does not know.
    pub(super) unknown: usize,
    /// Shown.
    pub(super) versions: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct Sample {
    /// Jobs that were asked about.
    pub(super) asked: usize,
    /// Followed jobs that were not, and are taken to be like those of the same status.
    pub(super) stood_in: usize,
    /// Why fewer were asked about than meant.
    pub(super) ended_by: Option<String>,
}

/// Series by what they are about.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Series {
    pub(super) jobs: usize,
    pub(super) usage: usize,
    pub(super) quality: usize,
    pub(super) classes: usize,
    pub(super) outcomes: usize,
}

impl Series {
    pub(super) fn sum(&self) -> usize {
        self.jobs + self.usage + self.quality + self.classes + self.outcomes
    }
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Scrape {
    pub(super) series: usize,
    pub(super) bytes: usize,
    pub(super) gzip_bytes: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct Requests {
    /// Needed.
    pub(super) per_minute: f64,
    /// `None`: unlimited.
    pub(super) per_minute_allowed: Option<u32>,
    pub(super) running: f64,
    pub(super) waiting: f64,
    pub(super) ended: f64,
    pub(super) unknown: f64,
    pub(super) list: f64,
    pub(super) quotas: f64,
    /// Between two polls of a job that runs, as configured and as the budget has it.
    pub(super) configured_interval_seconds: f64,
    pub(super) interval_seconds: f64,
    pub(super) list_interval_seconds: f64,
}

/// A filter, and what it saves; what costs more is negative.
#[derive(Debug, Serialize)]
pub(super) struct Saving {
    pub(super) key: &'static str,
    /// As it stands in the file, or would.
    pub(super) value: String,
    /// It is set, and saves this; or would save it.
    pub(super) is_set: bool,
    pub(super) saves: Saved,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Saved {
    pub(super) jobs: i64,
    pub(super) series: i64,
    pub(super) bytes: i64,
    pub(super) requests_per_minute: f64,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Total {
    #[serde(flatten)]
    pub(super) scrape: Scrape,
    /// `limits.series`: what is above it gives way.
    pub(super) series_limit: usize,
    pub(super) requests_per_minute: f64,
    /// The exporter's, at most about.
    pub(super) memory_bytes: f64,
}

impl Report {
    /// `series_limit`: of all projects together.
    pub(super) fn new(projects: Vec<Estimated>, series_limit: usize) -> Self {
        let mut total = Total { series_limit, ..Total::default() };
        for Estimate { scrape, requests, .. } in
            projects.iter().filter_map(|one| one.estimate.as_ref())
        {
            total.scrape.series += scrape.series;
            total.scrape.bytes += scrape.bytes;
            total.scrape.gzip_bytes += scrape.gzip_bytes;
            total.requests_per_minute += requests.per_minute;
        }
        total.memory_bytes = MEMORY_BASE + MEMORY_PER_BYTE * total.scrape.bytes as f64;
        Self { ok: projects.iter().all(|project| project.error.is_none()), projects, total }
    }
}

impl Estimated {
    pub(super) fn new(project: &str, made: anyhow::Result<Estimate>) -> Self {
        let (estimate, error) = match made {
            Ok(estimate) => (Some(estimate), None),
            Err(error) => (None, Some(format!("{error:#}"))),
        };
        Self { project: project.to_owned(), error, estimate }
    }
}

impl Estimate {
    pub(super) fn new(
        plan: &Plan,
        account: &Account,
        cost: &Rehearsed,
        savings: Vec<Saving>,
    ) -> Self {
        let survey = account.survey();
        let list = account.list();
        let mut by_status = BTreeMap::new();
        for job in list.into_iter().flat_map(|list| &list.jobs) {
            *by_status.entry(job.state.status.as_str()).or_default() += 1;
        }
        let allowed = plan.schedule.requests_per_minute;
        let requests = &cost.cost;
        Self {
            jobs: Jobs {
                listed: list.map(|list| list.jobs.len()),
                list_error: survey.list.as_ref().err().cloned(),
                list_complete: list.is_some_and(|list| list.complete),
                by_status,
                named: cost.named,
                found: cost.followed - cost.named,
                unknown: cost.gone,
                versions: cost.versions,
            },
            sample: Sample {
                asked: survey.asked.len(),
                stood_in: cost.stood_in,
                ended_by: survey.ended_by.clone(),
            },
            series: cost.series,
            scrape: Scrape {
                series: cost.series.sum(),
                bytes: cost.bytes,
                gzip_bytes: cost.gzip_bytes,
            },
            requests: Requests {
                per_minute: requests.requests_per_minute(),
                per_minute_allowed: (allowed > 0).then_some(allowed),
                running: requests.running,
                waiting: requests.waiting,
                ended: requests.ended,
                unknown: requests.gone,
                list: requests.list,
                quotas: requests.quotas,
                configured_interval_seconds: plan.schedule.interval.as_secs_f64(),
                interval_seconds: requests.interval.as_secs_f64(),
                list_interval_seconds: requests.list_interval.as_secs_f64(),
            },
            savings,
        }
    }
}

impl Saved {
    /// What a filter saves, by the costs with it and without it.
    pub(super) fn between(with: &Rehearsed, without: &Rehearsed) -> Self {
        let series = difference(with.series.sum(), without.series.sum());
        // The same series are no shorter for being rendered a moment later, when a time in them happens
        // to have fewer digits.
        let bytes = if series == 0 { 0 } else { difference(with.bytes, without.bytes) };
        Self {
            jobs: difference(with.followed, without.followed),
            series,
            bytes,
            requests_per_minute: without.cost.requests_per_minute()
                - with.cost.requests_per_minute(),
        }
    }
}

fn difference(with: usize, without: usize) -> i64 {
    without.try_into().unwrap_or(i64::MAX) - with.try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_the_report_are_those_that_are_documented() {
        let documented = include_str!("../../../docs/operations.md");
        let estimate = Estimate {
            jobs: Jobs {
                listed: None,
                list_error: None,
                list_complete: true,
                by_status: BTreeMap::new(),
                named: 0,
                found: 0,
                unknown: 0,
                versions: 0,
            },
            sample: Sample { asked: 0, stood_in: 0, ended_by: None },
            series: Series::default(),
            scrape: Scrape { series: 0, bytes: 100, gzip_bytes: 10 },
            requests: Requests {
                per_minute: 0.0,
                per_minute_allowed: None,
                running: 0.0,
                waiting: 0.0,
                ended: 0.0,
                unknown: 0.0,
                list: 0.0,
                quotas: 0.0,
                configured_interval_seconds: 0.0,
                interval_seconds: 0.0,
                list_interval_seconds: 0.0,
            },
            savings: vec![Saving {
                key: "k",
                value: String::new(),
                is_set: true,
                saves: Saved { jobs: 0, series: 0, bytes: 0, requests_per_minute: 0.0 },
            }],
        };
        let failed = Estimated::new("q", Err(anyhow::anyhow!("inner").context("outer")));
        let report = Report::new(vec![Estimated::new("p", Ok(estimate)), failed], 500_000);
        let written = serde_json::to_string(&report).unwrap();
        insta::assert_snapshot!(written, @r#"{"ok":false,"projects":[{"project":"p","error":null,"jobs":{"listed":null,"list_error":null,"list_complete":true,"by_status":{},"named":0,"found":0,"unknown":0,"versions":0},"sample":{"asked":0,"stood_in":0,"ended_by":null},"series":{"jobs":0,"usage":0,"quality":0,"classes":0,"outcomes":0},"scrape":{"series":0,"bytes":100,"gzip_bytes":10},"requests":{"per_minute":0.0,"per_minute_allowed":null,"running":0.0,"waiting":0.0,"ended":0.0,"unknown":0.0,"list":0.0,"quotas":0.0,"configured_interval_seconds":0.0,"interval_seconds":0.0,"list_interval_seconds":0.0},"savings":[{"key":"k","value":"","is_set":true,"saves":{"jobs":0,"series":0,"bytes":0,"requests_per_minute":0.0}}]},{"project":"q","error":"outer: inner"}],"total":{"series":0,"bytes":100,"gzip_bytes":10,"series_limit":500000,"requests_per_minute":0.0,"memory_bytes":30000250.0}}"#);
        let keys = written.split("\":").filter_map(|before| before.rsplit('"').next());
        for key in keys.filter(|key| !key.ends_with(['}', ']'])) {
            let is_there = documented.contains(&format!("`{key}`"))
                || documented.contains(&format!("`{key}[]`"));
            assert!(is_there, "{key} is not documented");
        }
    }
}
