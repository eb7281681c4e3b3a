//! Child processes, and what the kernel says about them.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;

/// From exec to the line that says it is up; a hundred thousand jobs take a moment.
const START: Duration = Duration::from_mins(2);

/// A child; it is killed when it goes out of scope.
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts the command and waits until a line of its output says what `find` looks for.
    pub(crate) fn start<T>(
        command: &mut Command,
        find: impl Fn(&str) -> Option<T>,
    ) -> anyhow::Result<(Self, T)> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        let (sender, lines) = mpsc::channel();
        for stream in [
            child.stdout.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>),
            child.stderr.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>),
        ] {
            let (stream, sender) = (stream.context("the output is piped")?, sender.clone());
            thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    eprintln!("    {line}");
                    // Nobody listens after the start, and the pipe has to be emptied all the same.
                    let _ = sender.send(line);
                }
            });
        }
        drop(sender);
        let process = Self { child };
        loop {
            let line =
                lines.recv_timeout(START).with_context(|| format!("{command:?} is not up"))?;
            if let Some(found) = find(&line) {
                return Ok((process, found));
            }
        }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Errors mean that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A field of `/proc/ID/status` that is an amount of memory, such as `VmHWM`, the most ever held; in bytes.
pub(crate) fn memory(id: u32, field: &str) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kibibytes = line.and_then(|line| line.split_ascii_whitespace().next());
    Ok(kibibytes.with_context(|| format!("no {field}"))?.parse::<u64>()? * 1024)
}
