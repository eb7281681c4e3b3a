use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use super::survey::{self, Answer, Survey};
use crate::inventory::Moment;
use crate::model::{JobId, JobList, ListedJob, Status, Usage, Version};

/// The whole account: what was asked, and for every job that was not, one like it.
pub(super) struct Account {
    survey: Survey,
    listed: HashMap<JobId, usize>,
    /// Jobs that were asked about and have a version, by the status of the newest one.
    alike: BTreeMap<Status, Vec<JobId>>,
}

impl Account {
    pub(super) fn new(survey: Survey) -> Self {
        let listed = survey.list.iter().flat_map(|list| list.jobs.iter().enumerate());
        let listed = listed.map(|(place, job)| (job.job_id.clone(), place)).collect();
        let mut alike: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (job, answer) in &survey.asked {
            if let Answer::Versions(versions) = answer
                && let Some(newest) = versions.iter().max_by_key(|version| version.age_key())
            {
                alike.entry(newest.state.status).or_default().push(job.clone());
            }
        }
        Self { survey, listed, alike }
    }

    pub(super) fn survey(&self) -> &Survey {
        &self.survey
    }

    /// When the cloud was asked.
    pub(super) fn at(&self) -> Moment {
        self.survey.at
    }

    /// The list, where it may be read.
    pub(super) fn list(&self) -> Option<&JobList> {
        self.survey.list.as_ref().ok()
    }

    /// Whether the list shows the job.
    pub(super) fn is_listed(&self, job: &JobId) -> bool {
        self.listed.contains_key(job)
    }

    pub(super) fn was_asked(&self, job: &JobId) -> bool {
        self.survey.asked.contains_key(job)
    }

    /// The versions of a job; `None` where the cloud does not know it. Those at other places stand for
    /// a job that was not asked about.
    pub(super) fn versions(&self, job: &JobId, place: usize) -> Option<Cow<'_, [Version]>> {
        match self.survey.asked.get(job) {
            Some(Answer::Versions(versions)) => return Some(Cow::Borrowed(versions)),
            Some(Answer::Gone) => return None,
            None => {}
        }
        let listed = self.listed.get(job).and_then(|&at| self.list()?.jobs.get(at));
        Some(Cow::Owned(match (listed, self.one_like(listed, place)) {
            (Some(listed), Some(like)) if listed.whole.is_some() => {
                listed.newest_version().map(|whole| with_usage(&whole, like)).into_iter().collect()
            }
            (Some(listed), Some(versions)) => as_listed(versions, listed),
            (Some(listed), None) => {
                listed.newest_version().map(Cow::into_owned).into_iter().collect()
            }
            (None, Some(versions)) => of_job(versions, job, job.as_str()),
            (None, None) => Vec::new(),
        }))
    }

    /// A job that was asked about, of the same status, with about as many versions. Those that fit as well take turns.
    fn one_like(&self, listed: Option<&ListedJob>, place: usize) -> Option<&[Version]> {
        let alike: Vec<&[Version]> = self
            .alike
            .iter()
            .filter(|(status, _)| listed.is_none_or(|listed| listed.state.status == **status))
            .flat_map(|(_, jobs)| jobs)
            .filter_map(|job| match self.survey.asked.get(job) {
                Some(Answer::Versions(versions)) => Some(&**versions),
                _ => None,
            })
            .collect();
        let count = listed.and_then(|listed| listed.version_count);
        let turns = alike.len();
        let fit = |(at, versions): &(usize, &[Version])| {
            let off = count.map_or(0, |count| count.abs_diff(versions.len() as u64));
            (off, (at + place) % turns)
        };
        alike.into_iter().enumerate().min_by_key(fit).map(|(_, versions)| versions)
    }
}

/// These versions as those of another job.
fn of_job(versions: &[Version], job: &JobId, name: &str) -> Vec<Version> {
    let mut versions = versions.to_vec();
    for version in &mut versions {
        version.job_id = job.clone();
        name.clone_into(&mut version.job_name);
    }
    versions
}

/// A job of a list that tells all of it but its usage, which is taken to be like that of another one.
fn with_usage(whole: &Version, like: &[Version]) -> Version {
    let usage = like.first().and_then(|like| like.usage.as_ref());
    let names = &whole.execution.tasks;
    let usage = usage.map(|usage| Usage { tasks: survey::of_all(&usage.tasks, names) });
    Version { usage, ..whole.clone() }
}

