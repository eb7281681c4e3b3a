use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    super::{
        oddity::Oddity,
        quality::Score,
        story::{Moment, Version},
        usage::{Decimal, Metric, sample},
    },
    Empty, Form, json_text,
};

/// `system_metric_list` in one of its forms.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum SystemList<'a> {
    Object(Series<'a>),
    Text(String),
    Bare(Empty),
    Null,
}

impl<'a> SystemList<'a> {
    pub(super) fn new(version: &'a Version, moment: Moment, form: Form) -> Self {
        match version.oddity {
            Oddity::NullMetrics => return Self::Null,
            Oddity::EmptyMetrics => return Self::Text(String::new()),
            Oddity::BareMetrics if form == Form::Detail => return Self::Bare(Empty {}),
            Oddity::BareMetrics => return Self::Text("{}".to_owned()),
            _ => {}
        }
        if moment.started.is_none() {
            return if form == Form::List { Self::Text("{}".to_owned()) } else { Self::Null };
        }
        let series = Series { version, moment };
        if (form == Form::Detail) == (version.oddity == Oddity::SystemSwapped) {
            Self::Text(json_text(&series))
        } else {
            Self::Object(series)
        }
    }
}

/// Every array of a version, written straight from the curve.
#[derive(Debug)]
pub(super) struct Series<'a> {
    version: &'a Version,
    moment: Moment,
}

/// The samples of one metric, in hundredths, without padding.
pub(in crate::simulator) fn samples(
    version: &Version,
    moment: Moment,
    metric: Metric,
) -> impl Iterator<Item = u64> + '_ {
    let last = moment.minutes.1;
    (moment.minutes.0..last).map(move |minute| {
        if version.oddity == Oddity::TooMuch && metric == Metric::Cpu && minute + 1 == last {
            return 10_550;
        }
        sample(version.seed, version.curve, metric, minute)
    })
}

/// A version's answers carry this metric.
pub(in crate::simulator) fn carries(version: &Version, metric: Metric) -> bool {
    version.oddity != Oddity::NoMemory || metric != Metric::Memory
}

impl Serialize for Series<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for metric in Metric::ALL.into_iter().filter(|metric| carries(self.version, *metric)) {
            map.serialize_entry(metric.wire_key(), &Array { series: self, metric })?;
        }
        if self.version.oddity == Oddity::UnknownSamples {
            map.serialize_entry("fanSpeed", &["0", "900.00", "fast"])?;
            map.serialize_entry("sampler", "v2")?;
        }
        map.serialize_entry("interval", &1)?;
        map.end()
    }
}

struct Array<'a> {
    series: &'a Series<'a>,
    metric: Metric,
}

impl Serialize for Array<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Series { version, moment } = *self.series;
        let numbers = version.oddity == Oddity::NumberSamples;
        let trailing = if moment.ended { version.trailing() } else { 0 };
        let pad = |count| (0..count).map(|_| Element { padding: true, numbers, hundredths: 0 });
        let samples = samples(version, moment, self.metric).map(|hundredths| {
            // A machine without GPU shows the bare zero of the padding, as captured.
            let padding = hundredths == 0 && version.machine.gpus == 0;
            Element { padding, numbers, hundredths }
        });
        serializer.collect_seq(pad(version.leading()).chain(samples).chain(pad(trailing)))
    }
}

struct Element {
    padding: bool,
    numbers: bool,
    hundredths: u64,
}

impl Serialize for Element {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.numbers {
            Score(self.hundredths as f64 / 100.0).serialize(serializer)
        } else if self.padding {
            serializer.serialize_str("0")
        } else {
            serializer.serialize_str(Decimal::new(self.hundredths).as_str())
        }
    }
}
