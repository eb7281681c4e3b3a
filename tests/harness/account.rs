//! What the cloud says really is and was, beside what `/metrics` makes of it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Cloud, Scrape};

/// The cloud's own account, as far as it is asked here.
#[derive(Debug, Deserialize)]
pub(crate) struct Account {
    /// Unix seconds, by the cloud's clock.
    pub(crate) now: f64,
    jobs: Vec<Job>,
    ends: Vec<Ends>,
}

#[derive(Debug, Deserialize)]
struct Job {
    #[serde(rename = "job_id")]
    id: u64,
    name: String,
    versions: Vec<Version>,
}

#[derive(Debug, Deserialize)]
struct Version {
    #[serde(rename = "version_id")]
    id: u64,
    #[serde(rename = "version_name")]
    label: String,
    /// 0 is the newest.
    rank: usize,
    status_code: i64,
    terminal: bool,
    created: f64,
    finished: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Ends {
    name: String,
    completed: u64,
    failed: u64,
    terminated: u64,
}

/// Job id and the label `version`.
type VersionKey = (String, String);

/// How the runs of a name ended: completed, failed, terminated.
pub(crate) type Runs = [u64; 3];

/// In the order of [`Runs`].
pub(crate) const OUTCOMES: [&str; 3] = ["completed", "failed", "terminated"];

/// The name under which jobs share their outcomes, as the rule of a configuration.
pub(crate) const SHARED_NAME: &str = r"outcome = { name_regex = '^(.*?)-\d{8,}$' }";

/// The metrics that an account is compared with, as a query.
pub(crate) const COMPARED: &str = "/metrics?name[]=modelarts_job_status\
    &name[]=modelarts_job_runs_total&name[]=modelarts_runs_total";

impl Account {
    /// As it is now.
    pub(crate) async fn of(cloud: &Cloud) -> Self {
        let text = cloud.get("/-/simulator/jobs?samples=false").await.text;
        serde_json::from_str(&text).unwrap()
    }

    /// How many jobs are listed.
    pub(crate) fn listed(&self) -> usize {
        self.jobs.len()
    }

    /// How many versions have not ended.
    pub(crate) fn live(&self) -> usize {
        self.all_versions().filter(|(_, version)| !version.terminal).count()
    }

    /// How the last run of each name ended, by finish time and version id. A version that never started
    /// ended, as far as can be told, when it was created.
    pub(crate) fn last_outcomes(&self) -> BTreeMap<String, String> {
        let mut last = BTreeMap::new();
        for (job, version) in self.all_versions() {
            let outcome = word(version.status_code);
            if OUTCOMES.contains(&outcome) {
                let end = (version.finished.unwrap_or(version.created), version.id);
                let known = last.entry(job.shared_name()).or_insert((end, outcome));
                if *known < (end, outcome) {
                    *known = (end, outcome);
                }
            }
        }
        last.into_iter().map(|(name, (_, outcome))| (name.to_owned(), outcome.to_owned())).collect()
    }

    fn all_versions(&self) -> impl Iterator<Item = (&Job, &Version)> {
        self.jobs.iter().flat_map(|job| job.versions.iter().map(move |version| (job, version)))
    }

    /// How all runs ended.
    pub(crate) fn runs(&self) -> Runs {
        let each = self.ends.iter().map(Ends::runs);
        each.fold([0; 3], |[a, b, c], [d, e, f]| [a + d, b + e, c + f])
    }

    /// How the runs of each name ended, and whether a job of that name is listed.
    pub(crate) fn names(&self) -> BTreeMap<&str, (Runs, bool)> {
        let ends = self.ends.iter().map(|ends| (ends.name.as_str(), (ends.runs(), false)));
        let mut names: BTreeMap<_, _> = ends.collect();
        for job in &self.jobs {
            names.entry(job.shared_name()).or_default().1 = true;
        }
        names
    }

    /// Where the versions that are shown are not those that there are. One that ended is shown when it
    /// was created less than `least` seconds ago and is the newest of its job, and not when it ended
    /// more than `most` ago, by the cloud's clock.
    pub(crate) fn misses(&self, scrape: &Scrape, least: f64, most: f64) -> Vec<String> {
        let mut shown = statuses(scrape);
        let mut misses = Vec::new();
        for (job, version) in self.all_versions() {
            let key = (job.id.to_string(), version.label.clone());
            let (is, age) = (word(version.status_code), |at: f64| self.now - at);
            let says = match shown.remove(&key) {
                Some(status) if status != is => format!("is {status}"),
                None if !version.terminal
                    || (version.rank == 0 && age(version.created) < least) =>
                {
                    "is missing".to_owned()
                }
                Some(_) if version.finished.is_some_and(|at| age(at) > most) => {
                    "is there".to_owned()
                }
                _ => continue,
            };
            misses.push(format!("{key:?} {says}, but {is} and {:.0} s old", age(version.created)));
        }
        misses.extend(shown.into_keys().map(|key| format!("{key:?} is no more")));
        misses
    }

    /// Where the counts of the whole project are not those of the account.
    pub(crate) fn miscounts(&self, scrape: &Scrape) -> Vec<String> {
        let shown = runs(|outcome| scrape.sum(&format!("modelarts_runs_total{{{outcome}}}")));
        let runs = self.runs();
        if shown == runs { Vec::new() } else { vec![format!("{shown:?} in all, not {runs:?}")] }
    }
}

impl Job {
    /// The name without its own number.
    fn shared_name(&self) -> &str {
        self.name.rsplit_once('-').map_or(self.name.as_str(), |(shared, _)| shared)
    }
}

impl Ends {
    fn runs(&self) -> Runs {
        [self.completed, self.failed, self.terminated]
    }
}

/// What is counted of each name.
pub(crate) fn shown_names(scrape: &Scrape) -> BTreeMap<String, Runs> {
    let mut names: BTreeMap<String, Runs> = BTreeMap::new();
    for sample in scrape.samples().iter().filter(|it| it.name == "modelarts_job_runs_total") {
        let outcome = OUTCOMES.iter().position(|it| *it == sample.label("outcome")).unwrap();
        names.entry(sample.label("job_name").to_owned()).or_default()[outcome] =
            whole(sample.value);
    }
    names
}

fn runs(of: impl Fn(&str) -> f64) -> Runs {
    OUTCOMES.map(|outcome| whole(of(&format!("outcome=\"{outcome}\""))))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
fn whole(value: f64) -> u64 {
    value as u64
}

/// The status of every version that is shown.
fn statuses(scrape: &Scrape) -> BTreeMap<VersionKey, String> {
    let samples = scrape.samples().iter();
    let statuses = samples.filter(|it| it.name == "modelarts_job_status" && it.is_one());
    let entry = |sample: &crate::parser::Sample| {
        let label = |name| sample.label(name).to_owned();
        ((label("job_id"), label("version")), label("status"))
    };
    statuses.map(entry).collect()
}

/// The status that a code of v1 is, by the documents.
fn word(code: i64) -> &'static str {
    match code {
        1 | 2 | 4 | 18 => "creating",
        7 | 19 | 20 => "pending",
        8 | 15 => "running",
        9 => "terminating",
        10 => "completed",
        3 | 5 | 11 | 16 | 17 | 21 | 22 => "failed",
        12 | 13 => "terminated",
        6 | 14 => "abnormal",
        _ => "unknown",
    }
}
