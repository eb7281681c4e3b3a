//! Behaviour from outside.

mod configuration;
mod harness;
mod peers;
mod simulator;
