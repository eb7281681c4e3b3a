use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};

/// Who issues certificates, made for one test.
#[derive(Debug)]
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key, as PEM.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = params(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Its own certificate.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate that carries these names.
    pub(crate) fn issue(&self, names: &[SanType]) -> Identity {
        self.issue_as(&params("issued", names))
    }

    /// A certificate whose time is over.
    pub(crate) fn issue_expired(&self) -> Identity {
        let mut params = params("expired", &[]);
        params.not_after = rcgen::date_time_ymd(2001, 1, 1);
        self.issue_as(&params)
    }

    /// For a server on loopback.
    pub(crate) fn issue_server(&self) -> Identity {
        self.issue(&[SanType::IpAddress([127, 0, 0, 1].into()), dns("localhost")])
    }

    /// For a server on loopback, until this day begins.
    pub(crate) fn issue_server_until(&self, year: i32, month: u8, day: u8) -> Identity {
        let mut params = params("ending", &[dns("localhost")]);
        params.not_after = rcgen::date_time_ymd(year, month, day);
        self.issue_as(&params)
    }

    fn issue_as(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        Identity { certificate, key: key.serialize_pem() }
    }
}

impl Identity {
    /// One that nobody issued, and that calls itself an authority, as `openssl req -x509` makes it.
    pub(crate) fn self_made() -> Self {
        let mut params = params("self-made", &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate").pem();
        Self { certificate, key: key.serialize_pem() }
    }

    /// Writes `NAME.pem` and `NAME.key`, and says where.
    pub(crate) fn write(&self, folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let (certificate, key) =
            (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
        std::fs::write(&certificate, &self.certificate).expect("can be written");
        std::fs::write(&key, &self.key).expect("can be written");
        (certificate, key)
    }
}

/// A DNS name of a certificate.
pub(crate) fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().expect("a name in ASCII"))
}

fn params(name: &str, names: &[SanType]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.subject_alt_names = names.to_vec();
    params
}
