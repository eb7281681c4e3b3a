//! What we know and for how long: the last answers, their freshness and retention.

mod settings;

pub use settings::Settings;
