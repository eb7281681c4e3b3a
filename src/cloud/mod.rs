//! How to ask.
