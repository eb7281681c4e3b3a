//! What the cloud says really is and was, beside what `/metrics` makes of it.

use std::collections::BTreeMap;

use modelarts_exporter::model::Api;
use serde::Deserialize;

use super::{Cloud, Scrape};

/// The cloud's own account of its jobs in one API, as far as it is asked here.
#[derive(Debug)]
pub(crate) struct Account {
    /// Unix seconds, by the cloud's clock.
    pub(crate) now: f64,
    /// How many jobs are listed.
    pub(crate) listed: usize,
    runs: Vec<Run>,
    ends: Vec<Ends>,
}

/// A version of v1, or a job of v2.
#[derive(Debug)]
struct Run {
    key: RunKey,
    job_name: String,
    /// Of the version; v2 has none.
    id: u64,
    is_newest: bool,
    status: &'static str,
    terminal: bool,
    created: f64,
    finished: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Truth {
    now: f64,
    jobs: Vec<TrueJob>,
    v2_jobs: Vec<JobOfV2>,
    ends: Vec<Ends>,
}

#[derive(Debug, Deserialize)]
struct TrueJob {
    job_id: u64,
    name: String,
    versions: Vec<TrueVersion>,
}

#[derive(Debug, Deserialize)]
struct TrueVersion {
    version_id: u64,
    version_name: String,
    /// 0 is the newest.
    rank: usize,
    status_code: i64,
    terminal: bool,
    created: f64,
    finished: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct JobOfV2 {
    job_id: String,
    name: String,
    phase: String,
    terminal: bool,
    created: f64,
    finished: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Ends {
    api: String,
    name: String,
    completed: u64,
    failed: u64,
    terminated: u64,
}

/// Job id and the label `version`.
type RunKey = (String, String);

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
    pub(crate) async fn of(cloud: &Cloud, api: Api) -> Self {
        let text = cloud.get("/-/simulator/jobs?samples=false").await.text;
        let Truth { now, jobs, v2_jobs, mut ends } = serde_json::from_str(&text).unwrap();
        ends.retain(|ends| ends.api == api.as_str());
        let (listed, runs) = match api {
            Api::V1 => (jobs.len(), jobs.into_iter().flat_map(TrueJob::runs).collect()),
            Api::V2 => (v2_jobs.len(), v2_jobs.into_iter().map(JobOfV2::run).collect()),
        };
        Self { now, listed, runs, ends }
    }

    /// How many runs have not ended.
    pub(crate) fn live(&self) -> usize {
        self.runs.iter().filter(|run| !run.terminal).count()
    }

    /// How the last run of each name ended, by finish time and version id. A run that never started
    /// ended, as far as can be told, when it was created.
    pub(crate) fn last_outcomes(&self) -> BTreeMap<String, String> {
        let mut last = BTreeMap::new();
        for run in &self.runs {
            if let Some(outcome) = run.outcome() {
                let end = (run.finished.unwrap_or(run.created), run.id);
                let known = last.entry(run.shared_name()).or_insert((end, outcome));
                if *known < (end, outcome) {
                    *known = (end, outcome);
                }
            }
        }
        last.into_iter().map(|(name, (_, outcome))| (name.to_owned(), outcome.to_owned())).collect()
    }

    /// How all runs ended.
    pub(crate) fn runs(&self) -> Runs {
        let each = self.ends.iter().map(Ends::runs);
        each.fold([0; 3], |[a, b, c], [d, e, f]| [a + d, b + e, c + f])
    }

    /// How the runs of each name ended.
    pub(crate) fn ends(&self) -> impl Iterator<Item = (&str, Runs)> {
        self.ends.iter().map(|ends| (ends.name.as_str(), ends.runs()))
    }

    /// The same, and whether a job of that name is listed.
    pub(crate) fn names(&self) -> BTreeMap<&str, (Runs, bool)> {
        let mut names: BTreeMap<_, _> =
            self.ends().map(|(name, runs)| (name, (runs, false))).collect();
        for run in &self.runs {
            names.entry(run.shared_name()).or_default().1 = true;
        }
        names
    }

    /// Where the runs that are shown are not those that there are. One that ended is shown when it was
    /// created less than `least` seconds ago and is the newest of its job, and not when it ended more than
    /// `most` ago, by the cloud's clock.
    pub(crate) fn misses(&self, scrape: &Scrape, least: f64, most: f64) -> Vec<String> {
        let mut shown = statuses(scrape);
        let mut misses = Vec::new();
        for run in &self.runs {
            let (is, age) = (run.status, |at: f64| self.now - at);
            let says = match shown.remove(&run.key) {
                Some(status) if status != is => format!("is {status}"),
                None if !run.terminal || (run.is_newest && age(run.created) < least) => {
                    "is missing".to_owned()
                }
                Some(_) if run.finished.is_some_and(|at| age(at) > most) => "is there".to_owned(),
                _ => continue,
            };
            misses.push(format!(
                "{:?} {says}, but {is} and {:.0} s old",
                run.key,
                age(run.created)
            ));
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

impl TrueJob {
    fn runs(self) -> impl Iterator<Item = Run> {
        let Self { job_id, name, versions } = self;
        versions.into_iter().map(move |version| Run {
            key: (job_id.to_string(), version.version_name),
            job_name: name.clone(),
            id: version.version_id,
            is_newest: version.rank == 0,
            status: word(version.status_code),
            terminal: version.terminal,
            created: version.created,
            finished: version.finished,
        })
    }
}

impl JobOfV2 {
    fn run(self) -> Run {
        Run {
            key: (self.job_id, String::new()),
            job_name: self.name,
            id: 0,
            is_newest: true,
            status: word_of_v2(&self.phase),
            terminal: self.terminal,
            created: self.created,
            finished: self.finished,
        }
    }
}

impl Run {
    /// The name without its own number.
    fn shared_name(&self) -> &str {
        self.job_name.rsplit_once('-').map_or(self.job_name.as_str(), |(shared, _)| shared)
    }

    /// How it ended, if it did: what is out of sight for good has failed.
    fn outcome(&self) -> Option<&'static str> {
        match self.status {
            "abnormal" if self.terminal && self.key.1.is_empty() => Some("failed"),
            status => OUTCOMES.contains(&status).then_some(status),
        }
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

/// The status of every run that is shown.
fn statuses(scrape: &Scrape) -> BTreeMap<RunKey, String> {
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

/// The status that a phase of v2 is.
fn word_of_v2(phase: &str) -> &'static str {
    match phase {
        "Creating" => "creating",
        "Pending" => "pending",
        "Running" => "running",
        "Terminating" => "terminating",
        "Completed" => "completed",
        "Failed" => "failed",
        "Terminated" => "terminated",
        "Abnormal" => "abnormal",
        _ => "unknown",
    }
}
