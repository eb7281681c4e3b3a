//! What a scrape would show of an account, and what there would be to ask: the answers go the daemon's
//! own way from the ledger to the exposition.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use bytes::Buf as _;

use super::account::Account;
use super::plan::Plan;
use super::report::Series;
use crate::app::ledger::{Book, Change, Coming, ProjectLedger};
use crate::exposition::{self, Reader, View};
use crate::metrics::{FAMILIES, Family};
use crate::model::{Activity, Api, JobId, JobList, Outlook, Polled, Version};
use crate::own;
use crate::schedule::{self, Cost, Ledger, Load};

/// Each version has one series of it.
const ONE_A_VERSION: &str = "modelarts_job_info";

/// What a plan comes to.
#[derive(Clone, Debug)]
pub(super) struct Rehearsed {
    /// Jobs that are followed.
    pub(super) followed: usize,
    /// Of those, jobs that the file names.
    pub(super) named: usize,
    /// Of those that are followed, jobs for which others stood in.
    pub(super) stood_in: usize,
    /// Of those that are followed, jobs the cloud does not know.
    pub(super) gone: usize,
    /// Versions shown of them.
    pub(super) versions: usize,
    pub(super) series: Series,
    /// Of a scrape in text.
    pub(super) bytes: usize,
    /// Of the same in gzip.
    pub(super) gzip_bytes: usize,
    pub(super) cost: Cost,
}

/// Has the answers of the account go through a ledger and an exposition of its own.
pub(super) async fn rehearse(plan: &Plan, account: &Account) -> anyhow::Result<Rehearsed> {
    let own = own::Metrics::new();
    let (store, reader) = exposition::new(FAMILIES, own.clone());
    let book = Arc::new(Book::new(store, plan.metrics.clone(), own.clone()));
    let coming = Coming {
        name: Arc::clone(&plan.project),
        settings: plan.inventory,
        rules: plan.outcomes.clone(),
        roster: plan.roster(account.list()),
        interval: plan.schedule.interval,
        asks_quotas: false,
        own: own.project(&plan.project),
        // Nothing is asked.
        paid_from: Arc::new(schedule::Budget::new(0)),
    };
    book.change(Change {
        leaving: Vec::new(),
        coming: vec![coming],
        metrics: plan.metrics.clone(),
    });
    let ledger = ProjectLedger { project: Arc::clone(&plan.project), book: Arc::clone(&book) };
    ledger.quotas(account.survey().quotas.clone(), plan.schedule.interval);
    let mut followed: Vec<_> = plan.named().collect();
    let turnover = match account.list() {
        // What came is all there is to go by.
        Some(list) => {
            let list = JobList { complete: true, ..list.clone() };
            ledger.listed(&list, account.at().steady, plan.schedule.list_interval)
        }
        None => ledger.list_refused(),
    };
    followed.extend(turnover.found);
    let mut outlooks = Vec::with_capacity(followed.len());
    for (place, job) in followed.iter().enumerate() {
        outlooks.push((job, answer(plan, account, &ledger, job, place)));
    }
    ensure!(book.publish(), "the estimate did not come to an end");
    let shown = Shown::read(&reader).await?;
    let of_file: HashSet<_> = plan.jobs.iter().map(|job| &job.job_id).collect();
    let is_gone = |(_, outlook): &&(&JobId, Option<Outlook>)| outlook.is_none();
    Ok(Rehearsed {
        followed: followed.len(),
        named: followed.iter().filter(|job| of_file.contains(job)).count(),
        stood_in: followed.iter().filter(|job| !account.was_asked(job)).count(),
        gone: outlooks.iter().filter(is_gone).count(),
        versions: shown.versions,
        series: shown.series,
        bytes: shown.bytes,
        gzip_bytes: shown.gzip_bytes,
        cost: schedule::cost(&plan.schedule, &load(plan, account, &outlooks)),
    })
}

