//! Those who disturb a server, each in a way of its own, until they are dropped.

use std::cell::Cell;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use super::{PATIENCE, wait_for};

/// What an answer is read into, by and by.
const PIECE: usize = 64 << 10;

/// Many clients at once.
pub(crate) struct Crowd {
    _members: JoinSet<()>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    /// Members that are there.
    there: AtomicU64,
    /// What all of them have done.
    done: AtomicU64,
}

/// What one member says of itself.
struct Member {
    counts: Arc<Counts>,
    is_there: bool,
}

impl Member {
    /// What it does has come about, whether or not for the first time.
    fn is_there(&mut self) {
        if !self.is_there {
            self.is_there = true;
            self.counts.there.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// It has done one more of what is counted.
    fn has_done_one(&self) {
        self.counts.done.fetch_add(1, Ordering::Relaxed);
    }
}

impl Crowd {
    /// So many at once, each doing this for ever. Returns once every one of them has said that it is there: a
    /// few who are quick do not make up for those who are not let in.
    async fn of<F>(size: usize, member: impl Fn(Member) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let counts = Arc::new(Counts::default());
        let mut members = JoinSet::new();
        for _ in 0..size {
            members.spawn(member(Member { counts: Arc::clone(&counts), is_there: false }));
        }
        wait_for(PATIENCE, "the crowd to be there", async || {
            match counts.there.load(Ordering::Relaxed) {
                there if there == size as u64 => Ok(()),
                there => Err(format!("{there} of {size}")),
            }
        })
        .await;
        Self { _members: members, counts }
    }

    /// Connections that say nothing.
    pub(crate) async fn idle(size: usize, address: SocketAddr) -> Self {
        Self::of(size, move |mut member| async move {
            let held = TcpStream::connect(address).await;
            if held.is_ok() {
                member.is_there();
            }
            pending::<()>().await;
        })
        .await
    }

    /// Each sends its request a byte a second.
    pub(crate) async fn slow_askers(size: usize, address: SocketAddr) -> Self {
        Self::of(size, move |mut member| async move {
            loop {
                let Ok(mut stream) = TcpStream::connect(address).await else { continue };
                let mut bytes =
                    b"GET /metrics HTTP/1.1\r\nX-Slow: ".iter().chain([b'a'; 64].iter()).cycle();
                let mut ticks = beat(Duration::from_secs(1));
                while let Some(byte) = bytes.next()
                    && stream.write_all(&[*byte]).await.is_ok()
                {
                    member.is_there();
                    ticks.tick().await;
                }
            }
        })
        .await
    }

    /// Each reads a whole exposition at ten KiB a second.
    pub(crate) async fn slow_readers(size: usize, address: SocketAddr) -> Self {
        Self::of(size, move |mut member| async move {
            loop {
                let Ok(mut stream) = ask(address).await else { continue };
                let mut piece = [0; 1 << 10];
                let mut ticks = beat(Duration::from_millis(100));
                while let Ok(1..) = stream.read(&mut piece).await {
                    member.is_there();
                    ticks.tick().await;
                }
            }
        })
        .await
    }

    /// Each sends what is no request, and again as soon as it was told so.
    pub(crate) async fn babblers(size: usize, address: SocketAddr) -> Self {
        const BABBLE: [&[u8]; 6] = [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"GET\r\n\r\n",
            b"GET /metrics HTTP/9.9\r\n\r\n",
            b"GET /metrics HTTP/1.1\r\nHo st: x\r\n\r\n",
            b"GET /metrics HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"\xff\xfe\x00\x00\r\n\r\n\r\n\r\n",
        ];
        Self::of(size, move |mut member| async move {
            let mut told = 0;
            for babble in BABBLE.iter().cycle() {
                let Ok(mut stream) = TcpStream::connect(address).await else { continue };
                let _ = stream.write_all(babble).await;
                let _ = stream.shutdown().await;
                let mut answer = Vec::new();
                let _ = stream.read_to_end(&mut answer).await;
                told += 1;
                if told >= BABBLE.len() {
                    member.is_there();
                }
            }
        })
        .await
    }

    /// Each sends headers without end.
    pub(crate) async fn endless_askers(size: usize, address: SocketAddr) -> Self {
        Self::of(size, move |mut member| async move {
            loop {
                let Ok(mut stream) = TcpStream::connect(address).await else { continue };
                let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\n").await;
                while stream
                    .write_all(b"X-Endless: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n")
                    .await
                    .is_ok()
                {}
                member.is_there();
            }
        })
        .await
    }

    /// Each scrapes again as soon as it has been answered, over the same connection; counts whole
    /// expositions.
    pub(crate) async fn scrapers(size: usize, address: SocketAddr) -> Self {
        Self::of(size, move |mut member| async move {
            let mut piece = vec![0; PIECE];
            loop {
                let Ok(mut stream) = TcpStream::connect(address).await else { continue };
                while let Ok(status) = scrape_again(&mut stream, &mut piece).await {
                    // Whoever is told that it is one too many is there, too.
                    member.is_there();
                    if status == 200 {
                        member.has_done_one();
                    }
                }
            }
        })
        .await
    }

    /// How many a second are counted, over so long.
    pub(crate) async fn rate(&self, over: Duration) -> f64 {
        let mut beat = beat(over);
        beat.tick().await;
        let done = || self.counts.done.load(Ordering::Relaxed);
        let (before, began) = (done(), Instant::now());
        beat.tick().await;
        (done() - before) as f64 / began.elapsed().as_secs_f64()
    }
}

fn beat(period: Duration) -> Interval {
    let mut beat = interval(period);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat
}

async fn ask(address: SocketAddr) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await?;
    Ok(stream)
}

/// One scrape over a connection that is kept; its status.
async fn scrape_again(stream: &mut TcpStream, piece: &mut [u8]) -> std::io::Result<u16> {
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await?;
    let (mut filled, end) = (0, "\r\n\r\n");
    let head = loop {
        match stream.read(&mut piece[filled..]).await? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => filled += read,
        }
        if let Some(at) =
            piece[..filled].windows(end.len()).position(|window| window == end.as_bytes())
        {
            break at + end.len();
        }
    };
    let text = std::str::from_utf8(&piece[..head]).map_err(std::io::Error::other)?;
    let status = text.split(' ').nth(1).and_then(|word| word.parse().ok());
    let length =
        text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    let (Some(status), Some(length)) = (status, length) else {
        return Err(std::io::ErrorKind::InvalidData.into());
    };
    let mut left = length - (filled - head);
    while left > 0 {
        let most = left.min(piece.len());
        match stream.read(&mut piece[..most]).await? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => left -= read,
        }
    }
    Ok(status)
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "the last look saw: 1 of 2")]
async fn who_is_there_again_and_again_does_not_stand_for_another() {
    let is_first = Cell::new(true);
    Crowd::of(2, |mut member| {
        let times = if is_first.replace(false) { 2 } else { 0 };
        async move {
            for _ in 0..times {
                member.is_there();
            }
            pending::<()>().await;
        }
    })
    .await;
}
