use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::app::behind::spawn_behind;
use crate::app::ledger::{Book, ProjectLedger, now};
use crate::app::signals;
use crate::cloud::{AnswerMemory, Training};
use crate::config::{Config, SecretFiles, WebFile};
use crate::exposition::{self, Reader};
use crate::schedule::Poller;
use crate::server::{self, Listeners, Site, Stopped};
use crate::{metrics, own};

/// How often what changed is shown: a value is in a scrape within a second of its poll, and a burst of
/// polls makes one snapshot. A snapshot holds on to every block of lines, tens of thousands in a large
/// fleet, so that the rate is worth its room.
const PUBLISH_EVERY: Duration = Duration::from_millis(800);

/// How often secret files are looked at; Kubernetes takes about a minute to bring a new one.
const SECRETS_EVERY: Duration = Duration::from_secs(30);

/// How often the web configuration file and its certificates are looked at: soon enough for whoever has
/// just changed them and waits, and a few small files cost nothing to read.
const WEB_FILE_EVERY: Duration = Duration::from_secs(5);

/// The daemon's parts, wired and not yet running.
pub(super) struct Parts {
    pub(super) own: own::Metrics,
    pub(super) book: Arc<Book>,
    pub(super) reader: Reader,
    pub(super) pollers: Vec<Poller<Training, ProjectLedger>>,
    pub(super) secret_files: SecretFiles,
    pub(super) web_file: WebFile,
    pub(super) web: server::Settings,
}

/// Makes the parts. Nothing is asked, nothing is bound.
pub(super) fn build(config: Config) -> anyhow::Result<Parts> {
    let own = own::Metrics::new();
    let (store, reader) = exposition::new(metrics::FAMILIES, own.clone());
    let book = Arc::new(Book::new(store, config.metrics));
    let largest = config.projects.iter().map(|project| project.cloud.answer_bytes).max();
    let memory = Arc::new(AnswerMemory::new(largest.unwrap_or_default()));
    let mut pollers = Vec::new();
    for project in config.projects {
        let name = Arc::clone(&project.cloud.name);
        let of_project = own.project(&name);
        let insecure = project.cloud.tls.insecure_skip_verify;
        of_project.tls_verification_disabled(insecure);
        if insecure {
            warn!(project = &*name, "insecure_skip_verify: anybody can pretend to be the cloud");
        }
        book.add_project(&project, of_project.clone());
        let training = Training::new(project.cloud, Arc::clone(&memory), of_project.clone())
            .with_context(|| format!("project {name}"))?;
        let ledger = ProjectLedger { project: Arc::clone(&name), book: Arc::clone(&book) };
        pollers.push(Poller::new(
            name,
            Arc::new(training),
            Arc::new(ledger),
            of_project,
            project.schedule,
            project.jobs,
        ));
    }
    own.config_loaded(now().unix);
    Ok(Parts {
        own,
        book,
        reader,
        pollers,
        secret_files: config.secret_files,
        web_file: config.web_file,
        web: config.web,
    })
}

/// The daemon, from start to stop.
///
/// It listens on these sockets, or without any on the addresses of the configuration.
pub(super) async fn run(
    config: Config,
    sockets: Option<Vec<TcpListener>>,
) -> anyhow::Result<ExitCode> {
    let stop = CancellationToken::new();
    signals::listen(stop.clone())?;
    let parts = build(config)?;
    let listeners = match sockets {
        Some(sockets) => Listeners::adopt(sockets)?,
        None => server::bind(&parts.web).await?,
    };
    serve(parts, listeners, stop, |_| Ok(())).await
}

/// Runs the parts until `stop`. `bound` is told where we listen.
pub(super) async fn serve(
    parts: Parts,
    listeners: Listeners,
    stop: CancellationToken,
    bound: impl FnOnce(&[std::net::SocketAddr]) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    let Parts { own, book, reader, pollers, secret_files, web_file, web } = parts;
    // The first scrape finds `modelarts_up`.
    book.publish();
    let (ready, is_ready) = watch::channel(false);
    let mut tasks = JoinSet::new();
    for mut poller in pollers {
        let stop = stop.clone();
        tasks.spawn(async move { poller.run(stop).await });
    }
    spawn_behind(&mut tasks, publish(book, ready, stop.clone()));
    let (encodings, stopped) = (reader.clone().keep_encodings(), stop.clone());
    spawn_behind(&mut tasks, async move {
        stopped.run_until_cancelled(encodings).await;
    });
    if !secret_files.is_empty() {
        tasks.spawn(secret_files.watch(SECRETS_EVERY, stop.clone()));
    }
    let access = web_file.access();
    if web_file.is_some() {
        tasks.spawn(web_file.watch(WEB_FILE_EVERY, stop.clone()));
    }
    let tls = access.borrow().tls.is_some();
    let addresses = listeners.local_addrs();
    for address in &addresses {
        info!(%address, tls, "listening");
    }
    bound(&addresses)?;
    let site = Site { settings: web, reader, own, access, ready: is_ready };
    let mut serving = tokio::spawn(server::serve(listeners, site, stop.clone()));
    tokio::select! {
        stopped = &mut serving => said(stopped?),
        // None of these ends before the stop, unless something is badly wrong with it.
        Some(ended) = tasks.join_next() => {
            let early = !stop.is_cancelled();
            stop.cancel();
            said(serving.await?);
            ended.context("a part of the exporter failed")?;
            anyhow::ensure!(!early, "a part of the exporter ended by itself");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn said(stopped: Stopped) {
    match stopped {
        Stopped::Drained => info!("stopped"),
        Stopped::CutOff => warn!("stopped; answers that took too long were cut off"),
    }
}

/// Shows what changed, again and again.
///
/// Meant for a thread of its own: in a large fleet it takes several milliseconds, which no scrape should
/// wait for.
async fn publish(book: Arc<Book>, ready: watch::Sender<bool>, stop: CancellationToken) {
    let mut ticks = interval(PUBLISH_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        if book.publish() {
            ready.send_if_modified(|ready| !std::mem::replace(ready, true));
        }
    }
}
