//! The table of keys of the web configuration file, and the documentation that follows from it.

use std::fmt::Write as _;

/// The outermost keys.
pub(super) const SECTIONS: [&str; 4] =
    ["tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"];

struct WebKey {
    section: &'static str,
    /// Empty where the operator gives the names.
    name: &'static str,
    takes: &'static str,
    default: &'static str,
    doc: &'static str,
}

const fn key(
    section: &'static str,
    name: &'static str,
    takes: &'static str,
    default: &'static str,
    doc: &'static str,
) -> WebKey {
    WebKey { section, name, takes, default, doc }
}

const TLS: &str = "tls_server_config";
const HTTP: &str = "http_server_config";
const RATE: &str = "rate_limit";

const KEYS: &[WebKey] = &[
    key(TLS, "cert", "PEM", "none", "Our certificate, and those between it and its root."),
    key(TLS, "cert_file", "path", "required, or `cert`", "The same in a file."),
    key(TLS, "key", "PEM, never shown", "none", "The key of our certificate."),
    key(TLS, "key_file", "path", "required, or `key`", "The same in a file."),
    key(
        TLS,
        "client_auth_type",
        "word",
        "`NoClientCert`",
        "`NoClientCert`, `RequestClientCert`, `VerifyClientCertIfGiven`, `RequireAnyClientCert` or `RequireAndVerifyClientCert`; only the last one keeps strangers out.",
    ),
    key(TLS, "client_ca", "PEM", "none", "Who issues the certificates of clients."),
    key(TLS, "client_ca_file", "path", "none", "The same in a file."),
    key(
        TLS,
        "client_allowed_sans",
        "list of texts",
        "any",
        "A client certificate has to carry one of these as its DNS, IP, e-mail or URI name, to the letter.",
    ),
    key(
        TLS,
        "min_version",
        "word",
        "`TLS12`",
        "`TLS12` or `TLS13`. `TLS10` and `TLS11` are refused.",
    ),
    key(TLS, "max_version", "word", "`TLS13`", "`TLS12` or `TLS13`."),
    key(
        TLS,
        "cipher_suites",
        "list of words",
        "all of them",
        "The suites of TLS 1.2, in Go's words: `TLS_ECDHE_…` with `AES_128_GCM_SHA256`, `AES_256_GCM_SHA384` or `CHACHA20_POLY1305_SHA256`; others are refused. The suites of TLS 1.3 may be named and are always on, as in Go.",
    ),
    key(
        TLS,
        "prefer_server_cipher_suites",
        "`true` or `false`",
        "`true`",
        "Whether the order of `cipher_suites` counts, or the client's.",
    ),
    key(
        TLS,
        "curve_preferences",
        "list of words",
        "all of them",
        "`X25519`, `CurveP256`, `CurveP384`, in order. `CurveP521` is refused.",
    ),
    key(HTTP, "http2", "`true` or `false`", "`true`", "Offer HTTP/2; it is spoken over TLS only."),
    key(
        HTTP,
        "headers",
        "table of texts",
        "none",
        "Added to every answer: `Content-Security-Policy`, `Strict-Transport-Security`, `X-Content-Type-Options` (`nosniff`), `X-Frame-Options` (`deny`, `sameorigin`), `X-XSS-Protection`. An empty text leaves the header out.",
    ),
    key(
        "basic_auth_users",
        "",
        "table of bcrypt hashes, never shown",
        "everybody",
        "Names, and the hashes of their passwords.",
    ),
    key(
        RATE,
        "interval",
        "duration, up to 1h",
        "`0`",
        "One request each interval, of everybody together; 0 is no limit.",
    ),
    key(RATE, "burst", "number", "required with `interval`", "How many requests may come at once."),
];

/// The names that may stand in a section; none where the operator gives them.
pub(super) fn names_in(section: &str) -> Vec<&'static str> {
    KEYS.iter()
        .filter(|key| key.section == section && !key.name.is_empty())
        .map(|key| key.name)
        .collect()
}

const HEAD: &str = "
## The web configuration file

`web.config_file` names a YAML file with the keys of Prometheus' exporter-toolkit;
`config/web.example.yml` is one to copy. Paths in it are relative to it. It is checked like this file:
unknown keys, files that are missing, a key that is not the certificate's and a bad hash are mistakes,
all reported at once.

The file and every file that it names are looked at every 5 seconds, and what they say counts from the
next handshake and the next request on; connections that are open end after the answer they are sending.
While there is a mistake in them the last good content stays in
use, and the log says once what is wrong.

`/-/healthy` and `/-/ready` need no user, no client certificate and no place within the rate: a
Kubernetes probe has none of them. Where certificates are required the handshake therefore goes through
without one, and every other path answers 403; a certificate that is shown and not good ends the
handshake. A wrong user is answered 401, one request too many 429.

Passwords are computed one at a time and remembered, as keyed digests, until `basic_auth_users` changes;
while more than 16 wait the next is answered 503. A password that was found right before never waits.
An unknown name takes as long as a known one.
";

/// What the reference says about the web configuration file.
pub(in crate::config) fn reference() -> String {
    let mut page = HEAD.to_owned();
    for section in SECTIONS {
        // Writing to a String cannot fail.
        let _ = write!(page, "\n### `{section}`\n\n");
        let _ = writeln!(page, "| key | takes | default | meaning |\n|---|---|---|---|");
        for key in KEYS.iter().filter(|key| key.section == section) {
            let WebKey { name, takes, default, doc, .. } = key;
            let name = if name.is_empty() { "a name".to_owned() } else { format!("`{name}`") };
            let _ = writeln!(page, "| {name} | {takes} | {default} | {doc} |");
        }
    }
    page
}
