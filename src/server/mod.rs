//! Hand it over: listeners, routes, pages.

mod settings;

pub use settings::{ListenAddress, Settings};
