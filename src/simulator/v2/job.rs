//! A v2 job, the tasks it consists of, and the job that follows it.

use super::{
    super::{
        clock::MINUTE,
        job::{MOST_VERSIONS, minutes},
        job_id::Uuid,
        random::{mix, pick},
        story::KEPT_SAMPLES,
    },
    flavor::{Accelerator, EIGHT_NPUS, Flavor},
    oddity::Oddity,
    phase::Phase,
    runs::SECOND,
    story::{self, Fate, Moment, Setback, Step, tell},
};

/// One job of v2.
#[derive(Clone, Debug)]
pub(in crate::simulator) struct Job {
    pub(in crate::simulator) id: Uuid,
    pub(in crate::simulator) name: String,
    pub(super) description: String,
    pub(super) user: &'static str,
    pub(super) workspace: &'static str,
    pub(super) seed: u64,
    pub(super) created: i64,
    /// By time; the first is at the creation.
    pub(super) steps: Vec<Step>,
    /// By time.
    pub(super) setbacks: Vec<Setback>,
    /// More than one makes it a heterogeneous job.
    pub(super) roles: Vec<Role>,
    /// From a moment on the first role has so many nodes.
    pub(super) resized: Option<(i64, u64)>,
    /// The accelerators do nothing.
    pub(super) idle: bool,
    /// The newest samples that are kept.
    pub(super) kept: u64,
    pub(super) oddity: Oddity,
    pub(super) again: Option<Again>,
}

/// What follows once a job has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Again {
    /// So many milliseconds later another one of its kind begins.
    after: i64,
    /// How many more there will be, so that a fast clock does not fill the memory.
    more: u64,
}

/// Jobs of one kind that follow one another, as many as v1 has versions of a job.
const MOST_RUNS: u64 = MOST_VERSIONS;

/// Nodes of one kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Role {
    pub(super) name: &'static str,
    pub(super) nodes: u64,
    pub(super) flavor: Flavor,
}

/// One node's work.
#[derive(Clone, Debug)]
pub(super) struct Task {
    /// `worker-0`.
    pub(super) name: String,
    /// Over all roles.
    pub(super) place: u64,
    pub(super) flavor: Flavor,
}

impl Job {
    /// A job of this name that has no story yet, on one node with eight NPUs.
    pub(super) fn new(seed: u64, number: u64, name: String, created: i64) -> Self {
        Self {
            id: Uuid::new(seed, number),
            name,
            description: String::new(),
            user: pick(mix(seed, number), 11, &["userAbc", "train-bot", "m.meier"]),
            workspace: "0",
            seed: mix(seed, !number),
            created,
            steps: Vec::new(),
            setbacks: Vec::new(),
            roles: vec![Role { name: "worker", nodes: 1, flavor: EIGHT_NPUS }],
            resized: None,
            idle: false,
            kept: KEPT_SAMPLES,
            oddity: Oddity::None,
            again: None,
        }
    }

    /// Has another one begin, so many milliseconds after its end, and so on.
    pub(super) fn repeats(&mut self, after: i64) {
        self.again = Some(Again { after, more: MOST_RUNS });
    }

    /// Lays down what becomes of it.
    pub(super) fn goes(mut self, fate: Fate, queue: i64, run: i64) -> Self {
        (self.steps, self.setbacks) = tell(fate, self.seed, self.created, queue, run);
        self
    }

    /// How far it has come.
    pub(super) fn at(&self, now: i64) -> Moment {
        story::moment(&self.steps, self.kept, now)
    }

    /// Leaves its story: from now on it has this phase.
    pub(super) fn force(&mut self, now: i64, phase: Phase) {
        self.steps.retain(|step| step.at <= now);
        self.setbacks.retain(|setback| setback.at <= now);
        self.again = None;
        self.steps.push(Step { at: now, phase });
    }

