use std::collections::HashMap;

use bytes::Bytes;

use super::{fault::Target, job_id::JobId, requests::Kind, rules::Asked};

/// Raw answers, by job and the kind of request they answer.
#[derive(Debug, Default)]
pub(super) struct Documents(HashMap<(JobId, Target), Bytes>);

impl Documents {
    /// The answer to a request about one job, if it is to be a raw one.
    pub(super) fn answer(&self, asked: Asked) -> Option<&Bytes> {
        let on = match asked.kind {
            Kind::Versions => Target::Versions,
            Kind::Detail => Target::Detail,
            Kind::Metrics => Target::Metrics,
            _ => return None,
        };
        let job = asked.job?;
        self.0.get(&(job, on)).or_else(|| self.0.get(&(job, Target::Any)))
    }

    /// What stands for a job in a list of v2.
    pub(super) fn listed(&self, job: impl Into<JobId>) -> Option<&Bytes> {
        self.0.get(&(job.into(), Target::List))
    }

    /// From now on these bytes stand for such answers about a job; `None` takes them back.
    pub(super) fn set(&mut self, job: JobId, on: Target, document: Option<Bytes>) {
        match document {
            Some(document) => _ = self.0.insert((job, on), document),
            None => _ = self.0.remove(&(job, on)),
        }
    }

    /// Takes back all that stands for a job.
    pub(super) fn forget(&mut self, job: JobId) {
        self.0.retain(|(known, _), _| *known != job);
    }

    /// Something stands for some of a job's own answers.
    pub(super) fn replace(&self, job: impl Into<JobId>) -> bool {
        let job = job.into();
        self.0.keys().any(|(known, _)| *known == job)
    }
}
