use std::collections::BTreeSet;
use std::path::PathBuf;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion, version};
use secrecy::zeroize::Zeroizing;

use super::files::Files;
use super::sheet::Sheet;
use super::words::{self, CURVES, SUITES, VERSIONS, Words, choose, meaning};
use crate::config::mistake::Refusal;
use crate::config::project::about_file;
use crate::server::{ClientTrust, Clients, Tls, TlsMistake, TlsSettings};

/// The ways to treat clients, in the toolkit's words: whether a certificate is asked for, required
/// and verified. The last one is the old name of the one before it.
const POLICIES: [(&str, Policy); 6] = [
    ("NoClientCert", None),
    ("RequestClientCert", Some(Asked { required: false, verified: false })),
    ("VerifyClientCertIfGiven", Some(Asked { required: false, verified: true })),
    ("RequireAndVerifyClientCert", Some(Asked { required: true, verified: true })),
    ("RequireAnyClientCert", Some(Asked { required: true, verified: false })),
    ("RequireClientCert", Some(Asked { required: true, verified: false })),
];

type Policy = Option<Asked>;

#[derive(Clone, Copy, Debug)]
struct Asked {
    required: bool,
    verified: bool,
}

/// What is wrong stands in the report.
struct Reported;

const NOT_A_CERTIFICATE: &str = "holds no PEM certificate";

/// Reads `tls_server_config`.
pub(super) struct Builder<'a, 'b> {
    pub(super) sheet: &'a mut Sheet<'b>,
    pub(super) files: &'a mut Files,
    /// What paths are relative to.
    pub(super) folder: PathBuf,
    pub(super) http2: bool,
}

impl Builder<'_, '_> {
    /// `None`: there is no TLS, or a mistake in it.
    pub(super) fn build(mut self) -> Option<Tls> {
        if !self.sheet.is_set("tls_server_config") {
            return None;
        }
        let certificates = self.certificates("cert");
        self.require("cert");
        let key = self.key();
        self.require("key");
        let clients = self.clients();
        let versions = self.versions();
        let suites = self.words("cipher_suites", SUITES, "a cipher suite of Go");
        let curves = self.words("curve_preferences", CURVES, "a curve of Go");
        let prefer_our_order = self.sheet.bool(&key_of("prefer_server_cipher_suites"));
        if let (Some(versions), Some(suites)) = (&versions, &suites) {
            self.check_suites(versions, suites);
        }
        let settings = TlsSettings {
            certificates: certificates?,
            key: key?,
            clients: clients.ok()?,
            versions: versions?,
            suites: suites?.into_iter().filter(|suite| suite.tls13().is_none()).collect(),
            prefer_our_order: prefer_our_order.unwrap_or(true),
            curves: curves?,
            http2: self.http2,
        };
        Tls::new(settings).map_err(|mistake| self.refuse_tls(&mistake)).ok()
    }

    fn refuse_tls(&mut self, mistake: &TlsMistake) {
        let name = match mistake {
            TlsMistake::Mismatch | TlsMistake::Key(_) => self.spelling("key"),
            TlsMistake::Certificate(_) => self.spelling("cert"),
            TlsMistake::ClientAuthority(_) => self.spelling("client_ca"),
            TlsMistake::Versions(_) => key_of("cipher_suites"),
        };
        let reason = match mistake {
            TlsMistake::Mismatch => "is not the key of the certificate",
            TlsMistake::Key(_) => "is not a key that can be used",
            TlsMistake::Certificate(_) | TlsMistake::ClientAuthority(_) => {
                "holds a certificate that cannot be read"
            }
            TlsMistake::Versions(_) => "fits none of the versions",
        };
        self.sheet.refuse(&name, Refusal::new(reason, ""));
    }

    /// The key that says it: the one with the text, or the one with the file.
    fn spelling(&self, name: &str) -> String {
        let (inline, file) = (key_of(name), key_of(&format!("{name}_file")));
        if self.sheet.is_set(&inline) { inline } else { file }
    }

