//! Who is followed for what the list shows, told in minutes.

mod shards;

use super::*;
use crate::inventory::outcomes::{NameView, Runs};
use crate::model::{Discovery, NamePattern, Outcome, Shard, Status};

/// A project whose jobs are found or named, and a clock that moves by hand.
struct Region {
    inventory: Inventory,
    project: Arc<str>,
    discovery: Discovery,
    finds: bool,
    named: Vec<u64>,
    shard: Shard,
    start: Moment,
    now: Moment,
}

/// A job that was created an hour ago.
fn job(id: u64, code: i64) -> ListedJob {
    let (created, duration) = (Some(TODAY - 3600.0), Some(1800.0));
    ListedJob { job_id: JobId::from(id), created, duration, ..listed(code, 1, 1) }
}

/// The same with two versions, of which the newer one is listed.
fn twice(id: u64, code: i64) -> ListedJob {
    ListedJob { version_id: Some(VersionId::from(2)), version_count: Some(2), ..job(id, code) }
}

/// A version of a job that was created an hour ago.
fn ran(id: u64, code: i64) -> Version {
    let created = TODAY - 3600.0 + id as f64;
    let (created, started) = (Some(created), Some(created + 60.0));
    Version { created, started, duration: Some(1800.0), ..version(id, code) }
}

fn ids(jobs: &[JobId]) -> Vec<&str> {
    jobs.iter().map(JobId::as_str).collect()
}

impl Region {
    fn new(discovery: Discovery) -> Self {
        Self::with_named(discovery, Vec::new())
    }

    fn with_named(discovery: Discovery, named: Vec<u64>) -> Self {
        let now = Moment { steady: Instant::now(), unix: TODAY };
        let (inventory, project) = (Inventory::new(), Arc::from("p"));
        let shard = Shard::default();
        let finds = true;
        let mut region =
            Self { inventory, project, discovery, finds, named, shard, start: now, now };
        region.take_up(Saved::default());
        region
    }

    fn roster(&self) -> Roster {
        let discovery = self.finds.then(|| self.discovery.clone());
        let shard = self.shard;
        Roster { discovery, shard, ..latest_of(self.named.iter().copied()) }
    }

    fn take_up(&mut self, mut saved: Saved) {
        let roster = self.roster();
        let rules = Rules {
            scope: format!("{} {:?}", self.discovery.scope(), self.shard),
            shard: self.shard,
            named: roster.named.iter().map(|spec| spec.job_id.clone()).collect(),
            names: 10_000,
            retention: Duration::from_hours(30 * 24),
            memory: SETTINGS.finished_retention,
            ..Rules::default()
        };
        self.inventory.outcomes.add_project(&self.project, rules, &mut saved, self.now);
        for spec in &roster.named {
            let key = self.key_of(&spec.job_id);
            self.inventory.outcomes.await_job(&key);
        }
        self.inventory.add_project(&self.project, SETTINGS, roster, MINUTE, self.now);
    }

    fn restart(&mut self) {
        let saved = reread(&self.inventory.outcomes.saved());
        self.inventory = Inventory::new();
        self.take_up(saved);
    }

    fn key_of(&self, job_id: &JobId) -> JobKey {
        JobKey { project: Arc::clone(&self.project), job_id: job_id.clone() }
    }

    fn at(&mut self, minutes: u32) -> &mut Self {
        self.now = self.start.after(MINUTE * minutes);
        self
    }

    fn tick(&mut self) {
        self.inventory.tick(self.now);
    }

    /// A whole list.
    fn list(&mut self, jobs: &[ListedJob]) -> Turnover {
        self.read(&JobList { jobs: jobs.to_vec(), complete: true, settled: true, pages: 1 })
    }

    fn read(&mut self, list: &JobList) -> Turnover {
        let (project, mut turnover) = (Arc::clone(&self.project), Turnover::default());
        let (asked, now) = (self.now.steady, self.now);
        for some in list.jobs.chunks(2) {
            self.inventory.listed(&project, some, asked, MINUTE, &mut turnover, now);
        }
        self.inventory.list_ended(&project, list, MINUTE, &mut turnover, now);
        self.tick();
        turnover
    }

    fn answer(&mut self, job: u64, versions: Vec<Version>) -> Outlook {
        let (key, now) = (self.key_of(&JobId::from(job)), self.now);
        let outlook = self.inventory.versions(&key, versions, now);
        self.inventory.polled(&key, Polled::Success, MINUTE, now);
        outlook.unwrap()
    }

