use std::ops::Range;

/// What is sampled of the use of machines, a value a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Share of the processors.
    Cpu,
    /// Share of the memory.
    Memory,
    /// Share of the GPUs' time.
    Gpu,
    /// Share of the GPUs' memory.
    GpuMemory,
    /// Share of the NPUs' time.
    Npu,
    /// Share of the NPUs' memory.
    NpuMemory,
    /// Bytes a second.
    NetworkReceive,
    /// Bytes a second.
    NetworkTransmit,
    /// In a unit no document gives.
    DiskRead,
    /// Likewise.
    DiskWrite,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Cpu,
        Self::Memory,
        Self::Gpu,
        Self::GpuMemory,
        Self::Npu,
        Self::NpuMemory,
        Self::NetworkReceive,
        Self::NetworkTransmit,
        Self::DiskRead,
        Self::DiskWrite,
    ];

    /// A ratio from 0 to 1; the others are rates, of any size.
    pub fn is_share(self) -> bool {
        !matches!(
            self,
            Self::NetworkReceive | Self::NetworkTransmit | Self::DiskRead | Self::DiskWrite
        )
    }

    fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// How the samples of a run went, as an eye sees it: a byte a point, all measures in one piece of memory,
/// because tens of thousands of runs are kept.
///
/// Runs of more samples than points are cut into equal stretches, of which each keeps its smallest and
/// its largest value in the order in which they came: no peak and no dip is lost, where a mean would
/// flatten both.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curves {
    /// From the first sample to the last.
    minutes: u32,
    /// A bit for each [`Measure`] that is there.
    there: u16,
    /// The largest value of each rate.
    tops: [f64; RATES],
    /// As many for each measure, in their order.
    points: Box<[u8]>,
}

/// Measures that are no shares.
const RATES: usize = 4;

/// The point of a share of 1, and of a rate at its largest.
const TOP: u8 = 254;

/// Stands where there is no value.
const NONE: u8 = u8::MAX;

/// A point of a curve: a ratio, or a rate.
pub type Point = Option<f64>;

impl Curves {
    /// The values of each measure over so many minutes, in at most `most` points each. A measure
    /// without any value is left out.
    pub fn new<I: Iterator<Item = Point>>(
        minutes: usize,
        most: usize,
        values: impl Fn(Measure) -> I,
    ) -> Self {
        let mut curves =
            Self { minutes: u32::try_from(minutes).unwrap_or(u32::MAX), ..Self::default() };
        let mut points = Vec::new();
        for measure in Measure::ALL {
            let reduced = reduced(values(measure), minutes, most);
            let top = if measure.is_share() {
                1.0
            } else {
                reduced.iter().flatten().copied().fold(0.0, f64::max)
            };
            if reduced.iter().all(Option::is_none) {
                continue;
            }
            curves.there |= measure.bit();
            if let Some(rate) = rate(measure) {
                curves.tops[rate] = top;
            }
            points.extend(reduced.iter().map(|value| packed(*value, top)));
        }
        curves.points = points.into();
        curves
    }

    /// From the first sample to the last, both included.
    pub fn minutes(&self) -> u32 {
        self.minutes
    }

    /// The points of a measure, evenly spaced over the run; `None` where it was not sampled.
    pub fn of(&self, measure: Measure) -> Option<Vec<Point>> {
        if self.there & measure.bit() == 0 {
            return None;
        }
        let before = (self.there & (measure.bit() - 1)).count_ones() as usize;
        let length = self.points.len() / self.there.count_ones() as usize;
        let points = self.points.get(before * length..(before + 1) * length)?;
        let top = rate(measure).map_or(1.0, |rate| self.tops[rate]);
        Some(points.iter().map(|point| unpacked(*point, top)).collect())
    }

    /// Bytes that the points take.
    pub fn size(&self) -> usize {
        self.points.len()
    }
}

/// The place of a measure among those that are no shares.
fn rate(measure: Measure) -> Option<usize> {
    (measure as usize).checked_sub(Measure::ALL.len() - RATES)
}

fn packed(value: Point, top: f64) -> u8 {
    let Some(value) = value else { return NONE };
    let part = if top > 0.0 { (value / top).clamp(0.0, 1.0) } else { 0.0 };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 254")]
    {
        (part * f64::from(TOP)).round() as u8
    }
}

fn unpacked(point: u8, top: f64) -> Point {
    (point != NONE).then(|| f64::from(point) / f64::from(TOP) * top)
}

