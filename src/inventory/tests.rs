//! What is shown when, told in minutes.

#![expect(clippy::float_cmp, reason = "times are passed on, not computed")]

mod age;
mod contradictions;
mod discovery;
mod lifecycle;
mod model;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::outcomes::{Rules, Saved};
use super::*;
use crate::model::{
    Activity, Api, Detail, JobId, JobSpec, Outcome, Quality, Scores, State, TaskUsage, Usage,
    VersionId, VersionSelection,
};

const MINUTE: Duration = Duration::from_mins(1);

const SETTINGS: Settings = Settings {
    timeout: Duration::from_secs(10),
    max_staleness: Duration::from_mins(5),
    lost_after: Duration::from_mins(15),
    finished_retention: Duration::from_hours(24),
    versions_per_job: 3,
};

/// One job, and a clock that moves by hand.
struct Scene {
    inventory: Inventory,
    key: JobKey,
    start: Moment,
    now: Moment,
    /// Counted ends, as last taken.
    runs: [u64; 3],
}

/// The cloud's present in these tests, Unix seconds.
const TODAY: f64 = 1_700_000_000.0;

fn named(jobs: impl IntoIterator<Item = (u64, VersionSelection)>) -> Roster {
    let spec = |(id, versions)| JobSpec { job_id: JobId::from(id), versions };
    Roster { named: jobs.into_iter().map(spec).collect(), ..Roster::default() }
}

/// What the next process finds of what this one saved.
fn reread(saved: &Saved) -> Saved {
    serde_json::from_slice(&serde_json::to_vec(saved).unwrap()).unwrap()
}

fn latest_of(jobs: impl IntoIterator<Item = u64>) -> Roster {
    named(jobs.into_iter().map(|id| (id, VersionSelection::Latest)))
}

impl Scene {
    fn new(selection: VersionSelection) -> Self {
        let start = Moment { steady: Instant::now(), unix: TODAY };
        let key = JobKey { project: Arc::from("p"), job_id: JobId::from(7) };
        let mut inventory = Inventory::new();
        inventory.add_project(&key.project, SETTINGS, named([(7, selection)]), MINUTE, start);
        Self { inventory, key, start, now: start, runs: [0; 3] }
    }

    /// The same, with outcomes that survive a [restart](Self::restart).
    fn remembering(selection: VersionSelection) -> Self {
        let mut scene = Self::new(selection);
        scene.take_up(Saved::default());
        scene
    }

    fn take_up(&mut self, mut saved: Saved) {
        let rules = Rules { names: 10, ..Rules::default() };
        self.inventory.outcomes.add_project(&self.key.project, rules, &mut saved, self.now);
        self.inventory.outcomes.await_job(&self.key);
    }

    /// The process ends, and another goes on with what it saved.
    fn restart(&mut self) {
        let saved = reread(&self.inventory.outcomes.saved());
        self.inventory = Inventory::new();
        let roster = latest_of([7]);
        self.inventory.add_project(&self.key.project, SETTINGS, roster, MINUTE, self.now);
        self.take_up(saved);
    }

    fn at(&mut self, minutes: u32) -> &mut Self {
        self.now = self.start.after(MINUTE * minutes);
        self
    }

    fn answer(&mut self, versions: Vec<Version>) -> Vec<Detail> {
        let outlook = self.inventory.versions(&self.key, versions, self.now).unwrap();
        self.polled(Polled::Success);
        outlook.details
    }

    fn polled(&mut self, polled: Polled) {
        self.inventory.polled(&self.key, polled, MINUTE, self.now);
        self.inventory.tick(self.now);
    }

