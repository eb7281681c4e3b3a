use serde::Deserialize;

use crate::harness::{Finished, run_in};

/// What `--format=json` prints, as far as anything here looks at it.
#[derive(Debug, Deserialize)]
pub(super) struct Report {
    pub(super) ok: bool,
    pub(super) mistakes: Vec<Wrong>,
    pub(super) projects: Vec<Examined>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Wrong {
    pub(super) key: String,
    pub(super) reason: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Examined {
    pub(super) project: String,
    pub(super) ok: bool,
    pub(super) checks: Vec<Check>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Check {
    pub(super) part: String,
    pub(super) name: String,
    pub(super) status: String,
    pub(super) detail: String,
    pub(super) next: Option<String>,
    pub(super) facts: Option<Facts>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Facts {
    pub(super) chain: Vec<Link>,
    pub(super) version: String,
    pub(super) ahead_seconds: i64,
    pub(super) action: String,
    pub(super) job_id: String,
    pub(super) newest_status: Option<String>,
    pub(super) requests_per_minute_needed: f64,
    pub(super) requests_per_minute_allowed: Option<u32>,
    pub(super) interval_seconds: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Link {
    pub(super) subject: String,
    pub(super) issuer: String,
    pub(super) ends: String,
}

impl Report {
    pub(super) fn read(finished: &Finished) -> Self {
        let report: Self = serde_json::from_str(&finished.stdout)
            .unwrap_or_else(|error| panic!("{error}: {finished:?}"));
        let failed = |check: &Check| check.status == "failed";
        for project in &report.projects {
            assert_eq!(project.ok, !project.checks.iter().any(failed), "{project:?}");
            for check in &project.checks {
                let wants_step = ["failed", "warning"].contains(&&*check.status);
                assert_eq!(check.next.is_some(), wants_step, "{check:?}");
            }
        }
        assert_eq!(finished.status.code(), Some(i32::from(!report.ok)), "{report:?}");
        report
    }

    pub(super) fn check(&self, part: &str, name: &str) -> &Check {
        let mut found = self.projects[0].checks.iter();
        found
            .find(|check| check.part == part && check.name == name)
            .unwrap_or_else(|| panic!("no {part} {name} in {self:?}"))
    }

    /// `part name` of every check of the first project with this status.
    pub(super) fn with(&self, status: &str) -> Vec<String> {
        let checks = self.projects[0].checks.iter().filter(|check| check.status == status);
        checks.map(|check| format!("{} {}", check.part, check.name)).collect()
    }
}

impl Check {
    #[track_caller]
    pub(super) fn is(&self, status: &str, words: &[&str]) -> &Self {
        let text = format!("{}\n{}", self.detail, self.next.as_deref().unwrap_or_default());
        assert_eq!(self.status, status, "{self:?}");
        for word in words {
            assert!(text.contains(word), "no {word:?} in {self:?}");
        }
        self
    }

    pub(super) fn facts(&self) -> &Facts {
        self.facts.as_ref().unwrap_or_else(|| panic!("no facts in {self:?}"))
    }
}

pub(super) async fn json(config: &str) -> Report {
    json_in(&[], config).await
}

pub(super) async fn json_in(environment: &[(&str, &str)], config: &str) -> Report {
    Report::read(&run_in(environment, &["doctor", "--format=json"], config).await)
}

/// A configuration whose two endpoints are these.
pub(super) fn at(iam: &str, modelarts: &str, project: &str) -> String {
    format!(
        "[[projects]]\nname = \"p\"\nendpoint = \"{modelarts}\"\n{project}\n[projects.auth]\niam_endpoint = \"{iam}\"\ndomain = \"demo\"\nusername = \"demo\"\npassword = \"demo\"\nproject_name = \"demo\"\n[[projects.jobs]]\njob_id = 1\n"
    )
}
