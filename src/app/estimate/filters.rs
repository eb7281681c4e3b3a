//! What else the configuration could be: without each of its filters, and with each of those it lacks.

use std::time::Duration;

use super::account::Account;
use super::plan::Plan;
use super::rehearsal::Rehearsed;
use super::report::{Saved, Saving};
use crate::config::format_duration;
use crate::model::{Discovery, Status, VersionSelection};

/// Jobs that are not over.
const UNENDED: [Status; 3] = [Status::Creating, Status::Pending, Status::Running];

const DAY: Duration = Duration::from_hours(24);

/// `discovery.max_age` where nobody sets it.
const USUAL_AGE: Duration = DAY.saturating_mul(30);

/// Those who look at a job at all do so within a week.
const SHORT_AGE: Duration = DAY.saturating_mul(7);

/// Long enough for a scrape and an alert to see how a job ended.
const SHORT_RETENTION: Duration = Duration::from_hours(1);

/// As many as people look at one by one.
const FEW_CLASSES: usize = 10;

/// A filter of the configuration, or one that it could have.
pub(super) struct Filter {
    key: &'static str,
    /// As it stands in the file, or would.
    value: String,
    is_set: bool,
    /// The configuration without it where it is set, and with it otherwise.
    pub(super) otherwise: Plan,
}

impl Filter {
    /// What it saves, or would, where these are the costs of the configuration as it is and otherwise.
    pub(super) fn saving(self, as_it_is: &Rehearsed, otherwise: &Rehearsed) -> Saving {
        let (with, without) =
            if self.is_set { (as_it_is, otherwise) } else { (otherwise, as_it_is) };
        let Self { key, value, is_set, .. } = self;
        Saving { key, value, is_set, saves: Saved::between(with, without) }
    }
}

/// Every filter there is something to say about.
pub(super) fn of(plan: &Plan, account: &Account) -> Vec<Filter> {
    let mut filters = Filters { plan, all: Vec::new() };
    match &plan.discovery {
        Some(discovery) => filters.of_discovery(discovery),
        None if account.list().is_some() => {
            filters.could_be("discovery.enabled", "true".to_owned(), |plan| {
                let max_age = Some(USUAL_AGE);
                plan.discovery = Some(Discovery { max_age, ..Discovery::default() });
            });
        }
        None => {}
    }
    filters.of_limits();
    filters.all
}

struct Filters<'a> {
    plan: &'a Plan,
    all: Vec<Filter>,
}

impl Filters<'_> {
    fn of_discovery(&mut self, discovery: &Discovery) {
        let Discovery { name, max_age, statuses, .. } = discovery;
        if let Some(name) = name {
            let value = quoted(name.as_str());
            self.is_set("discovery.name_regex", value, |found| found.name = None);
        }
        if let Some(age) = *max_age {
            self.is_set("discovery.max_age", duration(age), |found| found.max_age = None);
        }
        if max_age.is_none_or(|age| age > SHORT_AGE) {
            self.could_find("discovery.max_age", duration(SHORT_AGE), |found| {
                found.max_age = Some(SHORT_AGE);
            });
        }
        if statuses.is_empty() {
            self.could_find("discovery.statuses", words(&UNENDED), |found| {
                found.statuses = UNENDED.to_vec();
            });
        } else {
            self.is_set("discovery.statuses", words(statuses), |found| found.statuses.clear());
        }
    }

    fn of_limits(&mut self) {
        let plan = self.plan;
        let found = plan.discovery.iter().map(|found| &found.versions);
        let mut versions = plan.jobs.iter().map(|job| &job.versions).chain(found);
        if versions.any(|versions| *versions == VersionSelection::All) {
            self.could_be("versions", quoted("latest"), |plan| {
                let found = plan.discovery.iter_mut().map(|found| &mut found.versions);
                let versions = plan.jobs.iter_mut().map(|job| &mut job.versions).chain(found);
                for versions in versions.filter(|versions| **versions == VersionSelection::All) {
                    *versions = VersionSelection::Latest;
                }
            });
        }
        if plan.inventory.finished_retention > SHORT_RETENTION {
            self.could_be("limits.finished_retention", duration(SHORT_RETENTION), |plan| {
                plan.inventory.finished_retention = SHORT_RETENTION;
            });
        }
        if plan.classes > FEW_CLASSES {
            self.could_be("limits.classes_per_version", FEW_CLASSES.to_string(), |plan| {
                plan.classes = FEW_CLASSES;
            });
        }
        if plan.metrics.extra_model_metrics {
            self.could_be("metrics.extra_model_metrics", "false".to_owned(), |plan| {
                plan.metrics.extra_model_metrics = false;
            });
        }
    }

    fn is_set(&mut self, key: &'static str, value: String, without: fn(&mut Discovery)) {
        self.push(key, value, true, |plan| plan.discovery.iter_mut().for_each(without));
    }

    fn could_find(&mut self, key: &'static str, value: String, with: fn(&mut Discovery)) {
        self.could_be(key, value, |plan| plan.discovery.iter_mut().for_each(with));
    }

    fn could_be(&mut self, key: &'static str, value: String, with: impl Fn(&mut Plan)) {
        self.push(key, value, false, with);
    }

    fn push(&mut self, key: &'static str, value: String, is_set: bool, change: impl Fn(&mut Plan)) {
        let mut otherwise = self.plan.clone();
        change(&mut otherwise);
        self.all.push(Filter { key, value, is_set, otherwise });
    }
}

fn words(statuses: &[Status]) -> String {
    let words: Vec<_> = statuses.iter().map(|status| quoted(status.as_str())).collect();
    format!("[{}]", words.join(", "))
}

fn duration(length: Duration) -> String {
    quoted(&format_duration(length))
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}
