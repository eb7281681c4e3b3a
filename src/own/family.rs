/// The type of a family, as its `# TYPE` line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A value that goes up and down.
    Gauge,
    /// A value that only grows; the name ends in `_total`.
    Counter,
    /// Always 1, its labels are the content; `info` in `OpenMetrics`, `gauge` elsewhere.
    Info,
    /// Buckets, sum and count.
    Histogram,
}

/// One metric family: everything about it but its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// The name as in text 0.0.4: with `_total` and `_info`.
    pub name: &'static str,
    /// The type.
    pub kind: Kind,
    /// One sentence without a full stop; says where the value comes from.
    pub help: &'static str,
    /// The label names, in the order in which they are written.
    pub labels: &'static [&'static str],
}

/// The base units a name may end in (before `_total`), longest first.
///
/// `OpenMetrics` 1.0.0 wants the unit to be the name's suffix.
const UNITS: [&str; 4] = ["bytes_per_second", "seconds", "bytes", "ratio"];

impl Family {
    /// The unit, taken from the name's suffix.
    pub fn unit(&self) -> Option<&'static str> {
        let stem = self.openmetrics_name();
        UNITS
            .into_iter()
            .find(|unit| stem.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_')))
    }

    /// The name in `OpenMetrics` metadata: without `_total` and `_info`.
    pub fn openmetrics_name(&self) -> &'static str {
        let suffix = match self.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram => "",
        };
        self.name.strip_suffix(suffix).unwrap_or(self.name)
    }
}