    fn view(&self) -> JobView<'_> {
        self.inventory.job(&self.key, self.now).expect("the first round is over")
    }

    fn shown(&self) -> Vec<&str> {
        self.view().versions.iter().map(|version| version.version.version_id.as_str()).collect()
    }

    fn only(&self) -> VersionView<'_> {
        self.view().versions.swap_remove(0)
    }

    /// When the newest sample of its first task arrived, where it may be shown.
    fn sampled(&self) -> Option<f64> {
        self.only().tasks.first()?.sampled
    }

    fn has_whole_run(&self) -> bool {
        self.only().tasks.iter().any(|task| task.has_whole_run)
    }

    /// Ends that were counted: completed, failed, terminated.
    fn counted(&mut self) -> [u64; 3] {
        for changes in self.inventory.outcomes.take() {
            self.runs = Outcome::ALL.map(|outcome| changes.runs.of(outcome));
        }
        self.runs
    }

    fn up(&self) -> bool {
        self.inventory.projects(self.now).all(|project| project.up)
    }
}

/// A version that was created a day ago (plus its id in seconds) and began a minute later.
fn version(id: u64, code: i64) -> Version {
    let created = TODAY - 86_400.0 + id as f64;
    Version {
        job_name: "job".to_owned(),
        version_name: Some(format!("V{id:04}")),
        created: Some(created),
        started: Some(created + 60.0),
        duration: Some(3600.0),
        ..Version::unknown(Api::V1, JobId::from(7), VersionId::from(id), State::from_v1(code))
    }
}

fn with_samples(version: Version, samples: u64) -> Version {
    let task = TaskUsage { samples, fingerprint: samples, ..TaskUsage::default() };
    Version { usage: Some(Usage { tasks: vec![task] }), ..version }
}

fn with_recall(version: Version, recall: f64) -> Version {
    let overall = Scores { recall: Some(recall), ..Scores::default() };
    Version { quality: Some(Quality { overall, ..Quality::default() }), ..version }
}

const PENDING: i64 = 7;
const RUNNING: i64 = 8;
const COMPLETED: i64 = 10;
const FAILED: i64 = 11;
const LOST: i64 = 14;

#[tokio::test]
async fn nothing_is_shown_before_the_first_round_is_over_or_took_too_long() {
    let start = Moment { steady: Instant::now(), unix: TODAY };
    let project: Arc<str> = Arc::from("p");
    let key = |id: u64| JobKey { project: Arc::clone(&project), job_id: JobId::from(id) };
    let mut inventory = Inventory::new();
    inventory.add_project(&project, SETTINGS, latest_of([1, 2]), MINUTE, start);
    inventory.versions(&key(1), vec![version(1, RUNNING)], start);
    inventory.polled(&key(1), Polled::Success, MINUTE, start);
    assert_eq!(inventory.tick(start), []);
    assert!(inventory.job(&key(1), start).is_none() && !inventory.is_complete());
    let late = start.after(MINUTE * 2);
    assert_eq!(inventory.tick(late), [key(1), key(2)]);
    assert_eq!(inventory.job(&key(1), late).unwrap().versions.len(), 1);
    assert!(inventory.job(&key(2), late).unwrap().versions.is_empty());
    assert!(inventory.is_complete());
}

#[tokio::test]
async fn the_newest_version_is_followed_and_older_ones_to_their_end() {
    let mut scene = Scene::new(VersionSelection::Latest);
    let wanted = scene.answer(vec![version(1, COMPLETED), version(2, RUNNING)]);
    assert_eq!(wanted, [Detail::Version(VersionId::from(2))]);
    assert_eq!(scene.shown(), ["2"], "1 was never followed");
    scene.at(1).answer(vec![version(3, RUNNING), version(2, RUNNING), version(1, COMPLETED)]);
    assert_eq!(scene.shown(), ["3", "2"]);
    assert_eq!(scene.view().versions[1].rank, 1);
    scene.at(2).answer(vec![version(3, RUNNING), version(2, FAILED), version(1, COMPLETED)]);
    assert_eq!(scene.shown(), ["3", "2"], "kept for its retention");
    scene.at(25 * 60).answer(vec![version(3, RUNNING), version(2, FAILED)]);
    assert_eq!(scene.shown(), ["3"]);
}

