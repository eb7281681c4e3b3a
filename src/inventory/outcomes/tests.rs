//! What counts, what only shows, and what is forgotten when. A model of a cloud that skips pages, and of
//! a process that is killed, stands in `crowd`.

mod crowd;

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

// === What counts ===

#[test]
fn a_name_starts_at_zero_and_its_first_end_counts() {
    let mut scene = Scene::watched();
    scene.see(&version(1, 1, "train-20260101", RUNNING), None);
    let view = scene.name("train");
    assert_eq!((view.last.as_ref(), view.last_completed, view.last_failed), (None, None, None));
    assert_eq!((scene.runs("train"), scene.streak("train")), ([0, 0, 0], 0));
    scene.see(&version(1, 1, "train-20260101", COMPLETED), Some(60.0));
    assert_eq!(scene.runs("train"), [1, 0, 0]);
    let last = LastRun { job_id: 1.into(), version: "1".into(), outcome: Outcome::Completed };
    assert_eq!(scene.name("train").last, Some(last));
    assert_eq!(scene.name("train").last_completed, Some(TODAY + 60.0));
    assert_eq!(Outcome::ALL.map(|outcome| scene.runs.of(outcome)), [1, 0, 0]);
}

#[test]
fn nothing_is_shown_before_the_watch_begins() {
    let mut scene = Scene::new();
    scene.see(&version(1, 1, "a", FAILED), Some(1.0));
    assert!(scene.shown.is_empty());
    scene.listed(&[1]);
    assert_eq!(scene.last("a"), Some(Outcome::Failed));
}

#[test]
fn what_had_ended_before_the_watch_moves_the_gauges_alone() {
    let mut scene = Scene::new();
    scene.see_all(
        &[
            (version(1, 1, "a", FAILED), Some(10.0)),
            (version(1, 2, "a", COMPLETED), Some(20.0)),
            (version(1, 3, "a", FAILED), Some(30.0)),
            (version(1, 4, "a", RUNNING), None),
        ],
        Answer::Whole,
    );
    scene.listed(&[1]);
    assert_eq!((scene.runs("a"), scene.streak("a")), ([0, 0, 0], 1));
    assert_eq!(scene.last("a"), Some(Outcome::Failed));
    assert_eq!(scene.name("a").last_completed, Some(TODAY + 20.0));
    // This one was known as running.
    scene.see(&version(1, 4, "a", FAILED), Some(40.0));
    assert_eq!((scene.runs("a"), scene.streak("a")), ([0, 1, 0], 2));
}

#[test]
fn what_was_running_at_first_sight_counts_before_the_first_list_is_complete_too() {
    let mut scene = Scene::new();
    scene.see(&version(1, 1, "a", RUNNING), None);
    scene.see(&version(1, 1, "a", COMPLETED), Some(5.0));
    scene.listed(&[1]);
    assert_eq!(scene.runs("a"), [1, 0, 0]);
}

#[test]
fn what_appeared_and_ended_between_two_answers_counts() {
    let mut scene = Scene::new();
    scene.see(&version(1, 5, "a", COMPLETED), Some(5.0));
    scene.listed(&[1]);
    // A new job, with all it has; and a new version of a known one.
    scene.see_all(
        &[(version(2, 1, "b", FAILED), Some(1.0)), (version(2, 2, "b", FAILED), Some(2.0))],
        Answer::Whole,
    );
    scene.see(&version(1, 6, "a", TERMINATED), Some(6.0));
    assert_eq!((scene.runs("a"), scene.runs("b")), ([0, 0, 1], [0, 2, 0]));
    // Older ones of the known job come with the answer about the whole of it.
    let whole = [5, 6, 4].map(|id| (version(1, id, "a", COMPLETED), Some(1.0)));
    scene.see_all(&whole, Answer::Whole);
    assert_eq!(scene.runs("a"), [0, 0, 1]);
}

