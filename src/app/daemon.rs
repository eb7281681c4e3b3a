use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::Signal;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::app::behind::spawn_behind;
use crate::app::ledger::{Book, now};
use crate::app::log::Level;
use crate::app::notify::{Notify, Pulse};
use crate::app::outcomes;
use crate::app::projects::{Plan, Projects};
use crate::app::reload::Reload;
use crate::app::sight::Sight;
use crate::app::signals;
use crate::config::{Config, Effective, Source, WebFile};
use crate::exposition::{self, Reader};
use crate::inventory::state_file::StateFile;
use crate::model::Shard;
use crate::server::{self, Listeners, Site, Stopped};
use crate::{metrics, own};

/// How often what changed is shown: a value is in a scrape within a second of its poll, and a burst of
/// polls makes one snapshot. A snapshot holds on to every block of lines, tens of thousands in a large
/// fleet, so that the rate is worth its room.
const PUBLISH_EVERY: Duration = Duration::from_millis(800);

/// How often the web configuration file and its certificates are looked at: soon enough for whoever has
/// just changed them and waits, and a few small files cost nothing to read.
const WEB_FILE_EVERY: Duration = Duration::from_secs(5);

/// How long the last writing of the state file, which begins with the stop, may go on once everything
/// else has ended.
const LAST_SAVE: Duration = Duration::from_millis(500);

/// How many requests to read the configuration again may wait for the ones before: more than people make.
const RELOADS_WAITING: usize = 16;

/// The daemon's parts, wired and not yet running.
pub(super) struct Parts {
    pub(super) own: own::Metrics,
    pub(super) book: Arc<Book>,
    /// Which part of the jobs is ours.
    pub(super) shard: Shard,
    /// Where outcomes survive a restart.
    pub(super) state_file: Option<StateFile>,
    pub(super) reader: Reader,
    pub(super) projects: Projects,
    /// The projects of the configuration.
    pub(super) plan: Plan,
    pub(super) web_file: WebFile,
    pub(super) web: server::Settings,
    pub(super) effective: Effective,
}

/// What a daemon hears from outside, and what it needs to obey.
pub(super) struct Operator {
    /// Where the configuration came from.
    pub(super) source: Source,
    pub(super) level: Level,
    /// SIGHUP.
    pub(super) hangup: Signal,
}

/// Makes the parts, whose tasks will end with `stop`. Nothing is asked, nothing is bound.
pub(super) fn build(config: Config, stop: &CancellationToken) -> anyhow::Result<Parts> {
    let own = own::Metrics::new();
    own.shards(config.shard.total);
    let (store, reader) = exposition::new(metrics::FAMILIES, own.clone());
    let book = Arc::new(Book::new(store, config.metrics.clone(), own.clone()));
    let projects = Projects::new(own.clone(), Arc::clone(&book), config.shard, stop.clone());
    let plan = projects.plan(config.projects, config.metrics)?;
    own.config_loaded(now().unix);
    Ok(Parts {
        own,
        book,
        shard: config.shard,
        state_file: config.state_file,
        reader,
        projects,
        plan,
        web_file: config.web_file,
        web: config.web,
        effective: config.effective,
    })
}

/// The daemon, from start to stop.
///
/// It listens on these sockets, or without any on the addresses of the configuration.
pub(super) async fn run(
    config: Config,
    source: Source,
    level: Level,
    sockets: Option<Vec<TcpListener>>,
) -> anyhow::Result<ExitCode> {
    let stop = CancellationToken::new();
    let hangup = signals::listen(stop.clone())?;
    let parts = build(config, &stop)?;
    let listeners = match sockets {
        Some(sockets) => Listeners::adopt(sockets)?,
        None => server::bind(&parts.web).await?,
    };
    serve(parts, Operator { source, level, hangup }, listeners, stop, |_| Ok(())).await
}

/// Runs the parts until `stop`. `bound` is told where we listen.
pub(super) async fn serve(
    parts: Parts,
    operator: Operator,
    listeners: Listeners,
    stop: CancellationToken,
    bound: impl FnOnce(&[std::net::SocketAddr]) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    let Parts {
        own,
        book,
        shard,
        state_file,
        reader,
        mut projects,
        plan,
        web_file,
        web,
        effective,
    } = parts;
    let (sighted, has_state_file) = (Arc::clone(&book), state_file.is_some());
    let sight = Arc::new(Sight { book: sighted, shard, has_state_file });
    if let Some(file) = state_file {
        match stop.run_until_cancelled(outcomes::take_turn(&file)).await {
            Some(turn) => turn?,
            None => return Ok(ExitCode::SUCCESS),
        }
        book.open(file)?;
    }
    // The first scrape finds `modelarts_up`.
    projects.carry_out(plan).await?;
    let (ready, is_ready) = watch::channel(false);
    let (shown, configuration) = watch::channel(effective.to_string().into());
    let (reload, requests) = mpsc::channel(RELOADS_WAITING);
    let mut tasks = JoinSet::new();
    let Operator { source, level, hangup } = operator;
    let notify = Arc::new(Notify::from_environment());
    let reloading = Reload {
        source: Arc::new(source),
        own: own.clone(),
        notify: Arc::clone(&notify),
        level,
        projects,
        effective,
        shown,
    };
    tasks.spawn(reloading.run(hangup, requests, stop.clone()));
    let publisher = publish(book, ready, Arc::clone(&notify), stop.clone());
    spawn_behind(&mut tasks, async {
        publisher.await;
        Ok(())
    });
    let (encodings, stopped) = (reader.clone().keep_encodings(), stop.clone());
    spawn_behind(&mut tasks, async move {
        stopped.run_until_cancelled(encodings).await;
        Ok(())
    });
    let access = web_file.access();
    if web_file.is_some() {
        let watching = web_file.watch(WEB_FILE_EVERY, stop.clone());
        tasks.spawn(async {
            watching.await;
            Ok(())
        });
    }
    let tls = access.borrow().tls.is_some();
    let addresses = listeners.local_addrs();
    for address in &addresses {
        info!(%address, tls, "listening");
    }
    bound(&addresses)?;
    let ready = is_ready;
    let site = Site { settings: web, reader, sight, own, access, ready, configuration, reload };
    let mut serving = tokio::spawn(server::serve(listeners, site, stop.clone()));
    stop.run_until_cancelled(notify.ready()).await;
    tokio::select! {
        stopped = &mut serving => said(stopped?),
        // None of these ends before the stop, unless something is badly wrong with it.
        Some(ended) = tasks.join_next() => {
            let early = !stop.is_cancelled();
            stop.cancel();
            said(serving.await?);
            ended.context("a part of the exporter failed")??;
            anyhow::ensure!(!early, "a part of the exporter ended by itself");
        }
    }
    // What nobody has seen yet may be left behind; a disk that hangs must not hold up the stop.
    let _ = timeout(LAST_SAVE, async { while tasks.join_next().await.is_some() {} }).await;
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
async fn publish(
    book: Arc<Book>,
    ready: watch::Sender<bool>,
    notify: Arc<Notify>,
    stop: CancellationToken,
) {
    let mut pulse = Pulse::new(&notify, PUBLISH_EVERY);
    let mut ticks = interval(PUBLISH_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let is_complete = book.publish();
        if is_complete {
            ready.send_if_modified(|ready| !std::mem::replace(ready, true));
        }
        pulse.beat(is_complete, || book.standing());
    }
    notify.stopping();
    book.close(LAST_SAVE);
}
