//! Behaviour from outside.

mod harness;
mod peers;
