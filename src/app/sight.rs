use std::sync::Arc;

use crate::app::ledger::Book;
use crate::inventory::{Inventory, Moment};
use crate::model::Shard;
use crate::schedule::Spending;
use crate::server::{self, Facts, Requests};

/// What the status page may see.
pub(super) struct Sight {
    pub(super) book: Arc<Book>,
    pub(super) shard: Shard,
    /// Outcomes survive a restart.
    pub(super) has_state_file: bool,
}

impl server::Sight for Sight {
    fn look(&self, look: &mut dyn FnMut(&Inventory, Moment)) {
        self.book.look(look);
    }

    fn facts(&self) -> Facts {
        let requests = |Spending { requests_per_minute, last_minute, held_for }| Requests {
            per_minute: requests_per_minute,
            last_minute,
            held_for,
        };
        let spending = self.book.spending().into_iter();
        Facts {
            shard: self.shard,
            has_state_file: self.has_state_file,
            requests: spending.map(|(name, spending)| (name, requests(spending))).collect(),
        }
    }
}
