//! How to ask: tokens, transport and the wire forms of the cloud's APIs. Hands out model values only.

mod settings;

pub use settings::{Auth, Password, Project, Secret, Tls};
