use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tokio::task::{JoinSet, spawn_blocking};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::app::ledger::{Book, Change, Coming, ProjectLedger};
use crate::cloud::{AnswerMemory, Training};
use crate::config::ProjectConfig;
use crate::inventory::Roster;
use crate::inventory::outcomes::Rules;
use crate::model::{JobId, Shard};
use crate::schedule::Poller;
use crate::{metrics, own};

/// How often secret files are looked at; Kubernetes takes about a minute to bring a new one.
const SECRETS_EVERY: Duration = Duration::from_secs(30);

/// The projects that are polled, and what runs for each of them.
pub(super) struct Projects {
    own: own::Metrics,
    book: Arc<Book>,
    /// As it was at the start.
    shard: Shard,
    memory: Memory,
    running: BTreeMap<Arc<str>, Running>,
    /// Of every project; each says whether it was told to end.
    tasks: JoinSet<bool>,
    stop: CancellationToken,
}

/// The memory all answers share, and the largest answer it was made for.
#[derive(Clone)]
struct Memory {
    largest: usize,
    shared: Arc<AnswerMemory>,
}

/// A project that is polled.
struct Running {
    config: ProjectConfig,
    training: Arc<Training>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// The way from what is to what is to be: all of it that can fail is done, and nothing that anybody could
/// notice.
pub(super) struct Plan {
    /// Projects that are to be polled no more, or in another way.
    stopping: Vec<Arc<str>>,
    /// Projects of which nothing is to be kept.
    leaving: Vec<Arc<str>>,
    made: Vec<Made>,
    memory: Memory,
    metrics: metrics::Settings,
    concerned: Concerned,
}

/// A project that is new, or made from something else than before.
struct Made {
    config: ProjectConfig,
    training: Arc<Training>,
    own: own::Project,
}

/// How many projects a change of the configuration concerns, and how.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Concerned {
    added: usize,
    changed: usize,
    removed: usize,
    unchanged: usize,
}

impl Projects {
    /// None yet. What they start ends with `stop`.
    pub(super) fn new(
        own: own::Metrics,
        book: Arc<Book>,
        shard: Shard,
        stop: CancellationToken,
    ) -> Self {
        let memory = Memory { largest: 0, shared: Arc::new(AnswerMemory::new(0)) };
        let (running, tasks) = (BTreeMap::new(), JoinSet::new());
        Self { own, book, shard, memory, running, tasks, stop }
    }

    /// Compares what is to be with what is. Fails where a project cannot be reached in the way it says.
    pub(super) fn plan(
        &self,
        configs: Vec<ProjectConfig>,
        metrics: metrics::Settings,
    ) -> anyhow::Result<Plan> {
        let largest = configs.iter().map(|config| config.cloud.answer_bytes).max();
        let memory = self.memory_for(largest.unwrap_or_default());
        let (mut stopping, mut leaving, mut made) = (Vec::new(), Vec::new(), Vec::new());
        let mut concerned = Concerned::default();
        let mut before: BTreeMap<_, _> = self.running.iter().collect();
        for config in configs {
            let name = Arc::clone(&config.cloud.name);
            let known = before.remove(&name).map(|running| &running.config);
            if known.is_some_and(|known| known.is_same_as(&config)) {
                concerned.unchanged += 1;
                continue;
            }
            let own = match known {
                Some(known) if known.is_same_place_as(&config) => self.own.project(&name),
                _ => own::Project::new(&name),
            };
            match known {
                Some(known) => {
                    concerned.changed += 1;
                    stopping.push(Arc::clone(&name));
                    if !known.is_same_place_as(&config) {
                        leaving.push(Arc::clone(&name));
                    }
                }
                None => concerned.added += 1,
            }
            let (cloud, memory) = (config.cloud.clone(), Arc::clone(&memory.shared));
            let training = Training::new(cloud, memory, own.clone())
                .with_context(|| format!("project {name}"))?;
            made.push(Made { config, training: Arc::new(training), own });
        }
        for name in before.into_keys() {
            concerned.removed += 1;
            stopping.push(Arc::clone(name));
            leaving.push(Arc::clone(name));
        }
        Ok(Plan { stopping, leaving, made, memory, metrics, concerned })
    }

    fn memory_for(&self, largest: usize) -> Memory {
        if largest == self.memory.largest {
            return self.memory.clone();
        }
        Memory { largest, shared: Arc::new(AnswerMemory::new(largest)) }
    }

