use std::fmt::Write as _;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Site;

/// One request and its whole answer, on a busy machine.
const EXCHANGE: Duration = Duration::from_secs(30);

/// An answer as it came over the socket: nothing was unpacked, no header was added or taken away.
#[derive(Debug)]
pub(crate) struct Raw {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The bytes behind the head.
    pub(crate) body: Vec<u8>,
    head: String,
}

impl Raw {
    /// Sends these headers and no others, but for `Host` and `Connection`.
    pub(crate) async fn ask(
        site: &Site,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Self {
        let address = site.url().trim_start_matches("http://");
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n");
        for (name, value) in headers {
            let _ = write!(request, "{name}: {value}\r\n");
        }
        request += "Connection: close\r\n\r\n";
        let exchange = async {
            let mut stream = TcpStream::connect(address).await?;
            stream.write_all(request.as_bytes()).await?;
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).await?;
            std::io::Result::Ok(bytes)
        };
        let bytes = timeout(EXCHANGE, exchange).await.expect("an answer in time").unwrap();
        site.search(path, &String::from_utf8_lossy(&bytes));
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body: bytes[end + 4..].to_vec() }
    }

    /// The value of a header that must not be there twice.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.head.lines().filter_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        });
        let value = values.next();
        assert_eq!(values.next(), None, "{name} is there twice");
        value
    }
}