#[tokio::test]
async fn a_cloud_whose_clock_is_ahead_keeps_nothing_for_longer_than_its_retention() {
    let mut scene = Scene::remembering(VersionSelection::Latest);
    let ahead = |code| Version {
        created: Some(TODAY + 86_400.0),
        started: Some(TODAY + 86_400.0),
        ..version(1, code)
    };
    let newer = || Version { created: Some(TODAY + 90_000.0), ..version(2, RUNNING) };
    scene.answer(vec![ahead(RUNNING)]);
    scene.at(1).answer(vec![newer(), ahead(RUNNING)]);
    scene.at(2).answer(vec![newer(), ahead(COMPLETED)]);
    scene.at(2 + 24 * 60).answer(vec![newer(), ahead(COMPLETED)]);
    assert_eq!(scene.shown(), ["2", "1"]);
    for minute in [3 + 24 * 60, 4 + 24 * 60] {
        scene.at(minute).answer(vec![newer(), ahead(COMPLETED)]);
        assert_eq!(scene.shown(), ["2"], "it does not come back, either");
    }
}

#[tokio::test]
async fn all_versions_are_capped_and_those_that_ended_long_ago_left_out() {
    let mut scene = Scene::new(VersionSelection::All);
    scene.answer((1..=5).map(|id| version(id, RUNNING)).collect());
    assert_eq!(scene.shown(), ["5", "4", "3"]);
    let mut scene = Scene::new(VersionSelection::All);
    let long_ago =
        Version { created: Some(TODAY - 1e6), started: Some(TODAY - 1e6), ..version(1, COMPLETED) };
    let before =
        Version { created: Some(TODAY - 2e6), started: Some(TODAY - 2e6), ..version(2, COMPLETED) };
    scene.answer(vec![long_ago, before]);
    assert_eq!(scene.shown(), ["1"], "only the newest of a listed job is exempt");
}

#[tokio::test]
async fn listed_versions_are_ids_or_names() {
    let wanted = ["2".to_owned(), "V0004".to_owned()].into();
    let mut scene = Scene::new(VersionSelection::Listed(wanted));
    scene.answer((1..=5).map(|id| version(id, RUNNING)).collect());
    assert_eq!(scene.shown(), ["4", "2"]);
    assert_eq!(scene.view().versions[0].rank, 1);
}

#[tokio::test]
async fn a_version_without_a_name_of_its_own_goes_by_its_id() {
    let mut scene = Scene::new(VersionSelection::All);
    let twin = Version { version_name: Some("V0001".to_owned()), ..version(2, RUNNING) };
    let nameless = Version { version_name: None, ..version(3, RUNNING) };
    scene.answer(vec![version(1, RUNNING), twin, nameless]);
    let labels: Vec<_> =
        scene.view().versions.iter().map(|version| version.label.to_owned()).collect();
    assert_eq!(labels, ["3", "2", "1"]);
}

#[tokio::test]
async fn what_no_answer_confirms_is_withdrawn_when_it_is_old() {
    let mut scene = Scene::new(VersionSelection::Latest);
    scene.answer(vec![with_samples(version(1, RUNNING), 3)]);
    scene.at(5).polled(Polled::Failed);
    assert_eq!(scene.shown(), ["1"]);
    scene.at(6).polled(Polled::Failed);
    assert!(scene.shown().is_empty());
    assert_eq!(scene.view().poll_success, Some(false));
    assert_eq!(scene.view().last_success, Some(TODAY));
    scene.at(7).answer(vec![version(1, RUNNING)]);
    assert_eq!(scene.shown(), ["1"]);
}

#[tokio::test]
async fn a_longer_interval_keeps_values_for_longer() {
    let mut scene = Scene::new(VersionSelection::Latest);
    scene.answer(vec![version(1, RUNNING)]);
    scene.inventory.polled(&scene.key, Polled::Success, MINUTE * 10, scene.now);
    scene.at(19);
    assert_eq!(scene.shown(), ["1"]);
    assert!(!scene.up(), "but the project has not answered within its interval");
    scene.at(21);
    assert!(scene.shown().is_empty());
}

