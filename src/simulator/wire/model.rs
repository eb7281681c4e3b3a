use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    super::{
        oddity::Oddity,
        quality::{self, Class, Report, Score, Scores},
        story::{Moment, Version},
    },
    Empty, Form, HUGE_MARK, Loose, json_text,
};

/// `model_metric_list` in one of its forms.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum ModelList {
    Object(Metrics),
    Array([Metrics; 1]),
    Text(String),
    Null,
}

impl ModelList {
    pub(super) fn new(version: &Version, moment: Moment, form: Form, huge: bool) -> Self {
        let odd = version.oddity;
        let report = match quality::report(version, moment) {
            Some(report) => report,
            None if huge => Report { overall: Vec::new(), classes: Vec::new() },
            None => {
                return match odd {
                    Oddity::NullMetrics => Self::Null,
                    Oddity::EmptyMetrics => Self::Text(String::new()),
                    _ => Self::Text("{}".to_owned()),
                };
            }
        };
        let metrics = Metrics { report, odd, huge };
        match odd {
            // Captured in details only.
            Oddity::ModelObject | Oddity::ExtraKeys if form == Form::Detail => {
                Self::Object(metrics)
            }
            Oddity::ModelObject => Self::Object(metrics),
            Oddity::ModelArray => Self::Array([metrics]),
            _ => Self::Text(json_text(&metrics)),
        }
    }
}

/// The content of a user's `metric.json`.
#[derive(Debug)]
pub(super) struct Metrics {
    report: Report,
    odd: Oddity,
    huge: bool,
}

impl Serialize for Metrics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { report, odd, huge } = self;
        let mut map = serializer.serialize_map(None)?;
        if *huge {
            // First, so that whoever reads on has to read past it.
            map.serialize_entry("images_outputs", HUGE_MARK)?;
        }
        let classes: Vec<_> =
            report.classes.iter().map(|class| ClassMetrics { class, odd: *odd }).collect();
        map.serialize_entry("metric", &classes)?;
        if *odd != Oddity::NoTotal {
            let total = TotalMetric {
                total_metric_meta: Empty {},
                total_reserved_data: Empty {},
                total_metric_values: Values { scores: &report.overall, odd: *odd, overall: true },
            };
            if *odd == Oddity::TotalArray {
                map.serialize_entry("total_metric", &[total])?;
            } else {
                map.serialize_entry("total_metric", &total)?;
            }
        }
        if *odd == Oddity::ExtraKeys && !huge {
            map.serialize_entry("images_outputs", &Images)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the wire's own names")]
struct TotalMetric<'a> {
    total_metric_meta: Empty,
    total_reserved_data: Empty,
    total_metric_values: Values<'a>,
}

struct ClassMetrics<'a> {
    class: &'a Class,
    odd: Oddity,
}

impl Serialize for ClassMetrics<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { class, odd } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(
            "metric_values",
            &Values { scores: &class.scores, odd: *odd, overall: false },
        )?;
        map.serialize_entry("reserved_data", &Empty {})?;
        match odd {
            Oddity::Nameless => {}
            Oddity::NumberNames => {
                let name = Loose::number(class.id);
                map.serialize_entry(
                    "metric_meta",
                    &ClassMeta { class_name: name, class_id: class.id },
                )?;
            }
            _ => {
                let name = Loose::Text(class.name.as_str().into());
                map.serialize_entry(
                    "metric_meta",
                    &ClassMeta { class_name: name, class_id: class.id },
                )?;
            }
        }
        map.end()
    }
}

#[derive(Serialize)]
struct ClassMeta<'a> {
    class_name: Loose<'a>,
    class_id: u64,
}

struct Values<'a> {
    scores: &'a Scores,
    odd: Oddity,
    overall: bool,
}

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if self.overall && self.odd == Oddity::NotANumber {
            map.serialize_entry("recall", "NaN")?;
        }
        for (key, score) in self.scores {
            if self.odd == Oddity::ArrayScores {
                map.serialize_entry(key, &[Score(score.0 / 2.0), *score])?;
            } else {
                map.serialize_entry(key, score)?;
            }
        }
        map.end()
    }
}

/// A small `images_outputs`, as an image classifier leaves it.
struct Images;

impl Serialize for Images {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Image {
            real_label: [&'static str; 1],
            logits: [&'static str; 3],
            predict_label: [&'static str; 2],
        }
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(
            "s3://demo-bucket/tulips/141479422_5a6fa1fd1b_m.jpg",
            &Image {
                real_label: ["tulips"],
                logits: ["8.085395", "0.010677", "-1.837408"],
                predict_label: ["tulips", "roses"],
            },
        )?;
        map.end()
    }
}
