//! The projects and their jobs.

use super::{
    churn,
    documents::Documents,
    fleet::fleet,
    job::Job,
    job_id::{JobId, Uuid},
    jobs::Jobs,
    settings::Settings,
    story::Version,
    v2,
};

/// Ids of the jobs of one project lie this far from those of the next.
const PROJECTS_APART: u64 = 100_000;

/// … or, where jobs come and go, what appears in so many days.
const DAYS_APART: u64 = 100;

/// Everything that the simulated cloud holds.
#[derive(Debug)]
pub(super) struct World {
    pub(super) projects: Vec<Project>,
    /// Raw answers that stand for those of some jobs.
    pub(super) documents: Documents,
}

/// One project.
#[derive(Debug)]
pub(super) struct Project {
    pub(super) name: String,
    pub(super) id: String,
    /// Those of v1.
    pub(super) jobs: Jobs<Job>,
    pub(super) v2: Jobs<v2::Job>,
}

impl World {
    /// The world as the settings begin it.
    pub(super) fn new(settings: &Settings, now: i64) -> Self {
        let Settings { scenario, jobs, seed, .. } = *settings;
        let mut projects = Vec::new();
        // Keeps the ids of the jobs of one project apart from those of the next.
        let mut first = 0;
        for spec in &settings.projects {
            let v1 = fleet(scenario, jobs, seed, first, now);
            let v2 = v2::fleet(scenario, jobs, seed, first, now);
            let room = match churn::jobs_a_day(settings) {
                Some(jobs) => jobs * DAYS_APART,
                None => v1.len() as u64 * 2,
            };
            projects.push(Project {
                name: spec.name.clone(),
                id: spec.id.clone(),
                jobs: Jobs::new(v1, first, settings, now),
                v2: Jobs::new(v2, first, settings, now),
            });
            first += PROJECTS_APART.max(room.next_multiple_of(PROJECTS_APART));
        }
        Self { projects, documents: Documents::default() }
    }

    /// The project with this id, and what stands for answers about its jobs.
    pub(super) fn project(&mut self, id: &str) -> Option<(&mut Project, &Documents)> {
        let project = self.projects.iter_mut().find(|project| project.id == id)?;
        Some((project, &self.documents))
    }

    /// A job of any project.
    pub(super) fn job(&mut self, id: u64) -> Option<&mut Job> {
        self.projects.iter_mut().find_map(|project| project.jobs.all.get_mut(&id))
    }

    /// A v2 job of any project.
    pub(super) fn v2_job(&mut self, id: Uuid) -> Option<&mut v2::Job> {
        self.projects.iter_mut().find_map(|project| project.v2.all.get_mut(&id))
    }

    /// Takes a job away, and what was to be answered for it; `false` where there is none.
    pub(super) fn remove(&mut self, id: JobId, now: i64) -> bool {
        self.documents.forget(id);
        self.projects.iter_mut().any(|project| match id {
            JobId::Number(number) => project.jobs.remove(number, now),
            JobId::Uuid(uuid) => project.v2.remove(uuid, now),
        })
    }

    /// Makes every job and version that is due.
    pub(super) fn catch_up(&mut self, now: i64) {
        for project in &mut self.projects {
            project.jobs.catch_up(now);
            project.v2.catch_up(now);
        }
    }
}

/// The versions that exist, newest first.
pub(super) fn newest_first(job: &Job, now: i64) -> Vec<&Version> {
    let mut versions: Vec<&Version> =
        job.versions.iter().filter(|version| version.created <= now).collect();
    versions.sort_by_key(|version| std::cmp::Reverse((version.created, version.id)));
    versions
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{account::Ends, clock::MINUTE, jobs::Live, settings::Scenario};
    use super::*;

    /// Readings of a list that is read once a minute, which must have shown an end.
    const READINGS: usize = 10;

    fn every_end_is_listed_for_its_time_and_counted_once<J: Live<Id: std::fmt::Debug>>(
        jobs_of: fn(&mut Project) -> &mut Jobs<J>,
    ) {
        let settings = Settings { scenario: Scenario::Churn, ..Settings::default() };
        let mut world = World::new(&settings, 0);
        let jobs = jobs_of(&mut world.projects[0]);
        let mut most = 0;
        // How many readings showed the ends of each job.
        let mut ended = BTreeMap::<J::Id, (usize, usize)>::new();
        for now in (0..=24 * 60).map(|minute| minute * MINUTE) {
            jobs.catch_up(now);
            most = most.max(jobs.all.len());
            for (id, job) in &jobs.all {
                let ends = job.outcomes(now).count();
                let (known, readings) = ended.entry(*id).or_default();
                *readings = if ends > *known { 1 } else { *readings + 1 };
                *known = ends;
            }
        }
        assert_eq!(
            jobs.next_number(),
            100_001,
            "one at once, and then each its part of the day later"
        );
        assert!((1500..=2000).contains(&most), "{most} listed at a time");
        for (id, (_, readings)) in &ended {
            assert!(*readings >= READINGS || jobs.all.contains_key(id), "{id:?}: {readings}");
        }
        let account = jobs.account(24 * 60 * MINUTE);
        let sum = |of: fn(Ends) -> u64| account.ends().map(|(_, ends)| of(ends)).sum::<u64>();
        let (completed, failed) = (sum(|ends| ends.completed), sum(|ends| ends.failed));
        let terminated = sum(|ends| ends.terminated);
        let all: usize = ended.values().map(|(ends, _)| ends).sum();
        assert_eq!(completed + failed + terminated, all as u64);
        assert!(completed > failed && failed > terminated && terminated > 10_000);
        assert!((540..=550).contains(&account.ends().count()), "{} names", account.ends().count());
    }

    #[test]
    fn in_a_day_of_churn_every_end_of_v1_is_listed_for_its_time_and_counted_once() {
        every_end_is_listed_for_its_time_and_counted_once(|project| &mut project.jobs);
    }

    #[test]
    fn in_a_day_of_churn_every_end_of_v2_is_listed_for_its_time_and_counted_once() {
        every_end_is_listed_for_its_time_and_counted_once(|project| &mut project.v2);
    }
}