    fn require(&mut self, name: &str) {
        let key = self.spelling(name);
        if !self.sheet.is_set(&key) {
            let remedy = format!("set it, or {name}");
            self.sheet.refuse(&key, Refusal::new("is missing", remedy));
        }
    }

    /// What stands in a key or in the file that its twin names, and what to call it in a message.
    fn pem(&mut self, name: &str) -> Option<(Zeroizing<Vec<u8>>, PathBuf)> {
        let (inline, file) = (key_of(name), key_of(&format!("{name}_file")));
        let text = self.sheet.text(&inline);
        let path = self.sheet.text(&file);
        if text.is_some() && path.is_some() {
            let refusal = Refusal::new(format!("is set beside {name}"), "keep one of them");
            self.sheet.refuse(&file, refusal);
            return None;
        }
        if let Some(text) = text {
            return Some((Zeroizing::new(text.into_bytes()), PathBuf::new()));
        }
        let path = self.folder.join(path?);
        match self.files.read(&path) {
            Ok(content) => Some((content, path)),
            Err(refusal) => {
                self.sheet.refuse(&file, about_file(&path, refusal));
                None
            }
        }
    }

    fn refuse_pem(&mut self, name: &str, path: &std::path::Path, reason: &str) {
        let refusal = Refusal::new(reason, "");
        let refusal = if path.as_os_str().is_empty() { refusal } else { about_file(path, refusal) };
        let key = self.spelling(name);
        self.sheet.refuse(&key, refusal);
    }

