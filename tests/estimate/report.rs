use serde::Deserialize;

use crate::harness::run_in;

/// What `--format=json` prints, as far as anything here looks at it.
#[derive(Debug, Deserialize)]
pub(super) struct Report {
    pub(super) ok: bool,
    pub(super) projects: Vec<Project>,
    pub(super) total: Total,
}

#[derive(Debug, Deserialize)]
pub(super) struct Project {
    pub(super) error: Option<String>,
    #[serde(flatten)]
    pub(super) estimate: Option<Estimate>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Estimate {
    pub(super) jobs: Jobs,
    pub(super) sample: Sample,
    pub(super) series: Series,
    pub(super) scrape: Scrape,
    pub(super) requests: Requests,
    pub(super) savings: Vec<Saving>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Jobs {
    pub(super) listed: Option<usize>,
    pub(super) list_error: Option<String>,
    pub(super) named: usize,
    pub(super) found: usize,
    pub(super) unknown: usize,
    pub(super) versions: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Sample {
    pub(super) asked: usize,
    pub(super) stood_in: usize,
    pub(super) ended_by: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Series {
    pub(super) jobs: i64,
    pub(super) usage: i64,
    pub(super) quality: i64,
    pub(super) classes: i64,
    pub(super) outcomes: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Scrape {
    pub(super) series: i64,
    pub(super) bytes: i64,
    pub(super) gzip_bytes: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Requests {
    pub(super) per_minute: f64,
    pub(super) per_minute_allowed: Option<u32>,
    pub(super) running: f64,
    pub(super) waiting: f64,
    pub(super) ended: f64,
    pub(super) unknown: f64,
    pub(super) list: f64,
    pub(super) interval_seconds: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Saving {
    key: String,
    pub(super) value: String,
    is_set: bool,
    pub(super) saves: Saved,
}

#[derive(Debug, Deserialize)]
pub(super) struct Saved {
    pub(super) jobs: i64,
    pub(super) series: i64,
    pub(super) bytes: i64,
    pub(super) requests_per_minute: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Total {
    pub(super) series: i64,
    pub(super) series_limit: i64,
}

impl Report {
    /// The estimate of the only project.
    pub(super) fn project(&self) -> &Estimate {
        assert_eq!(self.projects.len(), 1, "{self:?}");
        self.projects[0].estimate.as_ref().unwrap_or_else(|| panic!("{self:?}"))
    }
}

impl Series {
    pub(super) fn sum(&self) -> i64 {
        self.jobs + self.usage + self.quality + self.classes + self.outcomes
    }
}

impl Estimate {
    /// The one filter of this key that is set, or that could be.
    pub(super) fn saving(&self, key: &str, is_set: bool) -> &Saving {
        let mut found = self.savings.iter().filter(|one| one.key == key && one.is_set == is_set);
        match (found.next(), found.next()) {
            (Some(saving), None) => saving,
            other => panic!("{other:?} of {:?}", self.savings),
        }
    }
}

/// What `estimate` says of a file for which it can say something.
pub(super) async fn estimate(config: &str) -> Report {
    estimate_in(config, 0).await
}

/// What `estimate` says, with the exit code it has to end with.
pub(super) async fn estimate_in(config: &str, code: i32) -> Report {
    let finished = run_in(&[], &["estimate", "--format=json"], config).await;
    let report: Report = serde_json::from_str(&finished.stdout)
        .unwrap_or_else(|error| panic!("{error}: {finished:?}"));
    assert_eq!(finished.status.code(), Some(code), "{report:?}");
    assert_eq!(report.ok, code == 0, "{report:?}");
    for project in &report.projects {
        assert_eq!(project.error.is_none(), project.estimate.is_some(), "{report:?}");
    }
    report
}
