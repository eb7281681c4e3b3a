use std::time::Duration;

use crate::model::{ListedJob, NamePattern, Status, VersionSelection};

/// Which of the jobs in a project's list are followed without being named one by one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Discovery {
    /// Only jobs whose whole name matches.
    pub name: Option<NamePattern>,
    /// Only jobs created within this time; one whose create time is not known is not too old.
    /// `None`: of any age.
    pub max_age: Option<Duration>,
    /// Only jobs whose newest version is in one of these; empty: in any.
    pub statuses: Vec<Status>,
    /// Only jobs of this workspace. The cloud is asked for it: a list does not say whose its jobs are.
    pub workspace_id: Option<String>,
    /// Which versions of them.
    pub versions: VersionSelection,
}

/// What a job may be left out by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// [`Discovery::name`].
    Name,
    /// [`Discovery::max_age`].
    Age,
    /// [`Discovery::statuses`].
    Status,
}

impl Filter {
    /// Every filter that is ours to judge.
    pub const ALL: [Self; 3] = [Self::Name, Self::Age, Self::Status];
}

impl Discovery {
    /// Whether a job is to be followed, as the list shows it at `now`, Unix seconds.
    pub fn admits(&self, job: &ListedJob, now: f64) -> bool {
        Filter::ALL.into_iter().all(|filter| !self.leaves_out(filter, job, now))
    }

    /// The filters as one text, which differs where they do.
    pub fn scope(&self) -> String {
        let Self { name, max_age, statuses, workspace_id, versions: _ } = self;
        let name = name.as_ref().map(NamePattern::as_str);
        format!("found by {name:?} {max_age:?} {statuses:?} {workspace_id:?}")
    }

    /// Whether this filter alone leaves the job out.
    pub fn leaves_out(&self, filter: Filter, job: &ListedJob, now: f64) -> bool {
        match filter {
            Filter::Name => {
                self.name.as_ref().is_some_and(|pattern| !pattern.matches(&job.job_name))
            }
            Filter::Age => {
                let age = job.created.map(|created| now - created);
                age.zip(self.max_age).is_some_and(|(age, most)| age > most.as_secs_f64())
            }
            Filter::Status => {
                !self.statuses.is_empty() && !self.statuses.contains(&job.state.status)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{JobId, State};

    fn job(name: &str, created: Option<f64>, code: i64) -> ListedJob {
        ListedJob {
            job_id: JobId::from(1),
            job_name: name.to_owned(),
            version_id: None,
            state: State::from_v1(code),
            created,
            duration: None,
            version_count: None,
            whole: None,
        }
    }

    #[test]
    fn each_filter_leaves_out_what_it_is_about() {
        let discovery = Discovery {
            name: Some(NamePattern::new("prod-.*").unwrap()),
            max_age: Some(Duration::from_secs(100)),
            statuses: vec![Status::Running, Status::Pending],
            ..Discovery::default()
        };
        let table: [(ListedJob, &[Filter]); 6] = [
            (job("prod-1", Some(900.0), 8), &[]),
            (job("prod-1", None, 7), &[]),
            (job("dev-1", Some(1_001.0), 8), &[Filter::Name]),
            (job("prod-1", Some(899.0), 8), &[Filter::Age]),
            (job("prod-1", Some(900.0), 10), &[Filter::Status]),
            (job("dev-1", Some(0.0), 11), &Filter::ALL),
        ];
        for (job, by) in table {
            let left_out: Vec<_> = Filter::ALL
                .into_iter()
                .filter(|&filter| discovery.leaves_out(filter, &job, 1_000.0))
                .collect();
            assert_eq!(left_out, by, "{job:?}");
            assert_eq!(discovery.admits(&job, 1_000.0), by.is_empty(), "{job:?}");
        }
        assert!(Discovery::default().admits(&job("", Some(0.0), 99), 1e12), "without filters, all");
    }
}
