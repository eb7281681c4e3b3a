use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::inventory::{TaskView, VersionView};
use crate::metrics::{FAMILIES, FamilyIndex, Sink, of_job};
use crate::model::{
    Api, ClassQuality, JobId, MeanMax, Quality, Scores, State, Summary, TaskUsage, Usage,
    UsageSample, Version, VersionId,
};

/// One version: when it ended, when it was created, and how much it has to show.
#[derive(Clone, Copy, Debug)]
struct Run {
    finished: Option<u8>,
    created: u8,
    classes: usize,
    extra: usize,
    tasks: usize,
}

const SETTINGS: Settings =
    Settings { extra_model_metrics: true, info_labels: Vec::new(), series: usize::MAX };

/// Versions that have ended have the four scores of each class, each extra metric of each class and
/// overall, and mean and maximum of one kind.
fn version(job: u8, place: usize, run: Run) -> Version {
    let code = if run.finished.is_some() { 10 } else { 8 };
    let extra = (0..run.extra).map(|at| (format!("loss{at}"), 1.0)).collect();
    let scores = Scores { recall: Some(0.5), extra, ..Scores::default() };
    let class = |at| ClassQuality {
        id: format!("{at}"),
        name: String::new(),
        scores: Scores { recall: Some(0.5), ..Scores::default() },
    };
    let task = |at| TaskUsage {
        task: format!("worker-{at}"),
        newest: UsageSample { cpu: Some(0.5), ..UsageSample::default() },
        whole_run: Summary { cpu: Some(MeanMax { mean: 0.5, max: 0.5 }), ..Summary::default() },
        ..TaskUsage::default()
    };
    Version {
        created: Some(f64::from(run.created)),
        job_name: "train".to_owned(),
        usage: Some(Usage { tasks: (0..run.tasks).map(task).collect() }),
        quality: Some(Quality {
            overall: scores,
            classes: (0..run.classes).map(class).collect(),
            dropped_class_series: 0,
        }),
        ..Version::unknown(
            Api::V1,
            JobId::from(u64::from(job)),
            VersionId::from(place as u64),
            State::from_v1(code),
        )
    }
}

