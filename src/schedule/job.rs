use std::time::Duration;

use tokio::time::Instant;

use crate::model::{Activity, JobId, Outlook, Polled};
use crate::schedule::cadence::Cadence;
use crate::schedule::lanes::Standing;
use crate::schedule::poll::{Newest, News, Report};
use crate::schedule::stretch::{Class, Postponed};
use crate::schedule::trouble::Told;

/// One job, and what its polls and the list say about when to ask again.
pub(super) struct Job {
    pub(super) id: JobId,
    pub(super) cadence: Cadence,
    pub(super) standing: Standing,
    pub(super) told: Told,
    /// Its next poll may read own documents, although the budget is small.
    pub(super) details_granted: bool,
    /// As it is counted in the demand …
    pub(super) class: Class,
    /// … with so many requests a poll, details apart; `None`: not known yet.
    pub(super) requests: Option<usize>,
    /// Tasks that its next poll asks about last, in this order.
    pub(super) ask_last: Vec<String>,
    /// Its present place in the lanes; `None` while it is being polled.
    pub(super) due: Option<Instant>,
    /// When its last poll that is over began; `None` before the first one.
    pub(super) asked: Option<Instant>,
    /// Everything that was wanted came with the last poll.
    whole: bool,
    gone: bool,
    /// What the last list of versions said.
    news: Option<News>,
    /// What the newest list that shows the job says of it, and when that came.
    listed: Option<(Newest, Instant)>,
    /// What a list said for which the job was polled at once.
    doubted: Option<Newest>,
}

/// What follows from a list for one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    Nothing,
    /// Something changed: it is to be polled at once.
    Changed,
}

impl Job {
    pub(super) fn new(id: JobId, cadence: Cadence, due: Instant) -> Self {
        Self {
            id,
            cadence,
            standing: Standing::Good,
            told: Told::default(),
            details_granted: false,
            class: Class::Runs,
            requests: None,
            ask_last: Vec::new(),
            due: Some(due),
            asked: None,
            whole: false,
            gone: false,
            news: None,
            listed: None,
            doubted: None,
        }
    }

    /// What a poll of it will ask, as the list tells it before the first one.
    pub(super) fn expect(&mut self, outlook: &Outlook) {
        self.news = Some(News::told(Newest::default(), outlook, 0));
        self.requests = Some(outlook.tasks.len().max(1));
    }

    /// Takes what a poll brought. One that brought nothing says nothing about the pace: a shorter
    /// interval would withdraw at once what a longer one keeps fresh. Returns whether it says how polls
    /// of the job fare: where something failed that is left for later, that stands until it was asked
    /// for again.
    pub(super) fn polled(&mut self, report: &Report, started: Instant) -> bool {
        let is_first = self.asked.is_none();
        self.asked = Some(started);
        let leaves = |news: &News| news.postponed.details > 0;
        if report.asked_nothing
            && !is_first
            && !self.whole
            && report.news.as_ref().is_some_and(leaves)
        {
            self.news.clone_from(&report.news);
            return false;
        }
        self.standing = if report.brought() { Standing::Good } else { Standing::Failing };
        self.whole = report.outcome == Polled::Success;
        self.gone = report.outcome == Polled::Gone;
        if let Some(news) = &report.news {
            self.news = Some(news.clone());
            // Of a poll that was cut off it is not known who would have answered.
            self.ask_last.clone_from(&report.ask_last);
        }
        true
    }

    /// Has it due an interval after its last poll, where that is earlier than planned; says when.
    pub(super) fn bring_forward(&mut self, interval: Duration) -> Option<Instant> {
        let (due, asked) = (self.due?, self.asked?);
        let earlier = Some(asked + interval).filter(|&earlier| earlier < due)?;
        self.cadence.bring_forward(earlier);
        self.due = Some(earlier);
        self.due
    }

    /// Has it due no earlier than `until`, on purpose: what falls due before that is not missed.
    pub(super) fn put_off(&mut self, until: Instant, interval: Duration) {
        self.cadence.leave_out_until(until, interval);
        self.due = Some(until);
    }

    /// Own documents of its versions may still have to be read.
    pub(super) fn wants_details(&self) -> bool {
        self.news.is_none() || self.is_postponed()
    }

    /// Details of it were left for later.
    pub(super) fn is_postponed(&self) -> bool {
        self.postponed().details > 0
    }

    /// What was left for later.
    pub(super) fn postponed(&self) -> Postponed {
        self.news.as_ref().map(|news| news.postponed).unwrap_or_default()
    }

    /// No further change is expected of it.
    pub(super) fn has_ended(&self) -> bool {
        self.news.as_ref().is_some_and(|news| news.activity == Activity::Ended)
    }

    /// Nothing is to be asked of it while lists show it as it is: it has ended, or they tell everything.
    pub(super) fn is_left_to_lists(&self) -> bool {
        self.has_ended() || self.news.as_ref().is_some_and(|news| news.is_told)
    }

    /// Until when it need not be asked about: it is left to the lists, everything that was wanted came,
    /// and lists that are at most `patience` old show it as it is.
    pub(super) fn rests_until(&self, patience: Duration) -> Option<Instant> {
        let (newest, came) = self.listed.as_ref()?;
        let news = self.news.as_ref()?;
        // Where it was taken for what a list before told, no later list could contradict it.
        let is_known = news.newest != Newest::default();
        let rests =
            self.is_left_to_lists() && self.whole && is_known && !newest.contradicts(&news.newest);
        rests.then(|| *came + patience)
    }

    /// How often it is to be asked about.
    pub(super) fn class(&self, patience: Duration, now: Instant) -> Class {
        if self.gone {
            return Class::Gone;
        }
        let rests = self.rests_until(patience).is_some_and(|until| until > now);
        // The first poll of what the list has told asks nothing either.
        let is_new = self.asked.is_none() && self.news.as_ref().is_some_and(|news| news.is_told);
        if rests || is_new {
            return Class::Rests;
        }
        match self.news.as_ref().map(|news| news.activity).unwrap_or_default() {
            Activity::Runs => Class::Runs,
            Activity::Waits | Activity::Ended => Class::Slow,
        }
    }

    /// What the newest list that shows it says of it.
    pub(super) fn newest_listed(&self) -> Newest {
        self.listed.as_ref().map(|(newest, _)| newest.clone()).unwrap_or_default()
    }

    /// Takes what a list that was asked for at `asked` and came at `came` says of the job; `None`: it is
    /// not in it, and the list is whole.
    pub(super) fn listed(
        &mut self,
        newest: Option<&Newest>,
        asked: Instant,
        came: Instant,
    ) -> Hint {
        let Some(newest) = newest else {
            self.doubted = None;
            let was_shown = self.listed.take().is_some();
            return self.hint(was_shown && !self.gone, asked);
        };
        self.listed = Some((newest.clone(), came));
        // Where both keep to what they say, another poll would not help either.
        let contradicts = match &self.news {
            _ if self.gone => true,
            Some(news) => newest.contradicts(&news.newest),
            None => false,
        };
        let says_new = contradicts && self.doubted.as_ref() != Some(newest);
        let hint = self.hint(says_new, asked);
        if hint == Hint::Changed {
            self.doubted = Some(newest.clone());
        }
        hint
    }

    /// A job that is being polled, or was after the list was asked for, has newer news.
    fn hint(&self, changed: bool, asked: Instant) -> Hint {
        let is_older = self.due.is_some() && self.asked.is_some_and(|at| at < asked);
        if changed && is_older { Hint::Changed } else { Hint::Nothing }
    }
}
