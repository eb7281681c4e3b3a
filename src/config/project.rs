//! One project: from checked values to the settings of the rooms that serve it.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use secrecy::SecretString;
use url::{Host, Url};

use super::ProjectConfig;
use super::effective::Effective;
use super::makings::{self, Makings};
use super::mistake::{Refusal, Report};
use super::secret::{SecretFiles, read_certificates};
use super::units::format_duration;
use super::values::Values;
use crate::cloud::{Project, Tls};
use crate::inventory::outcomes::Rules;
use crate::model::{Api, Discovery, JobId, JobSpec, Shard, VersionSelection};
use crate::schedule::Load;
use crate::{cloud, inventory, schedule};

/// Builds every project. Those with mistakes are missing from the answer and present in the report.
pub(super) fn build_all(
    values: &Values,
    effective: &Effective,
    report: &mut Report,
) -> Vec<ProjectConfig> {
    let count = values.len("projects");
    if count == 0 && !values.is_set("projects") {
        let remedy =
            if report.has_file() { "add a [[projects]] table" } else { "name a file that has one" };
        report.missing("projects", Refusal::new("no projects", remedy));
    }
    refuse_repeated_names(values, count, report);
    (0..count)
        .map(|index| (format!("projects[{index}]"), effective.of_project(index)))
        .filter(|(at, _)| !values.is_refused(at))
        .filter_map(|(at, keys)| {
            Builder { values, at, report, secret_files: SecretFiles::default() }.build(keys)
        })
        .collect()
}

fn refuse_repeated_names(values: &Values, count: usize, report: &mut Report) {
    let mut seen = HashSet::new();
    for index in 0..count {
        let key = format!("projects[{index}].name");
        let (Some(name), Some(origin)) = (values.text(&key), values.origin(&key)) else { continue };
        if !seen.insert(name) {
            let refusal = Refusal::new("is the name of another project", "give each its own");
            report.refuse(origin, &key, refusal);
        }
    }
}

pub(super) struct Builder<'a> {
    pub(super) values: &'a Values,
    /// The project's path, `projects[0]`.
    at: String,
    pub(super) report: &'a mut Report,
    secret_files: SecretFiles,
}

