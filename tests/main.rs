//! Behaviour from outside.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod answers;
mod authentication;
mod budget;
mod configuration;
mod contradictions;
mod discovery;
mod doctor;
mod documents;
mod encodings;
mod estimate;
mod exposition;
mod faults;
mod first_scrape;
mod formats;
mod freshness;
mod golden;
mod hanging;
mod harness;
mod import_rules;
mod isolation;
mod lifecycle;
mod limits;
mod memory;
mod outcomes;
mod packaging;
mod parser;
mod peers;
mod protobuf;
mod quotas;
mod readme;
mod reload;
mod series;
mod serving;
mod shards;
mod simulator;
mod soak;
mod sockets;
mod status_page;
mod supervision;
mod views;
mod web_config;