/// So many values in at most `most` points, which is at least 2; see [`Curves`].
pub fn reduced(values: impl Iterator<Item = Point>, count: usize, most: usize) -> Vec<Point> {
    let most = most.max(2);
    if count <= most {
        let mut all: Vec<_> = values.take(count).collect();
        all.resize(count, None);
        return all;
    }
    let stretches = most / 2;
    let mut points = Vec::with_capacity(stretches * 2);
    let mut values = values.fuse();
    for at in 0..stretches {
        let Range { start, end } = at * count / stretches..(at + 1) * count / stretches;
        let (mut first, mut second): (Point, Point) = (None, None);
        // The extremes so far, in the order in which they came.
        for value in values.by_ref().take(end - start).flatten() {
            let (Some(one), Some(two)) = (first, second) else {
                (first, second) = (Some(value), Some(value));
                continue;
            };
            let (least, largest) = (one.min(two), one.max(two));
            if value > largest {
                (first, second) = (Some(least), Some(value));
            } else if value < least {
                (first, second) = (Some(largest), Some(value));
            }
        }
        points.extend([first, second]);
    }
    points
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn curves(measure: Measure, values: &[Point], most: usize) -> Curves {
        Curves::new(values.len(), most, |asked| {
            let asked = if asked == measure { values } else { &[] };
            asked.iter().copied()
        })
    }

    #[test]
    fn few_samples_are_kept_as_they_are() {
        let values = [Some(0.0), Some(1.0), None, Some(0.5)];
        let kept = curves(Measure::GpuMemory, &values, 240);
        assert_eq!((kept.minutes(), kept.size()), (4, 4));
        assert_eq!(kept.of(Measure::GpuMemory).unwrap(), values);
        assert_eq!(kept.of(Measure::Cpu), None);
        assert_eq!(Curves::default().of(Measure::Cpu), None);
    }

    #[test]
    fn a_rate_is_kept_beside_its_largest() {
        let kept = curves(Measure::DiskRead, &[Some(0.0), Some(2e9), Some(1e9)], 240);
        let points = kept.of(Measure::DiskRead).unwrap();
        assert_eq!((points[0], points[1]), (Some(0.0), Some(2e9)));
        assert!((points[2].unwrap() / 1e9 - 1.0).abs() < 0.005, "{points:?}");
        let still = curves(Measure::DiskWrite, &[Some(0.0), Some(0.0)], 240);
        assert_eq!(still.of(Measure::DiskWrite).unwrap(), [Some(0.0), Some(0.0)]);
        let vast = [Some(0.0), Some(f64::MAX)];
        assert_eq!(curves(Measure::DiskRead, &vast, 240).of(Measure::DiskRead).unwrap(), vast);
    }

    #[test]
    fn each_measure_has_its_own_points() {
        let kept = Curves::new(3, 240, |measure| {
            let share = if measure == Measure::Npu { None } else { Some(measure as u8) };
            std::iter::repeat_n(share.map(|share| f64::from(share) / 10.0), 3)
        });
        for measure in Measure::ALL {
            let points = kept.of(measure);
            assert_eq!(points.is_none(), measure == Measure::Npu);
            for point in points.into_iter().flatten().flatten() {
                let want = f64::from(measure as u8) / 10.0;
                assert!((point - want).abs() < 0.005, "{measure:?} {point}");
            }
        }
    }

    #[test]
    fn a_peak_of_one_minute_in_a_month_is_seen_in_its_place() {
        let mut values = vec![Some(0.25); 43_200];
        values[30_000] = Some(1.0);
        values[30_001] = Some(0.0);
        let points = curves(Measure::Gpu, &values, 240).of(Measure::Gpu).unwrap();
        assert_eq!(points.len(), 240);
        let at = 30_000 * 120 / 43_200 * 2;
        assert_eq!(points[at..at + 2], [Some(1.0), Some(0.0)], "as they came");
        assert!(points[at + 2].is_some_and(|after| (after - 0.25).abs() < 0.005));
    }

    proptest! {
        #[test]
        fn whatever_the_samples_there_are_no_more_points_and_the_extremes_are_kept(
            values in prop::collection::vec(prop::option::of(0.0..=1.0_f64), 1..900),
            most in 10..300_usize,
        ) {
            let points = reduced(values.iter().copied(), values.len(), most);
            prop_assert!(points.len() <= most.max(values.len().min(most)));
            let most_of = |of: &[Point]| of.iter().flatten().copied().fold(f64::MIN, f64::max);
            let least_of = |of: &[Point]| of.iter().flatten().copied().fold(f64::MAX, f64::min);
            prop_assert_eq!(most_of(&points).to_bits(), most_of(&values).to_bits());
            prop_assert_eq!(least_of(&points).to_bits(), least_of(&values).to_bits());
        }
    }
}
