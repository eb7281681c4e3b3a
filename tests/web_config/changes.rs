//! What becomes of a change on disk, and of a file that is wrong from the start.

use std::fs;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{RIGHT, RIGHT_HASH, Served, tls};
use crate::harness::{Authority, Cloud, Identity, PATIENCE, Setup, run_with_config, wait_for};

impl Served {
    /// Waits until so many changes were taken over.
    pub(super) async fn changed(&self, times: usize) {
        self.logged(&["web configuration changed"], times).await;
    }

    async fn logged(&self, words: &[&str], times: usize) {
        wait_for(PATIENCE, &format!("{words:?} in the log"), async || {
            match self.daemon.logged(words) {
                found if found >= times => Ok(()),
                found => Err(format!("{found} of {times}")),
            }
        })
        .await;
    }

    fn renew(&self, identity: &Identity) {
        identity.write(self.folder.path(), "server");
    }
}

#[tokio::test]
async fn a_new_certificate_is_shown_and_a_bad_file_changes_nothing() {
    let served = Served::start(&tls(&[])).await;
    let file = served.path("web.yml");
    assert_eq!(served.status("/metrics", &[]).await, "HTTP/2 200");

    let next = Authority::new("next");
    served.renew(&next.issue_server());
    fs::write(served.path("next.pem"), next.pem()).unwrap();
    wait_for(PATIENCE, "the next certificate", async || {
        match served.status("/metrics", &["--cacert", "next.pem"]).await {
            status if status == "HTTP/2 200" => Ok(()),
            status => Err(status),
        }
    })
    .await;
    let old = served.status("/metrics", &[]).await;
    assert!(old.starts_with("no answer"), "{old}");

    let users = format!("basic_auth_users:\n  alice: {RIGHT_HASH}\n");
    fs::write(&file, format!("{}{users}", tls(&["min_version: TLS11", "cert_fil: x"]))).unwrap();
    for reason in ["TLS11 is not possible", "cert_fil"] {
        served.logged(&["web configuration kept as it was", reason], 1).await;
    }
    assert_eq!(served.status("/metrics", &["--cacert", "next.pem"]).await, "HTTP/2 200");

    fs::write(&file, format!("{}{users}", tls(&[]))).unwrap();
    wait_for(PATIENCE, "users to be asked for", async || {
        match served.status("/metrics", &["--cacert", "next.pem"]).await {
            status if status == "HTTP/2 401" => Ok(()),
            status => Err(status),
        }
    })
    .await;
    let alice = format!("alice:{RIGHT}");
    let right = ["--cacert", "next.pem", "--user", &alice];
    assert_eq!(served.status("/metrics", &right).await, "HTTP/2 200");

    fs::remove_file(served.path("server.key")).unwrap();
    served.logged(&["web configuration kept as it was", "does not exist"], 1).await;
    assert_eq!(served.status("/metrics", &right).await, "HTTP/2 200");
    served.renew(&served.authority.issue_server());
    wait_for(PATIENCE, "the third certificate", async || {
        match served.status("/metrics", &["--user", &alice]).await {
            status if status == "HTTP/2 200" => Ok(()),
            status => Err(status),
        }
    })
    .await;
    // Each mistake was said once, however often the files were looked at.
    assert_eq!(served.daemon.logged(&["kept as it was", "cert_fil"]), 1);
    let log = served.daemon.stop().await.stderr;
    for secret in ["S3CR3T", "$2b$", "PRIVATE KEY"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[tokio::test]
async fn a_connection_ends_when_connections_are_made_in_another_way() {
    let served = Served::start("").await;
    let mut stream = TcpStream::connect(served.address()).await.unwrap();
    stream.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut head = [0; 15];
    timeout(PATIENCE, stream.read_exact(&mut head)).await.unwrap().unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    fs::write(served.path("web.yml"), tls(&[])).unwrap();
    let mut rest = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert_eq!(served.status("/metrics", &[]).await, "HTTP/2 200");
}

#[tokio::test]
async fn a_wrong_file_is_a_refused_start_with_every_reason() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("web.yml");
    fs::write(&file, format!("{}basic_auth_users:\n  alice: S3CR3T\nfoo: 1\n", tls(&[]))).unwrap();
    let cloud = Cloud::empty().await;
    let tables = format!("[web]\nconfig_file = \"{}\"", file.display());
    let setup = Setup { tables: &tables, ..Setup::of([1]) };
    for command in ["run", "check"] {
        let ended = run_with_config(command, &setup.file(&cloud)).await;
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        for reason in [
            "the configuration has 4 mistakes",
            "tls_server_config.cert_file",
            "tls_server_config.key_file",
            "server.key does not exist",
            "basic_auth_users.alice",
            "is not a bcrypt hash",
            "foo",
        ] {
            assert!(ended.stderr.contains(reason), "{reason} in {ended:?}");
        }
        assert!(!ended.stderr.contains("S3CR3T"), "{ended:?}");
    }
}