/// These versions as those of a job of the list, which says itself how its newest one is.
fn as_listed(versions: &[Version], listed: &ListedJob) -> Vec<Version> {
    let mut versions = of_job(versions, &listed.job_id, &listed.job_name);
    versions.sort_by_cached_key(|version| Reverse(version.age_key()));
    let count = listed.version_count.and_then(|count| usize::try_from(count).ok());
    versions.truncate(count.unwrap_or(usize::MAX).max(1));
    if let Some(newest) = versions.first_mut() {
        let later = listed.created.zip(newest.created).map(|(listed, like)| listed - like);
        newest.started = newest.started.zip(later).map(|(started, later)| started + later);
        newest.created = listed.created;
        newest.duration = listed.duration;
        newest.state = listed.state;
        if let Some(id) = &listed.version_id {
            newest.version_id = id.clone();
        }
    }
    versions
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::model::{Api, State, VersionId};

    fn version(job: u64, id: u64, code: i64, created: f64) -> Version {
        Version {
            job_name: format!("job-{job}"),
            created: Some(created),
            started: Some(created + 60.0),
            duration: Some(600.0),
            ..Version::unknown(Api::V1, JobId::from(job), VersionId::from(id), State::from_v1(code))
        }
    }

    fn listed(job: u64, code: i64, versions: u64) -> ListedJob {
        ListedJob {
            job_id: JobId::from(job),
            job_name: format!("other-{job}"),
            version_id: Some(VersionId::from(job * 10)),
            state: State::from_v1(code),
            created: Some(5000.0),
            duration: Some(30.0),
            version_count: Some(versions),
            whole: None,
        }
    }

    fn account(jobs: Vec<ListedJob>, asked: Vec<Vec<Version>>) -> Account {
        let asked = asked
            .into_iter()
            .map(|versions| (versions[0].job_id.clone(), Answer::Versions(versions)));
        Account::new(Survey {
            at: Moment { steady: Instant::now(), unix: 6000.0 },
            list: Ok(JobList { jobs, complete: true, settled: true, pages: 1 }),
            quotas: None,
            asked: asked.collect(),
            ended_by: None,
            requests_per_poll: 1.0,
        })
    }

    #[test]
    fn a_job_that_was_not_asked_about_is_like_one_of_its_status_and_has_its_own_name_and_times() {
        let asked = vec![
            vec![version(1, 11, 8, 1000.0), version(1, 12, 10, 500.0)],
            vec![version(2, 21, 10, 100.0)],
        ];
        let account = account(vec![listed(1, 8, 2), listed(3, 8, 1), listed(4, 10, 7)], asked);
        let running = account.versions(&JobId::from(3), 0).unwrap();
        assert_eq!(running.len(), 1, "it has one version");
        let newest = &running[0];
        assert_eq!((&*newest.job_name, newest.version_id.as_str()), ("other-3", "30"));
        assert_eq!(newest.job_id, JobId::from(3));
        assert_eq!((newest.created, newest.started), (Some(5000.0), Some(5060.0)));
        assert_eq!(newest.duration, Some(30.0));
        let ended = account.versions(&JobId::from(4), 0).unwrap();
        assert_eq!(ended[0].state, State::from_v1(10));
        assert_eq!(account.versions(&JobId::from(1), 0).unwrap()[0].job_name, "job-1", "asked");
    }

    #[test]
    fn those_with_as_many_versions_fit_best_and_those_that_fit_as_well_take_turns() {
        let two = |job: u64| vec![version(job, job, 8, 9.0), version(job, job + 100, 8, 8.0)];
        let asked = vec![vec![version(1, 1, 8, 9.0)], two(2), two(3)];
        let account = account(vec![listed(7, 8, 2)], asked);
        let older = |place| account.versions(&JobId::from(7), place).unwrap()[1].version_id.clone();
        let places: std::collections::BTreeSet<_> = (0..3).map(older).collect();
        assert_eq!(places.len(), 2, "{places:?}");
    }

    #[test]
    fn without_any_like_it_there_is_what_the_list_says() {
        let account = account(vec![listed(7, 8, 2)], Vec::new());
        let versions = account.versions(&JobId::from(7), 0).unwrap();
        assert_eq!((versions.len(), &*versions[0].job_name), (1, "other-7"));
        assert!(account.versions(&JobId::from(8), 0).unwrap().is_empty(), "nothing is known");
    }
}
