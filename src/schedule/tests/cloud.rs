use super::*;
use crate::cloud::{Error, Pace, Reading, Refusal, TrainingApi};
use crate::model::{Api, JobList, ListedJob, State, VersionId};

/// A cloud that answers after a while, or never.
#[derive(Default)]
pub(super) struct Cloud {
    state: Mutex<CloudState>,
}

#[derive(Default)]
pub(super) struct CloudState {
    pub(super) jobs: BTreeMap<JobId, CloudJob>,
    /// Jobs of somebody else, which the list shows too.
    pub(super) others: usize,
    pub(super) hanging: HashSet<JobId>,
    /// Jobs whose answer meets a mistake of ours.
    pub(super) panicking: HashSet<JobId>,
    /// From so many requests on (1 is the next) …
    pub(super) throttle_after: usize,
    /// … the cloud asks for silence, as long as this is there.
    pub(super) throttle: Option<Duration>,
    pub(super) list_is_refused: bool,
    /// Jobs come and go between its pages.
    pub(super) list_shifts: bool,
    /// The list alone asks for silence, each time.
    pub(super) list_throttle: Option<Duration>,
    /// Polls wait for a token until then.
    pub(super) token: Option<Instant>,
    /// It says of every job that it has two versions.
    pub(super) list_lags: bool,
    /// Pages a list of versions takes.
    pub(super) version_pages: usize,
    in_flight: HashMap<JobId, usize>,
    pub(super) most_in_flight: usize,
    pub(super) overlaps: usize,
    pub(super) requests: Vec<(Instant, Asked)>,
}

#[derive(Clone)]
pub(super) struct CloudJob {
    pub(super) code: i64,
    /// The newest version, of as many.
    pub(super) version: u64,
    /// The list does not show it.
    pub(super) hidden: bool,
    /// The list alone knows it.
    pub(super) forgotten: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    List,
    Versions(JobId),
    MoreVersions,
    Detail,
}

/// A request that is counted until it is dropped.
struct Request<'a>(&'a Cloud, JobId);

impl Drop for Request<'_> {
    fn drop(&mut self) {
        self.0.state().in_flight.remove(&self.1);
    }
}

/// How long an answer takes.
pub(super) const ANSWER: Duration = Duration::from_millis(80);

const PER_PAGE: usize = 1000;

impl Cloud {
    pub(super) fn state(&self) -> std::sync::MutexGuard<'_, CloudState> {
        self.state.lock().unwrap()
    }

    pub(super) fn add(&self, id: u64, code: i64) -> JobId {
        let job = CloudJob { code, version: 1, hidden: false, forgotten: false };
        self.state().jobs.insert(JobId::from(id), job);
        JobId::from(id)
    }

    pub(super) fn change(&self, id: u64, change: impl FnOnce(&mut CloudJob)) {
        change(self.state().jobs.get_mut(&JobId::from(id)).unwrap());
    }

    pub(super) fn hangs(&self, job: &JobId) -> bool {
        self.state().hanging.contains(job)
    }

    /// One request and its answer.
    async fn answer(&self, asked: Asked, pace: &dyn Pace) -> Result<(), Error> {
        pace.ready().await;
        let refused = {
            let mut state = self.state();
            state.requests.push((Instant::now(), asked));
            state.throttle_after = state.throttle_after.saturating_sub(1);
            state.throttle.filter(|_| state.throttle_after == 0)
        };
        sleep(ANSWER).await;
        match refused {
            Some(retry_after) => Err(Error::Throttled {
                retry_after: Some(retry_after),
                refusal: refusal(429, "APIGW.0308"),
            }),
            None => Ok(()),
        }
    }
}

fn refusal(status: u16, code: &str) -> Refusal {
    Refusal { status, code: code.to_owned(), message: String::new() }
}