#[test]
fn a_job_the_operator_listed_was_there_before_its_first_answer() {
    let mut scene = Scene::watched();
    scene.outcomes.await_job(&key(1));
    scene.see(&version(1, 3, "a", COMPLETED), Some(5.0));
    assert_eq!((scene.runs("a"), scene.last("a")), ([0, 0, 0], Some(Outcome::Completed)));
    scene.see(&version(1, 4, "a", COMPLETED), Some(6.0));
    assert_eq!(scene.runs("a"), [1, 0, 0]);
}

#[test]
fn an_end_counts_once_however_often_and_in_whatever_words_it_is_told() {
    let mut scene = Scene::watched();
    for (code, finished) in [(FAILED, 5.0), (FAILED, 6.0), (3, 5.0), (DELETE_FAILED, 7.0)] {
        scene.see(&version(1, 1, "a", code), Some(finished));
        scene.listed(&[1]);
    }
    assert_eq!((scene.runs("a"), scene.streak("a")), ([0, 1, 0], 1));
    assert_eq!(scene.last("a"), Some(Outcome::Failed));
    assert_eq!(scene.name("a").last_failed, Some(TODAY + 5.0));
}

#[test]
fn a_deletion_that_failed_is_no_end() {
    let mut scene = Scene::watched();
    scene.see(&version(1, 1, "a", RUNNING), None);
    scene.see(&version(1, 1, "a", DELETE_FAILED), Some(5.0));
    assert_eq!((scene.runs("a"), scene.last("a")), ([0, 0, 0], None));
    scene.see(&version(1, 1, "a", COMPLETED), Some(6.0));
    assert_eq!(scene.runs("a"), [1, 0, 0]);
    // One that was so when we came had ended before, nobody knows how.
    let mut scene = Scene::new();
    scene.see(&version(1, 1, "a", DELETE_FAILED), Some(5.0));
    scene.listed(&[1]);
    scene.see(&version(1, 1, "a", COMPLETED), Some(6.0));
    assert_eq!((scene.runs("a"), scene.last("a")), ([0, 0, 0], Some(Outcome::Completed)));
}

#[test]
fn a_lost_run_fails_when_it_has_ended_and_a_return_clears_the_failure() {
    let mut scene = Scene::watched();
    scene.see(&version(1, 1, "a", LOST), None);
    assert_eq!((scene.runs("a"), scene.last("a")), ([0, 0, 0], None));
    scene.see(&version(1, 1, "a", LOST), Some(5.0));
    assert_eq!((scene.runs("a"), scene.streak("a")), ([0, 1, 0], 1));
    scene.see(&version(1, 1, "a", COMPLETED), Some(9.0));
    assert_eq!((scene.runs("a"), scene.streak("a")), ([0, 1, 0], 0));
    assert_eq!(scene.last("a"), Some(Outcome::Completed));
}

#[test]
fn a_version_that_runs_again_moves_the_gauges_and_no_counter() {
    let mut scene = Scene::watched();
    scene.see(&version(1, 1, "a", COMPLETED), Some(5.0));
    scene.see(&version(1, 1, "a", RUNNING), None);
    assert_eq!(scene.last("a"), Some(Outcome::Completed));
    scene.see(&version(1, 1, "a", FAILED), Some(9.0));
    assert_eq!((scene.runs("a"), scene.streak("a")), ([1, 0, 0], 1));
    assert_eq!(scene.last("a"), Some(Outcome::Failed));
    // Failing twice, it is still one failure.
    scene.see(&version(1, 1, "a", RUNNING), None);
    scene.see(&version(1, 1, "a", FAILED), Some(12.0));
    assert_eq!((scene.runs("a"), scene.streak("a")), ([1, 0, 0], 1));
    assert_eq!(scene.name("a").last_failed, Some(TODAY + 12.0));
    // That it did is history, not undone by what it does later.
    scene.see(&version(1, 1, "a", RUNNING), None);
    scene.see(&version(1, 1, "a", COMPLETED), Some(15.0));
    assert_eq!(scene.name("a").last_failed, Some(TODAY + 12.0));
}

