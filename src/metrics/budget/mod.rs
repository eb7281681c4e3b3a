//! The budget of series, `limits.series`: what gives way when there are more, and in which order.

mod room;
#[cfg(test)]
mod tests;
mod weight;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

pub use room::{Room, Step};

use crate::inventory::JobView;
use crate::metrics::Settings;
use crate::model::JobKey;
pub(super) use room::Part;
use room::{Turn, WHOLE_STEPS};
use weight::Weight;

/// What gave way comes back only when this part of the budget stays free beside it, so that it does not
/// come and go with every job that starts: at the default that is a hundred running jobs.
const FREE_PARTS: usize = 50;

/// What all jobs have to show, and what of it there is room for.
///
/// What it costs to [weigh](Self::weigh) a job, and to [fit](Self::fit) what changed, does not depend on
/// how many jobs there are; only a step that is taken as a whole looks at each of them.
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    room: Room,
    jobs: BTreeMap<JobKey, Weight>,
    /// Of every version, what gives way with it.
    turns: BTreeMap<Turn, usize>,
    projects: BTreeMap<Arc<str>, Sums>,
    /// Of all projects.
    sums: Sums,
}

/// Series by the step in which they give way.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    series: [usize; Step::ALL.len()],
    /// Of the last two steps, what gave way.
    cut: [usize; Step::ALL.len()],
    exempt: usize,
    classes_kept_back: usize,
    extra_metrics_kept_back: usize,
    tasks_kept_back: usize,
}

