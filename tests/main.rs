//! Behaviour from outside.

mod configuration;
mod exposition;
mod harness;
mod parser;
mod peers;
mod serving;
mod simulator;