#[tokio::test]
async fn a_shorter_interval_withdraws_nothing_before_the_next_poll_is_over() {
    let mut scene = Scene::new(VersionSelection::Latest);
    scene.answer(vec![version(1, RUNNING)]);
    let project = Arc::clone(&scene.key.project);
    scene.inventory.interval(&scene.key, MINUTE * 10);
    scene.inventory.interval(&scene.key, MINUTE * 2);
    scene.at(19);
    assert_eq!(scene.shown(), ["1"]);
    // The same where a new configuration is the reason.
    scene.inventory.change_project(&project, SETTINGS, latest_of([7]), MINUTE);
    assert_eq!(scene.shown(), ["1"]);
    scene.polled(Polled::Failed);
    assert_eq!(scene.shown(), [""; 0]);
}

#[tokio::test]
async fn usage_is_shown_while_running_and_while_samples_come() {
    let mut scene = Scene::new(VersionSelection::Latest);
    for minute in 0..4 {
        scene.at(minute).answer(vec![with_samples(version(1, RUNNING), 3 + u64::from(minute))]);
    }
    assert_eq!(scene.sampled().unwrap(), TODAY + 180.0);
    for minute in 4..9 {
        scene.at(minute).answer(vec![with_samples(version(1, RUNNING), 6)]);
    }
    assert_eq!(scene.sampled().unwrap(), TODAY + 180.0);
    scene.at(9).answer(vec![with_samples(version(1, RUNNING), 6)]);
    assert!(scene.sampled().is_none(), "the arrays have not grown for six minutes");
    assert!(scene.has_whole_run(), "the run so far is no less true");
    scene.at(10).answer(vec![with_samples(version(1, RUNNING), 7)]);
    assert!(scene.sampled().is_some());
    scene.at(11).answer(vec![with_samples(version(1, COMPLETED), 7)]);
    assert!(scene.sampled().is_none() && scene.has_whole_run());
}

#[tokio::test]
async fn what_answers_stop_carrying_grows_old_alone() {
    let mut scene = Scene::new(VersionSelection::Latest);
    scene.answer(vec![with_recall(with_samples(version(1, RUNNING), 3), 0.5)]);
    for minute in 1..=5 {
        scene.at(minute).answer(vec![version(1, RUNNING)]);
    }
    assert!(scene.only().quality.is_some() && scene.has_whole_run());
    scene.at(6).answer(vec![version(1, RUNNING)]);
    assert!(scene.only().quality.is_none() && !scene.has_whole_run());
}

#[tokio::test]
async fn an_ended_version_does_not_age_while_it_is_listed() {
    let mut scene = Scene::new(VersionSelection::Latest);
    scene.answer(vec![with_recall(with_samples(version(1, COMPLETED), 3), 0.5)]);
    for minute in 1..=30 {
        scene.at(minute).answer(vec![version(1, COMPLETED)]);
    }
    assert!(scene.only().quality.is_some() && scene.has_whole_run());
    assert_eq!(scene.only().finished, Some(TODAY - 86_400.0 + 1.0 + 60.0 + 3600.0));
    scene.at(36);
    assert!(scene.shown().is_empty(), "nobody has listed it for six minutes");
}

#[tokio::test]
async fn the_end_of_a_version_that_never_started_is_when_it_was_seen() {
    let mut scene = Scene::new(VersionSelection::Latest);
    let waiting = |code| Version { started: None, duration: None, ..version(1, code) };
    scene.answer(vec![waiting(FAILED)]);
    assert_eq!(scene.only().finished, waiting(FAILED).created, "it was so at first sight");
    let mut scene = Scene::new(VersionSelection::Latest);
    scene.answer(vec![waiting(7)]);
    assert_eq!(scene.only().finished, None);
    scene.at(3).answer(vec![waiting(FAILED)]);
    scene.at(4).answer(vec![waiting(FAILED)]);
    assert_eq!(scene.only().finished, Some(TODAY + 180.0));
}

