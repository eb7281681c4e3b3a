//! The life of a v2 job among the others: how it appears, what follows, how it ends.

use std::collections::BTreeMap;

use super::{
    super::{
        account::Outcome, churn::Arrival, job::minutes, job_id::Uuid, jobs::Live, random::pick,
    },
    flavor::{CPU, EIGHT_NPUS, GPU, NPU},
    job::{Job, Role},
    story::Fate,
};

/// How the runs go; most go well.
const FATES: [Fate; 16] = [
    Fate::Completes,
    Fate::Completes,
    Fate::Completes,
    Fate::Completes,
    Fate::Completes,
    Fate::Completes,
    Fate::Completes,
    Fate::Restarts,
    Fate::Fails,
    Fate::Fails,
    Fate::Fails,
    Fate::Stopped,
    Fate::Stopped,
    Fate::CannotBeStopped,
    Fate::CannotStart,
    Fate::Lost,
];

/// Minutes a job that comes back twice needs beside those of others.
const COMING_BACK: u64 = 16;

impl Live for Job {
    type Id = Uuid;

    fn arriving(arrival: Arrival, number: u64, seed: u64) -> (Self, i64) {
        let mut job = Self::new(seed, number, arrival.name(number), arrival.created);
        let seed = job.seed;
        let flavor = pick(seed, 41, &[CPU, GPU, NPU, EIGHT_NPUS]);
        let nodes = pick(seed, 42, &[1, 1, 1, 2]);
        job.roles = vec![Role { name: "worker", nodes, flavor }];
        let fate = pick(seed, 43, &FATES);
        let more = if fate == Fate::Restarts { COMING_BACK } else { 0 };
        let (queue, run) = (minutes(seed, 44, 1, 4), minutes(seed, 45, 2 + more, 10 + more));
        let job = job.goes(fate, queue, run);
        let end = job.steps.last().map_or(job.created, |step| step.at);
        (job, end)
    }

    fn id(&self) -> Uuid {
        self.id
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn outcomes(&self, now: i64) -> impl Iterator<Item = Outcome> {
        let mut past = self.steps.iter().take_while(move |step| step.at <= now);
        let end = past.find(|step| step.phase.is_terminal());
        end.into_iter().map(|step| match &*step.phase.first {
            "Completed" => Outcome::Completed,
            "Terminated" => Outcome::Terminated,
            // Nobody can tell what became of one that is out of sight.
            _ => Outcome::Failed,
        })
    }

    /// Several may follow one another.
    fn catch_up(jobs: &mut BTreeMap<Uuid, Self>, now: i64) {
        loop {
            let due: Vec<Self> = jobs.values_mut().filter_map(|job| job.followed_by(now)).collect();
            if due.is_empty() {
                return;
            }
            jobs.extend(due.into_iter().map(|job| (job.id, job)));
        }
    }
}