/// A line: the family's name, and the label `version` where it has one.
type Line = (&'static str, Option<usize>);

struct Lines(Vec<Line>);

impl Sink for Lines {
    fn sample(&mut self, family: FamilyIndex, labels: &[(&'static str, &str)], _: f64) {
        let version = labels.iter().find(|(name, _)| *name == "version");
        let version = version.map(|(_, value)| value.parse().unwrap());
        self.0.push((FAMILIES[family].name, version));
    }
}

struct World {
    jobs: BTreeMap<u8, Vec<(Run, Version)>>,
    budget: Budget,
    beside: usize,
    shown: BTreeMap<u8, Vec<Line>>,
}

impl World {
    fn new(limit: usize) -> Self {
        let (jobs, shown) = (BTreeMap::new(), BTreeMap::new());
        Self { jobs, budget: Budget::new(limit), beside: 0, shown }
    }

    fn key(job: u8) -> JobKey {
        JobKey { project: format!("p{}", job % 2).into(), job_id: JobId::from(u64::from(job)) }
    }

    fn put(&mut self, job: u8, runs: &[Run]) {
        let of_run = |(place, run): (usize, &Run)| (*run, version(job, place, *run));
        self.jobs.insert(job, runs.iter().enumerate().map(of_run).collect());
        self.render(job);
    }

    fn remove(&mut self, job: u8) {
        self.jobs.remove(&job);
        self.shown.remove(&job);
        self.budget.forget(&Self::key(job));
    }

    fn render(&mut self, job: u8) {
        let lines = self.lines(job, |budget, key, job| {
            budget.weigh(key, job, &SETTINGS);
            budget.room().clone()
        });
        self.shown.insert(job, lines);
    }

    /// What there is to show of a job with that room.
    fn lines(
        &mut self,
        job: u8,
        room: impl Fn(&mut Budget, &JobKey, &JobView<'_>) -> Room,
    ) -> Vec<Line> {
        let key = Self::key(job);
        let labels: Vec<_> = (0..self.jobs[&job].len()).map(|place| place.to_string()).collect();
        let versions = self.jobs[&job].iter().zip(&labels).map(|((run, version), label)| {
            let sampled = run.finished.is_none().then_some(0.0);
            let tasks = version.usage.iter().flat_map(|usage| &usage.tasks);
            VersionView {
                label,
                version,
                rank: 0,
                status_changed: 0.0,
                finished: run.finished.map(f64::from),
                tasks: tasks
                    .map(|usage| TaskView { usage, sampled, has_whole_run: true })
                    .collect(),
                quality: version.quality.as_ref(),
                previous: None,
            }
        });
        let job = JobView {
            project: &key.project,
            job_id: key.job_id.as_str(),
            versions: versions.collect(),
            poll_success: Some(true),
            last_success: None,
        };
        let room = room(&mut self.budget, &key, &job);
        let mut lines = Lines(Vec::new());
        of_job(&job, &SETTINGS, &room, &mut lines);
        lines.0
    }

    fn fit(&mut self) {
        loop {
            let moved = self.budget.fit(self.beside);
            if moved.is_empty() {
                break;
            }
            for key in moved {
                self.render(key.job_id.as_str().parse().unwrap());
            }
        }
    }

    fn series(&self) -> usize {
        self.beside + self.shown.values().map(Vec::len).sum::<usize>()
    }

    /// Whether each version that ended, and each other one, shows some line of these families.
    fn shows(&self, is: impl Fn(&str) -> bool) -> BTreeMap<(u8, usize), bool> {
        let versions = self.jobs.iter().flat_map(|(job, versions)| {
            (0..versions.len()).map(|place| (*job, place)).collect::<Vec<_>>()
        });
        let shows = |(job, place): &(u8, usize)| {
            self.shown[job].iter().any(|(name, version)| *version == Some(*place) && is(name))
        };
        versions.map(|version| (version, shows(&version))).collect()
    }

    /// When the versions that gave way, and those that are there, ended; or when they were created.
    fn turns(&self, is_finished: bool) -> [Vec<u8>; 2] {
        let mut turns = [Vec::new(), Vec::new()];
        for ((job, place), shows) in self.shows(|name| name == "modelarts_job_info") {
            let (run, _) = &self.jobs[&job][place];
            if run.finished.is_some() == is_finished {
                turns[usize::from(shows)].push(run.finished.unwrap_or(run.created));
            }
        }
        turns
    }

    /// Everything that is promised of what was published.
    fn check(&mut self, limit: usize) {
        let over = self.series().saturating_sub(limit);
        assert_eq!(self.budget.over(self.beside), over);
        let jobs: Vec<u8> = self.jobs.keys().copied().collect();
        let whole: usize =
            jobs.iter().map(|job| self.lines(*job, |_, _, _| Room::default()).len()).sum();
        let dropped: usize = Step::ALL.iter().map(|step| self.budget.given(*step)).sum();
        assert_eq!(self.series() + dropped, self.beside + whole, "nothing is lost from the count");
        let by_project = |name: &str| self.budget.left_out(name).values().sum::<usize>();
        assert_eq!(by_project("p0") + by_project("p1"), dropped);

        let lines = || self.shown.values().flatten();
        let is_exempt =
            |name: &str| ["modelarts_job_status", "modelarts_job_poll_success"].contains(&name);
        assert!(over == 0 || lines().all(|(name, _)| is_exempt(name)), "only what never gives way");
        for (job, place) in self.shows(|_| false).into_keys() {
            let is_running = self.jobs[&job][place].0.finished.is_none();
            let status = self.shows(|name| name == "modelarts_job_status")[&(job, place)];
            assert!(status || !is_running, "the status of what has not ended stays");
        }

        let has = |part: fn(&str) -> bool| lines().any(|(name, _)| part(name));
        let gave = |reasons: &[&str]| {
            let mut steps = Step::ALL.iter();
            steps.any(|step| reasons.contains(&step.reason()) && self.budget.given(*step) > 0)
        };
        let later = ["budget_mean_max", "budget_finished", "budget_unfinished"];
        assert!(!gave(&later) || !has(|name| name == "modelarts_model_metric"));
        assert!(
            !(gave(&later) || gave(&["budget_extra_metrics"]))
                || !has(|name| name.contains("_class_"))
        );
        let [gone, kept] = self.turns(true);
        assert!(gone.is_empty() || kept.is_empty() || gone.iter().max() <= kept.iter().min());
        assert!(gone.is_empty() || !gave(&["budget_unfinished"]) || kept.is_empty());
        let [gone, kept] = self.turns(false);
        assert!(gone.is_empty() || kept.is_empty() || gone.iter().max() <= kept.iter().min());
    }
}

fn run() -> impl Strategy<Value = Run> {
    (proptest::option::of(0..9u8), 0..9u8, 0..4usize, 0..3usize, 0..3usize).prop_map(
        |(finished, created, classes, extra, tasks)| Run {
            finished,
            created,
            classes,
            extra,
            tasks,
        },
    )
}

#[derive(Clone, Debug)]
enum Event {
    Put(u8, Vec<Run>),
    Remove(u8),
    Limit(usize),
    Beside(usize),
    Publish,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0..12u8, proptest::collection::vec(run(), 0..3)).prop_map(|(job, runs)| Event::Put(job, runs)),
        2 => (0..12u8).prop_map(Event::Remove),
        1 => (0..400usize).prop_map(Event::Limit),
        1 => (0..40usize).prop_map(Event::Beside),
        4 => Just(Event::Publish),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_more_is_published_than_there_is_room_for(
        limit in 0..400usize,
        events in proptest::collection::vec(event(), 1..60),
    ) {
        let (mut world, mut limit) = (World::new(limit), limit);
        for event in events.into_iter().chain([Event::Publish]) {
            match event {
                Event::Put(job, runs) => world.put(job, &runs),
                Event::Remove(job) => world.remove(job),
                Event::Limit(now) => {
                    limit = now;
                    world.budget.change(now);
                }
                Event::Beside(now) => world.beside = now,
                Event::Publish => {
                    world.fit();
                    world.check(limit);
                }
            }
        }
        // With room enough everything is back.
        world.budget.change(10_000);
        world.fit();
        prop_assert_eq!(world.budget.room(), &Room::default());
        world.check(10_000);
    }
}

const RUN: Run = Run { finished: None, created: 1, classes: 2, extra: 1, tasks: 1 };

fn ended(finished: u8) -> Run {
    Run { finished: Some(finished), ..RUN }
}

#[test]
fn what_matters_least_gives_way_first() {
    let mut world = World::new(1000);
    world.put(1, &[ended(20)]);
    world.put(2, &[ended(10), RUN]);
    world.put(3, &[Run { created: 9, ..RUN }]);
    let mut told = String::new();
    let mut before = None;
    for limit in (0..=world.series()).rev() {
        world.budget.change(limit);
        world.fit();
        world.check(limit);
        let given = Step::ALL.map(|step| world.budget.given(step));
        if before != Some(given) {
            writeln!(told, "{limit} {given:?}").unwrap();
            before = Some(given);
        }
    }
    insta::assert_snapshot!(told, @r"
    89 [0, 0, 0, 0, 0, 0, 0]
    88 [4, 0, 0, 0, 0, 0, 0]
    84 [4, 4, 0, 0, 0, 0, 0]
    80 [4, 4, 2, 0, 0, 0, 0]
    78 [4, 4, 2, 2, 0, 0, 0]
    76 [4, 4, 2, 2, 4, 0, 0]
    72 [4, 4, 2, 2, 4, 16, 0]
    56 [4, 4, 2, 2, 4, 33, 0]
    39 [4, 4, 2, 2, 4, 33, 10]
    29 [4, 4, 2, 2, 4, 33, 20]
    ");
}

#[test]
fn what_gave_way_does_not_come_and_go_with_every_job() {
    let bare = Run { classes: 0, extra: 0, tasks: 0, ..RUN };
    let ended = |job: u8| Run { finished: Some(job), ..bare };
    let mut world = World::new(usize::MAX);
    for job in 0..200 {
        world.put(job, &[ended(job)]);
    }
    world.budget.change(world.series());
    let gone = |world: &World| world.turns(true)[0].clone();
    for _ in 0..3 {
        world.put(200, &[bare]);
        world.fit();
        assert_eq!(gone(&world), [0], "what ended makes room for what runs");
        world.remove(200);
        world.fit();
        assert_eq!(gone(&world), [0], "which is not room enough to come back");
    }
    // A fiftieth is four of these, which have to stay free.
    for (job, still) in [(1, vec![0]), (2, vec![0]), (3, vec![0]), (4, vec![])] {
        world.remove(job);
        world.fit();
        assert_eq!(gone(&world), still, "without {job}");
    }
}