    /// The wire's word for its kind.
    pub(super) fn kind(&self) -> &'static str {
        if self.is_hetero() { "hetero_job" } else { "job" }
    }

    /// The flavour of all its nodes, unless they differ.
    pub(super) fn flavor(&self) -> Option<Flavor> {
        self.roles.first().filter(|_| !self.is_hetero()).map(|role| role.flavor)
    }

    /// It is of several kinds of nodes.
    pub(super) fn is_hetero(&self) -> bool {
        self.roles.len() > 1
    }

    /// Its roles with the nodes they have at a moment.
    pub(super) fn roles_at(&self, now: i64) -> impl Iterator<Item = Role> {
        let resized = self.resized.filter(|(at, _)| *at <= now).map(|(_, nodes)| nodes);
        self.roles.iter().enumerate().map(move |(place, role)| Role {
            nodes: resized.filter(|_| place == 0).unwrap_or(role.nodes),
            ..*role
        })
    }

    /// One for each node, role by role.
    pub(super) fn tasks(&self, now: i64) -> Vec<Task> {
        let nodes = self.roles_at(now).flat_map(|role| (0..role.nodes).map(move |at| (role, at)));
        nodes
            .zip(0..)
            .map(|((role, at), place)| Task {
                name: format!("{}-{at}", role.name),
                place,
                flavor: role.flavor,
            })
            .collect()
    }

    /// Nodes it asks for, and what they have together.
    pub(super) fn total(&self, now: i64, each: impl Fn(Flavor) -> u64) -> u64 {
        self.roles_at(now).map(|role| role.nodes * each(role.flavor)).sum()
    }

    /// The first of its flavours with such cards.
    pub(super) fn with_cards(&self, kind: Accelerator) -> Option<Flavor> {
        self.roles.iter().map(|role| role.flavor).find(|flavor| flavor.cards_of(kind) > 0)
    }

    /// When another one of its kind begins, if that is past.
    fn due(&self, now: i64) -> Option<i64> {
        let again = self.again.filter(|again| again.more > 0)?;
        self.at(now).ended.map(|ended| ended + again.after).filter(|due| *due <= now)
    }

    /// Another one of its kind, if that is due.
    pub(super) fn followed_by(&mut self, now: i64) -> Option<Self> {
        let created = self.due(now)?;
        let successor = self.successor(created);
        self.again = None;
        Some(successor)
    }

    /// Another one of its kind.
    fn successor(&self, created: i64) -> Self {
        let seed = mix(self.seed, 501);
        let fate =
            pick(seed, 502, &[Fate::Completes, Fate::Completes, Fate::Fails, Fate::Completes]);
        let base = self.name.rsplit_once('-').map_or(&*self.name, |(base, _)| base);
        Self {
            description: self.description.clone(),
            user: self.user,
            roles: self.roles.clone(),
            again: self.again.map(|again| Again { more: again.more - 1, ..again }),
            ..Self::new(seed, 0, run_name(base, created), created)
        }
        .goes(fate, MINUTE, minutes(seed, 503, 12, 45))
    }
}

/// The name of one run of what is trained again and again: its moment makes it unique.
pub(super) fn run_name(base: &str, created: i64) -> String {
    format!("{base}-{}", created / SECOND)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{super::super::jobs::Live, *};

    #[test]
    fn what_is_trained_again_and_again_comes_to_an_end() {
        let mut job = Job::new(1, 1, "nightly-0".to_owned(), 0).goes(Fate::Completes, 1, MINUTE);
        job.repeats(MINUTE);
        let mut jobs = BTreeMap::from([(job.id, job)]);
        Job::catch_up(&mut jobs, 0);
        assert_eq!(jobs.len(), 1);
        Job::catch_up(&mut jobs, i64::MAX / 2);
        assert_eq!(jobs.len() as u64, MOST_RUNS + 1);
        let mut names: Vec<&str> = jobs.values().map(|job| job.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), jobs.len(), "each run has a name of its own");
    }
}
