use super::*;
use crate::cloud::{Error, Pace, Reading, Refusal, TrainingApi};
use crate::model::{Api, Execution, JobList, ListedJob, Quota, State, UsageSample, VersionId};

/// A cloud that answers after a while, or never.
#[derive(Default)]
pub(crate) struct Cloud {
    state: Mutex<CloudState>,
}

#[derive(Default)]
pub(crate) struct CloudState {
    pub(crate) jobs: BTreeMap<JobId, CloudJob>,
    /// Jobs of somebody else, which the list shows too.
    pub(crate) others: usize,
    pub(crate) hanging: HashSet<JobId>,
    /// Jobs whose answer meets a mistake of ours.
    pub(crate) panicking: HashSet<JobId>,
    /// From so many requests on (1 is the next) …
    pub(crate) throttle_after: usize,
    /// … the cloud asks for silence, as long as this is there.
    pub(crate) throttle: Option<Duration>,
    pub(crate) list_is_refused: bool,
    /// Jobs come and go between its pages.
    pub(crate) list_shifts: bool,
    /// The list alone asks for silence, each time.
    pub(crate) list_throttle: Option<Duration>,
    /// Polls wait for a token until then.
    pub(crate) token: Option<Instant>,
    /// It says of every job that it has two versions.
    pub(crate) list_lags: bool,
    /// Pages a list of versions takes.
    pub(crate) version_pages: usize,
    /// `None`: the region does not tell them.
    pub(crate) quotas: Option<Vec<Quota>>,
    /// Tasks of which no question is answered …
    pub(crate) hanging_tasks: HashSet<(JobId, String)>,
    /// … and those of which each is answered with an error.
    pub(crate) failing_tasks: HashSet<(JobId, String)>,
    in_flight: HashMap<JobId, usize>,
    pub(crate) most_in_flight: usize,
    pub(crate) overlaps: usize,
    pub(crate) requests: Vec<(Instant, Asked)>,
}

#[derive(Clone)]
pub(crate) struct CloudJob {
    pub(crate) code: i64,
    /// The newest version, of as many.
    pub(crate) version: u64,
    /// The list does not show it.
    pub(crate) hidden: bool,
    /// The list alone knows it.
    pub(crate) forgotten: bool,
    /// Where it has any, it is one of v2: the list has it whole, and nothing but their usage is left to
    /// be asked for.
    pub(crate) tasks: usize,
    /// Unix seconds; `None`: long ago.
    pub(crate) created: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    List,
    Versions(JobId),
    MoreVersions,
    Detail,
    Usage(JobId, String),
    Quotas,
}

/// A request that is counted until it is dropped.
struct Request<'a>(&'a Cloud, JobId);

impl Drop for Request<'_> {
    fn drop(&mut self) {
        self.0.state().in_flight.remove(&self.1);
    }
}

/// How long an answer takes.
pub(crate) const ANSWER: Duration = Duration::from_millis(80);

const PER_PAGE: usize = 1000;

/// Of the other API.
const WHOLE_PER_PAGE: usize = 50;

const MOST_PAGES: usize = 100;

/// As long as the poller's own deadline.
const TIMEOUT: Duration = Duration::from_secs(10);

