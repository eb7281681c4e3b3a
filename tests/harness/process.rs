use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Read;
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use super::socket::Socket;
use super::{PATIENCE, secrets, wait_for};

/// As much of each stream as a failed test prints.
const SHOWN_BYTES: usize = 4096;

/// How long the last words of a process that was killed are waited for: they are in the pipe by then,
/// which only a child of its own may keep open.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A child process with its output captured; killed when it goes out of scope.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    stdout: Arc<Capture>,
    stderr: Arc<Capture>,
}

/// What is left of a process that ended.
#[derive(Debug)]
pub(crate) struct Finished {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// All it wrote there.
    pub(crate) stdout: String,
    /// All it wrote there.
    pub(crate) stderr: String,
}

impl Process {
    /// Starts the command with no input; `name` is what messages call it.
    pub(crate) fn start(name: &str, command: &mut Command) -> Self {
        Self::start_reading(Stdio::null(), name, command)
    }

    /// The same with something to read.
    pub(crate) fn start_reading(stdin: Stdio, name: &str, command: &mut Command) -> Self {
        let mut child = command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start {name} ({command:?}): {e}"));
        let stdout = Capture::of(child.stdout.take().expect("stdout was piped"));
        let stderr = Capture::of(child.stderr.take().expect("stderr was piped"));
        Self { name: name.to_owned(), child, stdout, stderr }
    }

    /// Starts the command and waits for its end.
    pub(crate) async fn run(name: &str, command: &mut Command, within: Duration) -> Finished {
        Self::start(name, command).ended(within).await
    }

    /// The standard output so far.
    pub(crate) fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// The standard error so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// `127.0.0.1:9` of the first complete log line `… {message} … address=127.0.0.1:9`.
    pub(crate) fn logged_address(&self, message: &str) -> Option<SocketAddr> {
        let stderr = self.stderr();
        // An address cut in half is still an address: only lines that are complete count.
        stderr.split_inclusive('\n').filter(|line| line.ends_with('\n')).find_map(|line| {
            let (_, rest) = line.split_once(message)?.1.split_once(" address=")?;
            rest.split_whitespace().next()?.parse().ok()
        })
    }

    /// The address of the only socket it listens on, from the kernel: for who does not tell the port that
    /// port 0 became.
    pub(crate) fn listens_on(&self) -> Option<SocketAddr> {
        let open = self.open_files();
        let listening = |socket: &&Socket| socket.state == "LISTEN" && open.contains(&socket.file);
        self.sockets().iter().find(listening).map(|socket| socket.local)
    }

    /// Waits until `find` finds what it looks for in the output so far; a process that ends first
    /// fails at once.
    pub(crate) async fn wait_until<T>(
        &mut self,
        within: Duration,
        what: &str,
        find: impl Fn(&Self) -> Option<T>,
    ) -> T {
        let what = format!("{what} from {}", self.name);
        wait_for(within, &what, async || {
            // Asked before the look, so that the last words of a process still count.
            let ended = self.end();
            match (find(self), ended) {
                (Some(found), _) => Ok(found),
                (None, None) => Err(format!("it runs\n{}", self.output())),
                (None, Some(status)) => panic!("no {what}: it ended, {status}\n{}", self.output()),
            }
        })
        .await
    }

    /// Waits for the end, and for the last byte of its output.
    pub(crate) async fn ended(mut self, within: Duration) -> Finished {
        let status = wait_for(within, &format!("the end of {}", self.name), async || {
            self.end().ok_or_else(|| format!("it runs\n{}", self.output()))
        })
        .await;
        Finished { status, stdout: self.stdout(), stderr: self.stderr() }
    }

    /// Nothing a process writes may hold a secret, whatever it was started for.
    fn search(&self) {
        for (stream, text) in [("stdout", self.stdout()), ("stderr", self.stderr())] {
            secrets::search(&format!("{stream} of {}", self.name), &text);
        }
    }

