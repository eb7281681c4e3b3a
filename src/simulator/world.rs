//! The projects and their jobs.

use std::collections::BTreeMap;

use super::{
    account::Account,
    churn::{self, Churn},
    documents::Documents,
    fleet::fleet,
    job::Job,
    job_id::{JobId, Uuid},
    settings::{Scenario, Settings},
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
    /// Keeps the ids of its jobs apart from those of other projects.
    pub(super) first: u64,
    /// Jobs it ever had.
    pub(super) made: u64,
    pub(super) jobs: BTreeMap<u64, Job>,
    pub(super) v2: BTreeMap<Uuid, v2::Job>,
    /// Where jobs come and go by themselves.
    churn: Option<Churn>,
    /// The ends of those that are gone.
    past: Account,
}

impl World {
    /// The world as the settings begin it.
    pub(super) fn new(settings: &Settings, now: i64) -> Self {
        let mut projects = Vec::new();
        let mut first = 0;
        for spec in &settings.projects {
            let Settings { scenario, jobs, seed, .. } = *settings;
            let jobs_a_day =
                (scenario == Scenario::Churn).then(|| jobs.unwrap_or(churn::USUAL_JOBS));
            let v2 = v2::fleet(scenario, jobs, seed, first, now);
            let jobs = fleet(scenario, jobs, seed, first, now);
            let stay = i64::try_from(settings.stay.as_millis()).unwrap_or(i64::MAX);
            let made = jobs.len() as u64;
            let room = jobs_a_day.map_or(made * 2, |jobs| jobs as u64 * DAYS_APART);
            projects.push(Project {
                name: spec.name.clone(),
                id: spec.id.clone(),
                first,
                made,
                jobs: jobs.into_iter().map(|job| (job.id, job)).collect(),
                v2: v2.into_iter().map(|job| (job.id, job)).collect(),
                churn: jobs_a_day.map(|jobs| Churn::new(seed, jobs, stay, now)),
                past: Account::default(),
            });
            first += PROJECTS_APART.max(room.next_multiple_of(PROJECTS_APART));
        }
        Self { projects, documents: Documents::default() }
    }

    /// The project with this id, with the jobs it has by now, and what stands for answers about them.
    pub(super) fn project(&mut self, id: &str, now: i64) -> Option<(&mut Project, &Documents)> {
        let project = self.projects.iter_mut().find(|project| project.id == id)?;
        project.turn_over(now);
        Some((project, &self.documents))
    }

    /// A job of any project.
    pub(super) fn job(&mut self, id: u64) -> Option<&mut Job> {
        self.projects.iter_mut().find_map(|project| project.jobs.get_mut(&id))
    }

    /// A v2 job of any project.
    pub(super) fn v2_job(&mut self, id: Uuid) -> Option<&mut v2::Job> {
        self.projects.iter_mut().find_map(|project| project.v2.get_mut(&id))
    }

    /// Takes a job away, and what was to be answered for it; `false` where there is none.
    pub(super) fn remove(&mut self, id: JobId, now: i64) -> bool {
        self.documents.forget(id);
        self.projects.iter_mut().any(|project| match id {
            JobId::Number(number) => project.remove(number, now),
            JobId::Uuid(uuid) => project.v2.remove(&uuid).is_some(),
        })
    }

    /// Makes every job and version that is due.
    pub(super) fn catch_up(&mut self, now: i64) {
        for project in &mut self.projects {
            project.turn_over(now);
            project.jobs.values_mut().for_each(|job| job.catch_up(now));
        }
        for project in &mut self.projects {
            v2::catch_up(&mut project.v2, now);
        }
    }
}

impl Project {
    /// Jobs appear and vanish. Cheap when none does.
    fn turn_over(&mut self, now: i64) {
        let Some(mut churn) = self.churn.take() else { return };
        while let Some(job) = churn.appeared(self.first + self.made, now) {
            self.made += 1;
            self.jobs.insert(job.id, job);
        }
        while let Some(id) = churn.vanished(now) {
            self.remove(id, now);
        }
        self.churn = Some(churn);
    }

    fn remove(&mut self, id: u64, now: i64) -> bool {
        let gone = self.jobs.remove(&id);
        gone.inspect(|job| self.past.add(job, now)).is_some()
    }

    /// How all runs ended that have ended by now.
    pub(super) fn account(&self, now: i64) -> Account {
        let mut account = self.past.clone();
        self.jobs.values().for_each(|job| account.add(job, now));
        account
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

    use super::super::{account::Ends, clock::MINUTE, story::is_terminal};
    use super::*;

    /// Readings of a list that is read once a minute, which must have shown an end.
    const READINGS: usize = 10;

    #[test]
    fn in_a_day_of_churn_every_end_is_listed_for_its_time_and_counted_once() {
        let settings = Settings { scenario: Scenario::Churn, ..Settings::default() };
        let mut world = World::new(&settings, 0);
        let (mut most, mut made) = (0, 0);
        // How many readings showed each version that had ended, by job and version.
        let mut ended = BTreeMap::<(u64, u64), usize>::new();
        for now in (0..=24 * 60).map(|minute| minute * MINUTE) {
            world.catch_up(now);
            let project = &world.projects[0];
            most = most.max(project.jobs.len());
            made = project.made;
            for job in project.jobs.values() {
                for version in &job.versions {
                    let past = version.steps.iter().filter(|step| step.at <= now);
                    if past.into_iter().any(|step| is_terminal(step.code)) {
                        *ended.entry((job.id, version.id)).or_default() += 1;
                    }
                }
            }
        }
        assert_eq!(made, 100_001, "one at once, and then each its part of the day later");
        assert!((1500..=2000).contains(&most), "{most} listed at a time");
        let listed = |job| world.projects[0].jobs.contains_key(job);
        for ((job, version), readings) in &ended {
            assert!(*readings >= READINGS || listed(job), "{job} {version}: {readings}");
        }
        let account = world.projects[0].account(24 * 60 * MINUTE);
        let sum = |of: fn(Ends) -> u64| account.ends().map(|(_, ends)| of(ends)).sum::<u64>();
        let (completed, failed) = (sum(|ends| ends.completed), sum(|ends| ends.failed));
        let terminated = sum(|ends| ends.terminated);
        assert_eq!(completed + failed + terminated, ended.len() as u64);
        assert!(completed > failed && failed > terminated && terminated > 10_000);
        assert!((540..=550).contains(&account.ends().count()), "{} names", account.ends().count());
    }
}
