//! All jobs at one look each: how many there are of each kind, and which of them are asked for.

use std::cmp::Ordering;
use std::sync::Arc;

use super::Sight;
use super::query::{Query, Sort};
use super::rows::{main_measure, main_score};
use crate::inventory::{Inventory, JobSight, Moment, ProjectSight, Trouble};
use crate::model::{JobKey, Status};
use crate::own::Reason;

/// Jobs looked at before polls get a turn.
const AT_ONCE: usize = 256;

/// What a look at all jobs brought.
#[derive(Default)]
pub(super) struct Survey {
    /// When it began, Unix seconds.
    pub(super) now: f64,
    pub(super) projects: Vec<Project>,
    /// Those that are asked for.
    found: Vec<Found>,
}

/// A project, and how many of its jobs are how.
pub(super) struct Project {
    pub(super) name: Arc<str>,
    pub(super) up: bool,
    pub(super) is_complete: bool,
    pub(super) discovers: bool,
    pub(super) listed: Option<f64>,
    pub(super) list_trouble: Option<Trouble>,
    pub(super) jobs: usize,
    statuses: [usize; Status::ALL.len()],
    troubles: [usize; Reason::ALL.len()],
}

/// A job that is asked for, and its place among the others.
struct Found {
    key: JobKey,
    text: String,
    number: Option<f64>,
    changed: f64,
}

impl Project {
    fn of(sight: &ProjectSight<'_>) -> Self {
        Self {
            name: Arc::clone(sight.name),
            up: sight.up,
            is_complete: sight.is_complete,
            discovers: sight.discovers,
            listed: sight.listed,
            list_trouble: sight.list_trouble,
            jobs: 0,
            statuses: Default::default(),
            troubles: Default::default(),
        }
    }

    /// How many of its jobs have this status.
    pub(super) fn count(&self, status: Status) -> usize {
        self.statuses[status as usize]
    }

    /// What went wrong with how many of its jobs, the most frequent first.
    pub(super) fn troubles(&self) -> Vec<(Reason, usize)> {
        let each = Reason::ALL.into_iter().map(|reason| (reason, self.troubles[reason as usize]));
        let mut troubles: Vec<_> = each.filter(|(_, jobs)| *jobs > 0).collect();
        troubles.sort_by_key(|(_, jobs)| std::cmp::Reverse(*jobs));
        troubles
    }
}

impl Survey {
    /// Looks at every job, a few at a time.
    pub(super) fn of(sight: &dyn Sight, query: &Query) -> Self {
        let mut survey = Self::default();
        sight.look(&mut |inventory, now| {
            survey.now = now.unix;
            survey.projects = inventory.see_projects(now).map(|it| Project::of(&it)).collect();
        });
        let text = query.text.to_lowercase();
        let mut last = None;
        loop {
            let mut some = Vec::new();
            sight.look(&mut |inventory, now| {
                some = inventory.see_jobs_after(last.as_ref(), AT_ONCE);
                survey.look_at(&some, inventory, now, query, &text);
            });
            match some.pop() {
                Some(key) => last = Some(key),
                None => break,
            }
        }
        survey.found.sort_unstable_by(|one, other| one.compare(other, query.reversed));
        survey
    }

    fn look_at(
        &mut self,
        keys: &[JobKey],
        inventory: &Inventory,
        now: Moment,
        query: &Query,
        text: &str,
    ) {
        for key in keys {
            let Some(job) = inventory.see_job(key, now) else { continue };
            let status = status_of(&job);
            let project = self.projects.iter_mut().find(|project| project.name == key.project);
            // It may have come this very moment.
            let Some(project) = project else { continue };
            project.jobs += 1;
            project.statuses[status as usize] += 1;
            if let Some(trouble) = job.trouble {
                project.troubles[trouble.reason as usize] += 1;
            }
            let is_asked_for = (query.project.is_empty() || *query.project == *key.project)
                && query.status.is_none_or(|wanted| wanted == status)
                && (text.is_empty()
                    || job.name.to_lowercase().contains(text)
                    || key.job_id.as_str().to_lowercase().contains(text));
            if is_asked_for {
                self.found.push(Found::of(key, &job, status, query.sort, now.unix));
            }
        }
    }

