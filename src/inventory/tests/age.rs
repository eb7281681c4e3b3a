//! How long each part of a version is shown, whatever fails beside it.

use super::*;
use crate::model::Status;

/// The last minute at which a part is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Never,
    Until(u32),
    Always,
}

use Shown::{Always, Never, Until};

/// What comes, and how often it is asked for. All of it comes at minute 0.
#[derive(Clone, Copy, Debug)]
struct Cloud {
    api: Api,
    code: i64,
    /// The last minute at which the list comes; `None`: not even the first.
    list: Option<u32>,
    /// The last minute at which answers about the job come.
    answers: u32,
    /// The last minute at which the arrays of usage grow.
    growth: u32,
    /// Minutes between two polls, as the budget has it.
    interval: u32,
    /// Minutes between two lists.
    list_interval: u32,
}

/// Longer than every limit in the table.
const WATCHED: u32 = 200;

const EVER: u32 = WATCHED;

/// Nothing fails, and nothing is stretched.
const WELL: Cloud = Cloud {
    api: Api::V1,
    code: RUNNING,
    list: Some(EVER),
    answers: EVER,
    growth: EVER,
    interval: 1,
    list_interval: 1,
};

const LIST_FAILS: Cloud = Cloud { list: Some(0), ..WELL };
const ANSWERS_FAIL: Cloud = Cloud { answers: 0, ..WELL };
const BOTH_FAIL: Cloud = Cloud { list: Some(0), answers: 0, ..WELL };
const ARRAYS_STOP: Cloud = Cloud { growth: 0, ..WELL };

/// The parts: status, info and times; the newest minute of usage; mean and maximum; quality.
type Parts<T> = [T; 4];

