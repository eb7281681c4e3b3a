//! Behaviour from outside.

mod simulator;
