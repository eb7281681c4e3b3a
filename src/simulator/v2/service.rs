use http::StatusCode;

use super::{
    super::{
        answer::Answer, api::Api, documents::Documents, job_id::JobId, requests::Kind,
        rules::Verdict, settings::Offsets, v1::Query, world::Project,
    },
    events,
    job::{Job, Task},
    oddity::Oddity,
    search,
    wire::{self, Form},
};

/// What is asked of a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum Call<'a> {
    /// The list of jobs, by POST.
    Search,
    /// One job.
    Detail(&'a str),
    /// What a task of a job uses.
    Metrics(&'a str, &'a str),
    /// Where the tasks of a job are.
    Tasks(&'a str),
    /// What happened to a job.
    Events(&'a str),
    /// How many jobs there may be.
    Quotas,
}

impl<'a> Call<'a> {
    /// The call that the rest of a path names, behind the project.
    pub(in crate::simulator) fn new(path: &[&'a str]) -> Option<Self> {
        Some(match *path {
            ["training-job-searches"] => Self::Search,
            ["training-jobs", job] => Self::Detail(job),
            ["training-jobs", job, "metrics", task] => Self::Metrics(job, task),
            ["training-jobs", job, "tasks"] => Self::Tasks(job),
            ["training-jobs", job, "events"] => Self::Events(job),
            ["training-quotas"] => Self::Quotas,
            _ => return None,
        })
    }

    /// What it is counted under.
    pub(in crate::simulator) fn kind(self) -> Kind {
        match self {
            Self::Search => Kind::List,
            Self::Detail(_) => Kind::Detail,
            Self::Metrics(..) => Kind::Metrics,
            Self::Quotas => Kind::Quota,
            // For people who look around.
            Self::Tasks(_) | Self::Events(_) => Kind::Other,
        }
    }

    /// The job it is about.
    pub(in crate::simulator) fn job(self) -> Option<JobId> {
        match self {
            Self::Detail(job) | Self::Metrics(job, _) | Self::Tasks(job) | Self::Events(job) => {
                job.parse().ok().map(JobId::Uuid)
            }
            Self::Search | Self::Quotas => None,
        }
    }
}

/// A request to a project, with what decides its answer.
pub(in crate::simulator) struct Service<'a> {
    pub(in crate::simulator) project: &'a mut Project,
    pub(in crate::simulator) documents: &'a Documents,
    pub(in crate::simulator) query: Query<'a>,
    pub(in crate::simulator) body: &'a [u8],
    pub(in crate::simulator) verdict: &'a Verdict,
    pub(in crate::simulator) offsets: Offsets,
    pub(in crate::simulator) now: i64,
}

/// Jobs a project may have, says the service.
const QUOTA: u64 = 10_000;

impl Service<'_> {
    /// What the service says.
    pub(in crate::simulator) fn answer(self, call: Call<'_>) -> Result<Answer, Answer> {
        self.project.v2.turn_over(self.now);
        if !call.job().is_some_and(|job| self.knows(job)) {
            self.project.v2.catch_up(self.now);
        }
        match call {
            Call::Search => search::answer(&self),
            Call::Detail(job) => {
                let job = self.job(job)?;
                let renamed = self.verdict.renamed.has(job.id);
                let document = wire::JobDocument::new(job, self.now, Form::Detail, renamed);
                Ok(Answer::json(StatusCode::OK, &document))
            }
            Call::Metrics(job, task) => self.metrics(job, task),
            Call::Tasks(job) => {
                let job = self.job(job)?;
                let schedule = self.number("schedule_count", 1, usize::MAX, 0)?;
                let places = wire::places(job, self.now, schedule as u64);
                Ok(Answer::json(StatusCode::OK, &places))
            }
            Call::Events(job) => events::answer(&self, self.job(job)?),
            Call::Quotas => {
                let used = self.project.v2.all.len() as u64;
                let wanted = self.query.get("resource").unwrap_or_default();
                let quotas = wire::Quotas::new(wanted, QUOTA, used);
                Ok(Answer::json(StatusCode::OK, &quotas))
            }
        }
    }

    /// The job is there, whatever else may be due: what follows another job makes no difference to it.
    fn knows(&self, job: JobId) -> bool {
        matches!(job, JobId::Uuid(id) if self.project.v2.all.contains_key(&id))
    }

    fn job(&self, id: &str) -> Result<&Job, Answer> {
        let known = id.parse().ok().and_then(|id| self.project.v2.all.get(&id));
        known.filter(|job| job.created <= self.now && !self.verdict.unknown.has(job.id)).ok_or_else(
            || {
                // 400 and not 404, say the documents.
                refused("ModelArts.2775", "The training job does not exist.")
            },
        )
    }

    fn metrics(&self, job: &str, task: &str) -> Result<Answer, Answer> {
        let job = self.job(job)?;
        let moment = job.at(self.now);
        let tasks = job.tasks(self.now);
        let task: &Task = tasks
            .iter()
            .find(|known| known.name == task)
            .ok_or_else(|| refused("ModelArts.2788", "Invalid parameter: task_id."))?;
        if moment.minutes.1 == 0 {
            return Err(if job.oddity == Oddity::NotReadyDocument {
                refused("ModelArts.2777", "The metrics are not ready to be fetched.")
            } else {
                // It is documented with an error document, for which 204 has no place.
                Answer::empty(StatusCode::NO_CONTENT)
            });
        }
        Ok(Answer::json(StatusCode::OK, &wire::Metrics::new(job, task, &moment)))
    }

    /// A whole number of the query within bounds.
    pub(super) fn number(
        &self,
        name: &str,
        low: usize,
        high: usize,
        default: usize,
    ) -> Result<usize, Answer> {
        self.query.number(name, low, high, default).map_err(|_| bad_query(name))
    }
}

/// 400, as v2 says it.
pub(super) fn refused(code: &str, message: &str) -> Answer {
    Api::V2.error(StatusCode::BAD_REQUEST, code, message)
}

/// A parameter out of its range.
pub(super) fn bad_query(name: &str) -> Answer {
    refused("ModelArts.2764", &format!("Query parameter error: {name}."))
}
