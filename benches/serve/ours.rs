//! Ours: the rooms from the inventory to the server, wired as `app` does it, with a fleet where the
//! cloud would be.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use modelarts_exporter::app::spawn_behind;
use modelarts_exporter::exposition::{self, Store};
use modelarts_exporter::inventory::Inventory;
use modelarts_exporter::metrics::{FAMILIES, JobKey};
use modelarts_exporter::model::JobId;
use modelarts_exporter::own;
use modelarts_exporter::server::{self, ListenAddress, Site};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::fleet::{Fleet, PROJECT, now};

/// The argument that makes this program the exporter; the number of series follows.
pub(crate) const COMMAND: &str = "ours";

/// Between two publications, as the daemon does it.
const PUBLISH_EVERY: Duration = Duration::from_millis(800);

/// Jobs rendered without letting a poll in between, as the daemon does it.
const RENDERED_AT_ONCE: usize = 64;

/// One job in so many is polled each second, with a new sample: 1 %, a little less than all of them once
/// a minute, of which not every poll brings one.
const POLLED_EACH_SECOND: usize = 100;

/// The default of `web.max_requests`.
const MAX_REQUESTS: usize = 40;

/// Serves about so many series until the process is ended.
pub(crate) async fn run(series: usize) -> anyhow::Result<()> {
    let own = own::Metrics::new();
    let _ = own.project(PROJECT);
    own.config_loaded(now().unix);
    let (store, reader) = exposition::new(FAMILIES, own.clone());
    let shown = Arc::new(Shown { fleet: Mutex::new(Fleet::new(series)), store });
    shown.publish();

    let mut tasks = JoinSet::new();
    spawn_behind(&mut tasks, publish(Arc::clone(&shown)));
    tasks.spawn(poll(shown));
    spawn_behind(&mut tasks, reader.clone().keep_encodings());

    let settings = server::Settings {
        listen_addresses: vec![ListenAddress { host: Some("127.0.0.1".to_owned()), port: 0 }],
        telemetry_path: "/metrics".to_owned(),
        route_prefix: String::new(),
        max_requests: MAX_REQUESTS,
        enable_lifecycle: false,
        enable_config: false,
    };
    let listeners = server::bind(&settings).await?;
    for address in listeners.local_addrs() {
        println!("listening on http://{address}");
    }
    let (_ready, ready) = watch::channel(true);
    // Nobody has to say who they are.
    let access = watch::Sender::default().subscribe();
    // There is no configuration to be shown or read again.
    let (_configuration, configuration) = watch::channel("".into());
    let (reload, _requests) = mpsc::channel(1);
    // Nobody looks at the status page.
    let sight = Arc::new((Inventory::new(), now()));
    let site = Site { settings, reader, sight, own, access, ready, configuration, reload };
    tokio::select! {
        _ = server::serve(listeners, site, CancellationToken::new()) => {}
        ended = tasks.join_next() => {
            ended.context("no tasks")?.context("a part of the exporter failed")?;
        }
    }
    anyhow::bail!("the exporter ended by itself")
}

/// Answers in, exposition out, as the daemon's book.
struct Shown {
    fleet: Mutex<Fleet>,
    store: Store,
}

impl Shown {
    fn publish(&self) {
        let due = self.fleet().tick();
        for some in due.chunks(RENDERED_AT_ONCE) {
            let fleet = self.fleet();
            for key in some {
                self.put(&fleet, key.clone());
            }
            drop(fleet);
            self.store.settle();
        }
        let mut text = self.store.text();
        self.fleet().show_project(&mut text);
        self.store.put(JobKey { project: PROJECT.into(), job_id: JobId::from("") }, text);
        self.store.publish(now().unix);
    }

    fn poll(&self, place: usize) {
        let mut fleet = self.fleet();
        let key = fleet.poll(place).clone();
        self.put(&fleet, key);
    }

    fn put(&self, fleet: &Fleet, key: JobKey) {
        let mut text = self.store.text();
        fleet.show(&key, &mut text);
        self.store.put(key, text);
    }

    fn fleet(&self) -> MutexGuard<'_, Fleet> {
        self.fleet.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn publish(shown: Arc<Shown>) {
    let mut ticks = interval(PUBLISH_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        shown.publish();
    }
}

/// Polls one job after the other, spread over the second.
async fn poll(shown: Arc<Shown>) {
    let jobs = shown.fleet().len();
    let mut ticks = interval(Duration::from_secs(POLLED_EACH_SECOND as u64).div_f64(jobs as f64));
    // A process that was stopped for a while must not catch up.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for place in (0..jobs).cycle() {
        ticks.tick().await;
        shown.poll(place);
    }
}
