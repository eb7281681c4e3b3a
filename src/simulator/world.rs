//! The projects and their jobs.

use std::collections::BTreeMap;

use super::{
    documents::Documents,
    fleet::fleet,
    job::Job,
    job_id::{JobId, Uuid},
    settings::Settings,
    story::Version,
    v2,
};

/// Ids of the jobs of one project lie this far from those of the next.
const PROJECTS_APART: u64 = 100_000;

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
}

impl World {
    /// The world as the settings begin it.
    pub(super) fn new(settings: &Settings, now: i64) -> Self {
        let mut projects = Vec::new();
        let mut first = 0;
        for spec in &settings.projects {
            let jobs = fleet(settings.scenario, settings.jobs, settings.seed, first, now);
            let v2 = v2::fleet(settings.scenario, settings.jobs, settings.seed, first, now);
            let made = jobs.len() as u64;
            projects.push(Project {
                name: spec.name.clone(),
                id: spec.id.clone(),
                first,
                made,
                jobs: jobs.into_iter().map(|job| (job.id, job)).collect(),
                v2: v2.into_iter().map(|job| (job.id, job)).collect(),
            });
            first += PROJECTS_APART.max((made * 2).next_multiple_of(PROJECTS_APART));
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
        self.projects.iter_mut().find_map(|project| project.jobs.get_mut(&id))
    }

    /// A v2 job of any project.
    pub(super) fn v2_job(&mut self, id: Uuid) -> Option<&mut v2::Job> {
        self.projects.iter_mut().find_map(|project| project.v2.get_mut(&id))
    }

    /// Takes a job out of the world, and what was to be answered for it. Says whether there was one.
    pub(super) fn remove(&mut self, id: JobId) -> bool {
        self.documents.forget(id);
        self.projects.iter_mut().any(|project| match id {
            JobId::Number(number) => project.jobs.remove(&number).is_some(),
            JobId::Uuid(uuid) => project.v2.remove(&uuid).is_some(),
        })
    }

    /// Creates every version and every job of v2 that is due.
    pub(super) fn catch_up(&mut self, now: i64) {
        for job in self.projects.iter_mut().flat_map(|project| project.jobs.values_mut()) {
            job.catch_up(now);
        }
        for project in &mut self.projects {
            v2::catch_up(&mut project.v2, now);
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
