use std::ops::Deref;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::harness::Site;

/// As large a request as a scraper sends.
const HEAD_BYTES: u64 = 16 << 10;

/// Stands before a server and puts another `Accept` header on every request: a scraper has no setting
/// for what it asks for, and reads whatever the answer says it is.
pub(super) struct Proxy {
    site: Site,
    running: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a port of its own.
    pub(super) async fn start(server: &Site, accept: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let server = server.url().trim_start_matches("http://").to_owned();
        let running = tokio::spawn(async move {
            let mut exchanges = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                exchanges.spawn(exchange(client, server.clone(), accept));
            }
        });
        Self { site: Site::new(&format!("http://{address}")), running }
    }
}

impl Deref for Proxy {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// One request without a body, one answer. An error means that one of the two went away, which the other
/// will see.
async fn exchange(client: TcpStream, server: String, accept: &str) -> std::io::Result<()> {
    let mut client = BufReader::new(client);
    let mut head = String::new();
    loop {
        let mut line = String::new();
        let room = HEAD_BYTES.saturating_sub(head.len() as u64);
        (&mut client).take(room).read_line(&mut line).await?;
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        match name.as_str() {
            // One answer a connection, so that its end needs no reading.
            "\r\n" => break,
            "" => return Ok(()),
            "accept" | "connection" => {}
            _ => head += &line,
        }
    }
    let mut upstream = TcpStream::connect(server).await?;
    upstream.write_all(head.as_bytes()).await?;
    let ours = format!("Accept: {accept}\r\nConnection: close\r\n\r\n");
    upstream.write_all(ours.as_bytes()).await?;
    copy(&mut upstream, client.get_mut()).await?;
    client.get_mut().shutdown().await
}
