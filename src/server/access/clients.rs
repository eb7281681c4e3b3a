use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{ASN1Time, FromDer as _, X509Certificate};

/// Which client certificates are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clients {
    /// Whether a request without one is turned away. The handshake goes through in any case, because
    /// those who watch over our health have none.
    pub required: bool,
    /// Whose are good.
    pub trust: ClientTrust,
    /// Of which a certificate has to carry one as its DNS, IP, e-mail or URI name; `None` is any.
    pub allowed_names: Option<BTreeSet<String>>,
}

/// Whose client certificates are good. Whoever shows one proves in any case that it is theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientTrust {
    /// Anybody's.
    Anybody,
    /// Those that one of these has issued, and these themselves. Without any, none is good.
    IssuedBy(Vec<CertificateDer<'static>>),
}

/// Looks at the certificate of a client during the handshake.
#[derive(Debug)]
pub(super) struct Doorman {
    clients: Clients,
    /// Checks chains, dates and purposes, where there is somebody to trust.
    chains: Option<Arc<dyn ClientCertVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl Doorman {
    /// Fails when a certificate that is to be trusted cannot be read.
    pub(super) fn new(clients: Clients, provider: &Arc<CryptoProvider>) -> Result<Self, Error> {
        let mut roots = rustls::RootCertStore::empty();
        if let ClientTrust::IssuedBy(certificates) = &clients.trust {
            for certificate in certificates {
                roots.add(certificate.clone())?;
            }
        }
        let chains = if roots.is_empty() {
            None
        } else {
            let roots = Arc::new(roots);
            let builder = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
            Some(builder.build().map_err(|error| Error::General(error.to_string()))?)
        };
        Ok(Self { clients, chains, provider: Arc::clone(provider) })
    }

    fn check_issuer(
        &self,
        certificate: &CertificateDer<'_>,
        parsed: &X509Certificate<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let ClientTrust::IssuedBy(trusted) = &self.clients.trust else { return Ok(()) };
        let unknown = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let chains = self.chains.as_ref().ok_or(unknown)?;
        match chains.verify_client_cert(certificate, intermediates, now) {
            Ok(_) => Ok(()),
            // A certificate that is trusted itself needs no issuer. Those that clients make for
            // themselves call themselves authorities, which is no reason to send them away.
            Err(_) if trusted.iter().any(|known| known == certificate) => check_dates(parsed, now),
            Err(error) => Err(error),
        }
    }

    fn check_names(&self, parsed: &X509Certificate<'_>) -> Result<(), Error> {
        let Some(allowed) = &self.clients.allowed_names else { return Ok(()) };
        if names(parsed).iter().any(|name| allowed.contains(name)) {
            Ok(())
        } else {
            Err(Error::InvalidCertificate(CertificateError::NotValidForName))
        }
    }
}

fn check_dates(parsed: &X509Certificate<'_>, now: UnixTime) -> Result<(), Error> {
    let now = i64::try_from(now.as_secs()).ok().and_then(|now| ASN1Time::from_timestamp(now).ok());
    if now.is_some_and(|now| parsed.validity().is_valid_at(now)) {
        Ok(())
    } else {
        Err(Error::InvalidCertificate(CertificateError::Expired))
    }
}

/// The alternative names of a certificate, as text.
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let text = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) => {
            Some((*text).to_owned())
        }
        GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
        _ => None,
    };
    extension.value.general_names.iter().filter_map(text).collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

impl ClientCertVerifier for Doorman {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chains.as_ref().map_or(&[], |chains| chains.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let bad = || Error::InvalidCertificate(CertificateError::BadEncoding);
        let (rest, parsed) = X509Certificate::from_der(certificate).map_err(|_| bad())?;
        if !rest.is_empty() {
            return Err(bad());
        }
        self.check_issuer(certificate, &parsed, intermediates, now)?;
        self.check_names(&parsed)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
