use serde::Serialize;

use super::facts::Facts;
use crate::config::Mistake;

/// Everything that was looked at, as `--format=json` prints it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Nothing failed.
    pub(super) ok: bool,
    /// What is wrong with the configuration; there are no projects then.
    pub(super) mistakes: Vec<Wrong>,
    /// What the configuration warns of.
    pub(super) warnings: Vec<String>,
    /// In the order of the file.
    pub(super) projects: Vec<Examined>,
}

/// A mistake of the configuration.
#[derive(Debug, Serialize)]
pub(super) struct Wrong {
    place: String,
    key: String,
    reason: String,
    remedy: String,
}

impl From<Mistake> for Wrong {
    fn from(mistake: Mistake) -> Self {
        let Mistake { place, key, reason, remedy } = mistake;
        Self { place, key, reason, remedy }
    }
}

/// What was found out about one project.
#[derive(Debug, Serialize)]
pub(super) struct Examined {
    /// Its configured name.
    pub(super) project: String,
    /// Nothing failed.
    pub(super) ok: bool,
    /// In the order in which they depend on each other.
    pub(super) checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    /// What it belongs to.
    pub(super) part: Part,
    /// Its name within the part.
    pub(super) name: &'static str,
    /// How it stands.
    pub(super) status: Status,
    /// What was found, for people; several lines where there is a list.
    pub(super) detail: String,
    /// What to do about it.
    pub(super) next: Option<String>,
    /// What was found, for programs.
    pub(super) facts: Facts,
}

/// What a check belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Part {
    /// The way to IAM.
    Iam,
    /// The way to `ModelArts`.
    ModelArts,
    /// Credentials and their scope.
    Access,
    /// What the credentials allow.
    Permissions,
    /// The configured jobs.
    Jobs,
    /// Requests a minute.
    Budget,
}

impl Part {
    /// The heading of the table.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Iam => "IAM",
            Self::ModelArts => "ModelArts",
            Self::Access => "access",
            Self::Permissions => "permissions",
            Self::Jobs => "jobs",
            Self::Budget => "budget",
        }
    }
}

/// How a check stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    /// As it should be.
    Ok,
    /// Works, but not as one would like.
    Warning,
    /// Does not work.
    Failed,
    /// Could not be looked at, because something before it failed.
    Skipped,
}

impl Status {
    /// The word of the table; what failed is to be seen at a glance.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "FAILED",
            Self::Skipped => "skipped",
        }
    }
}

/// The checks of one project, as they are made.
#[derive(Debug, Default)]
pub(super) struct Checks(Vec<Check>);

impl Checks {
    /// It is as it should be.
    pub(super) fn ok(
        &mut self,
        part: Part,
        name: &'static str,
        detail: impl Into<String>,
        facts: Facts,
    ) {
        self.push(part, name, Status::Ok, detail, None, facts);
    }

    /// It works, and something should be done all the same.
    pub(super) fn warn(
        &mut self,
        part: Part,
        name: &'static str,
        detail: impl Into<String>,
        next: impl Into<String>,
        facts: Facts,
    ) {
        self.push(part, name, Status::Warning, detail, Some(next.into()), facts);
    }

    /// It does not work.
    pub(super) fn fail(
        &mut self,
        part: Part,
        name: &'static str,
        detail: impl Into<String>,
        next: impl Into<String>,
        facts: Facts,
    ) {
        self.push(part, name, Status::Failed, detail, Some(next.into()), facts);
    }

    /// It cannot be looked at, because of this.
    pub(super) fn skip(&mut self, part: Part, name: &'static str, because: &str, facts: Facts) {
        self.push(part, name, Status::Skipped, format!("because {because}"), None, facts);
    }

    fn push(
        &mut self,
        part: Part,
        name: &'static str,
        status: Status,
        detail: impl Into<String>,
        next: Option<String>,
        facts: Facts,
    ) {
        self.0.push(Check { part, name, status, detail: detail.into(), next, facts });
    }

    /// All of them, under the name of their project.
    pub(super) fn of(self, project: &str) -> Examined {
        let ok = self.0.iter().all(|check| check.status != Status::Failed);
        Examined { project: project.to_owned(), ok, checks: self.0 }
    }
}