impl Cloud {
    pub(crate) fn state(&self) -> std::sync::MutexGuard<'_, CloudState> {
        self.state.lock().unwrap()
    }

    pub(crate) fn add(&self, id: u64, code: i64) -> JobId {
        let (hidden, forgotten) = (false, false);
        let job = CloudJob { code, version: 1, hidden, forgotten, tasks: 0, created: None };
        self.state().jobs.insert(JobId::from(id), job);
        JobId::from(id)
    }

    pub(crate) fn change(&self, id: u64, change: impl FnOnce(&mut CloudJob)) {
        change(self.state().jobs.get_mut(&JobId::from(id)).unwrap());
    }

    pub(crate) fn hangs(&self, job: &JobId) -> bool {
        self.state().hanging.contains(job)
    }

    /// A poll of the job is under way, until this is dropped.
    fn fly(&self, job: &JobId) -> Request<'_> {
        let mut state = self.state();
        if state.in_flight.insert(job.clone(), 1).is_some() {
            state.overlaps += 1;
        }
        state.most_in_flight = state.most_in_flight.max(state.in_flight.len());
        Request(self, job.clone())
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
            let shown = || state.jobs.iter().filter(|(_, job)| !job.hidden);
            let are_whole = shown().any(|(_, job)| job.tasks > 0);
            let per_page = if are_whole { WHOLE_PER_PAGE } else { PER_PAGE };
            let pages = (shown().count() + state.others).div_ceil(per_page).max(1);
            if read == pages || pages > most_pages {
                let mut jobs: Vec<_> = shown().map(|(id, job)| listed(id, job)).collect();
                for job in jobs.iter_mut().filter(|_| state.list_lags) {
                    job.version_count = Some(2);
                }
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

    async fn usage(
        &self,
        job: &JobId,
        task: &str,
        pace: &dyn Pace,
    ) -> Result<Reading<TaskUsage>, Error> {
        let _request = self.fly(job);
        self.answer(Asked::Usage(job.clone(), task.to_owned()), pace).await?;
        let (hangs, fails, is_known, samples) = {
            let state = self.state();
            let which = (job.clone(), task.to_owned());
            let (hanging, failing) = (&state.hanging_tasks, &state.failing_tasks);
            let is_known = state.jobs.get(job).is_some_and(|known| !known.forgotten);
            (hanging.contains(&which), failing.contains(&which), is_known, state.requests.len())
        };
        if hangs {
            sleep(TIMEOUT).await;
            return Err(Error::Timeout(TIMEOUT));
        }
        if fails {
            return Err(Error::Server(refusal(500, "ModelArts.2950")));
        }
        if !is_known {
            return Err(Error::NotFound(refusal(404, "ModelArts.2775")));
        }
        // Each answer has more of them than the one before.
        let content = TaskUsage {
            task: task.to_owned(),
            samples: samples as u64,
            fingerprint: samples as u64,
            newest: UsageSample { cpu: Some(0.5), ..UsageSample::default() },
            ..TaskUsage::default()
        };
        Ok(Reading { content, misreads: Vec::new() })
    }

    async fn quotas(&self, pace: &dyn Pace) -> Result<Option<Reading<Vec<Quota>>>, Error> {
        self.answer(Asked::Quotas, pace).await?;
        let retired = || Error::ApiRetired(refusal(404, "APIGW.0101"));
        let content = self.state().quotas.clone().ok_or_else(retired)?;
        Ok(Some(Reading { content, misreads: Vec::new() }))
    }

    fn most_list_pages(&self) -> usize {
        MOST_PAGES
    }
}

async fn read_versions(
    cloud: &Cloud,
    job: &JobId,
    pace: &dyn Pace,
) -> Result<Reading<Vec<Version>>, Error> {
    let _request = cloud.fly(job);
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
        sleep(TIMEOUT).await;
        return Err(Error::Timeout(TIMEOUT));
    }
    let known = cloud.state().jobs.get(job).cloned();
    let Some(known) = known.filter(|known| !known.forgotten) else {
        return Err(Error::NotFound(refusal(400, "ModelArts.2775")));
    };
    let mut content = vec![version(job, &known)];
    if known.tasks > 0 {
        return Ok(Reading { content, misreads: Vec::new() });
    }
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
    let known = version(id, job);
    ListedJob {
        job_id: id.clone(),
        job_name: known.job_name.clone(),
        version_id: Some(known.version_id.clone()),
        state: known.state,
        created: known.created,
        duration: None,
        version_count: Some(job.version),
        whole: (job.tasks > 0).then(|| Box::new(known)),
    }
}

fn version(id: &JobId, job: &CloudJob) -> Version {
    let state = State::from_v1(job.code);
    let (api, version_id, state) = if job.tasks > 0 {
        (Api::V2, VersionId::from(""), State { code: None, ..state })
    } else {
        (Api::V1, VersionId::from(job.version), state)
    };
    let created = job.created.unwrap_or(job.version as f64);
    let tasks = (0..job.tasks).map(|number| format!("worker-{number}")).collect();
    Version {
        job_name: "job".to_owned(),
        created: Some(created),
        started: (state.is_running() || state.terminal).then_some(created),
        execution: Execution { tasks, ..Execution::default() },
        ..Version::unknown(api, id.clone(), version_id, state)
    }
}
