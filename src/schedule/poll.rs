use std::ops::ControlFlow;

use tokio::time::Instant;

use crate::cloud::{Error, Misread, Pace, Reading, TrainingApi};
use crate::model::{
    Activity, Detail, JobId, ListedJob, Outlook, Polled, State, Version, VersionId,
};
use crate::schedule::Ledger;
use crate::schedule::stretch::Postponed;

/// Details read in one poll; more wait for the next one, so that a job with many listed versions does
/// not hold its slot for long.
pub(super) const DETAILS_PER_POLL: usize = 4;

/// A poll in which so many questions had no answer in time asks no more of them.
const MOST_TIMEOUTS: usize = 2;

/// What one poll brought.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) outcome: Polled,
    /// The first thing that went wrong.
    pub(super) error: Option<Error>,
    pub(super) misreads: Vec<Misread>,
    /// What is known of its versions, where that came.
    pub(super) news: Option<News>,
    /// Details that were asked for.
    pub(super) details: usize,
    /// Tasks that the next poll asks about last: those of which no answer came, and where this one ended
    /// early all that had their turn.
    pub(super) ask_last: Vec<String>,
    /// Nothing was asked: the list told everything, or what it did not tell was left for later.
    pub(super) asked_nothing: bool,
}

/// What the versions of a job say about asking again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct News {
    pub(super) activity: Activity,
    pub(super) newest: Newest,
    /// There is nothing to ask that a list which shows the job does not tell.
    pub(super) is_told: bool,
    /// Details that are still wanted and are left for later.
    pub(super) postponed: Postponed,
}

/// A job's newest version, in the words that the list of jobs has for it too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Newest {
    version_id: Option<VersionId>,
    /// `None` where it cannot be read.
    state: Option<State>,
    version_count: Option<u64>,
}

impl Newest {
    fn of(versions: &[Version]) -> Self {
        let newest = versions.iter().max_by_key(|version| version.age_key());
        Self {
            version_id: newest.map(|newest| newest.version_id.clone()),
            state: newest.and_then(|newest| readable(newest.state)),
            version_count: Some(versions.len() as u64),
        }
    }

    pub(super) fn listed(job: &ListedJob) -> Self {
        Self {
            version_id: job.version_id.clone(),
            state: readable(job.state),
            version_count: job.version_count,
        }
    }

    /// Both cannot be true at once. What one of them does not say is no contradiction.
    pub(super) fn contradicts(&self, other: &Self) -> bool {
        fn differ<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
            one.zip(other).is_some_and(|(one, other)| one != other)
        }
        differ(self.version_id.as_ref(), other.version_id.as_ref())
            || differ(self.state.as_ref(), other.state.as_ref())
            || differ(self.version_count.as_ref(), other.version_count.as_ref())
    }
}

fn readable(state: State) -> Option<State> {
    Some(state).filter(|state| *state != State::UNREADABLE)
}

impl Report {
    fn new(news: News, misreads: Vec<Misread>) -> Self {
        let (outcome, error, news) = (Polled::Success, None, Some(news));
        let (ask_last, asked_nothing) = (Vec::new(), false);
        Self { outcome, error, misreads, news, details: 0, ask_last, asked_nothing }
    }

    pub(super) fn failed(outcome: Polled, error: Error) -> Self {
        let (error, misreads, ask_last) = (Some(error), Vec::new(), Vec::new());
        Self { outcome, error, misreads, news: None, details: 0, ask_last, asked_nothing: false }
    }

    /// The list told everything that is wanted now.
    pub(super) fn told(newest: Newest, outlook: &Outlook) -> Self {
        let told = Self::new(News::told(newest, outlook, 0), Vec::new());
        Self { asked_nothing: true, ..told }
    }

    /// The poll brought something.
    pub(super) fn brought(&self) -> bool {
        matches!(self.outcome, Polled::Success | Polled::Partial)
    }
}

impl News {
    /// As the list tells it, where so many details are asked for.
    pub(super) fn told(newest: Newest, outlook: &Outlook, details: usize) -> Self {
        // A job that runs may be listed before its tasks are.
        let is_told = outlook.tasks.is_empty() && outlook.activity != Activity::Runs;
        Self { is_told, ..Self::of(newest, outlook, details) }
    }

    fn of(newest: Newest, outlook: &Outlook, details: usize) -> Self {
        let left = outlook.details.iter().skip(details);
        let requests = left.clone().map(requests).sum();
        let postponed = Postponed { details: left.count(), requests };
        Self { activity: outlook.activity, newest, is_told: false, postponed }
    }
}

/// What a detail takes once it was postponed.
fn requests(detail: &Detail) -> usize {
    match detail {
        // The list of versions comes before it.
        Detail::Version(_) => 2,
        Detail::Usage(_) => 1,
    }
}

/// One poll of one job.
pub(super) struct Poll<'a, A, L> {
    pub(super) api: &'a A,
    pub(super) ledger: &'a L,
    pub(super) job: &'a JobId,
    /// Details that may be asked for.
    pub(super) details: usize,
    /// Tasks that the others go before, in this order, so that all have their turn however many questions
    /// remain without an answer.
    pub(super) ask_last: &'a [String],
    pub(super) pace: &'a dyn Pace,
}

