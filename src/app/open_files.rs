use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Far more than the connections of the server and the requests of all projects take together; some
/// container runtimes allow a billion, and the kernel's table of them grows with what is used.
const ENOUGH: u64 = 65_536;

/// Raises the soft limit of open files to the hard one. The usual 1024 is there for programs that
/// use `select`, which we do not.
pub(super) fn allow_many() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(ENOUGH, |maximum| maximum.min(ENOUGH));
    // Unlimited is `None`.
    if current.is_some_and(|current| current < wanted) {
        // Refused only by a sandbox, and then the limit in `process_max_fds` tells.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
    }
}
