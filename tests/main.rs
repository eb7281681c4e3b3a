//! Behaviour from outside.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod exposition;
mod parser;
mod serving;