    /// Asks the process to stop, as an init system does.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        // The shell's own `kill`: sending a signal from here would take `unsafe`, and a minimal
        // machine has no other `kill`.
        let id = self.id();
        let sent = Command::new("sh").arg("-c").arg(format!("kill -{name} {id}")).status();
        assert!(sent.is_ok_and(|status| status.success()), "cannot signal {}", self.name);
    }

    /// The most memory it ever held, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.status_bytes("VmHWM:")
    }

    /// The memory it holds, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.status_bytes("VmRSS:")
    }

    /// What its descriptors lead to: a path, `pipe:[7]`, `socket:[8]` ….
    pub(crate) fn open_files(&self) -> BTreeSet<String> {
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.child.id()));
        let files = files.expect("a child of ours has files").filter_map(Result::ok);
        // What is closed meanwhile leads nowhere.
        let targets = files.filter_map(|file| std::fs::read_link(file.path()).ok());
        targets.map(|target| target.to_string_lossy().into_owned()).collect()
    }

    /// The same files with what the kernel knows of those that are sockets of TCP.
    pub(crate) fn describe(&self, files: &BTreeSet<String>) -> String {
        let sockets = self.sockets();
        let described = files.iter().map(|file| {
            let socket = sockets.iter().find(|socket| socket.file == *file);
            socket.map_or_else(|| file.clone(), ToString::to_string)
        });
        described.collect::<Vec<_>>().join(", ")
    }

    /// How many of these files are connections.
    pub(crate) fn connections(&self, files: &BTreeSet<String>) -> usize {
        let is_one = |socket: &&Socket| socket.state != "LISTEN" && files.contains(&socket.file);
        self.sockets().iter().filter(is_one).count()
    }

    /// Every IPv4 socket of TCP where it runs, its own and others'. One that was reset is no longer
    /// among them.
    fn sockets(&self) -> Vec<Socket> {
        let table = std::fs::read_to_string(format!("/proc/{}/net/tcp", self.child.id()));
        let table = table.expect("a child of ours has a network");
        table.lines().skip(1).filter_map(Socket::read).collect()
    }

    fn status_bytes(&self, key: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("a child of ours has a status");
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kib.expect("the kernel tells sizes in kB") << 10
    }

    /// How it ended, once both streams are read to their end as well.
    fn end(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().expect("a child of ours can be waited for")?;
        (self.stdout.is_complete() && self.stderr.is_complete()).then_some(status)
    }

    fn output(&self) -> String {
        let mut shown = String::new();
        for (stream, text) in [("stdout", self.stdout()), ("stderr", self.stderr())] {
            let from = text.ceil_char_boundary(text.len().saturating_sub(SHOWN_BYTES));
            let _ = writeln!(shown, "--- {stream} of {}\n{}", self.name, text[from..].trim_end());
        }
        shown
    }
}

impl Drop for Process {
    #[expect(clippy::print_stderr, reason = "a failed test shows what its processes said")]
    fn drop(&mut self) {
        // Errors mean that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.stdout.ends(LAST_WORDS);
        self.stderr.ends(LAST_WORDS);
        if thread::panicking() {
            eprint!("{}", self.output());
        } else {
            self.search();
        }
    }
}

/// A stream, read to its end by a thread of its own so that the writer never blocks.
#[derive(Debug, Default)]
struct Capture {
    heard: Mutex<Heard>,
    /// Told once all of it is read.
    end: Condvar,
}

#[derive(Debug, Default)]
struct Heard {
    bytes: Vec<u8>,
    is_all: bool,
}

impl Capture {
    fn of(mut stream: impl Read + Send + 'static) -> Arc<Self> {
        let capture = Arc::new(Self::default());
        let sink = Arc::clone(&capture);
        thread::spawn(move || {
            let mut piece = [0; 8192];
            while let Ok(read @ 1..) = stream.read(&mut piece) {
                sink.heard().bytes.extend_from_slice(&piece[..read]);
            }
            sink.heard().is_all = true;
            sink.end.notify_all();
        });
        capture
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.heard().bytes).into_owned()
    }

    fn is_complete(&self) -> bool {
        self.heard().is_all
    }

    /// Waits until all of it is read, but no longer than this.
    fn ends(&self, within: Duration) {
        let heard = self.end.wait_timeout_while(self.heard(), within, |heard| !heard.is_all);
        drop(heard.expect("no holder panics"));
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().expect("no holder panics")
    }
}

#[tokio::test]
#[should_panic(expected = "a secret is out in stdout of who was killed")]
async fn what_was_not_read_yet_when_a_process_ended_is_searched_too() {
    // Said by a child of its own, once it is gone.
    let script =
        "(echo here; while kill -0 $$ 2>/dev/null; do :; done; echo S3CR3T) & exec sleep 60";
    let mut process = Process::start("who was killed", Command::new("sh").args(["-c", script]));
    process.wait_until(PATIENCE, "a word", |p| p.stdout().contains("here").then_some(())).await;
}
