//! What a version uses of its machines: a pure function of its seed and the minute.

use super::random::{between, mix};

/// One of the arrays in `system_metric_list`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Metric {
    Cpu,
    Memory,
    Gpu,
    GpuMemory,
    DiskRead,
    DiskWrite,
    Receive,
    Send,
}

impl Metric {
    /// In the order of the documents' samples.
    pub(super) const ALL: [Self; 8] = [
        Self::Cpu,
        Self::Memory,
        Self::Gpu,
        Self::GpuMemory,
        Self::DiskRead,
        Self::DiskWrite,
        Self::Receive,
        Self::Send,
    ];

    /// Its key on the wire.
    pub(super) fn wire_key(self) -> &'static str {
        match self {
            Self::Cpu => "cpuUsage",
            Self::Memory => "memUsage",
            Self::Gpu => "gpuUtil",
            Self::GpuMemory => "gpuMemUsage",
            Self::DiskRead => "diskReadRate",
            Self::DiskWrite => "diskWriteRate",
            Self::Receive => "recvBytesRate",
            Self::Send => "sendBytesRate",
        }
    }

    /// Its key in the truth.
    pub(super) fn truth_key(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Gpu => "gpu",
            Self::GpuMemory => "gpu_memory",
            Self::DiskRead => "disk_read",
            Self::DiskWrite => "disk_write",
            Self::Receive => "network_receive",
            Self::Send => "network_transmit",
        }
    }

    /// It is a share of the machine.
    pub(super) fn is_percent(self) -> bool {
        matches!(self, Self::Cpu | Self::Memory | Self::Gpu | Self::GpuMemory)
    }

    fn is_gpu(self) -> bool {
        matches!(self, Self::Gpu | Self::GpuMemory)
    }
}

/// How the use of a version goes over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    /// GPUs warm up, then work, with a dip for each evaluation.
    Busy,
    /// The GPUs' memory is taken and the GPUs do nothing.
    IdleGpu,
    /// There is no GPU.
    CpuOnly,
}

/// Minutes until a GPU has its full load: data is read first.
const WARM_UP: u64 = 6;

/// Minutes from one evaluation, a dip in the load, to the next.
const EPOCH: u64 = 11;

/// The sample of a minute, in hundredths of its unit. Memory is never 0: a container that lives uses some.
pub(super) fn sample(seed: u64, curve: Curve, metric: Metric, minute: u64) -> u64 {
    let stream = seed ^ (metric as u64 + 1).wrapping_mul(0xA076_1D64_78BD_642F);
    // The level a version keeps, and the noise of this minute.
    let level = |low, high| between(stream, u64::MAX, low, high);
    let noise = |width| between(stream, minute, 0, width);
    if metric.is_gpu() && curve == Curve::CpuOnly {
        return 0;
    }
    let warm = |full: u64| full * (minute + 1).min(WARM_UP) / WARM_UP;
    let evaluating = minute % EPOCH == EPOCH - 1;
    match (metric, curve) {
        (Metric::Cpu, Curve::IdleGpu) => level(200, 900) + noise(150),
        (Metric::Cpu, _) => warm(level(3000, 7000)) + noise(900),
        (Metric::Memory, _) => 100 + warm(level(1500, 6500)) + noise(60),
        // Three minutes in four show nothing at all, the others a flicker.
        (Metric::Gpu, Curve::IdleGpu) if mix(stream, minute) & 3 != 0 => 0,
        (Metric::Gpu, Curve::IdleGpu) => noise(120),
        (Metric::Gpu, _) if evaluating => level(1500, 3000) + noise(800),
        (Metric::Gpu, _) => warm(level(7800, 9300)) + noise(650),
        (Metric::GpuMemory, _) => warm(level(5500, 9400)) + noise(20),
        (Metric::DiskRead, _) if minute < WARM_UP => level(2_000_000, 9_000_000) + noise(1_000_000),
        (Metric::DiskRead, _) => noise(50_000),
        (Metric::DiskWrite, _) if evaluating => level(200_000, 800_000) + noise(90_000),
        (Metric::DiskWrite, _) => 10 + noise(300),
        (Metric::Receive, _) => level(100_000_000, 900_000_000) + noise(99_000_000),
        (Metric::Send, _) => level(90_000_000, 800_000_000) + noise(200_000_000),
    }
}

/// Hundredths as the wire writes them, with two decimals.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decimal {
    text: [u8; 24],
    start: usize,
}

impl Decimal {
    pub(super) fn new(hundredths: u64) -> Self {
        let mut text = [b'0'; 24];
        let mut start = text.len();
        let mut rest = hundredths;
        let mut digits = 0;
        while rest > 0 || digits < 3 {
            start -= 1;
            // A remainder of ten fits.
            text[start] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
            digits += 1;
            if digits == 2 {
                start -= 1;
                text[start] = b'.';
            }
        }
        Self { text, start }
    }

    pub(super) fn as_str(&self) -> &str {
        // Only ASCII digits and a point were written.
        std::str::from_utf8(&self.text[self.start..]).unwrap_or("0")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_have_two_places() {
        let cases = [
            (0, "0.00"),
            (7, "0.07"),
            (310, "3.10"),
            (577_040_550, "5770405.50"),
            (10_000, "100.00"),
        ];
        for (hundredths, text) in cases {
            assert_eq!(Decimal::new(hundredths).as_str(), text);
        }
        assert_eq!(Decimal::new(u64::MAX).as_str(), "184467440737095516.15");
    }

    #[test]
    fn shares_stay_within_a_hundred_percent_and_memory_is_never_zero() {
        for seed in 0..200 {
            for curve in [Curve::Busy, Curve::IdleGpu, Curve::CpuOnly] {
                for minute in 0..60 {
                    for metric in Metric::ALL.into_iter().filter(|metric| metric.is_percent()) {
                        let sample = sample(seed, curve, metric, minute);
                        assert!(sample <= 10_000, "{metric:?} {curve:?} {minute}: {sample}");
                        assert!(sample > 0 || metric != Metric::Memory);
                    }
                }
            }
        }
    }
}
