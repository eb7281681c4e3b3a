use crate::metrics::{Family, Kind};

use super::line::{Quotes, write_escaped};

/// How an exposition is written. The two that are text differ in their headers alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// The Prometheus text format; what we say is the same in 0.0.4 and 1.0.0.
    Text,
    /// `OpenMetrics`; what we say is the same in 0.0.1 and 1.0.0.
    OpenMetrics,
    /// `io.prometheus.client.MetricFamily` messages, each after its length.
    Protobuf,
}

impl Dialect {
    /// All, in the order of their discriminants.
    pub(super) const ALL: [Self; 3] = [Self::Text, Self::OpenMetrics, Self::Protobuf];

    /// The label value in our own counters.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::OpenMetrics => "openmetrics",
            Self::Protobuf => "protobuf",
        }
    }

    /// What stands after the last family.
    pub(super) fn end(self) -> &'static [u8] {
        match self {
            Self::Text | Self::Protobuf => b"",
            Self::OpenMetrics => b"# EOF\n",
        }
    }

    fn name(self, family: &Family) -> &'static str {
        match self {
            Self::Text | Self::Protobuf => family.name,
            Self::OpenMetrics => family.openmetrics_name(),
        }
    }

    fn kind(self, kind: Kind) -> &'static str {
        match (kind, self) {
            (Kind::Info, Self::OpenMetrics) => "info",
            (Kind::Gauge | Kind::Info, _) => "gauge",
            (Kind::Counter, _) => "counter",
            (Kind::Histogram, _) => "histogram",
        }
    }

    fn quotes_in_help(self) -> Quotes {
        match self {
            Self::Text | Self::Protobuf => Quotes::Plain,
            Self::OpenMetrics => Quotes::Escaped,
        }
    }

    pub(super) fn unit(self, family: &Family) -> Option<&'static str> {
        // An info has no unit, whatever its name ends in.
        if self == Self::Text || family.kind == Kind::Info { None } else { family.unit() }
    }
}

/// Appends the lines that say what a family is. None in protobuf: there a family begins with its length,
/// which nobody knows before its metrics are written.
pub(super) fn write_header(out: &mut Vec<u8>, dialect: Dialect, family: &Family) {
    if dialect == Dialect::Protobuf {
        return;
    }
    let name = dialect.name(family);
    let mut line = |keyword: &str, text: &str, quotes| {
        for part in ["# ", keyword, " ", name, " "] {
            out.extend_from_slice(part.as_bytes());
        }
        write_escaped(out, text, quotes);
        out.push(b'\n');
    };
    line("HELP", family.help, dialect.quotes_in_help());
    line("TYPE", dialect.kind(family.kind), Quotes::Plain);
    if let Some(unit) = dialect.unit(family) {
        line("UNIT", unit, Quotes::Plain);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(dialect: Dialect, family: Family) -> String {
        let mut out = Vec::new();
        write_header(&mut out, dialect, &family);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_dialect_has_its_own_header() {
        let info = Family { name: "job_info", kind: Kind::Info, help: "A \"b\" \\ c", labels: &[] };
        insta::assert_snapshot!(header(Dialect::Text, info), @r#"
        # HELP job_info A "b" \\ c
        # TYPE job_info gauge
        "#);
        insta::assert_snapshot!(header(Dialect::OpenMetrics, info), @r#"
        # HELP job A \"b\" \\ c
        # TYPE job info
        "#);
        let counter =
            Family { name: "cpu_seconds_total", kind: Kind::Counter, help: "CPU", labels: &[] };
        insta::assert_snapshot!(header(Dialect::Text, counter), @r"
        # HELP cpu_seconds_total CPU
        # TYPE cpu_seconds_total counter
        ");
        insta::assert_snapshot!(header(Dialect::OpenMetrics, counter), @r"
        # HELP cpu_seconds CPU
        # TYPE cpu_seconds counter
        # UNIT cpu_seconds seconds
        ");
    }
}
