//! The v2 training API: jobs with UUIDs, phases and tasks.

mod events;
mod flavor;
mod fleet;
mod job;
mod life;
mod oddity;
mod order;
mod phase;
mod runs;
mod search;
mod service;
mod story;
mod truth;
mod usage;
mod wire;

pub(super) use self::{
    fleet::fleet,
    job::Job,
    order::{JobOrder, Ordered, PhaseOrder},
    service::{Call, Service},
    truth::TrueJob,
};
