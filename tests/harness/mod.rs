//! What the tests start and ask: real processes, ours and other people's, each on a port of its own.
//!
//! Everything waits on a state with a deadline and says, when it gives up, what it saw last. A process
//! that was started here ends here: its guard kills it when it goes out of scope.

pub(crate) mod account;
mod certificates;
mod cloud;
mod crowd;
pub(crate) mod freshness;
pub(crate) mod hanging;
mod http;
pub(crate) mod kills;
mod ours;
mod peer;
mod process;
pub(crate) mod prometheus;
mod raw;
mod relay;
mod scrape;
pub(crate) mod secrets;
pub(crate) mod shards;
pub(crate) mod siege;
pub(crate) mod soak;
mod socket;
mod supervisor;
pub(crate) mod turns;
mod wait;
mod webhook;

pub(crate) use certificates::{Authority, Identity, dns};
pub(crate) use cloud::{Cloud, ONE_POLL, QUICK, Setup, in_both};
pub(crate) use http::{Answer, Site};
pub(crate) use ours::{Daemon, Demo, Simulator, run, run_in, run_with_config};
pub(crate) use peer::{peer, repository};
pub(crate) use process::{Finished, Process};
pub(crate) use raw::Raw;
pub(crate) use relay::{Accident, Kind, Relay};
pub(crate) use scrape::Scrape;
pub(crate) use supervisor::Supervisor;
pub(crate) use wait::{PATIENCE, wait_for};
pub(crate) use webhook::Webhook;
