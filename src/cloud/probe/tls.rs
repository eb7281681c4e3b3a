use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;
use tokio_rustls::TlsConnector;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{ASN1Time, FromDer as _, X509Certificate};

use super::{Certificate, Distrust, Handshake, Obstacle, Stream};
use crate::cloud::Tls;

/// Certificates of a chain that are kept; a server sends two or three.
const LONGEST_CHAIN: usize = 10;

/// Names of a certificate that are shown; some of large sites have hundreds.
const MOST_NAMES: usize = 10;

/// Shakes hands to the end, whatever the certificate, and hands the connection out. It must not be used
/// where the handshake tells of distrust.
pub(super) async fn shake_hands(
    stream: Stream,
    name: ServerName<'static>,
    trust: &Tls,
) -> Result<(Handshake, Stream), Obstacle> {
    let provider = Arc::new(ring::default_provider());
    let witness = Arc::new(Witness::new(trust, &provider).map_err(Obstacle::Roots)?);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Obstacle::Roots)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&witness) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    config.alpn_protocols.push(b"http/1.1".to_vec());
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connector
        .connect(name, stream)
        .await
        .map_err(|error| Obstacle::Handshake(Arc::new(error)))?;
    let version = stream.get_ref().1.protocol_version();
    let version = version.and_then(|version| version.as_str()).unwrap_or_default();
    let version = version.replace("TLSv1_", "TLSv1.");
    let (chain, distrust) = witness.testimony();
    Ok((Handshake { version, chain, distrust }, Box::new(stream)))
}

/// Sees what the client's own verifier says, writes it down, and lets the handshake go on.
#[derive(Debug)]
struct Witness {
    verifier: Verifier,
    testimony: Mutex<(Vec<Certificate>, Option<Distrust>)>,
}

impl Witness {
    /// With the roots the client trusts: the system's and those of `ca_file`.
    fn new(trust: &Tls, provider: &Arc<CryptoProvider>) -> Result<Self, Error> {
        let pem = trust.ca_pem.as_deref().unwrap_or_default();
        // The configuration has read it before.
        let extra = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok);
        let verifier = Verifier::new_with_extra_roots(extra, Arc::clone(provider))?;
        Ok(Self { verifier, testimony: Mutex::default() })
    }

    fn testimony(&self) -> (Vec<Certificate>, Option<Distrust>) {
        self.testimony.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = std::iter::once(end_entity).chain(intermediates).take(LONGEST_CHAIN);
        let chain = chain.filter_map(describe).collect();
        let verdict = self.verifier.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        let distrust = verdict.err().map(|error| distrust(error, end_entity, server_name));
        *self.testimony.lock().unwrap_or_else(PoisonError::into_inner) = (chain, distrust);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

fn distrust(error: Error, certificate: &CertificateDer<'_>, asked: &ServerName<'_>) -> Distrust {
    use CertificateError as Why;
    let Error::InvalidCertificate(why) = error else { return Distrust::Other(error.to_string()) };
    match why {
        // The name is the last check, which this one comes before.
        Why::UnknownIssuer => {
            let parsed = ParsedCertificate::try_from(certificate);
            let name_fits = parsed.is_ok_and(|parsed| verify_server_name(&parsed, asked).is_ok());
            Distrust::UnknownIssuer { name_fits }
        }
        Why::Expired | Why::ExpiredContext { .. } => Distrust::Expired,
        Why::NotValidYet | Why::NotValidYetContext { .. } => Distrust::NotYetValid,
        Why::NotValidForName | Why::NotValidForNameContext { .. } => {
            Distrust::WrongName { names: names(certificate) }
        }
        // The verifier has no word of its own for it.
        Why::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => Distrust::Authority,
        other => Distrust::Other(printable(&other.to_string())),
    }
}

/// A certificate that cannot be read says nothing to anybody.
fn describe(certificate: &CertificateDer<'_>) -> Option<Certificate> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let at = |time: &ASN1Time| Timestamp::from_second(time.timestamp()).ok();
    Some(Certificate {
        subject: printable(&certificate.subject().to_string()),
        issuer: printable(&certificate.issuer().to_string()),
        begins: at(&certificate.validity().not_before)?,
        ends: at(&certificate.validity().not_after)?,
    })
}

/// The hosts a certificate is for.
fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let parsed = X509Certificate::from_der(certificate).ok();
    let names = parsed.as_ref().and_then(|(_, parsed)| parsed.subject_alternative_name().ok()?);
    let names = names.map_or(&[][..], |names| &names.value.general_names);
    let text = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(printable(name)),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => Some(IpAddr::from(<[u8; 4]>::try_from(*bytes).ok()?).to_string()),
            _ => Some(IpAddr::from(<[u8; 16]>::try_from(*bytes).ok()?).to_string()),
        },
        _ => None,
    };
    names.iter().filter_map(text).take(MOST_NAMES).collect()
}

/// What stands in a certificate is anybody's text, and goes to a terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}
