//! The jobs of a project in one of the APIs: those that there are, and how those ended that are gone.

use std::collections::BTreeMap;

use super::{
    account::{Account, Outcome},
    churn::{Arrival, Churn},
    settings::Settings,
};

/// What both APIs' jobs have in common.
pub(super) trait Live: Sized {
    /// What it is known by.
    type Id: Copy + Ord;

    /// The one that appears where jobs come and go, and when it has ended for the last time.
    fn arriving(arrival: Arrival, number: u64, seed: u64) -> (Self, i64);

    fn id(&self) -> Self::Id;

    fn name(&self) -> &str;

    /// How its runs ended that have ended by now; a run that ended twice ended as it did first.
    fn outcomes(&self, now: i64) -> impl Iterator<Item = Outcome>;

    /// Makes what is to follow by now. Cheap when nothing is.
    fn catch_up(jobs: &mut BTreeMap<Self::Id, Self>, now: i64);
}

/// The jobs of a project in one API.
#[derive(Debug)]
pub(super) struct Jobs<J: Live> {
    pub(super) all: BTreeMap<J::Id, J>,
    /// Of the next one that appears or is ordered.
    number: u64,
    seed: u64,
    /// Where jobs come and go by themselves.
    churn: Option<Churn<J::Id>>,
    /// The ends of those that are gone.
    past: Account,
}

impl<J: Live> Jobs<J> {
    /// These, with the numbers from `first` on, and those that come.
    pub(super) fn new(jobs: Vec<J>, first: u64, settings: &Settings, now: i64) -> Self {
        Self {
            number: first + jobs.len() as u64,
            all: jobs.into_iter().map(|job| (job.id(), job)).collect(),
            seed: settings.seed,
            churn: Churn::new(settings, now),
            past: Account::default(),
        }
    }

    /// A number that no job has had.
    pub(super) fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number - 1
    }

    /// Jobs appear and vanish. Cheap when none does.
    pub(super) fn turn_over(&mut self, now: i64) {
        let Some(mut churn) = self.churn.take() else { return };
        while let Some(arrival) = churn.arrival(now) {
            let number = self.next_number();
            let (job, end) = J::arriving(arrival, number, self.seed);
            churn.leaves(job.id(), number, end);
            self.all.insert(job.id(), job);
        }
        while let Some(id) = churn.vanished(now) {
            self.remove(id, now);
        }
        self.churn = Some(churn);
    }

    /// Jobs appear and vanish, and those that there are get what follows by now.
    pub(super) fn catch_up(&mut self, now: i64) {
        self.turn_over(now);
        J::catch_up(&mut self.all, now);
    }

    /// Takes one away; `false` where there is none.
    pub(super) fn remove(&mut self, id: J::Id, now: i64) -> bool {
        let gone = self.all.remove(&id);
        gone.inspect(|job| self.past.add(job, now)).is_some()
    }

    /// How all runs ended that have ended by now.
    pub(super) fn account(&self, now: i64) -> Account {
        let mut account = self.past.clone();
        self.all.values().for_each(|job| account.add(job, now));
        account
    }
}
