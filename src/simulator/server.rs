use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::{clock::is_speed, cloud::Cloud, http::serve, settings::Settings};

/// Why the simulator does not listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Others could reach it, and nobody allowed that.
    #[error("{0} is no loopback address: the simulator has a password everybody knows")]
    NotLoopback(SocketAddr),
    /// The speed is no speed.
    #[error("the speed must be a finite number that is not negative, not {0}")]
    Speed(f64),
    /// The address cannot be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
}

/// Pause after the system refused to hand over a connection, as it does when it is out of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A simulated cloud that listens but does not answer yet.
#[derive(Debug)]
pub struct Simulator {
    listener: TcpListener,
    address: SocketAddr,
    cloud: Arc<Cloud>,
}

/// Listens, and lets the stories begin.
pub async fn bind(settings: Settings) -> Result<Simulator, BindError> {
    let address = settings.listen;
    if !address.ip().is_loopback() && !settings.allow_remote {
        return Err(BindError::NotLoopback(address));
    }
    if !is_speed(settings.speed) {
        return Err(BindError::Speed(settings.speed));
    }
    let refused = |source| BindError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    let cloud = Arc::new(Cloud::new(&settings, address.to_string()));
    tracing::info!(
        address = %address,
        scenario = settings.scenario.as_str(),
        seed = settings.seed,
        speed = settings.speed,
        "simulator listening"
    );
    Ok(Simulator { listener, address, cloud })
}

impl Simulator {
    /// Where it listens, with the port it got.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The ids of all v1 jobs of all projects, as they are now.
    pub fn job_ids(&self) -> Vec<String> {
        let world = self.cloud.world();
        let jobs = world.projects.iter().flat_map(|project| project.jobs.all.keys());
        jobs.map(u64::to_string).collect()
    }

    /// The ids of all v2 jobs of all projects, as they are now.
    pub fn v2_job_ids(&self) -> Vec<String> {
        let world = self.cloud.world();
        let jobs = world.projects.iter().flat_map(|project| project.v2.all.keys());
        jobs.map(ToString::to_string).collect()
    }

    /// Answers until `stop`; then every connection ends at once, as a simulated cloud may.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = &mut stop => return,
                Some(_) = connections.join_next() => continue,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(Arc::clone(&self.cloud), stream));
                }
                Err(error) => {
                    tracing::warn!(error = %error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

async fn connection(cloud: Arc<Cloud>, stream: TcpStream) {
    // Small answers must not wait for acknowledgements; where this fails they are late, not wrong.
    _ = stream.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let socket = Socket { stream, reset: Arc::clone(&reset) };
    let service = service_fn(move |request| serve(Arc::clone(&cloud), request, Arc::clone(&reset)));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(socket), service);
    if let Err(error) = served.await {
        tracing::debug!(error = %error, "connection ended");
    }
}

/// A connection that can end in a reset.
struct Socket {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Acquire) {
            // Without lingering, closing sends RST. Where this fails the end is merely early.
            _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