    fn gone(&mut self, job: u64) {
        let (key, now) = (self.key_of(&JobId::from(job)), self.now);
        self.inventory.polled(&key, Polled::Gone, MINUTE, now);
    }

    /// The jobs of which something is shown, and how many versions of them.
    fn shown(&self) -> Vec<String> {
        let keys = self.inventory.all_job_keys();
        let views = keys.iter().filter_map(|key| self.inventory.job(key, self.now));
        views.map(|view| format!("{}:{}", view.job_id, view.versions.len())).collect()
    }

    /// What is to be shown anew of the outcomes of all jobs, which share a name.
    fn outcomes(&mut self) -> Option<NameView> {
        let changes = self.inventory.outcomes.take();
        let mut names = changes.into_iter().flat_map(|changes| changes.names);
        names.next().and_then(|(_, view)| view)
    }
}

fn counts(runs: Runs) -> [u64; 3] {
    Outcome::ALL.map(|outcome| runs.of(outcome))
}

#[tokio::test]
async fn jobs_come_and_go_with_the_list() {
    let mut region = Region::new(Discovery::default());
    assert!(!region.inventory.is_complete(), "before the first list");
    let turnover = region.list(&[job(1, RUNNING), job(2, PENDING), job(3, COMPLETED)]);
    assert_eq!((ids(&turnover.found), turnover.left), (vec!["1", "2", "3"], vec![]));
    assert!(region.inventory.is_complete());
    assert_eq!(region.shown(), ["1:1", "2:1", "3:1"], "each has a status before it is polled");
    let turnover = region.at(1).list(&[job(1, RUNNING), job(2, PENDING), job(3, COMPLETED)]);
    assert_eq!(turnover, Turnover::default());
    let turnover = region.at(2).list(&[job(4, RUNNING), job(2, RUNNING), job(3, COMPLETED)]);
    assert_eq!((ids(&turnover.found), ids(&turnover.left)), (vec!["4"], vec!["1"]));
    assert_eq!(region.shown(), ["2:1", "3:1", "4:1"]);
    let turnover = region.at(3).list(&[]);
    assert_eq!(ids(&turnover.left), ["2", "3", "4"]);
    assert!(region.inventory.projects(region.now).all(|project| project.up));
}

#[tokio::test]
async fn a_list_that_is_not_whole_adds_and_takes_nothing_away() {
    let mut region = Region::new(Discovery::default());
    let part =
        |job: ListedJob| JobList { jobs: vec![job], complete: false, settled: true, pages: 9 };
    assert_eq!(ids(&region.read(&part(job(1, RUNNING))).found), ["1"]);
    assert!(!region.inventory.is_complete());
    region.at(2).tick();
    assert!(region.inventory.is_complete(), "it took too long");
    region.list(&[job(1, RUNNING), job(2, RUNNING)]);
    assert_eq!(region.read(&part(job(3, RUNNING))).left, []);
    // As many as there are, but they moved while they were read.
    let shifted = JobList { settled: false, complete: true, ..part(job(3, RUNNING)) };
    assert_eq!(region.read(&shifted).left, []);
    assert_eq!(region.shown(), ["1:1", "2:1", "3:1"]);
    region.gone(1);
    assert_eq!(region.shown(), ["2:1", "3:1"], "whoever was asked about it does not know it");
    assert_eq!(ids(&region.read(&shifted).left), ["1"]);
    region.gone(2);
    assert_eq!(
        ids(&region.read(&part(job(3, RUNNING))).left),
        ["2"],
        "also where a page is missing"
    );
}

#[tokio::test]
async fn what_was_admitted_is_followed_to_its_end_and_let_go_after_the_retention() {
    let mut region = Region::new(Discovery {
        statuses: vec![Status::Running],
        max_age: Some(MINUTE * 90),
        ..Discovery::default()
    });
    let turnover = region.list(&[job(1, RUNNING), job(2, PENDING), job(3, COMPLETED)]);
    assert_eq!(ids(&turnover.found), ["1"]);
    region.answer(1, vec![ran(1, RUNNING)]);
    // Too old by now, and not running any more.
    assert_eq!(region.at(60).list(&[job(1, COMPLETED)]), Turnover::default());
    region.answer(1, vec![ran(1, COMPLETED)]);
    for hours in 2..24 {
        assert_eq!(region.at(hours * 60).list(&[job(1, COMPLETED)]), Turnover::default());
        assert_eq!(region.shown(), ["1:1"]);
    }
    // Its series end with the retention, its place with the list after it.
    region.at(26 * 60).tick();
    assert_eq!(region.shown(), [""; 0]);
    assert_eq!(ids(&region.list(&[job(1, COMPLETED)]).left), ["1"]);
    assert_eq!(region.list(&[job(1, COMPLETED)]), Turnover::default());
    let again = ListedJob { created: Some(region.now.unix), ..job(1, RUNNING) };
    assert_eq!(ids(&region.list(&[again, job(2, RUNNING)]).found), ["1"], "2 is too old");
}