#[tokio::test]
async fn the_status_remembers_when_it_was_first_seen() {
    let mut scene = Scene::new(VersionSelection::Latest);
    scene.answer(vec![version(1, 7)]);
    scene.at(1).answer(vec![version(1, 19)]);
    assert_eq!(scene.only().status_changed, TODAY, "another code of the same status");
    scene.at(2).answer(vec![version(1, RUNNING)]);
    scene.at(3).answer(vec![version(1, RUNNING)]);
    assert_eq!(scene.only().status_changed, TODAY + 120.0);
}

#[tokio::test]
async fn a_lost_version_has_ended_only_after_a_while() {
    let mut scene = Scene::new(VersionSelection::Latest);
    scene.answer(vec![version(1, RUNNING)]);
    for minute in 1..=15 {
        scene.at(minute).answer(vec![version(1, LOST)]);
        assert_eq!(scene.only().finished, None, "minute {minute}");
    }
    scene.at(16).answer(vec![version(1, LOST)]);
    assert!(scene.only().finished.is_some());
    scene.at(17).answer(vec![version(1, RUNNING)]);
    assert_eq!(scene.only().finished, None, "it came back");
}

#[tokio::test]
async fn a_restart_changes_no_time_of_a_version_that_is_remembered() {
    let waiting = |code| Version { started: None, duration: None, ..version(1, code) };
    let mut scene = Scene::remembering(VersionSelection::Latest);
    scene.answer(vec![waiting(PENDING)]);
    scene.at(3).answer(vec![waiting(FAILED)]);
    scene.at(10).restart();
    scene.at(11).answer(vec![waiting(FAILED)]);
    let ended = Some(TODAY + 180.0);
    assert_eq!((scene.only().finished, scene.only().status_changed), (ended, TODAY + 180.0));
    scene.at(12).answer(vec![waiting(RUNNING)]);
    scene.at(13).answer(vec![waiting(FAILED)]);
    assert_eq!(scene.only().finished, Some(TODAY + 780.0), "it ran again");
}

#[tokio::test]
async fn what_was_seen_open_before_a_restart_ended_after_it() {
    let waiting = |code| Version { started: None, duration: None, ..version(1, code) };
    let mut scene = Scene::remembering(VersionSelection::Latest);
    scene.answer(vec![waiting(PENDING)]);
    scene.at(10).restart();
    scene.at(11).answer(vec![waiting(FAILED)]);
    assert_eq!(scene.only().finished, Some(TODAY + 660.0), "not when it was created");
}

#[tokio::test]
async fn a_version_that_was_lost_for_good_stays_so() {
    let mut scene = Scene::remembering(VersionSelection::Latest);
    scene.answer(vec![version(1, RUNNING)]);
    scene.at(1).answer(vec![version(1, LOST)]);
    scene.at(16).answer(vec![version(1, LOST)]);
    scene.at(17).restart();
    scene.at(18).answer(vec![version(1, LOST)]);
    assert!(scene.only().finished.is_some());
}

#[tokio::test]
async fn a_version_that_is_not_followed_is_asked_about_until_its_end_and_counts() {
    let mut scene = Scene::remembering(VersionSelection::Latest);
    // When the second is looked at first, the first is an older one.
    scene.answer(vec![version(1, RUNNING), version(2, COMPLETED)]);
    assert_eq!(scene.shown(), ["2"]);
    assert_eq!(scene.counted(), [0, 0, 0]);
    scene.at(5).answer(vec![version(1, FAILED), version(2, COMPLETED)]);
    assert_eq!(scene.counted(), [0, 1, 0]);
}