#[test]
fn two_versions_that_end_at_once_are_ordered_by_the_number_of_their_id() {
    for ids in [[9, 10], [10, 9]] {
        let mut scene = Scene::watched();
        for id in ids {
            let code = if id == 10 { FAILED } else { COMPLETED };
            scene.see(&version(1, id, "a", code), Some(5.0));
        }
        assert_eq!((scene.last("a"), scene.streak("a")), (Some(Outcome::Failed), 1));
    }
}

#[test]
fn a_termination_neither_sets_nor_clears_the_failures() {
    let mut scene = Scene::watched();
    let ends = [(FAILED, 1), (TERMINATED, 1), (FAILED, 2), (COMPLETED, 0), (TERMINATED, 0)];
    for (id, (code, streak)) in (1..).zip(ends) {
        scene.see(&version(1, id, "a", code), Some(id as f64));
        assert_eq!(scene.streak("a"), streak, "after version {id}");
    }
    assert_eq!((scene.runs("a"), scene.last("a")), ([1, 2, 2], Some(Outcome::Terminated)));
}

#[test]
fn a_success_that_is_heard_of_late_clears_only_the_failures_before_it() {
    let mut scene = Scene::watched();
    scene.see(&version(1, 1, "a", FAILED), Some(10.0));
    scene.see(&version(2, 2, "a", FAILED), Some(30.0));
    scene.see(&version(3, 3, "a", COMPLETED), Some(20.0));
    assert_eq!((scene.runs("a"), scene.streak("a")), ([1, 2, 0], 1));
    assert_eq!(scene.last("a"), Some(Outcome::Failed));
    // And a failure before it is none of them.
    scene.see(&version(4, 4, "a", FAILED), Some(15.0));
    assert_eq!(scene.streak("a"), 1);
}

#[test]
fn failures_without_end_are_counted_and_cleared() {
    let mut scene = Scene::watched();
    for id in 1..=1000 {
        scene.see(&version(1, id, "a", FAILED), Some(id as f64));
    }
    assert_eq!(scene.streak("a"), 1000);
    scene.see(&version(1, 2000, "a", COMPLETED), Some(999.5));
    assert_eq!(scene.streak("a"), 1);
    assert!(scene.saved().len() < 1000 * 150, "one mark a version, and few failures");
}

// === Names ===

#[test]
fn runs_of_several_jobs_and_names_of_one_rule_are_one_story() {
    let mut scene = Scene::watched();
    scene.see(&version(1, 1, "train-20260101", FAILED), Some(1.0));
    scene.see(&version(2, 1, "train-20260102", FAILED), Some(2.0));
    assert_eq!(scene.streak("train"), 2);
    scene.see(&version(3, 1, "train-20260103", COMPLETED), Some(3.0));
    assert_eq!((scene.runs("train"), scene.streak("train")), ([1, 2, 0], 0));
    assert_eq!(scene.shown.len(), 1);
}

#[test]
fn a_name_outlives_its_jobs_by_the_retention_and_goes_on_if_it_is_used_again() {
    let mut scene = Scene::watched();
    scene.see(&version(1, 1, "a", FAILED), Some(1.0));
    scene.listed(&[]);
    scene.later(29.0 * DAY);
    assert_eq!(scene.runs("a"), [0, 1, 0]);
    scene.see(&version(2, 1, "a", FAILED), Some(29.0 * DAY));
    assert_eq!((scene.runs("a"), scene.streak("a")), ([0, 2, 0], 2));
    scene.later(2.0 * DAY);
    scene.listed(&[]);
    scene.later(29.0 * DAY);
    assert_eq!(scene.runs("a"), [0, 2, 0]);
    // A clock that runs backwards forgets nothing, and puts off nothing for good.
    scene.later(-DAY);
    scene.later(2.0 * DAY);
    assert!(scene.shown.is_empty());
}