#[tokio::test]
async fn what_was_followed_before_a_restart_is_followed_to_its_end_after_it() {
    let statuses = vec![Status::Running];
    let mut region = Region::new(Discovery { statuses, ..Discovery::default() });
    region.list(&[job(1, RUNNING)]);
    region.answer(1, vec![ran(1, RUNNING)]);
    region.at(10).restart();
    // It queued for longer than the retention, which the list does not know.
    let failed = |id| ListedJob { created: Some(TODAY - 30.0 * 3600.0), ..job(id, FAILED) };
    let turnover = region.list(&[failed(1), failed(2)]);
    assert_eq!(ids(&turnover.found), ["1"], "2 was not admitted when it ran");
    region.answer(1, vec![ran(1, FAILED)]);
    assert_eq!(region.shown(), ["1:1"]);
    assert_eq!(counts(region.outcomes().unwrap().runs), [0, 1, 0]);
    assert_eq!(region.list(&[failed(1), failed(2)]), Turnover::default());
}

#[tokio::test]
async fn what_had_ended_long_before_sets_its_outcome_alone() {
    let mut region = Region::new(Discovery::default());
    let ended = |id, hours_ago: f64| ListedJob {
        created: Some(TODAY - hours_ago * 3600.0),
        duration: Some(3600.0),
        ..job(id, FAILED)
    };
    let turnover = region.list(&[ended(1, 26.0), ended(2, 24.5)]);
    assert_eq!(ids(&turnover.found), ["2"], "2 ended less than a day ago");
    let view = region.outcomes().unwrap();
    assert_eq!((view.consecutive_failures, counts(view.runs)), (1, [0, 0, 0]));
    assert_eq!(view.last_failed, Some(TODAY - 25.0 * 3600.0));
    region.answer(2, vec![version(1, FAILED)]);
    let view = region.outcomes().unwrap();
    assert_eq!((view.consecutive_failures, counts(view.runs)), (2, [0, 0, 0]));
    region.at(60 * 24).list(&[ended(1, 26.0), ended(2, 24.5)]);
    assert_eq!(region.outcomes(), None, "it is not news with every list");
}

#[tokio::test]
async fn an_end_counts_where_the_job_appeared_or_was_seen_before_it() {
    // Two had been there, one of them ended; the third appears and ends between two lists.
    let mut region = Region::new(Discovery::default());
    region.list(&[job(1, RUNNING), job(2, COMPLETED)]);
    region.answer(2, vec![ran(1, COMPLETED)]);
    region.at(1).list(&[job(1, COMPLETED), job(2, COMPLETED), job(3, COMPLETED)]);
    region.answer(1, vec![ran(1, COMPLETED)]);
    region.answer(3, vec![ran(1, COMPLETED)]);
    assert_eq!(counts(region.outcomes().unwrap().runs), [2, 0, 0]);
}

#[tokio::test]
async fn what_a_job_did_before_a_filter_admitted_it_does_not_count() {
    let running = || Discovery { statuses: vec![Status::Running], ..Discovery::default() };
    for is_another_process in [false, true] {
        let mut region = Region::new(running());
        region.list(&[twice(1, PENDING)]);
        if is_another_process {
            region.restart();
        }
        region.at(1).list(&[twice(1, RUNNING)]);
        region.answer(1, vec![ran(2, RUNNING), ran(1, FAILED)]);
        assert_eq!(counts(region.outcomes().unwrap().runs), [0, 0, 0]);
        region.at(2).answer(1, vec![ran(2, FAILED), ran(1, FAILED)]);
        assert_eq!(counts(region.outcomes().unwrap().runs), [0, 1, 0]);
    }
}