    /// How many jobs there are of this status.
    pub(super) fn count(&self, status: Status) -> usize {
        self.projects.iter().map(|project| project.count(status)).sum()
    }

    /// How many jobs there are.
    pub(super) fn jobs(&self) -> usize {
        self.projects.iter().map(|project| project.jobs).sum()
    }

    /// How many of them are asked for.
    pub(super) fn found(&self) -> usize {
        self.found.len()
    }

    /// Some of those that are asked for, in their order.
    pub(super) fn part(&self, from: usize, most: usize) -> Vec<JobKey> {
        self.found.iter().skip(from).take(most).map(|found| found.key.clone()).collect()
    }
}

/// The status of a job: that of its newest version.
fn status_of(job: &JobSight<'_>) -> Status {
    job.versions.first().map_or(Status::Unknown, |version| version.version.state.status)
}

impl Found {
    fn of(key: &JobKey, job: &JobSight<'_>, status: Status, sort: Sort, now: f64) -> Self {
        let newest = job.versions.first();
        let version = newest.map(|newest| newest.version);
        let number = match sort {
            Sort::Status => Some(urgency(status)),
            Sort::Name => None,
            Sort::Running => version.and_then(|version| version.duration).map(|length| -length),
            Sort::Use => newest
                .and_then(main_measure)
                .filter(|(_, task)| task.is_sampled)
                .and_then(|(measure, task)| task.usage.newest.of(measure)),
            Sort::Quality => newest.and_then(main_score).map(|(_, score)| score),
            Sort::Created => version.and_then(|version| version.created).map(|at| -at),
            Sort::Seen => Some(newest.map_or(f64::MIN, |newest| newest.confirmed - now)),
        };
        let text = if sort == Sort::Name { job.name.to_lowercase() } else { String::new() };
        let changed = newest.map_or(0.0, |newest| newest.status_changed);
        Self { key: key.clone(), text, number, changed }
    }

    /// What has no value comes last in both orders; among equals the newest change comes first.
    fn compare(&self, other: &Self, reversed: bool) -> Ordering {
        let turned = |ordering: Ordering| if reversed { ordering.reverse() } else { ordering };
        let by_number = match (self.number, other.number) {
            (Some(one), Some(other)) => turned(one.total_cmp(&other)),
            (one, other) => other.is_some().cmp(&one.is_some()),
        };
        turned(self.text.cmp(&other.text))
            .then(by_number)
            .then(other.changed.total_cmp(&self.changed))
            .then_with(|| self.key.cmp(&other.key))
    }
}

/// Smaller is sooner to be looked at.
fn urgency(status: Status) -> f64 {
    const ORDER: [Status; 9] = [
        Status::Failed,
        Status::Abnormal,
        Status::Unknown,
        Status::Pending,
        Status::Creating,
        Status::Running,
        Status::Terminating,
        Status::Terminated,
        Status::Completed,
    ];
    ORDER.iter().position(|it| *it == status).unwrap_or_default() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::JobId;

    /// The ids in the order of their numbers.
    fn order(numbers: &[(u64, Option<f64>, f64)], reversed: bool) -> Vec<u64> {
        let found = |&(id, number, changed): &(u64, Option<f64>, f64)| {
            let key = JobKey { project: "p".into(), job_id: JobId::from(id) };
            Found { key, text: String::new(), number, changed }
        };
        let mut found: Vec<_> = numbers.iter().map(found).collect();
        found.sort_unstable_by(|one, other| one.compare(other, reversed));
        found.iter().filter_map(|found| found.key.job_id.number()).collect()
    }

    #[test]
    fn what_has_no_value_comes_last_in_both_orders() {
        let jobs = [
            (1, None, 5.0),
            (2, Some(0.5), 0.0),
            (3, Some(0.1), 0.0),
            (4, Some(0.5), 9.0),
            (5, None, 6.0),
        ];
        assert_eq!(order(&jobs, false), [3, 4, 2, 5, 1]);
        assert_eq!(order(&jobs, true), [4, 2, 3, 5, 1]);
    }
}
