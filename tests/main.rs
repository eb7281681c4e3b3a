//! Behaviour from outside.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod answers;
mod authentication;
mod configuration;
mod exposition;
mod faults;
mod golden;
mod harness;
mod lifecycle;
mod memory;
mod parser;
mod peers;
mod serving;
mod simulator;