    fn certificates(&mut self, name: &str) -> Option<Vec<CertificateDer<'static>>> {
        let (pem, path) = self.pem(name)?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        match certificates {
            Ok(certificates) if !certificates.is_empty() => Some(certificates),
            _ => {
                self.refuse_pem(name, &path, NOT_A_CERTIFICATE);
                None
            }
        }
    }

    fn key(&mut self) -> Option<PrivateKeyDer<'static>> {
        let (pem, path) = self.pem("key")?;
        let key = PrivateKeyDer::from_pem_slice(&pem);
        if key.is_err() {
            let is_locked = pem.windows(9).any(|window| window == b"ENCRYPTED");
            let reason =
                if is_locked { "holds a key under a passphrase" } else { "holds no PEM key" };
            self.refuse_pem("key", &path, reason);
        }
        key.ok()
    }

    /// `None`: clients are not asked for certificates.
    fn clients(&mut self) -> Result<Option<Clients>, Reported> {
        const TYPE: &str = "client_auth_type";
        const NAMES: &str = "client_allowed_sans";
        let word = self.sheet.text(&key_of(TYPE)).unwrap_or_else(|| "NoClientCert".to_owned());
        let policy = POLICIES.iter().find(|(known, _)| *known == word).map(|(_, policy)| *policy);
        let authorities = self.certificates("client_ca");
        let names = self.sheet.list(&key_of(NAMES));
        let has_names = self.sheet.is_set(&key_of(NAMES));
        let has_authorities = self.sheet.is_set(&self.spelling("client_ca"));
        let Some(policy) = policy else {
            let remedy = choose(POLICIES.iter().map(|(word, _)| *word).take(5));
            self.sheet.refuse(&key_of(TYPE), Refusal::new("is not a word this key knows", remedy));
            return Err(Reported);
        };
        let Some(asked) = policy else {
            for name in [self.spelling("client_ca"), key_of(NAMES)] {
                if self.sheet.is_set(&name) && !self.sheet.is_refused(&name) {
                    let reason = format!("is set, but {TYPE} asks for no certificate");
                    let remedy = format!("set {TYPE} to RequireAndVerifyClientCert");
                    self.sheet.refuse(&name, Refusal::new(reason, remedy));
                }
            }
            return Ok(None);
        };
        if asked.verified && !has_authorities {
            let key = self.spelling("client_ca");
            if asked.required {
                let reason = "is missing: no client certificate could be verified";
                self.sheet.refuse(&key, Refusal::new(reason, "name who issues them"));
            } else {
                self.sheet.warn(&key, "is missing: no client certificate can be verified");
            }
        }
        if !asked.verified {
            let reason = "client certificates are not verified: anyone can make one";
            self.sheet.warn(&key_of(TYPE), reason);
        }
        if has_authorities && authorities.is_none() {
            return Err(Reported);
        }
        let trust = if asked.verified {
            ClientTrust::IssuedBy(authorities.unwrap_or_default())
        } else {
            ClientTrust::Anybody
        };
        let allowed_names = has_names.then(|| names.into_iter().collect::<BTreeSet<_>>());
        Ok(Some(Clients { required: asked.required, trust, allowed_names }))
    }

    fn versions(&mut self) -> Option<Vec<&'static SupportedProtocolVersion>> {
        let least = self.version("min_version", &version::TLS12);
        let most = self.version("max_version", &version::TLS13);
        let (least, most) = (u16::from(least?.version), u16::from(most?.version));
        if least > most {
            let refusal = Refusal::new("is above max_version", "");
            self.sheet.refuse(&key_of("min_version"), refusal);
            return None;
        }
        let is_spoken = |version: &&'static SupportedProtocolVersion| {
            (least..=most).contains(&u16::from(version.version))
        };
        Some([&version::TLS13, &version::TLS12].into_iter().filter(is_spoken).collect())
    }

    fn version(
        &mut self,
        name: &str,
        default: &'static SupportedProtocolVersion,
    ) -> Option<&'static SupportedProtocolVersion> {
        let key = key_of(name);
        let word = self.sheet.text(&key);
        if self.sheet.is_refused(&key) {
            return None;
        }
        let Some(word) = word else { return Some(default) };
        let version = meaning(VERSIONS, "a TLS version", &word);
        version.map_err(|refusal| self.sheet.refuse(&key, refusal)).ok()
    }

    fn words<T: Copy>(&mut self, name: &str, known: Words<T>, what: &str) -> Option<Vec<T>> {
        let key = key_of(name);
        let words = self.sheet.list(&key);
        let mut meanings = Vec::with_capacity(words.len());
        for (index, word) in words.iter().enumerate() {
            match meaning(known, what, word) {
                Ok(meaning) => meanings.push(meaning),
                Err(refusal) => self.sheet.refuse(&format!("{key}[{index}]"), refusal),
            }
        }
        (meanings.len() == words.len() && !self.sheet.is_refused(&key)).then_some(meanings)
    }

    /// What Go refuses too: a choice of suites that leaves TLS 1.2, or HTTP/2 over it, without one.
    fn check_suites(
        &mut self,
        versions: &[&'static SupportedProtocolVersion],
        suites: &[SupportedCipherSuite],
    ) {
        let of_tls12: Vec<_> = suites.iter().filter(|suite| suite.tls13().is_none()).collect();
        let speaks_tls12 = versions.contains(&&version::TLS12);
        if suites.is_empty() || !speaks_tls12 {
            return;
        }
        if of_tls12.is_empty() {
            let remedy = "add one, or set min_version to TLS13";
            let refusal = Refusal::new("has no suite of TLS 1.2, which is spoken", remedy);
            self.sheet.refuse(&key_of("cipher_suites"), refusal);
        } else if self.http2 && !of_tls12.iter().any(|suite| words::is_for_http2(suite)) {
            let reason = "has none of the suites that HTTP/2 requires of everybody";
            let remedy = "add TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 or its ECDSA twin, or set http_server_config.http2 to false";
            self.sheet.refuse(&key_of("cipher_suites"), Refusal::new(reason, remedy));
        }
    }
}

fn key_of(name: &str) -> String {
    format!("tls_server_config.{name}")
}