impl<A: TrainingApi, L: Ledger> Poll<'_, A, L> {
    /// Asks what there is to ask. `told`: what the list said of the job, and what is left to ask after
    /// that.
    pub(super) async fn run(&self, told: Option<(Newest, Outlook)>) -> Report {
        let Some((newest, outlook)) = told else {
            return match self.ask_versions().await {
                Ok((newest, outlook, misreads)) => {
                    let mut report =
                        Report::new(News::of(newest, &outlook, self.details), misreads);
                    let rest = self.ask_rest(&mut report, &outlook).await;
                    rest.refused(&mut report, &outlook);
                    report
                }
                Err(failed) => failed,
            };
        };
        let mut report = Report::new(News::told(newest, &outlook, self.details), Vec::new());
        let rest = self.ask_rest(&mut report, &outlook).await;
        if !rest.absent.is_empty() {
            // The task is gone since the list was read, for which no code is documented, or the job
            // is: it itself tells.
            match self.ask_versions().await {
                Ok((newest, outlook, misreads)) => {
                    report.misreads.extend(misreads);
                    // What it says for the first time is asked for with the next poll.
                    report.news = Some(News::of(newest, &outlook, 0));
                    rest.refused(&mut report, &outlook);
                }
                Err(failed) => return failed,
            }
        } else if rest.brought == 0 && report.error.is_some() {
            report.outcome = Polled::Failed;
        }
        report
    }

    async fn ask_versions(&self) -> Result<(Newest, Outlook, Vec<Misread>), Report> {
        match self.api.versions(self.job, self.pace).await {
            Ok(Reading { content, misreads }) => {
                let newest = Newest::of(&content);
                Ok((newest, self.ledger.versions(self.job, content), misreads))
            }
            Err(error @ Error::NotFound(_)) => Err(Report::failed(Polled::Gone, error)),
            Err(error) => Err(Report::failed(Polled::Failed, error)),
        }
    }

    /// One task, or one version, that fails leaves the others their turn.
    async fn ask_rest(&self, report: &mut Report, outlook: &Outlook) -> Rest {
        let mut rest = Rest::default();
        let turn = |task: &String| self.ask_last.iter().position(|last| last == task);
        let mut tasks = Vec::from_iter(&outlook.tasks);
        tasks.sort_by_key(|task| turn(task));
        let mut details = Vec::from_iter(&outlook.details);
        details.sort_by_key(|detail| match detail {
            Detail::Usage(task) => turn(task),
            Detail::Version(_) => None,
        });
        details.truncate(self.details);
        let mut asked = Vec::new();
        let mut goes_on = ControlFlow::Continue(());
        for task in tasks {
            if goes_on.is_continue() {
                asked.push(task);
                goes_on = self.ask_usage(task, report, &mut rest).await;
            }
        }
        let mut missed = details.len();
        for detail in details {
            if goes_on.is_break() {
                break;
            }
            report.details += 1;
            let before = rest.brought;
            goes_on = match detail {
                Detail::Usage(task) => {
                    asked.push(task);
                    self.ask_usage(task, report, &mut rest).await
                }
                Detail::Version(version) => self.ask_version(version, report, &mut rest).await,
            };
            missed -= rest.brought - before;
        }
        if let Some(news) = &mut report.news {
            news.postponed.details += missed;
            news.postponed.requests += missed;
        }
        if goes_on.is_break() {
            let had_their_turn = asked.iter().copied();
            let others = self.ask_last.iter().filter(|task| !asked.contains(task));
            report.ask_last = others.chain(had_their_turn).cloned().collect();
        }
        rest
    }

    async fn ask_usage(&self, task: &str, report: &mut Report, rest: &mut Rest) -> ControlFlow<()> {
        let asked = Instant::now();
        let usage = match self.api.usage(self.job, task, self.pace).await {
            Ok(Reading { content, misreads }) => {
                report.misreads.extend(misreads);
                Some(content)
            }
            Err(error @ (Error::NotFound(_) | Error::BadRequest(_))) => {
                rest.absent.push((task.to_owned(), error));
                None
            }
            Err(error) => {
                report.ask_last.push(task.to_owned());
                return rest.failed(report, error);
            }
        };
        rest.brought += 1;
        self.ledger.usage(self.job, task, usage, asked);
        ControlFlow::Continue(())
    }

    async fn ask_version(
        &self,
        version: &VersionId,
        report: &mut Report,
        rest: &mut Rest,
    ) -> ControlFlow<()> {
        match self.api.version(self.job, version, self.pace).await {
            Ok(Reading { content, misreads }) => {
                report.misreads.extend(misreads);
                rest.brought += 1;
                self.ledger.version(self.job, content);
                ControlFlow::Continue(())
            }
            Err(error) => rest.failed(report, error),
        }
    }
}

/// What became of the questions after the first one.
#[derive(Debug, Default)]
struct Rest {
    brought: usize,
    timeouts: usize,
    /// Tasks that were not there, and how the cloud said so.
    absent: Vec<(String, Error)>,
}

impl Rest {
    /// A task that was not there and runs all the same was refused.
    fn refused(self, report: &mut Report, outlook: &Outlook) {
        for (task, error) in self.absent {
            if outlook.tasks.contains(&task) {
                report.outcome = Polled::Partial;
                report.error.get_or_insert(error);
            }
        }
    }

    /// One question failed. The others are asked all the same, unless they would fare no better.
    fn failed(&mut self, report: &mut Report, error: Error) -> ControlFlow<()> {
        self.timeouts += usize::from(matches!(error, Error::Timeout(_)));
        let ends = error.concerns_project() || self.timeouts >= MOST_TIMEOUTS;
        report.outcome = Polled::Partial;
        report.error.get_or_insert(error);
        if ends { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
