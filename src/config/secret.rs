//! Secrets and the files they live in.

use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::layers::unreadable;
use super::mistake::Refusal;
use crate::cloud::Secret;

/// Nothing anyone would call a secret is larger: the cloud's tokens have several KB.
const LARGEST_SECRET: u64 = 64 << 10;

/// The files secrets were read from, and where to put what they say next.
///
/// Keeps the sending end of every secret, also of those without a file: while this lives, no
/// receiver is closed.
#[derive(Default)]
pub struct SecretFiles {
    files: Vec<SecretFile>,
    fixed: Vec<watch::Sender<SecretString>>,
}

struct SecretFile {
    /// The key path, for the log.
    key: String,
    path: PathBuf,
    sender: watch::Sender<SecretString>,
    /// Why it could not be read again, if it could not: said once, not at every look.
    trouble: Option<String>,
}

impl SecretFiles {
    /// A secret that stands in the configuration itself and never changes.
    pub(super) fn fixed(&mut self, secret: SecretString) -> Secret {
        let (sender, receiver) = watch::channel(secret);
        self.fixed.push(sender);
        receiver
    }

    /// A secret in a file. Read now, and again by [`Self::watch`].
    pub(super) fn read(&mut self, key: &str, path: PathBuf) -> Result<Secret, Refusal> {
        let secret = read_secret(&path)?;
        let (sender, receiver) = watch::channel(secret);
        // A pipe, such as the shell's <(…), gives its content once.
        if path.is_file() {
            self.files.push(SecretFile { key: key.to_owned(), path, sender, trouble: None });
        } else {
            self.fixed.push(sender);
        }
        Ok(receiver)
    }

    /// Every secret, in the order in which they were read.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        let files = self.files.iter().map(|file| &file.sender);
        files.chain(&self.fixed).map(watch::Sender::subscribe).collect()
    }

    /// Reads every file again each `period` until told to stop, and passes on what changed.
    ///
    /// It compares contents, not times: a few small files cost nothing to read, and neither a clock
    /// of coarse ticks nor a `ConfigMap`'s swapped links can hide a change. While a file is gone,
    /// empty or unreadable its secret stays as it was, which the log says once.
    pub async fn watch(self, period: Duration, stop: CancellationToken) {
        let Self { mut files, fixed: _fixed } = self;
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !files.is_empty() {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            // A network file system may take its time; that must not hold a worker.
            let looked = tokio::task::spawn_blocking(move || {
                files.iter_mut().for_each(SecretFile::look);
                files
            });
            files = tokio::select! {
                () = stop.cancelled() => return,
                looked = looked => match looked {
                    Ok(files) => files,
                    Err(_) => break,
                },
            };
        }
        // Nothing to follow: the senders live on here until the end.
        stop.cancelled().await;
    }
}

impl SecretFile {
    fn look(&mut self) {
        match read_secret(&self.path) {
            Ok(secret) => {
                self.trouble = None;
                let is_new = |old: &mut SecretString| {
                    let changed = old.expose_secret() != secret.expose_secret();
                    if changed {
                        *old = secret;
                    }
                    changed
                };
                if self.sender.send_if_modified(is_new) {
                    info!(key = self.key, path = %self.path.display(), "secret file changed");
                }
            }
            Err(Refusal { reason, .. }) => {
                if self.trouble.as_ref() != Some(&reason) {
                    let path = self.path.display();
                    warn!(key = self.key, %path, reason, "secret file kept at its last content");
                    self.trouble = Some(reason);
                }
            }
        }
    }
}

impl fmt::Debug for SecretFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.files.iter().map(|file| &file.path)).finish()
    }
}

/// The content of a file without the one newline that editors and `echo` put at its end.
fn read_secret(path: &Path) -> Result<SecretString, Refusal> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST_SECRET + 1).read_to_string(&mut text))
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidData => Refusal::new("is not UTF-8 text", ""),
            _ => unreadable(&error),
        })?;
    if text.len() as u64 > LARGEST_SECRET {
        return Err(Refusal::new("is larger than 64 KiB", "name a file with the secret alone"));
    }
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    if secret.is_empty() {
        return Err(Refusal::new("is empty", "write the secret into it"));
    }
    Ok(secret.into())
}

/// Reads certificates in PEM, and proves that each can be trusted as a root.
pub(super) fn read_certificates(path: &Path) -> Result<Vec<u8>, Refusal> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    let not_pem = || Refusal::new("holds no PEM certificate", "");
    let pem = fs::read(path).map_err(|error| unreadable(&error))?;
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|_| not_pem())?;
        roots
            .add(certificate)
            .map_err(|_| Refusal::new("holds a certificate that cannot be read", ""))?;
    }
    if roots.is_empty() { Err(not_pem()) } else { Ok(pem) }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn trouble_is_said_once_and_secrets_never() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        fs::write(&path, "S3CR3T-1").unwrap();
        let mut files = SecretFiles::default();
        let secret = files.read("auth.password_file", path.clone()).unwrap();
        let file = &mut files.files[0];
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            fs::remove_file(&path).unwrap();
            file.look();
            file.look();
            assert_eq!(secret.borrow().expose_secret(), "S3CR3T-1");
            fs::write(&path, "S3CR3T-2").unwrap();
            file.look();
            file.look();
            assert_eq!(secret.borrow().expose_secret(), "S3CR3T-2");
        });
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert_eq!(log.matches("kept at its last content").count(), 1, "{log}");
        assert_eq!(log.matches("secret file changed").count(), 1, "{log}");
        assert!(!log.contains("S3CR3T"), "{log}");
    }
}
