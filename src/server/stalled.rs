use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// How long a client may take not a byte of its answer. A scraper gives up sooner; one that hangs
/// would hold its place among the requests answered at once for ever.
pub(super) const STALL_TIMEOUT: Duration = Duration::from_mins(1);

/// A connection that breaks when its other end stops reading.
pub(super) struct Stalled<S> {
    stream: S,
    deadline: Pin<Box<Sleep>>,
    /// The last write found no room, and the deadline runs.
    waits: bool,
}

impl<S> Stalled<S> {
    pub(super) fn breaking(stream: S) -> Self {
        Self { stream, deadline: Box::pin(sleep(STALL_TIMEOUT)), waits: false }
    }

    /// What a write came to, or that it has come to nothing for too long.
    fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waits = false;
            return written;
        }
        if !self.waits {
            self.waits = true;
            self.deadline.as_mut().reset(Instant::now() + STALL_TIMEOUT);
        }
        ready!(self.deadline.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stalled<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.watch(context, shut)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stalled<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_left_and_a_slow_one_is_not() {
        let (ours, mut theirs) = duplex(16);
        let mut ours = Stalled::breaking(ours);
        let writing =
            tokio::spawn(async move { (ours.write_all(&[7; 160]).await, Instant::now()) });
        let mut taken = [0; 16];
        for _ in 0..3 {
            sleep(STALL_TIMEOUT.mul_f64(0.9)).await;
            theirs.read_exact(&mut taken).await.unwrap();
        }
        let last = Instant::now();
        let (written, ended) = writing.await.unwrap();
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let stalled = ended - last;
        assert!(stalled >= STALL_TIMEOUT && stalled < STALL_TIMEOUT * 2, "{stalled:?}");
    }
}
