//! What is right and wrong in a web configuration file, by the cases that exporter-toolkit documents.

use std::fmt::Write as _;
use std::fs;

use modelarts_exporter::config::{self, Config, ConfigError, Source, Warning};
use tempfile::TempDir;

use crate::harness::Authority;

/// Nothing in it is wrong, and nothing of it matters here.
const EXPORTER: &str = r#"
[[projects]]
name = "p"
endpoint = "https://modelarts.example"
auth = { iam_endpoint = "https://iam.example", domain = "d", username = "u", password = "p", project_name = "n" }
jobs = [{ job_id = 1 }]
"#;

/// What every secret in these tests begins with.
const MARK: &str = "S3CR3T";

/// bcrypt of `S3CR3T` at the lowest cost.
const HASH: &str = "$2b$04$BTH9uiDTKxMbq1bo2wolWe8HkHqbNjZUOHP05fZgUAEQyBuoyCpjG";

/// A folder with a server's certificate, another certificate, and who issued both.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let authority = Authority::new("authority");
        authority.issue_server().write(folder.path(), "server");
        authority.issue(&[]).write(folder.path(), "other");
        fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        fs::write(folder.path().join("exporter.toml"), EXPORTER).unwrap();
        Self(folder)
    }

    fn load(&self, web: &str) -> Result<(Config, Vec<Warning>), ConfigError> {
        fs::write(self.0.path().join("web.yml"), web).unwrap();
        config::load(&Source {
            file: Some(self.0.path().join("exporter.toml")),
            environment: Vec::new(),
            flags: vec![("web.config_file".to_owned(), self.path("web.yml"))],
        })
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// What is wrong with the file, one mistake a line; it has to be something.
    fn mistakes(&self, web: &str) -> String {
        let error = self.load(web).err().unwrap_or_else(|| panic!("nothing is wrong with\n{web}"));
        let mut page = String::new();
        for config::Mistake { place, key, reason, remedy } in &error.mistakes {
            writeln!(page, "{place} | {key} | {reason} | {remedy}").unwrap();
        }
        assert!(!page.contains(MARK), "{page}");
        page.replace(&self.path(""), "")
    }

    /// What is said about a file that is right.
    fn warnings(&self, web: &str) -> String {
        let (_, warnings) = self.load(web).unwrap_or_else(|error| panic!("{error} in\n{web}"));
        warnings.iter().map(|warning| format!("{warning}\n").replace(&self.path(""), "")).collect()
    }
}

/// A file that is right, with these lines added to `tls_server_config`.
fn tls(lines: &[&str]) -> String {
    let mut text =
        "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n".to_owned();
    for line in lines {
        writeln!(text, "  {line}").unwrap();
    }
    text
}