#[tokio::test]
async fn a_lost_version_that_is_not_followed_has_ended_only_after_a_while() {
    let answer = |code| vec![version(1, code), version(2, RUNNING)];
    let mut scene = Scene::remembering(VersionSelection::Latest);
    scene.answer(answer(RUNNING));
    for minute in 1..=15 {
        scene.at(minute).answer(answer(LOST));
        assert_eq!(scene.counted(), [0, 0, 0], "minute {minute}");
    }
    scene.at(16).answer(answer(LOST));
    assert_eq!(scene.counted(), [0, 1, 0]);
    // It stays so, over a restart too, and counts once.
    scene.at(17).restart();
    scene.at(18).answer(answer(LOST));
    assert_eq!(scene.counted(), [0, 1, 0]);
    scene.at(19).answer(answer(RUNNING));
    scene.at(20).answer(answer(LOST));
    scene.at(40).answer(answer(LOST));
    assert_eq!(scene.counted(), [0, 1, 0]);
}

#[tokio::test]
async fn a_clock_that_is_set_back_ends_nothing_and_loses_no_end() {
    let answer = |code| vec![version(1, code), version(2, RUNNING)];
    let mut scene = Scene::remembering(VersionSelection::Latest);
    scene.answer(answer(RUNNING));
    scene.at(1).answer(answer(LOST));
    scene.now.unix -= 7200.0;
    scene.answer(answer(LOST));
    assert_eq!(scene.counted(), [0, 0, 0]);
    // Two versions that never began end by our clock alone: the second one earlier than the first.
    let waiting = |id, code| Version { started: None, duration: None, ..version(id, code) };
    scene.at(2).answer(vec![waiting(3, PENDING), waiting(4, PENDING)]);
    scene.at(3).answer(vec![waiting(3, FAILED), waiting(4, PENDING)]);
    scene.now.unix -= 7200.0;
    scene.answer(vec![waiting(3, FAILED), waiting(4, FAILED)]);
    assert_eq!(scene.counted(), [0, 2, 0]);
}

#[tokio::test]
async fn a_job_the_cloud_forgot_loses_its_series_at_once() {
    let mut scene = Scene::new(VersionSelection::Latest);
    scene.answer(vec![version(1, RUNNING)]);
    scene.at(1).polled(Polled::Gone);
    assert!(scene.shown().is_empty());
    assert_eq!(scene.view().poll_success, Some(false));
}

#[tokio::test]
async fn a_version_missing_from_the_list_is_gone_at_once() {
    let mut scene = Scene::new(VersionSelection::All);
    scene.answer(vec![version(1, RUNNING), version(2, RUNNING)]);
    scene.at(1).answer(vec![version(2, RUNNING)]);
    assert_eq!(scene.shown(), ["2"]);
}

#[tokio::test]
async fn the_detail_adds_what_the_list_leaves_out_and_is_wanted_once() {
    let mut scene = Scene::new(VersionSelection::Latest);
    assert_eq!(scene.answer(vec![version(1, RUNNING)]).len(), 1);
    assert_eq!(scene.at(1).answer(vec![version(1, RUNNING)]).len(), 1, "it did not come");
    let mut detail = version(1, RUNNING);
    "gpu.large".clone_into(&mut detail.facts.flavor);
    scene.inventory.version(&scene.key, detail, scene.now);
    assert_eq!(scene.at(2).answer(vec![version(1, RUNNING)]), []);
    assert_eq!(scene.only().version.facts.flavor, "gpu.large");
}

#[tokio::test]
async fn time_alone_says_which_jobs_changed() {
    let mut scene = Scene::new(VersionSelection::Latest);
    scene.answer(vec![with_samples(version(1, RUNNING), 3)]);
    scene.at(5);
    assert_eq!(scene.inventory.tick(scene.now), []);
    scene.at(6);
    assert_eq!(scene.inventory.tick(scene.now), [scene.key.clone()]);
    assert_eq!(scene.inventory.tick(scene.now), []);
}