impl Builder<'_> {
    /// `keys`: what it is made from.
    fn build(mut self, keys: String) -> Option<ProjectConfig> {
        let values = self.values;
        let name = self.required_text("name");
        let endpoint = self.required_url("endpoint");
        let tls = self.tls();
        let auth = self.auth();
        let discovery = self.discovery();
        let jobs = self.jobs();
        self.check_staleness();

        let proxy_url = values.secret(&self.key("proxy_url"));
        let poll = |key: &str| self.poll_key(key);
        let counted = |key: &str| count(values.integer(key));
        let extra_metrics = if values.bool("metrics.extra_model_metrics") {
            counted("limits.extra_metrics_per_version")
        } else {
            0
        };
        let cloud = Project {
            name: name?.into(),
            api: self.api(),
            endpoint: endpoint?,
            project_id: values.text(&self.key("project_id")).map(str::to_owned),
            tls: tls?,
            proxy_url: proxy_url.map(|secret: &SecretString| Arc::new(secret.clone())),
            timeout: values.duration(&poll("timeout")),
            answer_bytes: counted("limits.answer_bytes"),
            label_value_length: counted("limits.label_value_length"),
            classes_per_version: counted("limits.classes_per_version"),
            tasks_per_version: counted("limits.tasks_per_version"),
            extra_metrics,
            curve_points: counted("limits.curve_points"),
            workspace_id: discovery.as_ref().and_then(|it| it.workspace_id.clone()),
            auth: auth?,
        };
        let schedule = schedule::Settings {
            interval: values.duration(&poll("interval")),
            pending_interval: values.duration(&poll("pending_interval")),
            list_interval: values.duration(&poll("list_interval")),
            timeout: values.duration(&poll("timeout")),
            concurrency: counted(&poll("concurrency")),
            requests_per_minute: u32::try_from(values.integer(&poll("requests_per_minute")))
                .unwrap_or(u32::MAX),
            discovers: discovery.is_some(),
            // v1 has no such call.
            asks_quotas: cloud.api == Api::V2,
            reads_all: false,
        };
        let inventory = inventory::Settings {
            timeout: values.duration(&poll("timeout")),
            max_staleness: values.duration(&poll("max_staleness")),
            lost_after: values.duration(&poll("lost_after")),
            finished_retention: values.duration("limits.finished_retention"),
            versions_per_job: counted("limits.versions_per_job"),
        };
        self.check_budget(&schedule, jobs.len());
        Some(ProjectConfig {
            schedule,
            inventory,
            outcomes: Rules {
                place: makings::place(&cloud),
                scope: discovery.as_ref().map(Discovery::scope).unwrap_or_default(),
                shard: Shard::default(),
                named: BTreeSet::new(),
                name: values.name_rule(&self.key("outcome.name_regex")),
                names: counted("limits.outcome_names"),
                retention: values.duration("limits.outcome_retention"),
                // What is kept in sight after its end is kept in mind for as long.
                memory: values.duration("limits.finished_retention"),
            },
            cloud,
            jobs,
            discovery,
            makings: Makings { keys, secrets: self.secret_files.secrets() },
            secret_files: self.secret_files,
        })
    }

    pub(super) fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.at)
    }

    /// Where a key of `poll` counts for this project: in its own table, or in the global one.
    fn poll_key(&self, name: &str) -> String {
        let own = self.key(&format!("poll.{name}"));
        if self.values.origin(&own).is_some() { own } else { format!("poll.{name}") }
    }

    /// Reports a key that has to be there; one that is there and wrong is reported already.
    fn require(&mut self, name: &str, remedy: &str) {
        let key = self.key(name);
        if !self.values.is_set(&key) {
            self.report.missing(&key, Refusal::new("is missing", remedy));
        }
    }

    pub(super) fn required_text(&mut self, name: &str) -> Option<String> {
        self.require(name, "");
        self.values.text(&self.key(name)).map(str::to_owned)
    }

    pub(super) fn required_url(&mut self, name: &str) -> Option<Url> {
        self.require(name, "");
        let key = self.key(name);
        let url = self.values.url(&key)?.clone();
        if url.scheme() == "http" && !is_loopback(&url) {
            self.report.warn(
                key,
                "sends credentials over plain http, where anyone on the way can read them",
            );
        }
        Some(url)
    }

    fn tls(&mut self) -> Option<Tls> {
        let key = self.key("insecure_skip_verify");
        let insecure_skip_verify = self.values.bool(&key);
        if insecure_skip_verify {
            self.report.warn(
                key,
                "certificates are not verified: anyone on the way can pose as the cloud",
            );
        }
        let key = self.key("ca_file");
        let ca_pem = match self.values.path(&key) {
            None => None,
            Some((path, origin)) => match read_certificates(&path) {
                Ok(pem) => Some(pem),
                Err(refusal) => {
                    self.report.refuse(origin, &key, about_file(&path, refusal));
                    return None;
                }
            },
        };
        Some(Tls { ca_pem, insecure_skip_verify })
    }

    /// A secret that stands here or in a file.
    pub(super) fn secret(&mut self, name: &str) -> Option<cloud::Secret> {
        let (key, file_key) = (self.key(name), self.key(&format!("{name}_file")));
        match (self.values.is_set(&key), self.values.is_set(&file_key)) {
            (true, true) => {
                let reason = format!("is set beside {name}");
                let refusal = Refusal::new(reason, "keep one of them");
                match self.values.origin(&file_key) {
                    Some(origin) => self.report.refuse(origin, &file_key, refusal),
                    None => self.report.missing(&file_key, refusal),
                }
                None
            }
            (true, false) => {
                self.values.secret(&key).map(|secret| self.secret_files.fixed(secret.clone()))
            }
            (false, true) => {
                let (path, origin) = self.values.path(&file_key)?;
                match self.secret_files.read(&file_key, path.clone()) {
                    Ok(secret) => Some(secret),
                    Err(refusal) => {
                        self.report.refuse(origin, &file_key, about_file(&path, refusal));
                        None
                    }
                }
            }
            (false, false) => {
                let remedy = format!("set it, or {name}");
                self.report.missing(&file_key, Refusal::new("is missing", remedy));
                None
            }
        }
    }

    fn api(&self) -> Api {
        match self.values.text(&self.key("api")) {
            Some("v2") => Api::V2,
            _ => Api::V1,
        }
    }

    fn jobs(&mut self) -> Vec<JobSpec> {
        let list = self.key("jobs");
        let count = self.values.len(&list);
        let enabled = self.key("discovery.enabled");
        let finds_some = self.values.bool(&enabled) || self.values.is_refused(&enabled);
        if count == 0 && !self.values.is_set(&list) && !finds_some {
            let remedy =
                "add a [[projects.jobs]] table with a job_id, or set discovery.enabled = true";
            self.report.missing(&list, Refusal::new("no jobs", remedy));
        }
        let mut seen = HashSet::new();
        let mut jobs = Vec::with_capacity(count);
        for index in 0..count {
            if self.values.is_refused(&format!("{list}[{index}]")) {
                continue;
            }
            let name = format!("jobs[{index}].job_id");
            let Some(id) = self.required_text(&name) else { continue };
            let key = self.key(&name);
            if let (false, Some(origin)) = (seen.insert(id.clone()), self.values.origin(&key)) {
                let refusal = Refusal::new("is listed twice", "keep one of them");
                self.report.refuse(origin, &key, refusal);
                continue;
            }
            let versions_key = self.key(&format!("jobs[{index}].versions"));
            let versions = self.values.versions(&versions_key);
            if self.api() == Api::V2
                && matches!(versions, VersionSelection::Listed(_))
                && let Some(origin) = self.values.origin(&versions_key)
            {
                let reason = "names versions, which jobs of api v2 do not have";
                let refusal = Refusal::new(reason, "leave it out");
                self.report.refuse(origin, &versions_key, refusal);
            }
            jobs.push(JobSpec { job_id: JobId::from(id), versions });
        }
        jobs
    }

    fn discovery(&self) -> Option<Discovery> {
        let values = self.values;
        let key = |name: &str| self.key(&format!("discovery.{name}"));
        values.bool(&key("enabled")).then(|| Discovery {
            name: values.name_pattern(&key("name_regex")).cloned(),
            max_age: Some(values.duration(&key("max_age"))),
            statuses: values.statuses(&key("statuses")),
            workspace_id: values.text(&key("workspace_id")).map(str::to_owned),
            versions: values.versions(&key("versions")),
        })
    }

    /// One failed poll must not make a gap, so values have to outlive two intervals and a timeout.
    /// Every job takes a request an interval at least, while it runs.
    fn check_budget(&mut self, settings: &schedule::Settings, jobs: usize) {
        let cost = schedule::cost(settings, &Load::running(jobs, 0));
        if cost.interval > settings.interval {
            let key = self.poll_key("requests_per_minute");
            let interval = format_duration(settings.interval);
            let (needed, seconds) = (cost.requests_per_minute().ceil(), cost.interval.as_secs());
            let reason = format!(
                "if every job of the file runs, {needed} are needed ({jobs} every {interval}): each would be polled every {seconds}s"
            );
            self.report.warn(key, reason);
        }
    }

    fn check_staleness(&mut self) {
        let keys = ["max_staleness", "interval", "timeout"].map(|name| self.poll_key(name));
        // What was refused is reported; its stand-in proves nothing.
        let own_or_global =
            |name: &str| [self.key(&format!("poll.{name}")), format!("poll.{name}")];
        let refused = ["max_staleness", "interval", "timeout"]
            .into_iter()
            .flat_map(own_or_global)
            .any(|key| self.values.is_refused(&key));
        if refused {
            return;
        }
        let [staleness, interval, timeout] =
            [&keys[0], &keys[1], &keys[2]].map(|key| self.values.duration(key));
        let least = 2 * interval + timeout;
        if staleness < least {
            let reason = format!("is less than 2 x {} + {}", keys[1], keys[2]);
            let remedy = format!("set it to {} or more", format_duration(least));
            let place = self.most_own(&keys);
            match self.values.origin(&keys[0]) {
                Some(origin) => self.report.refuse(origin, &place, Refusal::new(reason, remedy)),
                None => self.report.missing(&place, Refusal::new(reason, remedy)),
            }
        }
        if timeout > interval {
            let reason = format!(
                "is longer than {}: a request that hangs makes its job miss polls",
                keys[1]
            );
            self.report.warn(keys[2].clone(), reason);
        }
    }

    /// Where `max_staleness` is to be raised: for this project alone if its own keys ask for it.
    fn most_own(&self, keys: &[String; 3]) -> String {
        if keys.iter().any(|key| key.starts_with(&self.at)) {
            self.key("poll.max_staleness")
        } else {
            keys[0].clone()
        }
    }
}

/// Names the file as it was opened: a relative path is a riddle otherwise.
pub(super) fn about_file(path: &std::path::Path, refusal: Refusal) -> Refusal {
    Refusal { reason: format!("{} {}", path.display(), refusal.reason), ..refusal }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    }
}

/// A checked number as a count; the table's ranges fit every machine.
pub(super) fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
