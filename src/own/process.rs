use std::fs;

use prometheus::{Counter, Gauge, Registry};
use rustix::time::{ClockId, clock_gettime};

use super::entries::{self, names};

/// Clock ticks a second in `/proc`: fixed at 100 in the kernel's interface to user space on every
/// architecture we build for.
const TICKS_PER_SECOND: f64 = 100.0;

/// The standard `process_*` families, read from `/proc/self`.
///
/// The `prometheus` crate's own collector reports whole seconds of CPU, too coarse for a process
/// that uses a few milliseconds between two scrapes. Where there is no `/proc` they stay at 0.
pub(super) struct Process {
    cpu: Counter,
    open_fds: Gauge,
    max_fds: Gauge,
    virtual_bytes: Gauge,
    resident_bytes: Gauge,
    start_time: Gauge,
    threads: Gauge,
}

impl Process {
    pub(super) fn new(registry: &Registry) -> Self {
        let gauge = |name| entries::gauge(registry, name);
        Self {
            cpu: entries::fraction_counter(registry, names::PROCESS_CPU),
            open_fds: gauge(names::PROCESS_OPEN_FDS),
            max_fds: gauge(names::PROCESS_MAX_FDS),
            virtual_bytes: gauge(names::PROCESS_VIRTUAL),
            resident_bytes: gauge(names::PROCESS_RESIDENT),
            start_time: gauge(names::PROCESS_START),
            threads: gauge(names::PROCESS_THREADS),
        }
    }

    /// Reads everything anew.
    pub(super) fn refresh(&self) {
        if let Some(stat) = read("stat").as_deref().and_then(Stat::parse) {
            self.cpu.inc_by((stat.cpu_seconds - self.cpu.get()).max(0.0));
            self.threads.set(stat.threads);
            // Once: it differs by what passes between the readings of two clocks.
            if self.start_time.get() == 0.0 {
                self.start_time.set(boot_time() + stat.started_seconds_after_boot);
            }
        }
        if let Some(status) = read("status") {
            self.virtual_bytes.set(kibibytes(&status, "VmSize:").unwrap_or_default());
            self.resident_bytes.set(kibibytes(&status, "VmRSS:").unwrap_or_default());
        }
        if let Some(limit) = read("limits").as_deref().and_then(open_files_limit) {
            self.max_fds.set(limit);
        }
        if let Ok(entries) = fs::read_dir("/proc/self/fd") {
            // One of them is the directory we are reading.
            self.open_fds.set(entries.count().saturating_sub(1) as f64);
        }
    }
}

/// What we need of `/proc/self/stat`.
#[derive(Debug, PartialEq)]
struct Stat {
    cpu_seconds: f64,
    threads: f64,
    started_seconds_after_boot: f64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The second field is the program's name in parentheses and may hold anything, even `)`.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        // proc(5) counts from 1, and the two fields before `rest` are gone.
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        Some(Self {
            cpu_seconds: (field(14)? + field(15)?) / TICKS_PER_SECOND,
            threads: field(20)?,
            started_seconds_after_boot: field(22)? / TICKS_PER_SECOND,
        })
    }
}

fn read(name: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/self/{name}")).ok()
}

/// When the machine started, Unix seconds. From its clocks, because `/proc/stat` is hidden from a service
/// that sees no more of `/proc` than processes.
fn boot_time() -> f64 {
    let seconds = |clock| {
        let time = clock_gettime(clock);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    seconds(ClockId::Realtime) - seconds(ClockId::Boottime)
}

fn kibibytes(status: &str, key: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    Some(line.split_ascii_whitespace().next()?.parse::<f64>().ok()? * 1024.0)
}

/// The soft limit; unlimited is infinity.
fn open_files_limit(limits: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_ascii_whitespace().next()? {
        "unlimited" => Some(f64::INFINITY),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_past_a_hostile_program_name() {
        let text = "7 (a) 9 (b c) S 1 7 7 0 -1 4194560 1 0 0 0 150 25 0 0 20 0 3 0 4200 1 1";
        let want = Stat { cpu_seconds: 1.75, threads: 3.0, started_seconds_after_boot: 42.0 };
        assert_eq!(Stat::parse(text), Some(want));
        assert_eq!(Stat::parse("7 (a) S 1"), None);
    }

    #[test]
    fn limits_and_sizes() {
        let limits =
            "Max processes  1  2  processes\nMax open files            1024     4096     files\n";
        assert_eq!(open_files_limit(limits), Some(1024.0));
        assert_eq!(
            open_files_limit("Max open files unlimited unlimited files"),
            Some(f64::INFINITY)
        );
        assert_eq!(kibibytes("VmPeak: 9 kB\nVmRSS:\t  12 kB\n", "VmRSS:"), Some(12288.0));
    }

    #[test]
    fn this_process_is_alive() {
        let process = Process::new(&Registry::new());
        process.refresh();
        assert!(process.resident_bytes.get() > 1e6 && process.open_fds.get() >= 3.0);
        assert!(process.start_time.get() > 1.6e9 && process.threads.get() >= 1.0);
    }

    #[test]
    fn the_clocks_know_when_the_machine_started() {
        let stat = fs::read_to_string("/proc/stat").unwrap();
        let boot: f64 =
            stat.lines().find_map(|l| l.strip_prefix("btime ")).unwrap().parse().unwrap();
        // The kernel tells whole seconds.
        assert!((boot_time() - boot).abs() < 2.0, "{} for {boot}", boot_time());
    }
}
