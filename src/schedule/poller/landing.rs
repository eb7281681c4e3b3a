//! What follows from a poll, and from a reading of the list, once it is over.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};

use super::Poller;
use crate::cloud::{Error, TrainingApi};
use crate::model::Polled;
use crate::own::{Operation, PollResult};
use crate::schedule::Ledger;
use crate::schedule::flights::Landed;
use crate::schedule::job::{Hint, Job};
use crate::schedule::lanes::{Index, Standing};
use crate::schedule::listing::ListReport;
use crate::schedule::poll::Report;
use crate::schedule::quotas::QuotaReport;
use crate::schedule::shortage::Turn;
use crate::schedule::stretch::{Class, Demand, Fit, class_interval};

/// How long to be silent when the cloud throttles without saying for how long.
const THROTTLED_HOLD: Duration = Duration::from_mins(1);

/// A longer `Retry-After` is not believed: somebody would have to restart us.
const LONGEST_HOLD: Duration = Duration::from_mins(15);

/// Intervals are told anew to those who judge ages by them once they are off by this part.
const STRETCH_STEP: f64 = 0.1;

impl<A: TrainingApi, L: Ledger> Poller<A, L> {
    pub(super) fn finish(&mut self, landed: &Landed) {
        self.hold_if_throttled(landed.report.error.as_ref(), Instant::now());
        if self.jobs.contains_key(&landed.job) {
            self.count(landed);
            self.take(landed.job, &landed.report, landed.started);
        }
    }

    /// Plans the next poll of a job by what the last one brought.
    pub(super) fn take(&mut self, index: Index, report: &Report, started: Instant) {
        let now = Instant::now();
        // It may have been removed meanwhile.
        let Some(job) = self.jobs.get_mut(&index) else { return };
        let was_failing = job.standing == Standing::Failing;
        let was_postponed = job.postponed();
        let is_first = job.asked.is_none();
        let says_how = job.polled(report, started);
        self.failing += usize::from(job.standing == Standing::Failing);
        self.failing -= usize::from(was_failing);
        self.demand.postponed += job.postponed();
        self.demand.postponed -= was_postponed;
        if says_how {
            self.log.polled(&job.id, &mut job.told, report);
        }
        self.classify(index, now);
        self.fit_budget();
        let (timeout, list_interval) = (self.settings.timeout, self.list_interval());
        let Some(job) = self.jobs.get_mut(&index) else { return };
        let interval = class_interval(&self.settings, job.class).mul_f64(self.fit.stretch);
        // What was asked for seldom before, and is not any more, need not wait for its old tick.
        job.cadence.bring_forward(now + interval);
        if self.fit.stretch > 1.0 {
            job.cadence.leave_out_next(now, interval);
        }
        let (mut due, missed) = job.cadence.next(now, interval);
        if job.is_left_to_lists() {
            // The next list shall have its say before.
            due = due.max(now + list_interval + timeout);
            job.cadence.leave_out_until(due, interval);
        }
        job.due = Some(due);
        // A tick that passed before the first poll could start was nobody's to serve.
        if !is_first {
            self.own.polls_missed(missed);
        }
        // Ages are judged by this: it is to be no shorter than the wait that follows.
        let interval = interval.max(due - now);
        if says_how {
            self.ledger.trouble(Some(&job.id), report.error.as_ref().map(Error::class));
            self.ledger.polled(&job.id, report.outcome, interval);
        } else {
            self.ledger.interval(&job.id, interval);
        }
        self.lanes.wait_until(due, index);
    }

    pub(super) fn finish_list(&mut self, report: ListReport) {
        let ListReport { asked, outcome, misreads, turnover, pace } = report;
        let now = Instant::now();
        let error = outcome.as_ref().err();
        if let Some(until) = self.hold_if_throttled(error, now) {
            // Were it the first to ask again after the silence, a list that alone is throttled would
            // leave the polls no turn.
            self.listing.put_off(until + self.fit.list_interval);
        }
        drop(pace);
        self.ledger.trouble(None, error.map(Error::class));
        self.log.listed(&mut self.list_told, error, &misreads);
        for misread in &misreads {
            self.own.decode_error(misread.field, misread.fault.as_str());
        }
        self.demand.list_pages = self.listing.pages();
        let patience = self.patience();
        let why = if outcome.is_ok() {
            "the list of jobs has changed"
        } else {
            "the list of jobs is refused: those that are named are divided by their ids"
        };
        self.turn_over(&turnover, why);
        if let Ok(listed) = &outcome {
            for (&index, job) in &mut self.jobs {
                let newest = listed.jobs.get(&job.id);
                if newest.is_none() && !listed.complete {
                    continue;
                }
                if job.listed(newest, asked, now) == Hint::Changed {
                    job.due = Some(now);
                    match job.standing {
                        Standing::Good => self.lanes.put_first(now, index),
                        Standing::Failing => self.lanes.wait_until(now, index),
                    }
                }
                reclassify(job, &mut self.demand, patience, now);
            }
        }
        self.fit_budget();
    }

