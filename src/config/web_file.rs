//! The web configuration file: TLS, client certificates, users, headers and a rate, with the keys of
//! Prometheus' exporter-toolkit.
//!
//! One way for the start and for every change after it: read everything, check everything, build a
//! `server::Access`, or report all that is wrong with it.

mod files;
mod keys;
mod sheet;
mod tls;
mod words;

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::kind::{Kind, Typed};
use super::layers::Origin;
use super::mistake::{Mistake, Refusal, Report, Warning};
use crate::server::{Access, ExtraHeaders, HeaderMistake, PasswordHash, RateLimit, Users};
use files::Files;
pub(super) use keys::reference;
use sheet::Sheet;

/// The longest time between two requests that is still a limit and not a ban.
const LONGEST_INTERVAL: Duration = Duration::from_hours(1);
/// More requests at once than any server answers.
const LARGEST_BURST: u64 = 1_000_000;
/// A check of a password at this cost takes about a second; each step above doubles it.
const SLOW_COST: u32 = 14;

/// The web configuration file, and where to put what it says next.
pub struct WebFile {
    /// `None`: there is no such file, and the access never changes.
    source: Option<Source>,
    access: watch::Sender<Arc<Access>>,
}

struct Source {
    path: PathBuf,
    /// As messages call it.
    place: String,
    files: Files,
}

impl WebFile {
    /// No file: no TLS, and everybody may ask.
    pub(super) fn none() -> Self {
        Self { source: None, access: watch::Sender::default() }
    }

    /// Reads the file and every file that it names. What is wrong goes into the report.
    pub(super) fn read(path: PathBuf, report: &mut Report) -> Self {
        let place = path.display().to_string();
        let mut source = Source { path, place, files: Files::default() };
        let access = watch::Sender::new(Arc::new(source.read(report)));
        Self { source: Some(source), access }
    }

    /// What the file says, now and after each change.
    pub fn access(&self) -> watch::Receiver<Arc<Access>> {
        self.access.subscribe()
    }

    /// Whether there is a file to follow.
    pub fn is_some(&self) -> bool {
        self.source.is_some()
    }

    /// Looks at the files each `period` until told to stop, and passes on what they say when one has
    /// changed.
    ///
    /// While there is a mistake in them the access stays as it was, which the log says once, with
    /// every reason.
    pub async fn watch(self, period: Duration, stop: CancellationToken) {
        let Self { source, access } = self;
        let Some(mut source) = source else { return stop.cancelled().await };
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            // A network file system may take its time; that must not hold a worker.
            let looked = tokio::task::spawn_blocking(move || {
                let found = source.look();
                (source, found)
            });
            let Some(Ok((back, found))) = stop.run_until_cancelled(looked).await else { break };
            source = back;
            if let Some(next) = found {
                access.send_modify(|present| *present = Arc::new(next.following(present)));
            }
        }
        // Ended by a stop, or by a look that failed in itself: what was found last stays in use.
        stop.cancelled().await;
    }
}

impl Source {
    /// What the files say, if they say something else than before and nothing wrong.
    fn look(&mut self) -> Option<Access> {
        if !self.files.have_changed() {
            return None;
        }
        let mut report = Report::new(None);
        let access = self.read(&mut report);
        if report.is_clean() {
            info!(path = self.place, "web configuration changed");
            for Warning { subject, reason } in report.into_warnings() {
                warn!("{subject}: {reason}");
            }
            return Some(access);
        }
        for Mistake { key, reason, remedy, .. } in report.into_error().mistakes {
            warn!(path = self.place, key, reason, remedy, "web configuration kept as it was");
        }
        None
    }

    fn read(&mut self, report: &mut Report) -> Access {
        self.files = Files::default();
        let origin = Origin { place: self.place.clone(), is_text: false };
        let folder = self.path.parent().map(PathBuf::from).unwrap_or_default();
        let tree = match self.files.read_yaml(&self.path) {
            Ok(tree) => tree,
            Err((line_and_column, refusal)) => {
                report.refuse(&origin, &line_and_column, refusal);
                return Access::default();
            }
        };
        let mut sheet = Sheet::new(&tree, &origin, report);
        let http2 = sheet.bool("http_server_config.http2").unwrap_or(true);
        let access = Access {
            tls: tls::Builder { sheet: &mut sheet, files: &mut self.files, folder, http2 }.build(),
            users: users(&mut sheet).map(Arc::new),
            rate: rate(&mut sheet).map(Arc::new),
            headers: headers(&mut sheet),
        };
        if access.users.is_some() && !sheet.is_set("tls_server_config") {
            sheet.warn("basic_auth_users", "passwords are not encrypted on their way without TLS");
        }
        access
    }
}

fn users(sheet: &mut Sheet<'_>) -> Option<Users> {
    const REMEDY: &str = "make one with `htpasswd -nBC 10 \"\" | tr -d ':\\n'`";
    let mut hashes: BTreeMap<String, PasswordHash> = BTreeMap::new();
    for (name, text) in sheet.texts("basic_auth_users") {
        let key = format!("basic_auth_users.{}", sheet::shown(&name));
        if name.contains(':') {
            let reason = "has a colon in its name, which ends the name in a request";
            sheet.refuse(&key, Refusal::new(reason, ""));
        }
        match text.parse::<PasswordHash>() {
            Ok(hash) => {
                if hash.cost() > SLOW_COST {
                    let reason = format!("a cost of {} makes each check slow", hash.cost());
                    sheet.warn(&key, &reason);
                }
                hashes.insert(name, hash);
            }
            Err(mistake) => sheet.refuse(&key, Refusal::new(mistake.to_string(), REMEDY)),
        }
    }
    Users::new(hashes)
}

fn rate(sheet: &mut Sheet<'_>) -> Option<RateLimit> {
    const BURST: &str = "rate_limit.burst";
    let kind = Kind::Duration { least: Duration::ZERO, most: LONGEST_INTERVAL };
    let period = match sheet.parse_or_zero("rate_limit.interval", kind) {
        Some(Typed::Duration(period)) => period,
        _ => Duration::ZERO,
    };
    let burst = sheet.integer(BURST, 0, LARGEST_BURST).unwrap_or(0);
    if period.is_zero() {
        return None;
    }
    match u32::try_from(burst).ok().and_then(NonZeroU32::new) {
        Some(burst) => RateLimit::new(period, burst),
        None if sheet.is_refused(BURST) => None,
        None => {
            let reason = "is 0: no request would ever be answered";
            sheet.refuse(BURST, Refusal::new(reason, "allow at least 1"));
            None
        }
    }
}

fn headers(sheet: &mut Sheet<'_>) -> ExtraHeaders {
    let mut headers = ExtraHeaders::default();
    for (name, value) in sheet.texts("http_server_config.headers") {
        let key = format!("http_server_config.headers.{}", sheet::shown(&name));
        if let Err(mistake) = headers.add(&name, &value) {
            let remedy = match mistake {
                HeaderMistake::NotOurs => words::choose(ExtraHeaders::names()),
                HeaderMistake::NotAValue(values) => words::choose(values.iter().copied()),
                HeaderMistake::NotSendable => String::new(),
            };
            sheet.refuse(&key, Refusal::new(mistake.to_string(), remedy));
        }
    }
    headers
}

impl fmt::Debug for WebFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WebFile").field(&self.source.as_ref().map(|source| &source.path)).finish()
    }
}
