//! The cloud as a model with HTTP on top, with its own JSON types.
//!
//! Read it in the order of the data: `Settings` say which scenario a fleet of jobs begins with, each
//! version and each job of v2 has a story that the clock moves through, its usage and quality follow from
//! seed and minute alone, the wire forms show it as the real service would, and faults spoil what goes out.
//! Who asks has a token of the identity service here, or keys to sign with, or is a server of the cloud.
//! `GET /-/simulator/jobs` says what is really so.

mod access;
mod account;
mod answer;
mod api;
mod body;
mod churn;
mod clock;
mod cloud;
mod control;
mod documents;
mod fault;
mod fleet;
mod http;
mod iam;
mod identity;
mod job;
mod job_id;
mod jobs;
mod keys;
mod life;
mod lock;
mod metadata;
mod oddity;
mod outgoing;
mod page;
mod quality;
mod quirk;
mod random;
mod refusal;
mod remote;
mod requests;
mod route;
mod rules;
mod server;
mod settings;
mod signature;
mod story;
mod truth;
mod usage;
mod v1;
mod v2;
mod wire;
mod world;

pub use fault::{Fault, Target};
pub use server::{BindError, Simulator, bind};
pub use settings::{
    FaultSpec, Metadata, Offsets, ProjectSpec, Scenario, Sessions, Settings, SpecError,
};

/// The speed at which the `demo` scenario's fates are decided within a real minute.
pub const DEMO_SPEED: f64 = 60.0;