#[test]
fn a_name_beyond_the_limit_waits_for_one_that_is_gone() {
    let mut scene = Scene::with(Rules { names: 2, ..rules() });
    scene.listed(&[]);
    for (job, name) in [(1, "a"), (2, "b"), (3, "c"), (4, "c")] {
        scene.see(&version(job, 1, name, FAILED), Some(1.0));
    }
    assert_eq!(scene.shown.keys().map(|name| &**name).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(scene.outcomes.refused_names().map(|(_, count)| count).sum::<usize>(), 1);
    // The project's own counter needs no name.
    assert_eq!(scene.runs.of(Outcome::Failed), 4);
    scene.listed(&[2, 3, 4]);
    scene.see(&version(4, 2, "c", FAILED), Some(2.0));
    assert_eq!(scene.shown.keys().map(|name| &**name).collect::<Vec<_>>(), ["b", "c"]);
    assert_eq!(scene.runs("c"), [0, 1, 0]);
    assert_eq!(scene.outcomes.refused_names().map(|(_, count)| count).sum::<usize>(), 0);
}

#[test]
fn an_id_that_comes_back_with_another_name_counts_no_run_twice() {
    let mut scene = Scene::watched();
    scene.see(&version(1, 1, "a", FAILED), Some(1.0));
    scene.see(&version(1, 2, "a", RUNNING), None);
    for name in ["b", "a", "b"] {
        scene.see(&version(1, 1, name, FAILED), Some(1.0));
        scene.see(&version(1, 2, name, RUNNING), None);
        scene.listed(&[1]);
    }
    assert_eq!((scene.runs("a"), scene.runs("b")), ([0, 1, 0], [0, 0, 0]));
    scene.see(&version(1, 2, "b", COMPLETED), Some(2.0));
    assert_eq!((scene.runs("a"), scene.runs("b")), ([0, 1, 0], [1, 0, 0]));
    // The old name has no job any more.
    scene.later(31.0 * DAY);
    assert_eq!(scene.shown.keys().map(|name| &**name).collect::<Vec<_>>(), ["b"]);
}

#[test]
fn a_version_without_a_name_waits_for_one() {
    let mut scene = Scene::watched();
    scene.see(&version(1, 1, "", RUNNING), None);
    assert!(scene.shown.is_empty());
    scene.see(&version(1, 1, "a", COMPLETED), Some(2.0));
    assert_eq!(scene.runs("a"), [1, 0, 0]);
}

// === What is forgotten ===

#[test]
fn what_a_skipped_page_hid_is_not_counted_again() {
    let mut scene = Scene::watched();
    scene.see(&version(1, 1, "a", FAILED), Some(1.0));
    scene.listed(&[]);
    scene.later(HOUR);
    scene.see(&version(1, 1, "a", FAILED), Some(1.0));
    assert_eq!(scene.runs("a"), [0, 1, 0]);
    // Nor after it was forgotten; what ended later is new.
    scene.listed(&[]);
    scene.later(2.0 * DAY);
    assert!(scene.outcomes.remembered(&key(1), &VersionId::from(1)).is_none());
    scene.see(&version(1, 1, "a", FAILED), Some(1.0));
    assert_eq!(scene.runs("a"), [0, 1, 0]);
    scene.see(&version(2, 1, "a", FAILED), Some(2.0 * DAY));
    assert_eq!(scene.runs("a"), [0, 2, 0]);
}

#[test]
fn a_version_that_was_missing_from_its_job_is_not_counted_again() {
    let mut scene = Scene::watched();
    let old = (version(1, 1, "a", FAILED), Some(1.0));
    let new = (version(1, 2, "a", COMPLETED), Some(2.0));
    scene.see_all(&[old.clone(), new.clone()], Answer::Whole);
    scene.see_all(std::slice::from_ref(&new), Answer::Whole);
    for _ in 0..3 {
        scene.later(DAY);
    }
    assert!(scene.outcomes.remembered(&key(1), &VersionId::from(1)).is_none());
    scene.see_all(&[old, new], Answer::Whole);
    assert_eq!(scene.runs("a"), [1, 1, 0]);
}

#[test]
fn where_nothing_is_remembered_versions_are_looked_at_no_more_than_once_a_second() {
    let mut scene = Scene::with(Rules { memory: Duration::ZERO, ..rules() });
    scene.listed(&[]);
    let (old, new) = ((version(1, 1, "a", FAILED), Some(1.0)), (version(1, 2, "a", RUNNING), None));
    scene.see_all(&[old, new.clone()], Answer::Whole);
    scene.later(1.0);
    scene.see_all(&[new], Answer::Whole);
    let is_known =
        |scene: &Scene| scene.outcomes.remembered(&key(1), &VersionId::from(1)).is_some();
    scene.later(0.5);
    assert!(is_known(&scene));
    scene.later(0.5);
    assert!(!is_known(&scene));
}

#[test]
fn of_jobs_that_are_gone_no_more_are_remembered_than_there_may_be_names() {
    let mut scene = Scene::with(Rules { names: 10, ..rules() });
    scene.listed(&[]);
    for job in 0..1000 {
        scene.see(&version(job, 1, "a", FAILED), Some(job as f64));
    }
    scene.listed(&[]);
    let before = scene.saved().len();
    scene.later(1.0);
    assert!(scene.saved().len() < before / 20);
    // None of them counts again, those that were forgotten nor those that are remembered.
    for job in 0..1000 {
        scene.see(&version(job, 1, "a", FAILED), Some(job as f64));
    }
    assert_eq!(scene.runs("a"), [0, 1000, 0]);
}

#[test]
fn what_passes_through_in_a_day_leaves_no_more_behind_than_there_may_be_names() {
    const NAMES: usize = 1000;
    const LIVE: usize = 200;
    let mut scene = Scene::with(Rules { names: NAMES, ..rules() });
    scene.listed(&[]);
    let (mut most, mut ended) = (0, 0);
    // Each round a crowd of jobs, each with a name of its own, has ended and is there for two lists.
    for round in 0..50 {
        let jobs: Vec<u64> = (0..).skip(round * LIVE).take(LIVE).collect();
        for _ in 0..2 {
            for job in &jobs {
                let at = scene.now - TODAY;
                scene.see(&version(*job, 1, &format!("job-{job}"), FAILED), Some(at));
            }
            scene.listed(&jobs);
            scene.later(DAY / 100.0);
        }
        ended += jobs.len() as u64;
        assert_eq!(scene.runs.of(Outcome::Failed), ended, "none is lost and none counts twice");
        assert!(
            scene.shown.len() <= NAMES && scene.shown.contains_key(&*format!("job-{}", jobs[0]))
        );
        most = most.max(scene.saved().len());
    }
    // What is listed, and of what is gone as many jobs as names.
    let a_job_and_its_name = 400;
    assert!(most <= (NAMES + LIVE) * a_job_and_its_name, "{most} bytes");
    scene.listed(&[]);
    scene.later(31.0 * DAY);
    assert!(scene.shown.is_empty() && scene.saved().len() < 500, "{}", scene.saved().len());
}

// === Previous scores ===

#[test]
fn each_version_is_compared_with_the_run_that_completed_before_it() {
    let mut scene = Scene::watched();
    let completed = |job, id, recall| with_recall(version(job, id, "a", COMPLETED), recall);
    scene.see(&completed(1, 1, 0.5), Some(1.0));
    assert_eq!(scene.previous(1, 1), None);
    scene.see(&with_recall(version(2, 1, "a", RUNNING), 0.1), None);
    assert_eq!(scene.previous(2, 1), Some(0.5));
    scene.see(&completed(2, 1, 0.6), Some(2.0));
    assert_eq!((scene.previous(1, 1), scene.previous(2, 1)), (None, Some(0.5)));
    // A failed run has something to be compared with, and is nothing to compare with.
    scene.see(&with_recall(version(3, 1, "a", FAILED), 0.9), Some(3.0));
    scene.see(&completed(3, 2, 0.7), Some(4.0));
    assert_eq!((scene.previous(3, 1), scene.previous(3, 2)), (Some(0.6), Some(0.6)));
    // Scores that come after the end, and scores that were corrected.
    scene.see(&version(4, 1, "a", COMPLETED), Some(5.0));
    scene.see(&version(5, 1, "a", RUNNING), None);
    assert_eq!(scene.previous(5, 1), None, "the run before reported nothing");
    for recall in [0.8, 0.81] {
        scene.see(&completed(4, 1, recall), Some(5.0));
        assert_eq!(scene.previous(5, 1), Some(recall));
    }
    scene.restart_from_bytes();
    assert_eq!((scene.previous(5, 1), scene.previous(4, 1)), (Some(0.81), Some(0.7)));
}

#[test]
fn jobs_that_are_to_be_compared_anew_are_named() {
    let mut scene = Scene::watched();
    for job in 1..=3 {
        let name = if job == 3 { "b" } else { "a" };
        scene.see(&version(job, 1, name, RUNNING), None);
    }
    let ended = version(1, 1, "a", COMPLETED);
    let seen = [Seen { version: &ended, label: "V1", finished: Some(TODAY) }];
    scene.outcomes.see(&key(1), &seen, Answer::Part, moment(TODAY));
    let changes = scene.outcomes.take();
    assert_eq!(changes[0].jobs, [JobId::from(1), JobId::from(2)]);
}

// === Restarts ===

#[test]
fn a_restart_changes_nothing_that_is_shown() {
    let mut scene = Scene::watched();
    scene.see(&version(1, 1, "a", FAILED), Some(1.234));
    scene.see(&version(1, 2, "a", RUNNING), None);
    scene.see(&with_recall(version(2, 1, "b", COMPLETED), 0.1 + 0.2), Some(2.0));
    scene.see(&version(3, 1, "c", TERMINATED), Some(3.0));
    scene.listed(&[1, 2]);
    let before = std::mem::take(&mut scene.shown);
    scene.later(60.0);
    scene.restart_from_bytes();
    assert_eq!(scene.shown, before);
    let running = scene.outcomes.remembered(&key(1), &VersionId::from(2)).unwrap();
    let want = Remembered { status: Status::Running, status_changed: TODAY, finished: None };
    assert_eq!(running, want);
    let failed = scene.outcomes.remembered(&key(1), &VersionId::from(1)).unwrap();
    assert_eq!(failed.finished, Some(TODAY + 1.234));
    // What ended, and what appeared and ended, while nobody looked.
    scene.see(&version(1, 2, "a", FAILED), Some(30.0));
    scene.see(&version(4, 1, "c", FAILED), Some(30.0));
    scene.see(&version(1, 1, "a", FAILED), Some(1.234));
    assert_eq!((scene.runs("a"), scene.runs("c")), ([0, 2, 0], [0, 1, 1]));
    // The name without a job kept its time of leaving.
    scene.listed(&[1]);
    scene.later(30.0 * DAY);
    assert_eq!(scene.shown.keys().map(|name| &**name).collect::<Vec<_>>(), ["a"]);
}

#[test]
fn what_could_not_be_saved_is_shown_the_next_time() {
    let mut scene = Scene::watched();
    let ended = version(1, 1, "a", FAILED);
    let seen = [Seen { version: &ended, label: "V1", finished: Some(TODAY) }];
    scene.outcomes.see(&key(1), &seen, Answer::Part, moment(TODAY));
    assert!(scene.outcomes.is_stale());
    let changes = scene.outcomes.take();
    assert!(!changes.is_empty() && !scene.outcomes.is_changed() && scene.outcomes.is_stale());
    scene.outcomes.saved();
    assert!(!scene.outcomes.is_stale());
    scene.outcomes.put_back(changes.clone());
    assert!(scene.outcomes.is_changed() && scene.outcomes.is_stale());
    assert_eq!(scene.outcomes.take(), changes);
}

#[test]
fn what_was_read_is_shown_without_being_saved_again() {
    let mut scene = Scene::watched();
    scene.see(&version(1, 1, "a", FAILED), Some(1.0));
    let mut saved = serde_json::from_slice(&scene.saved()).unwrap();
    let (rules, now) = (scene.rules.clone(), moment(scene.now));
    scene.outcomes = Outcomes::default();
    scene.outcomes.add_project(&Arc::from("p"), rules, &mut saved, now);
    scene.outcomes.await_job(&key(1));
    assert!(scene.outcomes.is_changed() && !scene.outcomes.is_stale());
    scene.show();
    assert_eq!(scene.runs("a"), [0, 1, 0]);
}

#[test]
fn what_was_saved_of_another_place_is_not_taken_up() {
    let mut scene = Scene::watched();
    scene.see(&version(1, 1, "a", FAILED), Some(1.0));
    scene.rules.place = Arc::from("elsewhere");
    scene.shown.clear();
    scene.restart_from_bytes();
    scene.listed(&[]);
    assert!(scene.shown.is_empty() && scene.runs == Runs::default(), "{:?}", scene.runs);
}

#[test]
fn an_answer_that_says_nothing_new_leaves_nothing_to_be_saved() {
    let mut scene = Scene::watched();
    let answers = [(version(1, 1, "a", FAILED), Some(1.0)), (version(1, 2, "a", RUNNING), None)];
    scene.see_all(&answers, Answer::Whole);
    scene.listed(&[1]);
    scene.outcomes.saved();
    scene.see_all(&answers, Answer::Whole);
    scene.listed(&[1]);
    scene.later(60.0);
    assert!(!scene.outcomes.is_stale());
    // Another status is news, of the kind that can wait.
    scene.see(&version(1, 2, "a", 9), None);
    assert!(scene.outcomes.is_stale() && !scene.outcomes.is_changed());
}

#[test]
fn the_worst_class_of_a_run_is_kept_for_the_next_one() {
    let mut scene = Scene::watched();
    let scored = |recall: f64, precision: Option<f64>| ClassQuality {
        scores: Scores { recall: Some(recall), precision, ..Scores::default() },
        ..ClassQuality::default()
    };
    // The lowest recall and the lowest precision are of two classes, and not every class has both.
    let mut classes = vec![scored(0.9, Some(0.5)), scored(0.3, None), scored(0.7, Some(0.6))];
    let with = |version, classes: &[ClassQuality]| {
        let classes = classes.to_vec();
        Version { quality: Some(Quality { classes, ..Quality::default() }), ..version }
    };
    scene.see(&with(version(1, 1, "a", COMPLETED), &classes), Some(1.0));
    scene.see(&version(1, 2, "a", RUNNING), None);
    let worst = |scene: &Scene| {
        let previous = scene.outcomes.previous(&key(1), &VersionId::from(2)).unwrap();
        let Scores { recall, precision, accuracy, f1_score, .. } = *previous.worst_class;
        assert_eq!(*previous.overall, Scores::default());
        (recall, precision, accuracy, f1_score)
    };
    assert_eq!(worst(&scene), (Some(0.3), Some(0.5), None, None));
    // A correction of a class alone is news, too.
    scene.outcomes.saved();
    assert!(!scene.outcomes.is_stale());
    classes[1] = scored(0.4, None);
    scene.see(&with(version(1, 1, "a", COMPLETED), &classes), Some(1.0));
    assert!(scene.outcomes.is_stale());
    scene.restart_from_bytes();
    assert_eq!(worst(&scene), (Some(0.4), Some(0.5), None, None));
}

#[test]
fn what_an_older_release_saved_of_a_run_has_no_worst_class() {
    let mut scene = Scene::watched();
    scene.see(&with_recall(version(1, 1, "a", COMPLETED), 0.5), Some(1.0));
    scene.see(&version(1, 2, "a", RUNNING), None);
    let saved = String::from_utf8(scene.saved()).unwrap();
    assert!(!saved.contains("worst_class"), "{saved}");
    scene.restart(serde_json::from_str(&saved).unwrap());
    let previous = scene.outcomes.previous(&key(1), &VersionId::from(2)).unwrap();
    assert_eq!((previous.overall.recall, previous.worst_class.recall), (Some(0.5), None));
}