#[tokio::test]
async fn a_filter_that_lets_more_in_counts_nothing_of_what_was_there() {
    let name = |pattern| Discovery {
        name: Some(NamePattern::new(pattern).unwrap()),
        ..Discovery::default()
    };
    let mut region = Region::new(name("none"));
    region.list(&[job(1, COMPLETED)]);
    region.discovery = name(".*");
    region.restart();
    assert_eq!(ids(&region.list(&[job(1, COMPLETED)]).found), ["1"]);
    region.answer(1, vec![ran(1, COMPLETED)]);
    assert_eq!(counts(region.outcomes().unwrap().runs), [0, 0, 0]);
}

#[tokio::test]
async fn a_deleted_jobs_name_goes_on_with_the_next_one() {
    let mut region = Region::new(Discovery::default());
    region.list(&[job(1, RUNNING)]);
    region.answer(1, vec![ran(1, RUNNING)]);
    region.at(1).answer(1, vec![ran(1, FAILED)]);
    region.at(2).list(&[]);
    region.at(3).list(&[job(2, RUNNING)]);
    region.answer(2, vec![ran(1, RUNNING)]);
    region.at(4).answer(2, vec![ran(1, FAILED)]);
    let view = region.outcomes().unwrap();
    assert_eq!((view.consecutive_failures, counts(view.runs)), (2, [0, 2, 0]));
}

#[tokio::test]
async fn a_named_job_is_there_once_and_whether_it_is_listed_or_not() {
    let discovery = Discovery { versions: VersionSelection::All, ..Discovery::default() };
    let mut region = Region::with_named(discovery, vec![1, 9]);
    assert_eq!(ids(&region.list(&[twice(1, RUNNING), twice(2, RUNNING)]).found), ["2"]);
    for id in [1, 2, 9] {
        region.answer(id, vec![ran(2, RUNNING), ran(1, COMPLETED)]);
    }
    // 1 and 9 as the file says, which is the default.
    assert_eq!(region.shown(), ["1:1", "2:2", "9:1"]);
    assert_eq!(ids(&region.at(1).list(&[]).left), ["2"]);
    region.answer(9, vec![ran(2, COMPLETED), ran(1, COMPLETED)]);
    assert_eq!(counts(region.outcomes().unwrap().runs), [1, 0, 0], "9 is not gone");
    region.at(3 * 24 * 60).answer(9, vec![ran(2, COMPLETED), ran(1, COMPLETED)]);
    region.tick();
    assert!(region.shown().contains(&"9:1".to_owned()), "its newest version stays");
}

#[tokio::test]
async fn other_filters_are_for_the_next_list_to_judge() {
    let mut region = Region::with_named(Discovery::default(), vec![9]);
    region.list(&[job(1, RUNNING), job(2, PENDING), job(9, RUNNING)]);
    let change = |region: &mut Region| {
        let (project, roster) = (Arc::clone(&region.project), region.roster());
        region.inventory.change_project(&project, SETTINGS, roster, MINUTE)
    };
    // The same filters: all go on, and whoever polls them now has to be told.
    assert_eq!(change(&mut region), []);
    assert_eq!(region.shown(), ["1:1", "2:1", "9:1"]);
    let jobs = [job(1, COMPLETED), job(2, PENDING), job(9, RUNNING)];
    assert_eq!(ids(&region.list(&jobs).found), ["1", "2"]);
    assert_eq!(region.list(&jobs), Turnover::default());
    // Others, and a job that is not named any more.
    region.discovery.statuses = vec![Status::Pending, Status::Completed];
    region.named.clear();
    assert_eq!(change(&mut region), []);
    assert_eq!(region.shown(), ["1:1", "2:1", "9:1"], "until it is known");
    let turnover = region.list(&jobs);
    assert_eq!((ids(&turnover.found), ids(&turnover.left)), (vec!["1", "2"], vec!["9"]));
    // None at all.
    let project = Arc::clone(&region.project);
    let left = region.inventory.change_project(&project, SETTINGS, latest_of([2]), MINUTE);
    assert_eq!(left, [region.key_of(&JobId::from(1))]);
}

#[tokio::test]
async fn a_found_job_of_which_nothing_is_followed_rests() {
    let mut region = Region::new(Discovery::default());
    region.list(&[job(1, COMPLETED)]);
    // The list said when the job was created, and its newest version is far older.
    let old = |id| Version { created: Some(0.0), started: Some(0.0), ..ran(id, COMPLETED) };
    assert_eq!(region.answer(1, vec![old(1)]).activity, Activity::Ended);
    assert_eq!(region.shown(), [""; 0]);
}
