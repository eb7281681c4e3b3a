//! Behaviour from outside.

mod configuration;
