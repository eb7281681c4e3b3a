//! The faults in force.

use std::{collections::HashSet, time::Duration};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    api::Api,
    fault::{Fault, Target},
    job_id::JobId,
    keys::after,
    requests::Kind,
    settings::FaultSpec,
};

/// One fault in force.
#[derive(Debug, Serialize)]
pub(super) struct Rule {
    pub(super) fault: Fault,
    pub(super) on: Target,
    pub(super) job_id: Option<JobId>,
    /// How many times it still strikes; `None` is without end.
    pub(super) count: Option<u64>,
    pub(super) value: u64,
    /// How often it struck.
    pub(super) hits: u64,
    /// Tokens and keys up to this number were issued before it.
    #[serde(skip)]
    pub(super) issued_before: u64,
    /// Those it has refused, by their numbers.
    #[serde(skip)]
    pub(super) refused: HashSet<u64>,
}

impl Rule {
    /// In force from now on, after so many tokens and keys.
    pub(super) fn new(
        spec: FaultSpec,
        job_id: Option<JobId>,
        count: Option<u64>,
        issued_before: u64,
    ) -> Self {
        Self {
            fault: spec.fault,
            on: spec.on,
            job_id,
            count,
            value: spec.value,
            hits: 0,
            issued_before,
            refused: HashSet::new(),
        }
    }

    fn strikes(&self, asked: Asked) -> bool {
        let Asked { kind, api, job } = asked;
        if self.count == Some(0) {
            return false;
        }
        let kind_matches = match self.on {
            // Discovery and the landing page are no part of what is to be broken.
            Target::Any => kind != Kind::Other,
            Target::Token => kind == Kind::Token,
            Target::List => kind == Kind::List,
            Target::Versions => kind == Kind::Versions,
            Target::Detail => kind == Kind::Detail,
            Target::Metadata => kind == Kind::Metadata,
            Target::Metrics => kind == Kind::Metrics,
            Target::Quota => kind == Kind::Quota,
        };
        let job_matches = match self.job_id {
            None => true,
            Some(wanted) if kind == Kind::List => self.fault.edits_jobs() && wanted.api() == api,
            Some(wanted) => job == Some(wanted),
        };
        let page_matches = !self.fault.edits_pages() || matches!(kind, Kind::List | Kind::Versions);
        kind_matches && job_matches && page_matches
    }
}

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) kind: Kind,
    pub(super) api: Api,
    /// Whom it asks about, if it is one job.
    pub(super) job: Option<JobId>,
}

/// What the faults make of one request.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Milliseconds before anything is said.
    pub(super) latency: u64,
    /// Seconds that the cloud's clock is ahead.
    pub(super) skew: u64,
    /// The first of the others that strikes, with its value.
    pub(super) fault: Option<(Fault, u64)>,
    /// Jobs that come under another name.
    pub(super) renamed: Jobs,
    /// Jobs that are unknown.
    pub(super) unknown: Jobs,
}

impl Verdict {
    /// What the cloud's clock shows.
    pub(super) fn now(&self) -> Timestamp {
        after(Timestamp::now(), Duration::from_secs(self.skew))
    }
}

/// Some jobs, or all.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    all: bool,
    some: HashSet<JobId>,
}

impl Jobs {
    fn add(&mut self, job: Option<JobId>) {
        match job {
            None => self.all = true,
            Some(job) => _ = self.some.insert(job),
        }
    }

    /// It is one of them.
    pub(super) fn has(&self, job: impl Into<JobId>) -> bool {
        self.all || self.some.contains(&job.into())
    }
}

/// What the faults make of a request. `number` is that of the token or key it came with, if
/// it is one of ours.
pub(super) fn judge(rules: &mut [Rule], asked: Asked, number: Option<u64>) -> Verdict {
    let mut verdict = Verdict::default();
    for rule in rules.iter_mut().filter(|rule| rule.strikes(asked)) {
        match rule.fault {
            Fault::SkewedClock => verdict.skew += rule.value,
            Fault::Latency => verdict.latency += rule.value,
            Fault::Renamed => verdict.renamed.add(rule.job_id),
            Fault::NotFound => verdict.unknown.add(rule.job_id),
            Fault::ExpiredToken => {
                let old = number.filter(|number| *number <= rule.issued_before);
                if verdict.fault.is_some() || !old.is_some_and(|old| rule.refused.insert(old)) {
                    continue;
                }
                verdict.fault = Some((rule.fault, rule.value));
            }
            fault if verdict.fault.is_none() => verdict.fault = Some((fault, rule.value)),
            // Only the first strikes; the others keep their counts.
            _ => continue,
        }
        rule.hits += 1;
        if let Some(count) = &mut rule.count {
            *count -= 1;
        }
    }
    verdict
}
