//! Who may ask, over what: TLS, client certificates, users, a rate, and headers on every answer.
//!
//! Whoever builds an [`Access`] has read and checked what the operator wrote; nothing here reads a file
//! and nothing in it can be wrong. The server looks at the present one for each handshake and each
//! request, so a change needs no restart.

mod clients;
mod headers;
mod memory;
mod rate;
mod tls;
mod users;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;

pub use clients::{ClientTrust, Clients};
pub use headers::{ExtraHeaders, HeaderMistake};
pub use rate::RateLimit;
pub use tls::{Tls, TlsMistake, TlsSettings};
pub use users::{HashMistake, PasswordHash, Users};

/// What a client has to show, and what every answer carries.
#[derive(Debug, Default)]
pub struct Access {
    /// How connections are encrypted; without it they are not.
    pub tls: Option<Tls>,
    /// Who may ask; without users everybody may.
    pub users: Option<Arc<Users>>,
    /// How often may be asked.
    pub rate: Option<Arc<RateLimit>>,
    /// Added to every answer.
    pub headers: ExtraHeaders,
}

/// What is known about the other end of a connection.
#[derive(Debug)]
pub(super) struct Peer {
    /// Where it is.
    pub(super) address: IpAddr,
    /// What the connection was made with.
    pub(super) tls: Option<Tls>,
    /// It has shown a certificate, and the handshake found nothing wrong with it.
    pub(super) has_certificate: bool,
}

/// Why a request is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denial {
    /// Everybody together asks too often; after this long there is room again.
    TooOften(Duration),
    /// A client certificate is required and the connection came without one.
    NoCertificate,
    /// No user, an unknown one, or a wrong password: which of them is nobody's business.
    NoUser,
    /// Too many passwords wait to be checked.
    Busy,
}

impl Access {
    /// Takes over what an earlier access had learnt, as far as it still holds: passwords that were
    /// found right are not computed again because a certificate was renewed.
    #[must_use]
    pub fn following(mut self, earlier: &Self) -> Self {
        if self.users == earlier.users {
            self.users.clone_from(&earlier.users);
        }
        if self.rate == earlier.rate {
            self.rate.clone_from(&earlier.rate);
        }
        self
    }

    /// Whether a request with these headers may be answered. The cheap questions come first.
    pub(super) async fn admit(&self, headers: &HeaderMap, peer: &Peer) -> Result<(), Denial> {
        if let Some(rate) = &self.rate {
            rate.take().map_err(Denial::TooOften)?;
        }
        if self.tls.as_ref().is_some_and(Tls::requires_certificate) && !peer.has_certificate {
            return Err(Denial::NoCertificate);
        }
        match &self.users {
            Some(users) => users.admit(headers).await,
            None => Ok(()),
        }
    }
}