    pub(super) fn finish_quotas(&mut self, report: QuotaReport) {
        let QuotaReport { outcome, pace } = report;
        self.hold_if_throttled(outcome.as_ref().err(), Instant::now());
        drop(pace);
        let interval = self.quotas.take(&self.name, &outcome);
        self.demand.quotas = self.quotas.demand();
        self.fit_budget();
        let reading = outcome.ok().flatten();
        for misread in reading.iter().flat_map(|reading| &reading.misreads) {
            self.own.decode_error(misread.field, misread.fault.as_str());
        }
        self.ledger.quotas(reading.map(|reading| reading.content), interval);
    }

    /// Whoever is told to wait holds the whole project: the gateway counts all its requests together.
    /// Returns until when.
    fn hold_if_throttled(&self, error: Option<&Error>, now: Instant) -> Option<Instant> {
        let Some(Error::Throttled { retry_after, .. }) = error else { return None };
        let until = now + retry_after.unwrap_or(THROTTLED_HOLD).min(LONGEST_HOLD);
        self.budget.hold_until(until);
        Some(until)
    }

    fn count(&mut self, landed: &Landed) {
        let report = &landed.report;
        let result = match report.outcome {
            Polled::Success => PollResult::Success,
            Polled::Partial => PollResult::Partial,
            Polled::Failed | Polled::Gone => PollResult::Failed,
        };
        self.own.polled(result, landed.lasted.as_secs_f64());
        // Whoever was asking is gone and could not count it.
        if let (true, Some(error)) = (landed.was_lost, &report.error) {
            self.own.api_error(Operation::Versions, error.reason());
        }
        for misread in &report.misreads {
            self.own.decode_error(misread.field, misread.fault.as_str());
        }
        let plain = landed.pace.sent().saturating_sub(report.details);
        if report.brought()
            && plain > 0
            && let Some(job) = self.jobs.get_mut(&landed.job)
        {
            self.demand.remove(job.class, job.requests);
            job.requests = Some(plain);
            self.demand.add(job.class, job.requests);
        }
    }

    pub(super) fn classify(&mut self, index: Index, now: Instant) {
        let patience = self.patience();
        if let Some(job) = self.jobs.get_mut(&index) {
            reclassify(job, &mut self.demand, patience, now);
        }
    }

    /// Stretches every interval evenly where the budget cannot hold it.
    pub(super) fn fit_budget(&mut self) {
        let fit = Fit::new(&self.settings, &self.demand);
        let interval = class_interval(&self.settings, Class::Runs).mul_f64(fit.stretch);
        match self.shortage.take(&fit, &self.settings, &self.demand) {
            Some(Turn::Begins) => warn!(
                project = &*self.name,
                jobs = self.jobs.len(),
                requests_per_minute = self.settings.requests_per_minute,
                interval = ?interval,
                "the request budget is too small for the interval, which is stretched; raise poll.requests_per_minute or poll.interval"
            ),
            Some(Turn::Ends) => {
                info!(project = &*self.name, "the request budget suffices for the interval again");
            }
            None => {}
        }
        if fit == self.fit && self.interval_is_shown {
            return;
        }
        self.fit = fit;
        self.interval_is_shown = true;
        self.own.poll_interval(interval.as_secs_f64());
        if (fit.stretch / self.told_stretch - 1.0).abs() > STRETCH_STEP {
            self.told_stretch = fit.stretch;
            self.tell_intervals();
        }
    }

    /// Has the ledger know how often lists come.
    pub(super) fn tell_list_interval(&mut self) {
        let interval = self.list_interval();
        let stretch = interval.div_duration_f64(self.told_list_interval);
        if (stretch - 1.0).abs() > STRETCH_STEP {
            self.told_list_interval = interval;
            self.own.list_interval(interval.as_secs_f64());
            self.ledger.list_interval(interval);
        }
    }

    /// What was planned with another stretch is planned anew: a job that is due in an hour may have
    /// its turn in minutes now. None is put off for it.
    fn tell_intervals(&mut self) {
        for (&index, job) in &mut self.jobs {
            let interval = class_interval(&self.settings, job.class).mul_f64(self.fit.stretch);
            self.ledger.interval(&job.id, interval);
            if job.class != Class::Rests
                && let Some(due) = job.bring_forward(interval)
            {
                self.lanes.wait_until(due, index);
            }
        }
    }
}

/// Counts a job as what it is now.
fn reclassify(job: &mut Job, demand: &mut Demand, patience: Duration, now: Instant) {
    let class = job.class(patience, now);
    demand.remove(std::mem::replace(&mut job.class, class), job.requests);
    demand.add(class, job.requests);
}