impl TrainingApi for Cloud {
    async fn list(&self, most_pages: usize, pace: &dyn Pace) -> Result<Reading<JobList>, Error> {
        let mut read = 0;
        loop {
            self.answer(Asked::List, pace).await?;
            read += 1;
            let state = self.state();
            if let Some(wait) = state.list_throttle {
                return Err(Error::Throttled {
                    retry_after: Some(wait),
                    refusal: refusal(429, "APIGW.0308"),
                });
            }
            if state.list_is_refused {
                return Err(Error::Forbidden(refusal(403, "ModelArts.0108")));
            }
            let shown = state.jobs.iter().filter(|(_, job)| !job.hidden);
            let mut jobs: Vec<_> = shown.map(|(id, job)| listed(id, job)).collect();
            for job in jobs.iter_mut().filter(|_| state.list_lags) {
                job.version_count = Some(2);
            }
            let pages = (jobs.len() + state.others).div_ceil(PER_PAGE).max(1);
            if read == pages || pages > most_pages {
                let complete = read == pages;
                let settled = !state.list_shifts;
                let content = JobList { jobs, complete, settled, pages };
                return Ok(Reading { content, misreads: Vec::new() });
            }
        }
    }

    async fn versions(&self, job: &JobId, pace: &dyn Pace) -> Result<Reading<Vec<Version>>, Error> {
        read_versions(self, job, pace).await
    }

    async fn version(
        &self,
        job: &JobId,
        _: &VersionId,
        pace: &dyn Pace,
    ) -> Result<Reading<Version>, Error> {
        self.answer(Asked::Detail, pace).await?;
        let known = self.state().jobs[job].clone();
        Ok(Reading { content: version(job, &known), misreads: Vec::new() })
    }

    async fn usage(&self, _: &JobId, _: &str, _: &dyn Pace) -> Result<Reading<TaskUsage>, Error> {
        Ok(Reading { content: TaskUsage::default(), misreads: Vec::new() })
    }
}

async fn read_versions(
    cloud: &Cloud,
    job: &JobId,
    pace: &dyn Pace,
) -> Result<Reading<Vec<Version>>, Error> {
    {
        let mut state = cloud.state();
        if state.in_flight.insert(job.clone(), 1).is_some() {
            state.overlaps += 1;
        }
        state.most_in_flight = state.most_in_flight.max(state.in_flight.len());
    }
    let _request = Request(cloud, job.clone());
    let token = cloud.state().token;
    if let Some(token) = token {
        sleep_until(token).await;
    }
    cloud.answer(Asked::Versions(job.clone()), pace).await?;
    let pages = cloud.state().version_pages;
    for _ in 1..pages {
        cloud.answer(Asked::MoreVersions, pace).await?;
    }
    let panics = cloud.state().panicking.contains(job);
    assert!(!panics, "a mistake of ours");
    if cloud.hangs(job) {
        sleep(Duration::from_secs(10)).await;
        return Err(Error::Timeout(Duration::from_secs(10)));
    }
    let known = cloud.state().jobs.get(job).cloned();
    let Some(known) = known.filter(|known| !known.forgotten) else {
        return Err(Error::NotFound(refusal(400, "ModelArts.2775")));
    };
    let mut content = vec![version(job, &known)];
    for older in 1..known.version {
        content.push(Version {
            version_id: VersionId::from(older),
            created: Some(older as f64),
            ..version(job, &known)
        });
    }
    Ok(Reading { content, misreads: Vec::new() })
}

fn listed(id: &JobId, job: &CloudJob) -> ListedJob {
    ListedJob {
        job_id: id.clone(),
        job_name: "job".to_owned(),
        version_id: Some(VersionId::from(job.version)),
        state: State::from_v1(job.code),
        created: Some(1.0),
        duration: None,
        version_count: Some(job.version),
        whole: None,
    }
}

fn version(id: &JobId, job: &CloudJob) -> Version {
    Version {
        job_name: "job".to_owned(),
        created: Some(job.version as f64),
        ..Version::unknown(
            Api::V1,
            id.clone(),
            VersionId::from(job.version),
            State::from_v1(job.code),
        )
    }
}
