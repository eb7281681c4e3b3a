//! Which jobs are asked about, so that there is one like every other.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::plan::Plan;
use crate::inventory::Moment;
use crate::model::{JobId, JobList, Status};

/// Jobs of a project that are asked about. With their own documents they take twice as many requests, for
/// which the default budget takes 40 seconds.
pub(super) const MOST_ASKED: usize = 20;

/// The jobs to ask about: of each status one that is followed and one that is not, for what other filters
/// would make of it; then those that are followed, the statuses in turn; then the others.
pub(super) fn choose(plan: &Plan, list: Option<&JobList>, at: Moment) -> Vec<JobId> {
    let followed: HashSet<JobId> = plan.followed(list, at).into_iter().collect();
    let listed = list.into_iter().flat_map(|list| &list.jobs);
    let mut jobs: BTreeMap<&JobId, Option<Status>> =
        followed.iter().map(|job| (job, None)).collect();
    jobs.extend(listed.map(|job| (&job.job_id, Some(job.state.status))));
    let mut alike: BTreeMap<(bool, Option<Status>), Vec<JobId>> = BTreeMap::new();
    for (job, status) in jobs {
        alike.entry((followed.contains(job), status)).or_default().push(job.clone());
    }
    for jobs in alike.values_mut() {
        // The list is sorted by name, and names tell what a job is about.
        jobs.sort_by_cached_key(scattered);
    }
    let mut chosen: Vec<JobId> = alike.values_mut().filter_map(Vec::pop).collect();
    for is_followed in [true, false] {
        let mut queues: Vec<_> = alike
            .iter_mut()
            .filter_map(|(&(followed, _), jobs)| (followed == is_followed).then_some(jobs))
            .collect();
        while queues.iter().any(|queue| !queue.is_empty()) {
            chosen.extend(queues.iter_mut().filter_map(|queue| queue.pop()));
        }
    }
    chosen.truncate(MOST_ASKED);
    chosen
}

/// A place that has nothing to do with the id, and is the same every time.
fn scattered(job: &JobId) -> u64 {
    let mut hasher = DefaultHasher::new();
    job.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::inventory;
    use crate::inventory::outcomes::Rules;
    use crate::metrics;
    use crate::model::{
        Api, Discovery, JobSpec, ListedJob, NamePattern, State, VersionId, VersionSelection,
    };
    use crate::schedule::Settings;

    const MINUTE: Duration = Duration::from_mins(1);

    fn plan(jobs: &[u64], discovery: Option<Discovery>) -> Plan {
        let job =
            |id: &u64| JobSpec { job_id: JobId::from(*id), versions: VersionSelection::Latest };
        Plan {
            project: "p".into(),
            api: Api::V1,
            jobs: jobs.iter().map(job).collect(),
            discovery,
            schedule: Settings {
                interval: MINUTE,
                pending_interval: MINUTE,
                list_interval: MINUTE,
                timeout: MINUTE,
                concurrency: 1,
                requests_per_minute: 0,
                discovers: false,
                asks_quotas: false,
                reads_all: false,
            },
            inventory: inventory::Settings {
                timeout: MINUTE,
                max_staleness: MINUTE,
                lost_after: MINUTE,
                finished_retention: MINUTE * 10,
                versions_per_job: 3,
            },
            outcomes: Rules::default(),
            metrics: metrics::Settings {
                extra_model_metrics: false,
                info_labels: Vec::new(),
                series: usize::MAX,
            },
            classes: 100,
        }
    }

    /// Jobs of these codes, named by them; all created at 0.
    fn list(codes: impl IntoIterator<Item = i64>) -> JobList {
        let job = |(id, code)| ListedJob {
            job_id: JobId::from(id),
            job_name: format!("code-{code}"),
            version_id: Some(VersionId::from(id)),
            state: State::from_v1(code),
            created: Some(0.0),
            duration: Some(100.0),
            version_count: Some(1),
            whole: None,
        };
        JobList {
            jobs: (0..).zip(codes).map(job).collect(),
            complete: true,
            settled: true,
            pages: 1,
        }
    }

    fn found(name: &str) -> Discovery {
        Discovery { name: NamePattern::new(name).ok(), ..Discovery::default() }
    }

    fn at(unix: f64) -> Moment {
        Moment { steady: tokio::time::Instant::now(), unix }
    }

    /// How many of each code were chosen.
    fn chosen(plan: &Plan, list: &JobList) -> BTreeMap<i64, usize> {
        let chosen = choose(plan, Some(list), at(500.0));
        let all: HashSet<_> = chosen.iter().collect();
        assert_eq!(all.len(), chosen.len(), "each once");
        let mut counts = BTreeMap::new();
        for job in list.jobs.iter().filter(|job| all.contains(&job.job_id)) {
            *counts.entry(job.state.code.unwrap()).or_default() += 1;
        }
        counts
    }

    #[test]
    fn every_status_is_there_and_what_is_followed_comes_before_the_rest() {
        let codes = std::iter::repeat_n(8, 500).chain([7]).chain([10; 300]).chain([11; 3]);
        let list = list(codes);
        let all = chosen(&plan(&[], Some(found(".*"))), &list);
        assert_eq!(all, BTreeMap::from([(7, 1), (8, 8), (10, 8), (11, 3)]));
        let running = chosen(&plan(&[], Some(found("code-8"))), &list);
        assert_eq!(running, BTreeMap::from([(7, 1), (8, 17), (10, 1), (11, 1)]));
        let named = chosen(&plan(&[0, 500], None), &list);
        assert_eq!(named, BTreeMap::from([(7, 1), (8, 9), (10, 7), (11, 3)]));
    }

    #[test]
    fn a_small_account_is_asked_about_whole_and_a_named_job_that_is_not_listed_too() {
        let list = list([8; MOST_ASKED - 1]);
        let chosen = choose(&plan(&[77], None), Some(&list), at(500.0));
        assert_eq!(chosen.len(), MOST_ASKED);
        assert!(chosen.contains(&JobId::from(77)));
        assert_eq!(choose(&plan(&[77], None), None, at(500.0)), [JobId::from(77)]);
    }

    #[test]
    fn what_ended_too_long_ago_to_be_shown_is_not_followed() {
        let list = list([10, 8, 10]);
        let plan = plan(&[2], Some(found(".*")));
        let followed = |now| {
            let followed = plan.followed(Some(&list), at(now));
            followed.into_iter().map(|job| job.number().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(followed(700.0), [2, 0, 1]);
        // Ten minutes after its end at 100; the one that the file names stays.
        assert_eq!(followed(700.1), [2, 1]);
    }
}