#[test]
fn the_good_cases_of_the_toolkit_are_good() {
    let folder = Folder::new();
    let inline = |name: &str| {
        let text = fs::read_to_string(folder.path(name)).unwrap();
        text.lines().fold("|".to_owned(), |page, line| format!("{page}\n    {line}"))
    };
    let users = format!("basic_auth_users:\n  alice: {HASH}\n  42: {HASH}\n");
    let silent = [
        String::new(),
        "# nothing\n".to_owned(),
        "tls_server_config:\nhttp_server_config: {}\nrate_limit:\n".to_owned(),
        tls(&[]),
        tls(&["client_auth_type: NoClientCert", "prefer_server_cipher_suites: false"]),
        tls(&["client_auth_type: VerifyClientCertIfGiven", "client_ca_file: ca.pem"]),
        tls(&[
            "client_auth_type: RequireAndVerifyClientCert",
            "client_ca_file: ca.pem",
            "client_allowed_sans: [one, 10.0.0.1]",
        ]),
        tls(&["min_version: TLS12", "max_version: TLS12"]),
        tls(&["min_version: TLS13", "curve_preferences: [CurveP256, CurveP384, X25519]"]),
        tls(&[
            "cipher_suites:",
            "- TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            "- TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            "- TLS_CHACHA20_POLY1305_SHA256",
        ]),
        tls(&[
            "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]",
            "max_version: TLS12\nhttp_server_config:\n  http2: false",
        ]),
        format!("{}{users}", tls(&[])),
        format!(
            "tls_server_config:\n  cert: {}\n  key: {}\n",
            inline("server.pem"),
            inline("server.key")
        ),
        "http_server_config:\n  headers:\n    X-Frame-Options: deny\n    X-XSS-Protection: 1\n    Strict-Transport-Security:\n".to_owned(),
        "rate_limit:\n  interval: 0\n  burst: 0\n".to_owned(),
        "rate_limit:\n  interval: 1s\n  burst: 20\n".to_owned(),
    ];
    for web in &silent {
        assert_eq!(folder.warnings(web), "", "{web}");
    }
    let spoken = [
        users,
        tls(&["client_auth_type: RequireAnyClientCert"]),
        tls(&["client_auth_type: RequireClientCert"]),
        tls(&["client_auth_type: RequestClientCert"]),
        tls(&["client_auth_type: VerifyClientCertIfGiven"]),
        format!("{}basic_auth_users:\n  bob: {}\n", tls(&[]), HASH.replace("$04$", "$18$")),
    ];
    let said: String = spoken.iter().map(|web| folder.warnings(web)).collect();
    insta::assert_snapshot!(said, @r#"
    web.yml basic_auth_users: passwords are not encrypted on their way without TLS
    web.yml tls_server_config.client_auth_type: client certificates are not verified: anyone can make one
    web.yml tls_server_config.client_auth_type: client certificates are not verified: anyone can make one
    web.yml tls_server_config.client_auth_type: client certificates are not verified: anyone can make one
    web.yml tls_server_config.client_ca_file: is missing: no client certificate can be verified
    web.yml basic_auth_users.bob: a cost of 18 makes each check slow
    "#);
}

#[test]
fn every_mistake_is_reported_at_once() {
    let folder = Folder::new();
    insta::assert_snapshot!(folder.mistakes(
        "
tls_server_config:
  cert_filse: server.pem
  key_file: missing.key
  client_auth_type: Sometimes
  client_allowed_sans: one
  min_version: TLS10
  max_version: S3CR3T
  cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA, S3CR3T, TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA]
  curve_preferences: [CurveP521, CurveP257]
  prefer_server_cipher_suites: perhaps
http_server_config:
  http2: 2
  headers:
    Content-Type: text/plain
    X-Frame-Options: S3CR3T
    X-Content-Type-Options: sniff
basic_auth_users:
  alice: S3CR3T
  a:b: $2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG
  carol: $2y$32$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG
  dave: [S3CR3T]
rate_limit:
  interval: 1 S3CR3T
  burst: -1
users: {}
"
    ), @r#"
    web.yml | basic_auth_users."a:b" | has a colon in its name, which ends the name in a request | 
    web.yml | basic_auth_users.alice | is not a bcrypt hash | make one with `htpasswd -nBC 10 "" | tr -d ':\n'`
    web.yml | basic_auth_users.carol | has a cost that is not between 4 and 31 | make one with `htpasswd -nBC 10 "" | tr -d ':\n'`
    web.yml | basic_auth_users.dave | expected a text | put the value in quotes
    web.yml | http_server_config.headers.Content-Type | is not a header that can be added | choose from Content-Security-Policy, Strict-Transport-Security, X-Content-Type-Options, X-Frame-Options, X-XSS-Protection
    web.yml | http_server_config.headers.X-Content-Type-Options | is not a value of this header | choose from nosniff
    web.yml | http_server_config.headers.X-Frame-Options | is not a value of this header | choose from deny, sameorigin
    web.yml | http_server_config.http2 | expected true or false, found a number | 
    web.yml | rate_limit.burst | is not between 0 and 1000000 | 
    web.yml | rate_limit.interval | is not a duration | write a number and a unit, such as "30s", "5m" or "30d"
    web.yml | tls_server_config.cert_file | is missing | set it, or cert
    web.yml | tls_server_config.cert_filse | is not a key of the web configuration | did you mean `cert_file`?
    web.yml | tls_server_config.cipher_suites[0] | TLS_RSA_WITH_AES_128_CBC_SHA is not possible: it has no forward secrecy | choose from TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256
    web.yml | tls_server_config.cipher_suites[1] | is not a cipher suite of Go | choose from TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256
    web.yml | tls_server_config.cipher_suites[2] | TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA is not possible: it is not an AEAD suite | choose from TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256
    web.yml | tls_server_config.client_allowed_sans | expected a list, found a text | write it in square brackets
    web.yml | tls_server_config.client_auth_type | is not a word this key knows | choose from NoClientCert, RequestClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert, RequireAnyClientCert
    web.yml | tls_server_config.curve_preferences[0] | CurveP521 is not possible: our cryptography has no such curve | choose from X25519, CurveP256, CurveP384
    web.yml | tls_server_config.curve_preferences[1] | is not a curve of Go | choose from X25519, CurveP256, CurveP384
    web.yml | tls_server_config.key_file | missing.key does not exist | 
    web.yml | tls_server_config.max_version | is not a TLS version | choose from TLS13, TLS12
    web.yml | tls_server_config.min_version | TLS10 is not possible: it is older than TLS 1.2 | choose from TLS13, TLS12
    web.yml | tls_server_config.prefer_server_cipher_suites | expected true or false, found a text | write it without quotes
    web.yml | users | is not a key of the web configuration |
    "#);
}

#[test]
fn bad_combinations_are_refused() {
    let folder = Folder::new();
    let cases = [
        "tls_server_config:\n  cert_file: ''\n  key_file: server.key\n".to_owned(),
        "tls_server_config:\n  cert: ''\n  key_file: server.key\n".to_owned(),
        "tls_server_config:\n  cert_file: server.pem\n  key_file: ''\n".to_owned(),
        "tls_server_config:\n  min_version: TLS12\n".to_owned(),
        "tls_server_config:\n  cert_file: missing\n  key_file: missing\n".to_owned(),
        "tls_server_config:\n  cert_file: server.pem\n  key_file: other.key\n".to_owned(),
        "tls_server_config:\n  cert_file: server.key\n  key_file: server.pem\n".to_owned(),
        "tls_server_config:\n  cert_file: /dev/null\n  key_file: .\n".to_owned(),
        tls(&["cert: S3CR3T"]),
        tls(&["client_ca_file: ca.pem"]),
        tls(&["client_auth_type: NoClientCert", "client_allowed_sans: [one]"]),
        tls(&["client_auth_type: RequireAndVerifyClientCert"]),
        tls(&["client_auth_type: RequireAndVerifyClientCert", "client_ca_file: /dev/null"]),
        tls(&["client_auth_type: RequireAndVerifyClientCert", "client_ca: S3CR3T"]),
        tls(&["client_auth_type: RequireAndVerifyClientCert", "client_ca_file: somefile"]),
        tls(&["min_version: TLS13", "max_version: TLS12"]),
        tls(&["cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]", "max_version: TLS12"]),
        tls(&["cipher_suites: [TLS_AES_128_GCM_SHA256]"]),
        "rate_limit:\n  interval: 1s\n  burst: 0\n".to_owned(),
        "rate_limit:\n  interval: 2h\n  burst: 1\n".to_owned(),
        "S3CR3T\nS3CR3T\n".to_owned(),
        tls(&["cipher_suites: [7]"]),
        "basic_auth_users:\n  - S3CR3T\n".to_owned(),
        "basic_auth_users: S3CR3T\n".to_owned(),
        "rate_limit: {}\nrate_limit: {}\n".to_owned(),
    ];
    let said: String = cases.iter().map(|web| folder.mistakes(web)).collect();
    insta::assert_snapshot!(said, @r#"
    web.yml | tls_server_config.cert_file | is missing | set it, or cert
    web.yml | tls_server_config.cert_file | is missing | set it, or cert
    web.yml | tls_server_config.key_file | is missing | set it, or key
    web.yml | tls_server_config.cert_file | is missing | set it, or cert
    web.yml | tls_server_config.key_file | is missing | set it, or key
    web.yml | tls_server_config.cert_file | missing does not exist | 
    web.yml | tls_server_config.key_file | missing does not exist | 
    web.yml | tls_server_config.key_file | is not the key of the certificate | 
    web.yml | tls_server_config.cert_file | server.key holds no PEM certificate | 
    web.yml | tls_server_config.key_file | server.pem holds no PEM key | 
    web.yml | tls_server_config.cert_file | /dev/null holds no PEM certificate | 
    web.yml | tls_server_config.key_file | . is a directory | name a file
    web.yml | tls_server_config.cert_file | is set beside cert | keep one of them
    web.yml | tls_server_config.client_ca_file | is set, but client_auth_type asks for no certificate | set client_auth_type to RequireAndVerifyClientCert
    web.yml | tls_server_config.client_allowed_sans | is set, but client_auth_type asks for no certificate | set client_auth_type to RequireAndVerifyClientCert
    web.yml | tls_server_config.client_ca_file | is missing: no client certificate could be verified | name who issues them
    web.yml | tls_server_config.client_ca_file | /dev/null holds no PEM certificate | 
    web.yml | tls_server_config.client_ca | holds no PEM certificate | 
    web.yml | tls_server_config.client_ca_file | somefile does not exist | 
    web.yml | tls_server_config.min_version | is above max_version | 
    web.yml | tls_server_config.cipher_suites | has none of the suites that HTTP/2 requires of everybody | add TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 or its ECDSA twin, or set http_server_config.http2 to false
    web.yml | tls_server_config.cipher_suites | has no suite of TLS 1.2, which is spoken | add one, or set min_version to TLS13
    web.yml | rate_limit.burst | is 0: no request would ever be answered | allow at least 1
    web.yml | rate_limit.interval | is not between 0s and 1h | 
    web.yml | line 1, column 1 | is not YAML with a table of keys | 
    web.yml | tls_server_config.cipher_suites | expected a text, found a number | put the value in quotes
    web.yml | basic_auth_users | is not a table of keys | 
    web.yml | basic_auth_users | is not a table of keys | 
    web.yml | line 2, column 1 | is not YAML with a table of keys |
    "#);
}

#[test]
fn a_file_that_is_not_there_is_a_mistake_beside_the_others() {
    let folder = Folder::new();
    let error = config::load(&Source {
        file: Some(folder.0.path().join("exporter.toml")),
        environment: vec![("MODELARTS_EXPORTER_WEB__MAX_REQUESTS".to_owned(), "0".to_owned())],
        flags: vec![("web.config_file".to_owned(), folder.path("nowhere.yml"))],
    });
    let keys: Vec<_> = error.unwrap_err().mistakes.into_iter().map(|m| (m.key, m.reason)).collect();
    let expected = [("", "does not exist"), ("web.max_requests", "is not between 1 and 100000")];
    assert_eq!(keys.len(), 2, "{keys:?}");
    for (key, reason) in expected {
        assert!(keys.contains(&(key.to_owned(), reason.to_owned())), "{keys:?}");
    }
}

#[test]
fn the_example_is_right() {
    let folder = Folder::new();
    let example = include_str!("../../config/web.example.yml");
    folder.load(example).unwrap_or_else(|error| panic!("{error}"));
    // Every key that is only a comment there can be used as it stands.
    let is_key = |rest: &&str| rest.starts_with("  ") || rest.starts_with(char::is_alphabetic);
    let whole: String = example
        .lines()
        .map(|line| line.strip_prefix('#').filter(is_key).unwrap_or(line))
        .fold(String::new(), |page, line| page + line + "\n");
    assert_ne!(whole, example, "the example has keys that are comments");
    folder.load(&whole).unwrap_or_else(|error| panic!("{error} in\n{whole}"));
}
