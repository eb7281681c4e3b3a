//! What counts, what only shows, and what is forgotten when: a clock that is set by hand, and answers about a
//! few jobs. A model of a cloud that skips pages, and of a process that is killed, stands in `crowd`.

mod counting;
mod crowd;
mod forgetting;
mod names;
mod previous;
mod restarts;

use tokio::time::Instant;

use super::*;
use crate::model::{Api, ClassQuality, Outcome, Quality, Scores, Shard, State, Status};

const TODAY: f64 = 1_700_000_000.0;
const HOUR: f64 = 3600.0;
const DAY: f64 = 24.0 * HOUR;

const RUNNING: i64 = 8;
const COMPLETED: i64 = 10;
const FAILED: i64 = 11;
const TERMINATED: i64 = 13;
const DELETE_FAILED: i64 = 6;
const LOST: i64 = 14;

fn rules() -> Rules {
    Rules {
        place: Arc::from("here"),
        scope: String::new(),
        shard: Shard::default(),
        named: BTreeSet::new(),
        name: NameRule::new(r"^(.*?)-\d{8,}$").unwrap(),
        names: 100,
        retention: Duration::from_hours(30 * 24),
        memory: Duration::from_hours(24),
    }
}

fn version(job_id: u64, id: u64, name: &str, code: i64) -> Version {
    Version {
        job_name: name.to_owned(),
        created: Some(TODAY + id as f64),
        ..Version::unknown(Api::V1, JobId::from(job_id), VersionId::from(id), State::from_v1(code))
    }
}

fn with_recall(version: Version, recall: f64) -> Version {
    let overall = Scores { recall: Some(recall), ..Scores::default() };
    Version { quality: Some(Quality { overall, ..Quality::default() }), ..version }
}

fn moment(unix: f64) -> Moment {
    Moment { steady: Instant::now(), unix }
}

fn key(job_id: u64) -> JobKey {
    JobKey { project: Arc::from("p"), job_id: JobId::from(job_id) }
}

/// One project, a clock that is set by hand, and what has been shown.
struct Scene {
    outcomes: Outcomes,
    rules: Rules,
    now: f64,
    shown: BTreeMap<Arc<str>, NameView>,
    runs: Runs,
}

impl Scene {
    fn with(rules: Rules) -> Self {
        let mut scene = Self {
            outcomes: Outcomes::default(),
            rules,
            now: TODAY,
            shown: BTreeMap::new(),
            runs: Runs::default(),
        };
        scene.restart(Saved::default());
        scene
    }

    fn new() -> Self {
        Self::with(rules())
    }

    /// A project whose first complete list was empty.
    fn watched() -> Self {
        let mut scene = Self::new();
        scene.listed(&[]);
        scene
    }

    fn restart(&mut self, mut saved: Saved) {
        self.outcomes = Outcomes::default();
        let (rules, now) = (self.rules.clone(), moment(self.now));
        self.outcomes.add_project(&Arc::from("p"), rules, &mut saved, now);
        self.show();
    }

    fn restart_from_bytes(&mut self) {
        let bytes = self.saved();
        self.restart(serde_json::from_slice(&bytes).unwrap());
    }

    /// What the state file would hold.
    fn saved(&mut self) -> Vec<u8> {
        serde_json::to_vec(&self.outcomes.saved()).unwrap()
    }

    fn show(&mut self) {
        for changes in self.outcomes.take() {
            self.runs = changes.runs;
            for (name, view) in changes.names {
                match view {
                    Some(view) => self.shown.insert(name, view),
                    None => self.shown.remove(&name),
                };
            }
        }
    }

    /// An answer about one version, which ended (if it did) at so many seconds after today's beginning.
    fn see(&mut self, version: &Version, finished: Option<f64>) {
        self.see_all(&[(version.clone(), finished)], Answer::Part);
    }

    fn see_all(&mut self, versions: &[(Version, Option<f64>)], answer: Answer) {
        let job_id = versions[0].0.job_id.clone();
        let seen: Vec<_> = versions
            .iter()
            .map(|(version, finished)| Seen {
                version,
                label: version.version_id.as_str(),
                finished: finished.map(|at| TODAY + at),
            })
            .collect();
        let key = JobKey { project: Arc::from("p"), job_id };
        self.outcomes.see(&key, &seen, answer, moment(self.now));
        self.show();
    }

    fn listed(&mut self, jobs: &[u64]) {
        let jobs: Vec<_> = jobs.iter().map(|id| JobId::from(*id)).collect();
        self.outcomes.listed("p", |id| jobs.contains(id), moment(self.now));
        self.show();
    }

    fn later(&mut self, seconds: f64) {
        self.now += seconds;
        self.outcomes.tick(moment(self.now));
        self.show();
    }

    fn name(&self, name: &str) -> &NameView {
        self.shown.get(name).unwrap_or_else(|| panic!("{name} is not shown: {:?}", self.shown))
    }

    /// Counted ends of a name: completed, failed, terminated.
    fn runs(&self, name: &str) -> [u64; 3] {
        Outcome::ALL.map(|outcome| self.name(name).runs.of(outcome))
    }

    fn last(&self, name: &str) -> Option<Outcome> {
        self.name(name).last.as_ref().map(|last| last.outcome)
    }

    fn streak(&self, name: &str) -> u64 {
        self.name(name).consecutive_failures
    }

    fn previous(&self, job: u64, version: u64) -> Option<f64> {
        self.outcomes.previous(&key(job), &VersionId::from(version))?.overall.recall
    }
}