#[tokio::test]
async fn a_project_whose_only_answers_are_about_a_waiting_job_does_not_flap() {
    let mut scene = Scene::new(VersionSelection::Latest);
    let roster = latest_of([7, 8]);
    scene.inventory.add_project(&scene.key.project, SETTINGS, roster, MINUTE, scene.now);
    let failing = JobKey { job_id: JobId::from(8), ..scene.key.clone() };
    for minute in 0..10 {
        scene.at(minute);
        scene.inventory.polled(&failing, Polled::Failed, MINUTE, scene.now);
        if minute % 2 == 0 {
            scene.inventory.versions(&scene.key, vec![version(1, 7)], scene.now);
            scene.inventory.polled(&scene.key, Polled::Success, MINUTE * 2, scene.now);
        }
        assert!(scene.up(), "minute {minute}");
    }
    scene.at(11);
    assert!(!scene.up());
}

#[tokio::test]
async fn other_settings_keep_what_is_known_until_the_next_answer_is_due() {
    let mut scene = Scene::new(VersionSelection::All);
    scene.answer(vec![version(1, RUNNING)]);
    let project = Arc::clone(&scene.key.project);
    let slow = MINUTE * 30;
    let left = scene.inventory.change_project(&project, SETTINGS, latest_of([7, 8]), slow);
    assert_eq!(left, []);
    scene.at(59);
    assert_eq!(scene.inventory.tick(scene.now), [] as [JobKey; 0], "nothing else is shown");
    assert_eq!(scene.shown(), ["1"]);
    scene.at(61);
    assert_eq!(scene.inventory.tick(scene.now), [scene.key.clone()]);
    assert_eq!(scene.shown(), [""; 0]);

    let left = scene.inventory.change_project(&project, SETTINGS, latest_of([8]), MINUTE);
    assert_eq!(left, [scene.key.clone()]);
    assert!(scene.inventory.job(&scene.key, scene.now).is_none());
    assert!(scene.inventory.is_complete(), "a job more does not begin the first round anew");
    let new = JobKey { project: Arc::clone(&project), job_id: JobId::from(8) };
    assert_eq!(scene.inventory.remove_project(&project), [new]);
    assert_eq!(scene.inventory.all_job_keys(), []);
}

fn listed(code: i64, version: u64, version_count: u64) -> ListedJob {
    ListedJob {
        job_id: JobId::from(7),
        job_name: "job".to_owned(),
        version_id: Some(VersionId::from(version)),
        state: State::from_v1(code),
        created: Some(TODAY - 86_400.0),
        duration: Some(4000.0),
        version_count: Some(version_count),
        whole: None,
    }
}

impl Scene {
    /// A list that was asked for just now.
    fn list(&mut self, jobs: &[ListedJob]) -> usize {
        let asked = self.now.steady;
        let touched = self.listed(jobs, asked, MINUTE).len();
        self.inventory.tick(self.now);
        touched
    }

    /// The next one comes in `interval`.
    fn listed(&mut self, jobs: &[ListedJob], asked: Instant, interval: Duration) -> Vec<JobKey> {
        let (project, mut turnover) = (Arc::clone(&self.key.project), Turnover::default());
        let inventory = &mut self.inventory;
        let touched = inventory.listed(&project, jobs, asked, interval, &mut turnover, self.now);
        assert_eq!(turnover, Turnover::default(), "without discovery");
        touched
    }
}

#[tokio::test]
async fn the_list_keeps_status_and_times_fresh_and_nothing_else() {
    let mut scene = Scene::new(VersionSelection::Latest);
    scene.answer(vec![with_recall(with_samples(version(1, RUNNING), 3), 0.5)]);
    for minute in 1..=20 {
        let touched = scene.at(minute).list(&[listed(RUNNING, 1, 1)]);
        assert_eq!(touched, usize::from(minute == 1), "the duration is news once");
    }
    assert_eq!(scene.only().version.duration, Some(4000.0));
    assert!(scene.sampled().is_none() && scene.only().quality.is_none());
    assert_eq!(scene.view().last_success, Some(TODAY), "it was not polled");
    assert!(scene.up());
    // What no list has confirmed for long is shown again as soon as one does.
    scene.at(26);
    scene.inventory.tick(scene.now);
    assert_eq!(scene.shown(), [""; 0]);
    assert_eq!(scene.list(&[listed(RUNNING, 1, 1)]), 1);
    assert_eq!(scene.shown(), ["1"]);
    assert_eq!(scene.at(27).list(&[listed(FAILED, 1, 1)]), 1);
    assert_eq!(scene.only().version.state, State::from_v1(FAILED));
    assert_eq!(scene.only().status_changed, TODAY + 27.0 * 60.0);
    assert!(scene.only().finished.is_some());
}