    /// Brings about what was planned. Projects that are not concerned notice nothing of it.
    pub(super) async fn carry_out(&mut self, plan: Plan) -> anyhow::Result<Concerned> {
        let Plan { stopping, leaving, made, memory, metrics, concerned } = plan;
        self.memory = memory;
        let ending: Vec<_> = stopping.iter().filter_map(|name| self.running.remove(name)).collect();
        for running in &ending {
            running.stop.cancel();
            running.tasks.close();
        }
        for running in ending {
            // From here on none of its polls brings anything.
            running.tasks.wait().await;
        }
        self.end_holds();
        for name in &leaving {
            self.own.forget(name);
        }
        let (mut coming, mut starting) = (Vec::new(), Vec::new());
        for Made { config, training, own } in made {
            let name = Arc::clone(&config.cloud.name);
            let insecure = config.cloud.tls.insecure_skip_verify;
            own.tls_verification_disabled(insecure);
            if insecure {
                warn!(
                    project = &*name,
                    "insecure_skip_verify: anybody can pretend to be the cloud"
                );
            }
            self.own.show(&name, own.clone());
            let is_kept = !leaving.contains(&name);
            let found = if is_kept { self.book.jobs_of(&name) } else { Vec::new() };
            let poller = self.poller(&config, &training, own.clone(), found);
            let (settings, roster) = (config.inventory, self.roster(&config));
            let rules = self.rules(&config);
            let (interval, paid_from) = (poller.interval(), Arc::clone(poller.budget()));
            let asks_quotas = self.asks_quotas(&config);
            coming.push(Coming {
                name,
                settings,
                rules,
                roster,
                interval,
                asks_quotas,
                own,
                paid_from,
            });
            starting.push((config, training, poller));
        }
        let (book, change) = (Arc::clone(&self.book), Change { leaving, coming, metrics });
        // A large fleet takes a while, which no scrape should wait for.
        spawn_blocking(move || book.change(change)).await.context("cannot change the projects")?;
        for (config, training, poller) in starting {
            self.start(config, training, poller);
        }
        Ok(concerned)
    }

    /// A reload is the operator's word that what was refused is mended: the cloud is asked again at the
    /// next poll, also where nothing of ours has changed.
    fn end_holds(&self) {
        for running in self.running.values() {
            running.training.end_hold();
        }
    }

    fn rules(&self, config: &ProjectConfig) -> Rules {
        let mut rules = Rules { shard: self.shard, ..config.outcomes.clone() };
        let Shard { index, total } = self.shard;
        if !self.shard.is_all() {
            rules.named = config.jobs.iter().map(|job| job.job_id.clone()).collect();
            let _ = write!(rules.scope, ", part {index} of {total}");
        }
        rules
    }

    fn roster(&self, config: &ProjectConfig) -> Roster {
        Roster {
            named: config.jobs.clone(),
            discovery: config.discovery.clone(),
            shard: self.shard,
            name_rule: config.outcomes.name.clone(),
        }
    }

    /// Quotas are the whole project's: one of those who share its jobs shows them.
    fn asks_quotas(&self, config: &ProjectConfig) -> bool {
        config.schedule.asks_quotas && self.shard.index == 0
    }

    /// Polls what the file names, and goes on with what was found before.
    fn poller(
        &self,
        config: &ProjectConfig,
        training: &Arc<Training>,
        own: own::Project,
        found: Vec<JobId>,
    ) -> Poller<Training, ProjectLedger> {
        let project = Arc::clone(&config.cloud.name);
        let ledger = ProjectLedger { project: Arc::clone(&project), book: Arc::clone(&self.book) };
        let training = Arc::clone(training);
        let named: Vec<_> = config.jobs.iter().map(|job| job.job_id.clone()).collect();
        let stays = |id: &JobId| config.discovery.is_some() || named.contains(id);
        let mut jobs: Vec<_> = found.into_iter().filter(stays).collect();
        let mut settings = config.schedule;
        settings.requests_per_minute = self.shard.part_of(settings.requests_per_minute);
        settings.asks_quotas = self.asks_quotas(config);
        if self.shard.is_all() {
            jobs.extend(named);
        } else {
            // Which of them are ours is for the list to say.
            settings.discovers = true;
        }
        Poller::new(project, training, Arc::new(ledger), own, settings, jobs)
    }

    fn start(
        &mut self,
        mut config: ProjectConfig,
        training: Arc<Training>,
        mut poller: Poller<Training, ProjectLedger>,
    ) {
        let (stop, tasks) = (self.stop.child_token(), TaskTracker::new());
        let secret_files = std::mem::take(&mut config.secret_files);
        self.spawn(&tasks, &stop, secret_files.watch(SECRETS_EVERY, stop.clone()));
        let stopped = stop.clone();
        self.spawn(&tasks, &stop, async move { poller.run(stopped).await });
        let name = Arc::clone(&config.cloud.name);
        self.running.insert(name, Running { config, training, stop, tasks });
    }

    fn spawn(
        &mut self,
        tasks: &TaskTracker,
        stop: &CancellationToken,
        part: impl Future<Output = ()> + Send + 'static,
    ) {
        let stop = stop.clone();
        self.tasks.spawn(tasks.track_future(async move {
            part.await;
            stop.is_cancelled()
        }));
    }

    /// Done when a task has ended that nobody told to, which none of them does unless something is badly
    /// wrong with it.
    pub(super) async fn ended_early(&mut self) -> anyhow::Error {
        while let Some(ended) = self.tasks.join_next().await {
            match ended.context("a part of the exporter failed") {
                Ok(true) => {}
                Ok(false) => return anyhow!("a part of the exporter ended by itself"),
                Err(error) => return error,
            }
        }
        std::future::pending().await
    }
}

impl fmt::Display for Concerned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { added, changed, removed, unchanged } = self;
        write!(f, "{added} added, {changed} changed, {removed} removed, {unchanged} unchanged")
    }
}
