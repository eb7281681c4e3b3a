//! Random clouds, and a process that is killed at random moments.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// What happens next. Numbers choose among what there is.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// A job appears, with one version that runs or has ended already.
    Appear { name: u8, ended: Option<u8> },
    /// A job gets one more version.
    Again { job: u8 },
    /// A version ends.
    End { version: u8, how: u8 },
    /// A version that ended runs once more.
    Rerun { version: u8 },
    /// A job whose ends are on disk is deleted.
    Delete { job: u8 },
    /// One version is polled.
    Poll { version: u8 },
    /// The list is read; a page may be missing.
    List { without: Option<u8> },
    /// What changed is saved and shown, unless the disk is full.
    Publish { full: bool },
    /// SIGKILL, and a start from what is on disk.
    Kill,
    /// Time passes, or the clock is set back.
    Wait { minutes: i16 },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (0..4u8, proptest::option::of(0..3u8)).prop_map(|(name, ended)| Event::Appear { name, ended }),
        2 => any::<u8>().prop_map(|job| Event::Again { job }),
        6 => (any::<u8>(), 0..3u8).prop_map(|(version, how)| Event::End { version, how }),
        1 => any::<u8>().prop_map(|version| Event::Rerun { version }),
        2 => any::<u8>().prop_map(|job| Event::Delete { job }),
        3 => any::<u8>().prop_map(|version| Event::Poll { version }),
        4 => proptest::option::weighted(0.3, any::<u8>()).prop_map(|without| Event::List { without }),
        4 => proptest::bool::weighted(0.2).prop_map(|full| Event::Publish { full }),
        2 => Just(Event::Kill),
        2 => (-120..3000i16).prop_map(|minutes| Event::Wait { minutes }),
    ]
}

/// One version in the cloud.
#[derive(Clone, Debug)]
struct Truth {
    job: u64,
    id: u64,
    name: String,
    code: i64,
    finished: Option<f64>,
    /// Its first end, if that happened under watch.
    counted: Option<usize>,
    /// It had ended, or has, so that no later end counts.
    spent: bool,
}

const CODES: [i64; 3] = [COMPLETED, FAILED, TERMINATED];

