//! Hand it over: listeners, routes, pages.
//!
//! ```text
//! GET /metrics     the exposition (the path is configurable)
//! GET /            the status page: every job, as the query asks for them
//! GET /jobs/{project}/{job_id}   the same for one job
//! GET /style.css   what these pages look like; /icon.svg
//! GET /-/healthy   200 while the process lives
//! GET /-/ready     200 once there is something worth scraping, 503 before and during stop
//! GET /config      the configuration in use, without secrets
//! POST /-/reload   reads the configuration again; PUT does the same
//! ```
//!
//! HEAD works wherever GET does. Whoever watches over our health passes beside users, certificates and limits. What is sent is prepared elsewhere: no request waits for the cloud.

mod accept;
mod access;
mod bind;
mod connection;
mod connections;
mod content;
mod heard;
mod operations;
mod routes;
mod settings;
mod status;
mod turns;

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::{exposition, own};

pub use accept::{Stopped, serve};
pub use access::{
    Access, ClientTrust, Clients, ExtraHeaders, HashMistake, HeaderMistake, PasswordHash,
    RateLimit, Tls, TlsMistake, TlsSettings, Users,
};
pub use bind::{AdoptError, BindError, Listeners, bind};
pub use operations::ReloadRequest;
pub use settings::{ListenAddress, Settings};
pub use status::{Facts, Requests, Sight};

/// What is served.
pub struct Site {
    /// Where and how.
    pub settings: Settings,
    /// Gives the exposition.
    pub reader: exposition::Reader,
    /// Where the status page looks.
    pub sight: Arc<dyn Sight>,
    /// Counts the requests.
    pub own: own::Metrics,
    /// Who may ask, and over what; looked at for each handshake and each request.
    pub access: watch::Receiver<Arc<Access>>,
    /// True once there is something worth scraping.
    pub ready: watch::Receiver<bool>,
    /// The configuration in use, as it may be shown.
    pub configuration: watch::Receiver<Arc<str>>,
    /// Where to ask for it to be read again.
    pub reload: mpsc::Sender<ReloadRequest>,
}