/// One poll of a job, as it would be answered; `None`: the cloud does not know it.
fn answer(
    plan: &Plan,
    account: &Account,
    ledger: &ProjectLedger,
    job: &JobId,
    place: usize,
) -> Option<Outlook> {
    let Some(versions) = account.versions(job, place) else {
        ledger.polled(job, Polled::Gone, plan.schedule.interval);
        return None;
    };
    let mut versions = versions.into_owned();
    for version in &mut versions {
        limit_classes(version, plan.classes);
    }
    let outlook = ledger.versions(job, versions);
    ledger.polled(job, Polled::Success, plan.schedule.interval);
    Some(outlook)
}

fn limit_classes(version: &mut Version, most: usize) {
    if let Some(quality) = &mut version.quality {
        quality.classes.truncate(most);
    }
}

/// What there is to ask of these jobs.
fn load(plan: &Plan, account: &Account, jobs: &[(&JobId, Option<Outlook>)]) -> Load {
    let pages = account.list().map_or(1, |list| list.pages);
    let list_pages = match &plan.discovery {
        Some(_) => pages,
        None if schedule::is_worth_reading(pages, jobs.len()) => pages,
        None => 0,
    };
    let rests = |job: &JobId| list_pages > 0 && account.is_listed(job);
    let requests_per_poll = account.survey().requests_per_poll;
    let running_requests = (plan.api == Api::V2).then_some(0);
    let mut load = Load { requests_per_poll, running_requests, ..Load::running(0, list_pages) };
    for (job, outlook) in jobs {
        let Some(Outlook { activity, tasks, .. }) = outlook else {
            load.gone += 1;
            continue;
        };
        // The list tells everything but the usage of tasks.
        let is_told = plan.api == Api::V2 && rests(job);
        match activity {
            Activity::Runs => {
                load.running += 1;
                if let Some(requests) = &mut load.running_requests {
                    *requests += tasks.len() + usize::from(!is_told);
                }
            }
            Activity::Waits if is_told => {}
            Activity::Waits => load.waiting += 1,
            Activity::Ended if rests(job) => {}
            Activity::Ended => load.ended += 1,
        }
    }
    load
}

/// What a scrape shows of the cloud, without the exporter's own families.
struct Shown {
    versions: usize,
    series: Series,
    bytes: usize,
    gzip_bytes: usize,
}

impl Shown {
    async fn read(reader: &Reader) -> anyhow::Result<Self> {
        let names: Vec<String> =
            FAMILIES.iter().map(|family| format!("name[]={}", family.name)).collect();
        let view = View::parse(&names.join("&"))?;
        let mut text = reader.answer("", "", &view).await?.body;
        let packed = reader.answer("", "gzip", &view).await?.body;
        let mut shown = Self {
            versions: 0,
            series: Series::default(),
            bytes: text.remaining(),
            gzip_bytes: packed.remaining(),
        };
        let families: HashMap<_, _> = FAMILIES.iter().map(|family| (family.name, family)).collect();
        let text = text.copy_to_bytes(text.remaining());
        let text = std::str::from_utf8(&text).context("the exposition is no text")?;
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let name = line.split(['{', ' ']).next().unwrap_or_default();
            if let Some(family) = families.get(name) {
                shown.count(family);
            }
        }
        Ok(shown)
    }

    fn count(&mut self, family: &Family) {
        self.versions += usize::from(family.name == ONE_A_VERSION);
        let is_of = |label| family.labels.contains(&label);
        let series = &mut self.series;
        *(if is_of("class_id") {
            &mut series.classes
        } else if family.name.starts_with("modelarts_model_") {
            &mut series.quality
        } else if is_of("task") {
            &mut series.usage
        } else if is_of("outcome") || (is_of("job_name") && !is_of("job_id")) {
            &mut series.outcomes
        } else {
            &mut series.jobs
        }) += 1;
    }
}
