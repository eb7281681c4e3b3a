use std::sync::Arc;

use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{
    Error, InconsistentKeys, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion,
};

use super::clients::{Clients, Doorman};

/// How connections are encrypted.
#[derive(Clone, Debug)]
pub struct Tls {
    config: Arc<ServerConfig>,
    requires_certificate: bool,
}

/// What [`Tls`] is made of.
#[derive(Debug)]
pub struct TlsSettings {
    /// Our certificate, and those between it and its root.
    pub certificates: Vec<CertificateDer<'static>>,
    /// The key of our certificate.
    pub key: PrivateKeyDer<'static>,
    /// Which client certificates are asked for; `None`: none.
    pub clients: Option<Clients>,
    /// The protocol versions that are spoken; at least one.
    pub versions: Vec<&'static SupportedProtocolVersion>,
    /// The cipher suites of TLS 1.2, in order; empty is every one there is. Those of TLS 1.3 are all
    /// good and are not chosen, as in Go.
    pub suites: Vec<SupportedCipherSuite>,
    /// Whether our order of suites counts, or the client's.
    pub prefer_our_order: bool,
    /// The curves of the key exchange, in order; empty is every one there is.
    pub curves: Vec<&'static dyn SupportedKxGroup>,
    /// Whether HTTP/2 is offered.
    pub http2: bool,
}

/// Why no TLS comes of these settings.
#[derive(Debug, thiserror::Error)]
pub enum TlsMistake {
    /// The key is another certificate's.
    #[error("certificate and key do not belong together")]
    Mismatch,
    /// The first certificate cannot be used.
    #[error("the certificate cannot be used")]
    Certificate(#[source] Error),
    /// The key is of a kind that we do not have.
    #[error("the key cannot be used")]
    Key(#[source] Error),
    /// A certificate that clients' certificates are checked against cannot be read.
    #[error("a client authority cannot be used")]
    ClientAuthority(#[source] Error),
    /// No suite is left for any of the versions.
    #[error("versions and suites do not fit together")]
    Versions(#[source] Error),
}

impl Tls {
    /// Puts the settings together, and proves that key and certificate belong together.
    pub fn new(settings: TlsSettings) -> Result<Self, TlsMistake> {
        let provider = Arc::new(provider(&settings));
        let requires_certificate = settings.clients.as_ref().is_some_and(|c| c.required);
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&settings.versions)
            .map_err(TlsMistake::Versions)?;
        let builder = match settings.clients {
            None => builder.with_no_client_auth(),
            Some(clients) => {
                let doorman = Doorman::new(clients, &provider);
                let doorman = doorman.map_err(TlsMistake::ClientAuthority)?;
                builder.with_client_cert_verifier(Arc::new(doorman))
            }
        };
        let mut config =
            builder.with_single_cert(settings.certificates, settings.key).map_err(|error| {
                match error {
                    Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsMistake::Mismatch,
                    Error::InvalidCertificate(_) | Error::NoCertificatesPresented => {
                        TlsMistake::Certificate(error)
                    }
                    error => TlsMistake::Key(error),
                }
            })?;
        config.ignore_client_order = settings.prefer_our_order;
        if settings.http2 {
            config.alpn_protocols.push(b"h2".to_vec());
        }
        config.alpn_protocols.push(b"http/1.1".to_vec());
        Ok(Self { config: Arc::new(config), requires_certificate })
    }

    /// What the next handshake is made with.
    pub(in crate::server) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// Whether a request without a client certificate is turned away.
    pub(super) fn requires_certificate(&self) -> bool {
        self.requires_certificate
    }
}

/// The same handshakes: made of the same reading of the same files.
impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.config, &other.config)
    }
}

fn provider(settings: &TlsSettings) -> CryptoProvider {
    let mut provider = ring::default_provider();
    if !settings.suites.is_empty() {
        provider.cipher_suites.retain(|suite| suite.tls13().is_some());
        provider.cipher_suites.extend(&settings.suites);
    }
    if !settings.curves.is_empty() {
        provider.kx_groups.clone_from(&settings.curves);
    }
    provider
}
