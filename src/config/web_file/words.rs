//! The words that Go has for what TLS can do, and what becomes of each here.

use rustls::crypto::SupportedKxGroup;
use rustls::crypto::ring::{cipher_suite as suite, kx_group};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion, version};

use crate::config::mistake::Refusal;

/// What a word stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Meaning<T> {
    Can(T),
    /// Go can, we cannot: the reason.
    Cannot(&'static str),
}

use Meaning::{Can, Cannot};

/// Words and their meanings.
pub(super) type Words<T> = &'static [(&'static str, Meaning<T>)];

const OLD: &str = "is not possible: it is older than TLS 1.2";
const WITHOUT_AEAD: &str = "is not possible: it is not an AEAD suite";
const WITHOUT_SECRECY: &str = "is not possible: it has no forward secrecy";

pub(super) const VERSIONS: Words<&'static SupportedProtocolVersion> = &[
    ("TLS13", Can(&version::TLS13)),
    ("TLS12", Can(&version::TLS12)),
    ("TLS11", Cannot(OLD)),
    ("TLS10", Cannot(OLD)),
];

pub(super) const CURVES: Words<&'static dyn SupportedKxGroup> = &[
    ("X25519", Can(kx_group::X25519)),
    ("CurveP256", Can(kx_group::SECP256R1)),
    ("CurveP384", Can(kx_group::SECP384R1)),
    ("CurveP521", Cannot("is not possible: our cryptography has no such curve")),
];

/// Suites of TLS 1.3 may be named and are always on.
pub(super) const SUITES: Words<SupportedCipherSuite> = &[
    (
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        Can(suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        Can(suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    ),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", Can(suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", Can(suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384)),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        Can(suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    ),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        Can(suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
    ),
    ("TLS_AES_128_GCM_SHA256", Can(suite::TLS13_AES_128_GCM_SHA256)),
    ("TLS_AES_256_GCM_SHA384", Can(suite::TLS13_AES_256_GCM_SHA384)),
    ("TLS_CHACHA20_POLY1305_SHA256", Can(suite::TLS13_CHACHA20_POLY1305_SHA256)),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", Cannot(WITHOUT_AEAD)),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", Cannot(WITHOUT_AEAD)),
    ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", Cannot(WITHOUT_AEAD)),
    ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", Cannot(WITHOUT_AEAD)),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", Cannot(WITHOUT_AEAD)),
    ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", Cannot(WITHOUT_AEAD)),
    ("TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", Cannot(WITHOUT_AEAD)),
    ("TLS_ECDHE_RSA_WITH_RC4_128_SHA", Cannot(WITHOUT_AEAD)),
    ("TLS_ECDHE_ECDSA_WITH_RC4_128_SHA", Cannot(WITHOUT_AEAD)),
    ("TLS_RSA_WITH_AES_128_GCM_SHA256", Cannot(WITHOUT_SECRECY)),
    ("TLS_RSA_WITH_AES_256_GCM_SHA384", Cannot(WITHOUT_SECRECY)),
    ("TLS_RSA_WITH_AES_128_CBC_SHA", Cannot(WITHOUT_SECRECY)),
    ("TLS_RSA_WITH_AES_256_CBC_SHA", Cannot(WITHOUT_SECRECY)),
    ("TLS_RSA_WITH_AES_128_CBC_SHA256", Cannot(WITHOUT_SECRECY)),
    ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", Cannot(WITHOUT_SECRECY)),
    ("TLS_RSA_WITH_RC4_128_SHA", Cannot(WITHOUT_SECRECY)),
];

/// What a word stands for. The refusal names the word only if it is one of Go's: anything else may be
/// a secret in the wrong place.
pub(super) fn meaning<T: Copy>(words: Words<T>, what: &str, word: &str) -> Result<T, Refusal> {
    let remedy = || {
        choose(
            words.iter().filter_map(|(word, meaning)| matches!(meaning, Can(_)).then_some(*word)),
        )
    };
    match words.iter().find(|(known, _)| *known == word) {
        Some((_, Can(meaning))) => Ok(*meaning),
        Some((known, Cannot(reason))) => Err(Refusal::new(format!("{known} {reason}"), remedy())),
        None => Err(Refusal::new(format!("is not {what}"), remedy())),
    }
}

/// A remedy that names what there is.
pub(super) fn choose<'a>(words: impl Iterator<Item = &'a str>) -> String {
    format!("choose from {}", words.collect::<Vec<_>>().join(", "))
}

/// Whether a suite is of the kind that every HTTP/2 client speaks over TLS 1.2.
pub(super) fn is_for_http2(suite: &SupportedCipherSuite) -> bool {
    [suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
        .contains(suite)
}
