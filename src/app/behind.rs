use std::future::Future;
use std::{io, thread};

use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// How far behind those who answer scrapes: about a tenth of their share where the processors are
/// busy, all there is where they are not.
const NICE: i32 = 10;

/// Starts a part that computes for milliseconds at a time on a thread of its own, where it holds up
/// nobody, and which gives way to the threads that answer scrapes.
pub fn spawn_behind<T: Send + 'static>(
    tasks: &mut JoinSet<T>,
    part: impl Future<Output = T> + Send + 'static,
) {
    tasks.spawn_blocking(|| {
        // Of this thread alone, as Linux has it; where it is not allowed the part runs all the same.
        let _ = rustix::process::nice(NICE);
        Handle::current().block_on(part)
    });
}

/// Has something done that takes a while, at the end of which nobody needs to wait: on a thread of its
/// own, which gives way in the same manner.
pub(super) fn do_behind(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let work = || {
        let _ = rustix::process::nice(NICE);
        work();
    };
    thread::Builder::new().spawn(work).map(drop)
}