impl Budget {
    /// No job is known yet, and so many series may be shown.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            room: Room::default(),
            jobs: BTreeMap::new(),
            turns: BTreeMap::new(),
            projects: BTreeMap::new(),
            sums: Sums::default(),
        }
    }

    /// From the next [fit](Self::fit) on so many series may be shown.
    pub fn change(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// How many series may be shown.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// What there is room for.
    pub fn room(&self) -> &Room {
        &self.room
    }

    /// A job has this to show from now on.
    pub fn weigh(&mut self, key: &JobKey, job: &JobView<'_>, settings: &Settings) {
        let weight = Weight::of(key, job, settings);
        if self.jobs.get(key) == Some(&weight) {
            return;
        }
        self.forget(key);
        for (turn, series) in &weight.versions {
            self.turns.insert(turn.clone(), *series);
        }
        self.count(&key.project, &weight, usize::saturating_add);
        self.jobs.insert(key.clone(), weight);
    }

    /// A job is gone.
    pub fn forget(&mut self, key: &JobKey) {
        if let Some(weight) = self.jobs.remove(key) {
            for (turn, _) in &weight.versions {
                self.turns.remove(turn);
            }
            self.count(&key.project, &weight, usize::saturating_sub);
        }
    }

    fn count(&mut self, project: &Arc<str>, weight: &Weight, add: fn(usize, usize) -> usize) {
        let of_project = self.projects.entry(Arc::clone(project)).or_default();
        for sums in [&mut self.sums, of_project] {
            sums.exempt = add(sums.exempt, weight.exempt);
            sums.classes_kept_back = add(sums.classes_kept_back, weight.classes_kept_back);
            sums.extra_metrics_kept_back =
                add(sums.extra_metrics_kept_back, weight.extra_metrics_kept_back);
            sums.tasks_kept_back = add(sums.tasks_kept_back, weight.tasks_kept_back);
            for (sum, series) in sums.series.iter_mut().zip(weight.steps) {
                *sum = add(*sum, series);
            }
            for (turn, series) in &weight.versions {
                let step = step_of(turn) as usize;
                sums.series[step] = add(sums.series[step], *series);
                if self.room.cut.as_ref().is_some_and(|cut| turn <= cut) {
                    sums.cut[step] = add(sums.cut[step], *series);
                }
            }
        }
    }

    /// Makes room where there are too many series, and gives it back where there is enough. `beside` are
    /// shown beside those of jobs, and never give way. Returns the jobs of which something else is to be
    /// shown now.
    pub fn fit(&mut self, beside: usize) -> BTreeSet<JobKey> {
        let steps = self.room.steps;
        let mut moved = BTreeSet::new();
        let mut gave_way = false;
        while self.over(beside) > 0 && self.give_way(&mut moved) {
            gave_way = true;
        }
        while !gave_way && self.take_back(beside, &mut moved) {}
        let (least, most) = (steps.min(self.room.steps), steps.max(self.room.steps));
        if least < most {
            let concerned = |weight: &Weight| weight.steps[least..most].iter().any(|it| *it > 0);
            let keys = self.jobs.iter().filter(|(_, weight)| concerned(weight));
            moved.extend(keys.map(|(key, _)| key.clone()));
        }
        moved
    }

    /// Series above the limit, once nothing else gives way.
    pub fn over(&self, beside: usize) -> usize {
        (beside + self.shown()).saturating_sub(self.limit)
    }

    fn shown(&self) -> usize {
        let Sums { series, exempt, .. } = self.sums;
        let given: usize = Step::ALL.iter().map(|step| self.given_of(&self.sums, *step)).sum();
        exempt + series.iter().sum::<usize>() - given
    }

    /// Series that gave way in a step.
    pub fn given(&self, step: Step) -> usize {
        self.given_of(&self.sums, step)
    }

    fn given_of(&self, sums: &Sums, step: Step) -> usize {
        let at = step as usize;
        if at < self.room.steps { sums.series[at] } else { sums.cut[at] }
    }

    /// How many series of a project are left out, by reason: every one there is. Of tasks that nobody asks
    /// about, how many they are.
    pub fn left_out(&self, project: &str) -> BTreeMap<&'static str, usize> {
        let sums = self.projects.get(project).copied().unwrap_or_default();
        let mut left_out = BTreeMap::from([
            ("classes", sums.classes_kept_back),
            ("extra_metrics", sums.extra_metrics_kept_back),
            ("tasks", sums.tasks_kept_back),
        ]);
        for step in Step::ALL {
            *left_out.entry(step.reason()).or_default() += self.given_of(&sums, step);
        }
        left_out
    }

    /// Takes one step, or one version of the last two. Returns whether there was any left.
    fn give_way(&mut self, moved: &mut BTreeSet<JobKey>) -> bool {
        if self.room.steps < WHOLE_STEPS {
            self.room.steps += 1;
            return true;
        }
        let after = self.room.cut.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.turns.range((after, Bound::Unbounded)).next();
        let Some((turn, series)) = next.map(|(turn, series)| (turn.clone(), *series)) else {
            return false;
        };
        self.move_cut(&turn, series, usize::saturating_add);
        moved.insert(turn.job.clone());
        self.room.cut = Some(turn);
        true
    }

    /// Takes the last step or version back, if there is room for it. Returns whether it did.
    fn take_back(&mut self, beside: usize, moved: &mut BTreeSet<JobKey>) -> bool {
        let is_room_for = |series| {
            beside + self.shown() + series <= self.limit.saturating_sub(self.limit / FREE_PARTS)
        };
        if let Some(cut) = &self.room.cut {
            let mut before = self.turns.range(..=cut).rev();
            let Some((turn, series)) = before.next().map(|(turn, series)| (turn.clone(), *series))
            else {
                self.room.cut = None;
                return true;
            };
            if !is_room_for(series) {
                return false;
            }
            let cut = before.next().map(|(turn, _)| turn.clone());
            self.move_cut(&turn, series, usize::saturating_sub);
            moved.insert(turn.job);
            self.room.cut = cut;
            return true;
        }
        let Some(last) = self.room.steps.checked_sub(1) else { return false };
        let is_back = is_room_for(self.sums.series[last]);
        if is_back {
            self.room.steps = last;
        }
        is_back
    }

    fn move_cut(&mut self, turn: &Turn, series: usize, add: fn(usize, usize) -> usize) {
        let step = step_of(turn) as usize;
        let of_project = self.projects.entry(Arc::clone(&turn.job.project)).or_default();
        for sums in [&mut self.sums, of_project] {
            sums.cut[step] = add(sums.cut[step], series);
        }
    }

    /// Forgets a project, all of whose jobs were forgotten.
    pub fn forget_project(&mut self, project: &str) {
        self.projects.remove(project);
    }
}

/// The step in which a version gives way.
fn step_of(turn: &Turn) -> Step {
    if turn.is_unfinished { Step::Unfinished } else { Step::Finished }
}