/// Each state with what becomes of its parts where the list fails, the answers fail, both fail, the
/// arrays stop growing.
type Row = (&'static str, i64, [Parts<Shown>; 4]);

const ALL: Parts<Shown> = [Always; 4];
/// A version that does not run has no newest minute.
const ALL_BUT_NOW: Parts<Shown> = [Always, Never, Always, Always];

/// On the interval, where nothing is kept for more than `max_staleness`.
const PLAIN: [Row; 4] = [
    (
        "running",
        RUNNING,
        [
            ALL,
            [Always, Until(5), Until(5), Until(5)],
            [Until(5); 4],
            [Always, Until(5), Always, Always],
        ],
    ),
    (
        "pending",
        PENDING,
        [
            ALL_BUT_NOW,
            [Always, Never, Until(5), Until(5)],
            [Until(5), Never, Until(5), Until(5)],
            ALL_BUT_NOW,
        ],
    ),
    (
        "completed",
        COMPLETED,
        [ALL_BUT_NOW, ALL_BUT_NOW, [Until(5), Never, Until(5), Until(5)], ALL_BUT_NOW],
    ),
    (
        "lost",
        LOST,
        [
            ALL_BUT_NOW,
            [Always, Never, Until(5), Until(5)],
            [Until(5), Never, Until(5), Until(5)],
            ALL_BUT_NOW,
        ],
    ),
];

impl Cloud {
    /// What was told so far is shown for so long; rendered anew only when the inventory asks for it.
    fn watch(self) -> Parts<Shown> {
        let mut scene = Scene::new(VersionSelection::Latest);
        let version = |minute: u32| {
            let samples = 3 + u64::from(minute.min(self.growth));
            with_recall(with_samples(version(1, self.code), samples), 0.5)
        };
        let list = [match self.api {
            Api::V1 => ListedJob { duration: version(0).duration, ..listed(self.code, 1, 1) },
            Api::V2 => whole(v2_job(self.code)),
        }];
        let mut rendered = [false; 4];
        let mut until: Parts<Option<u32>> = [None; 4];
        for minute in 0..=WATCHED {
            scene.at(minute);
            let mut due = Vec::new();
            if minute % self.list_interval == 0 && self.list.is_some_and(|until| minute <= until) {
                let asked = scene.now.steady;
                let every = MINUTE * self.list_interval;
                due = scene.listed(&list, asked, every);
            }
            if minute % self.interval == 0 {
                let comes = minute <= self.answers;
                let polled = if comes { Polled::Success } else { Polled::Failed };
                match self.api {
                    Api::V1 if comes => {
                        let key = scene.key.clone();
                        scene.inventory.versions(&key, vec![version(minute)], scene.now).unwrap();
                    }
                    Api::V2 => scene.ask_v2(self.code, minute.min(self.growth), comes),
                    Api::V1 => {}
                }
                let every = MINUTE * self.interval;
                scene.inventory.polled(&scene.key, polled, every, scene.now);
                due.push(scene.key.clone());
            }
            due.extend(scene.inventory.tick(scene.now));
            if due.contains(&scene.key) {
                rendered = parts(&scene.view());
            }
            for (until, is_shown) in until.iter_mut().zip(rendered) {
                // What was withdrawn does not come back by itself.
                assert!(!is_shown || *until == minute.checked_sub(1), "{self:?} {minute}");
                *until = if is_shown { Some(minute) } else { *until };
            }
        }
        until.map(|until| match until {
            None => Never,
            Some(WATCHED) => Always,
            Some(minute) => Until(minute),
        })
    }
}

impl Scene {
    /// A poll of a job of v2, of whose questions all are answered or none.
    fn ask_v2(&mut self, code: i64, samples: u32, comes: bool) {
        if !comes {
            return;
        }
        let (key, now) = (self.key.clone(), self.now);
        let outlook = self
            .inventory
            .told(&key, now)
            .unwrap_or_else(|| self.inventory.versions(&key, vec![v2_job(code)], now).unwrap());
        let of_details = outlook.details.into_iter().filter_map(|detail| match detail {
            Detail::Usage(task) => Some(task),
            Detail::Version(_) => None,
        });
        for task in outlook.tasks.into_iter().chain(of_details) {
            let usage = v2_usage(&task, samples);
            self.inventory.usage(&key, &task, Some(usage), now.steady, now);
        }
    }
}

/// A job of v2 with two tasks, whose phase says the same as this code.
fn v2_job(code: i64) -> Version {
    let phase = match code {
        RUNNING => "Running",
        PENDING => "Pending",
        _ => "Completed",
    };
    let mut job = Version {
        api: Api::V2,
        version_id: VersionId::from(""),
        version_name: None,
        state: State::from_v2(phase),
        ..version(1, code)
    };
    // Nothing is left to be read but usage.
    job.facts.flavor = "flavor".to_owned();
    job.execution.tasks = ["worker-0", "worker-1"].map(str::to_owned).to_vec();
    job
}

fn v2_usage(task: &str, samples: u32) -> TaskUsage {
    let samples = 3 + u64::from(samples);
    TaskUsage { task: task.to_owned(), samples, fingerprint: samples, ..TaskUsage::default() }
}

/// As an item of the list.
fn whole(job: Version) -> ListedJob {
    ListedJob {
        job_id: job.job_id.clone(),
        job_name: job.job_name.clone(),
        version_id: Some(job.version_id.clone()),
        state: job.state,
        created: job.created,
        duration: job.duration,
        version_count: Some(1),
        whole: Some(Box::new(job)),
    }
}

fn parts(view: &JobView<'_>) -> [bool; 4] {
    let Some(shown) = view.versions.first() else { return [false; 4] };
    let Version { created, started, duration, state, .. } = shown.version;
    assert!([created, started, duration].iter().all(|time| time.is_some()), "times go with status");
    assert!(shown.finished.is_some() || !state.terminal);
    let is_any = |is: fn(&TaskView<'_>) -> bool| shown.tasks.iter().any(is);
    let is_sampled = is_any(|task| task.sampled.is_some());
    [true, is_sampled, is_any(|task| task.has_whole_run), shown.quality.is_some()]
}

/// The same with another age limit in the place of 5 minutes.
fn with_limit(parts: Parts<Shown>, limit: u32) -> Parts<Shown> {
    parts.map(|shown| if shown == Until(5) { Until(limit) } else { shown })
}

#[tokio::test]
async fn each_source_ages_alone_whatever_fails() {
    for (name, code, expected) in PLAIN {
        let fails = [LIST_FAILS, ANSWERS_FAIL, BOTH_FAIL, ARRAYS_STOP];
        for (fails, expected) in fails.into_iter().zip(expected) {
            let cloud = Cloud { code, ..fails };
            assert_eq!(cloud.watch(), expected, "{name}: {cloud:?}");
            // The whole budget is stretched: polls and list come every ten minutes.
            let cloud = Cloud { interval: 10, list_interval: 10, ..cloud };
            assert_eq!(cloud.watch(), with_limit(expected, 20), "{name}: {cloud:?}");
        }
        let usual = if code == RUNNING { ALL } else { ALL_BUT_NOW };
        assert_eq!(Cloud { code, ..WELL }.watch(), usual, "{name}");
    }
}

/// What v1 shows of the same, without what v2 does not have: quality, and usage of what never ran.
fn in_v2(code: i64, [known, newest, whole_run, _]: Parts<Shown>) -> Parts<Shown> {
    let whole_run = if code == PENDING { Never } else { whole_run };
    [known, newest, whole_run, Never]
}

#[tokio::test]
async fn what_v2_tells_by_list_and_by_task_ages_in_the_same_way() {
    for (name, code, expected) in PLAIN.into_iter().filter(|(_, code, _)| *code != LOST) {
        let fails = [LIST_FAILS, ANSWERS_FAIL, BOTH_FAIL, ARRAYS_STOP];
        for (fails, expected) in fails.into_iter().zip(expected) {
            let (cloud, expected) = (Cloud { api: Api::V2, code, ..fails }, in_v2(code, expected));
            assert_eq!(cloud.watch(), expected, "{name}: {cloud:?}");
            let cloud = Cloud { interval: 10, list_interval: 10, ..cloud };
            assert_eq!(cloud.watch(), with_limit(expected, 20), "{name}: {cloud:?}");
        }
    }
}

#[tokio::test]
async fn a_task_ages_alone() {
    let mut scene = Scene::new(VersionSelection::Latest);
    let key = scene.key.clone();
    for minute in 0..=30 {
        scene.at(minute);
        let now = scene.now;
        scene.listed(&[whole(v2_job(RUNNING))], now.steady, MINUTE);
        let outlook = scene.inventory.told(&key, now).unwrap();
        assert_eq!(outlook.tasks, ["worker-0", "worker-1"]);
        // The second one answers no more after the third minute, the first one is always there.
        let answers = if minute < 3 { 2 } else { 1 };
        for task in &outlook.tasks[..answers] {
            let usage = v2_usage(task, minute);
            scene.inventory.usage(&key, task, Some(usage), now.steady, now);
        }
        let polled = if minute < 3 { Polled::Success } else { Polled::Partial };
        scene.polled(polled);
        let view = scene.view();
        let shown: Vec<_> = view.versions[0].tasks.iter().map(|it| it.sampled.is_some()).collect();
        assert_eq!(shown, [true, minute <= 7], "{minute}");
    }
    // Another one in its place is seen by its name.
    let moved = |tasks: &[&str]| {
        let mut job = v2_job(RUNNING);
        job.execution.tasks = tasks.iter().map(|&task| task.to_owned()).collect();
        whole(job)
    };
    let now = scene.now;
    scene.listed(&[moved(&["worker-0", "worker-2"])], now.steady, MINUTE);
    assert_eq!(scene.inventory.told(&key, now).unwrap().tasks, ["worker-0", "worker-2"]);
}

#[tokio::test]
async fn what_a_list_told_stands_no_more_once_one_is_without_the_job() {
    let mut scene = Scene::new(VersionSelection::Latest);
    let key = scene.key.clone();
    scene.listed(&[whole(v2_job(COMPLETED))], scene.now.steady, MINUTE);
    assert!(scene.inventory.told(&key, scene.now).is_some());
    let (list, mut turnover) =
        (JobList { complete: true, pages: 1, ..JobList::default() }, Turnover::default());
    scene.inventory.list_ended(&key.project, &list, MINUTE, &mut turnover, scene.now);
    assert_eq!(scene.inventory.told(&key, scene.now), None);
}

#[tokio::test]
async fn a_source_that_is_stretched_alone_ages_at_its_own_pace() {
    let polls_stretched = Cloud { interval: 10, ..BOTH_FAIL };
    let list_stretched = Cloud { list_interval: 10, ..BOTH_FAIL };
    let known_until = |minute| [Until(minute), Until(5), Until(5), Until(5)];
    for (cloud, expected) in [
        (polls_stretched, [Until(20); 4]),
        // The status is what the list said, and that is not due yet.
        (list_stretched, known_until(20)),
        (Cloud { interval: 10, list_interval: 30, ..BOTH_FAIL }, {
            [Until(60), Until(20), Until(20), Until(20)]
        }),
        // A list that never came keeps nothing, however seldom it is read.
        (Cloud { list: None, ..list_stretched }, [Until(5); 4]),
        // One that came once keeps nothing either once its own time is over.
        (Cloud { answers: 50, growth: 50, ..list_stretched }, [Until(55); 4]),
        // To be confirmed by the list must not end anything earlier.
        (Cloud { list: Some(3), ..polls_stretched }, [Until(20); 4]),
        (Cloud { list: Some(3), answers: EVER, interval: 10, ..WELL }, ALL),
        (Cloud { list: Some(30), ..BOTH_FAIL }, known_until(35)),
    ] {
        assert_eq!(cloud.watch(), expected, "{cloud:?}");
    }
}

#[tokio::test]
async fn what_the_other_call_said_before_confirms_no_other_status() {
    let mut scene = Scene::new(VersionSelection::Latest);
    scene.answer(vec![version(1, PENDING)]);
    scene.listed(&[listed(PENDING, 1, 1)], scene.now.steady, MINUTE * 30);
    scene.at(1).answer(vec![version(1, RUNNING)]);
    scene.at(6).polled(Polled::Failed);
    assert_eq!(scene.shown(), ["1"]);
    scene.at(7).polled(Polled::Failed);
    assert_eq!(scene.shown(), [""; 0], "the list of minute 0 spoke of a version that waited");
}

#[tokio::test]
async fn a_budget_that_is_stretched_later_keeps_what_was_known_before() {
    let mut scene = Scene::new(VersionSelection::Latest);
    scene.answer(vec![with_recall(with_samples(version(1, RUNNING), 3), 0.5)]);
    scene.at(4);
    scene.inventory.interval(&scene.key, MINUTE * 10);
    scene.at(20);
    assert_eq!(parts(&scene.view()), [true; 4]);
    scene.at(21);
    assert_eq!(parts(&scene.view()), [false; 4]);
}

#[tokio::test]
async fn an_age_is_looked_at_within_five_seconds() {
    let mut scene = Scene::new(VersionSelection::Latest);
    scene.answer(vec![version(1, RUNNING)]);
    let limit = SETTINGS.max_staleness.as_secs();
    let withdrawn = (0..=2 * limit).find(|second| {
        scene.now = scene.start.after(Duration::from_secs(*second));
        !scene.inventory.tick(scene.now).is_empty()
    });
    let late = withdrawn.unwrap() - limit;
    assert!((1..=5).contains(&late), "{late} s");
}

#[tokio::test]
async fn a_phase_that_no_document_names_is_shown_as_unknown() {
    let mut scene = Scene::new(VersionSelection::Latest);
    let said = |state| [whole(Version { state, ..v2_job(RUNNING) })];
    scene.list(&said(State::from_v2("Running")));
    scene.polled(Polled::Success);
    scene.at(1).list(&said(State::UNREADABLE));
    assert_eq!(
        scene.only().version.state.status,
        Status::Running,
        "what cannot be read says nothing"
    );
    scene.at(2).list(&said(State::from_v2("Suspended")));
    assert_eq!(scene.only().version.state.status, Status::Unknown);
}