#[tokio::test]
async fn an_ended_job_is_whole_while_the_list_shows_it() {
    let mut scene = Scene::new(VersionSelection::All);
    let ended = |id| with_recall(version(id, COMPLETED), 0.5);
    scene.answer(vec![ended(1), ended(2)]);
    for minute in 1..=20 {
        scene.at(minute).list(&[listed(COMPLETED, 2, 2)]);
    }
    assert_eq!(scene.shown(), ["2", "1"]);
    assert!(scene.view().versions.iter().all(|version| version.quality.is_some()));
    assert_eq!(scene.view().last_success, Some(TODAY + 20.0 * 60.0));
    // Another number of versions: which one is missing is not known.
    for minute in 21..=30 {
        scene.at(minute).list(&[listed(COMPLETED, 2, 1)]);
    }
    assert_eq!(scene.shown(), ["2"]);
}

#[tokio::test]
async fn what_an_answer_said_after_the_list_was_asked_for_stands() {
    let mut scene = Scene::new(VersionSelection::Latest);
    scene.answer(vec![version(1, RUNNING)]);
    let asked = scene.now.steady;
    scene.at(1).answer(vec![version(1, COMPLETED)]);
    assert_eq!(scene.listed(&[listed(RUNNING, 1, 1)], asked, MINUTE), []);
    assert_eq!(scene.only().version.state, State::from_v1(COMPLETED));
}

#[tokio::test]
async fn a_job_the_list_alone_knows_goes_by_its_id() {
    let mut scene = Scene::new(VersionSelection::Latest);
    scene.list(&[listed(RUNNING, 1, 1)]);
    scene.at(2).list(&[listed(PENDING, 2, 2)]);
    assert_eq!(scene.shown(), ["2"], "the first round took too long");
    assert_eq!((scene.only().label, scene.only().version.state.code), ("2", Some(PENDING)));
    assert_eq!(scene.view().poll_success, None);
    scene.at(3).answer(vec![version(2, RUNNING), version(1, COMPLETED)]);
    assert_eq!(scene.only().label, "V0002");
    assert_eq!(scene.only().status_changed, TODAY + 180.0);
    scene.at(4).polled(Polled::Gone);
    scene.list(&[listed(RUNNING, 2, 2)]);
    assert!(scene.shown().is_empty(), "whoever asked about it was told otherwise");
}

#[tokio::test]
async fn an_answer_says_how_soon_to_ask_again() {
    let mut scene = Scene::new(VersionSelection::All);
    for (codes, activity) in [
        (&[COMPLETED, FAILED][..], Activity::Ended),
        (&[COMPLETED, PENDING], Activity::Waits),
        (&[RUNNING, PENDING], Activity::Runs),
        (&[COMPLETED, LOST], Activity::Runs),
        // The newest three are followed.
        (&[RUNNING, COMPLETED, COMPLETED, COMPLETED], Activity::Waits),
        (&[FAILED, COMPLETED, COMPLETED, COMPLETED], Activity::Ended),
        (&[], Activity::Runs),
    ] {
        let versions = codes.iter().zip(1..).map(|(&code, id)| version(id, code)).collect();
        let outlook = scene.inventory.versions(&scene.key, versions, scene.now).unwrap();
        assert_eq!(outlook.activity, activity, "{codes:?}");
    }
}

#[tokio::test]
async fn a_flavour_in_the_list_of_versions_spares_the_detail() {
    let mut scene = Scene::new(VersionSelection::Latest);
    let mut whole = version(1, RUNNING);
    "gpu.large".clone_into(&mut whole.facts.flavor);
    assert_eq!(scene.answer(vec![whole]), []);
}