struct World {
    scene: Scene,
    disk: Vec<u8>,
    cloud: Vec<Truth>,
    /// Ends of versions that were deleted, by name and outcome.
    deleted: BTreeMap<String, [u64; 3]>,
    /// Versions whose end the disk knows.
    noted: BTreeSet<(u64, u64)>,
    /// The same, since it was last written.
    heard: BTreeSet<(u64, u64)>,
    /// The cloud's clock, which only goes forward.
    cloud_now: f64,
    next_id: u64,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            scene: Scene::new(),
            disk: Vec::new(),
            cloud: Vec::new(),
            deleted: BTreeMap::new(),
            noted: BTreeSet::new(),
            heard: BTreeSet::new(),
            cloud_now: 0.0,
            next_id: 0,
        };
        // Before the watch: one job of each kind.
        for code in [RUNNING, COMPLETED, FAILED] {
            world.appear("before", code);
        }
        for truth in &mut world.cloud {
            truth.counted = None;
        }
        world.list(None);
        world.publish(false);
        world
    }

    fn appear(&mut self, name: &str, code: i64) {
        self.next_id += 1;
        self.version(self.next_id, name, code);
    }

    fn version(&mut self, job: u64, name: &str, code: i64) {
        self.next_id += 1;
        let how = CODES.iter().position(|known| *known == code);
        self.cloud.push(Truth {
            job,
            id: self.next_id,
            name: name.to_owned(),
            code,
            finished: how.map(|_| self.cloud_now),
            counted: how,
            spent: how.is_some(),
        });
    }

    fn pick(
        cloud: &mut [Truth],
        number: u8,
        wanted: impl Fn(&Truth) -> bool,
    ) -> Option<&mut Truth> {
        let mut fitting: Vec<_> = cloud.iter_mut().filter(|truth| wanted(truth)).collect();
        if fitting.is_empty() {
            return None;
        }
        let at = usize::from(number) % fitting.len();
        Some(fitting.swap_remove(at))
    }

    fn see(&mut self, truths: &[Truth], answer: Answer) {
        let seen =
            |truth: &Truth| (version(truth.job, truth.id, &truth.name, truth.code), truth.finished);
        let seen: Vec<_> = truths.iter().map(seen).collect();
        let job_id = seen[0].0.job_id.clone();
        let seen: Vec<_> = seen
            .iter()
            .map(|(version, finished)| Seen {
                version,
                label: "V1",
                finished: finished.map(|at| TODAY + at),
            })
            .collect();
        let key = JobKey { project: Arc::from("p"), job_id };
        self.scene.outcomes.see(&key, &seen, answer, moment(self.scene.now));
        let ended = truths.iter().filter(|truth| truth.finished.is_some());
        self.heard.extend(ended.map(|truth| (truth.job, truth.id)));
    }

    fn list(&mut self, without: Option<u8>) {
        let mut jobs: Vec<u64> = self.cloud.iter().map(|truth| truth.job).collect();
        jobs.dedup();
        jobs.sort_unstable();
        jobs.dedup();
        if let Some(without) = without.filter(|_| !jobs.is_empty()) {
            jobs.remove(usize::from(without) % jobs.len());
        }
        for job in &jobs {
            let truths: Vec<_> =
                self.cloud.iter().filter(|truth| truth.job == *job).cloned().collect();
            self.see(&truths, Answer::Whole);
        }
        let listed = |id: &JobId| jobs.iter().any(|job| JobId::from(*job) == *id);
        self.scene.outcomes.listed("p", listed, moment(self.scene.now));
    }

    fn publish(&mut self, full: bool) {
        let changes = self.scene.outcomes.take();
        let content = self.scene.saved();
        if full {
            self.scene.outcomes.put_back(changes);
            return;
        }
        self.disk = content;
        self.noted.extend(&self.heard);
        for changes in changes {
            for outcome in Outcome::ALL {
                assert!(changes.runs.of(outcome) >= self.scene.runs.of(outcome), "{changes:?}");
            }
            self.scene.runs = changes.runs;
            for (name, view) in changes.names {
                let view = view.expect("no name is gone for that long");
                if let Some(before) = self.scene.shown.get(&name) {
                    for outcome in Outcome::ALL {
                        assert!(view.runs.of(outcome) >= before.runs.of(outcome), "{name}");
                    }
                }
                self.scene.shown.insert(name, view);
            }
        }
    }

    fn kill(&mut self) {
        let mut saved: Saved = serde_json::from_slice(&self.disk).unwrap();
        self.heard.clone_from(&self.noted);
        self.scene.outcomes = Outcomes::default();
        let (rules, now) = (self.scene.rules.clone(), moment(self.scene.now));
        self.scene.outcomes.add_project(&Arc::from("p"), rules, &mut saved, now);
    }

    fn happen(&mut self, event: Event) {
        self.cloud_now += 1.0;
        self.scene.now += 1.0;
        let now = self.cloud_now;
        match event {
            Event::Appear { name, ended } => {
                let code = ended.map_or(RUNNING, |how| CODES[usize::from(how)]);
                self.appear(
                    &format!("{}-2026010{name}", ["a", "b", "c", "d"][usize::from(name)]),
                    code,
                );
            }
            Event::Again { job } => {
                let known = Self::pick(&mut self.cloud, job, |_| true);
                if let Some((job, name)) = known.map(|truth| (truth.job, truth.name.clone())) {
                    self.version(job, &name, RUNNING);
                }
            }
            Event::End { version, how } => {
                let open = Self::pick(&mut self.cloud, version, |truth| truth.finished.is_none());
                if let Some(truth) = open {
                    let how = usize::from(how);
                    truth.code = CODES[how];
                    truth.finished = Some(now);
                    if !truth.spent {
                        (truth.counted, truth.spent) = (Some(how), true);
                    }
                }
            }
            // Unseen, it would be another run: only what the disk knows runs again.
            Event::Rerun { version } => {
                let noted = &self.noted;
                let is_noted = |truth: &Truth| {
                    truth.finished.is_some() && noted.contains(&(truth.job, truth.id))
                };
                if let Some(truth) = Self::pick(&mut self.cloud, version, is_noted) {
                    (truth.code, truth.finished) = (RUNNING, None);
                }
            }
            Event::Delete { job } => self.delete(job),
            Event::Poll { version } => {
                let truth = Self::pick(&mut self.cloud, version, |_| true).cloned();
                if let Some(truth) = truth {
                    self.see(&[truth], Answer::Part);
                }
            }
            Event::List { without } => self.list(without),
            Event::Publish { full } => self.publish(full),
            Event::Kill => self.kill(),
            Event::Wait { minutes } => {
                // No page is missing for as long as what it hid is remembered.
                self.list(None);
                self.cloud_now += f64::from(minutes.max(0)) * 60.0;
                self.scene.now += f64::from(minutes) * 60.0;
                self.scene.outcomes.tick(moment(self.scene.now));
            }
        }
    }

    /// A job goes once nothing of it is news to the disk.
    fn delete(&mut self, number: u8) {
        let mut jobs: BTreeSet<u64> = self.cloud.iter().map(|truth| truth.job).collect();
        let noted = &self.noted;
        for truth in &self.cloud {
            if truth.finished.is_none() || !noted.contains(&(truth.job, truth.id)) {
                jobs.remove(&truth.job);
            }
        }
        let Some(job) = jobs.iter().nth(usize::from(number) % jobs.len().max(1)).copied() else {
            return;
        };
        for truth in self.cloud.iter().filter(|truth| truth.job == job) {
            if let Some(how) = truth.counted {
                let name = self.scene.rules.name.apply(&truth.name).to_owned();
                self.deleted.entry(name).or_default()[how] += 1;
            }
        }
        self.cloud.retain(|truth| truth.job != job);
    }

    /// What the cloud itself would say.
    fn account(&self) -> BTreeMap<String, [u64; 3]> {
        let mut account = self.deleted.clone();
        for truth in &self.cloud {
            let name = self.scene.rules.name.apply(&truth.name).to_owned();
            let counts = account.entry(name).or_default();
            if let Some(how) = truth.counted {
                counts[how] += 1;
            }
        }
        account
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_end_counts_once_and_no_counter_falls(events in proptest::collection::vec(event(), 1..80)) {
        let mut world = World::new();
        for event in events {
            world.happen(event);
        }
        world.happen(Event::List { without: None });
        world.happen(Event::Publish { full: false });
        let shown: BTreeMap<_, _> = world.scene.shown.keys()
            .map(|name| (name.to_string(), world.scene.runs(name)))
            .collect();
        let account = world.account();
        prop_assert_eq!(&shown, &account);
        let sums = |how: usize| account.values().map(|counts| counts[how]).sum::<u64>();
        let runs = Outcome::ALL.map(|outcome| world.scene.runs.of(outcome));
        prop_assert_eq!(runs, [0, 1, 2].map(sums));
    }

    #[test]
    fn gauges_do_not_depend_on_the_order_of_the_answers(
        ends in proptest::collection::vec((0..3usize, 0..20u8), 1..40),
        seed in any::<u64>(),
    ) {
        let versions: Vec<_> = (1..).zip(&ends)
            .map(|(id, (how, finished))| (version(id, id, "a", CODES[*how]), f64::from(*finished)))
            .collect();
        let mut shuffled = versions.clone();
        fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
        let view = |versions: &[(Version, f64)]| {
            let mut scene = Scene::watched();
            for (version, finished) in versions {
                scene.see(version, Some(*finished));
            }
            scene.name("a").clone()
        };
        let in_order = view(&versions);
        prop_assert_eq!(&view(&shuffled), &in_order);
        let mut sorted: Vec<_> = (1..).zip(&ends).map(|(id, (how, at))| (*at, id, *how)).collect();
        sorted.sort_unstable();
        let after = sorted.iter().rposition(|(_, _, how)| *how == 0).map_or(0, |at| at + 1);
        let failures = sorted[after..].iter().filter(|(_, _, how)| *how == 1).count();
        prop_assert_eq!(in_order.consecutive_failures, failures as u64);
        let (_, id, how) = sorted[sorted.len() - 1];
        let last: LastRun = in_order.last.unwrap();
        prop_assert_eq!((last.job_id, last.outcome), (JobId::from(id), Outcome::ALL[how]));
    }
}
