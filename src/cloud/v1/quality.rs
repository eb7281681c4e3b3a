//! `model_metric_list`: what the training code wrote into its `metric.json`, passed through.
//!
//! Free-form and untrusted: any key, any class name, any value. Documented only by examples (OTC:
//! "Obtaining Training Job Versions"; ModelArts-Lab's training scripts write the same file by hand).

use std::collections::BTreeSet;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess};

use crate::cloud::Fault;
use crate::cloud::wire::{
    Document, Lenient, List, OwnedScalar, Reader, Scalar, Taken, Tolerant, document,
};
use crate::model::{ClassQuality, Quality, Scores};

/// Classes that are read of one file: as many as `limits.classes_per_version` can ask for.
const MOST_CLASSES: usize = 100_000;

document! {
    /// The file.
    #[derive(Clone, PartialEq)]
    pub(super) struct ModelMetricList {
        classes: List<ClassDocument, MOST_CLASSES> = "metric",
        total: Lenient<TotalDocument> = "total_metric",
    }
}

document! {
    #[derive(Clone, PartialEq)]
    struct TotalDocument {
        values: Lenient<ScoresDocument> = "total_metric_values",
    }
}

document! {
    /// Boxed: a class without content is three bytes on the wire and should be little more here.
    #[derive(Clone, PartialEq)]
    struct ClassDocument {
        meta: Lenient<Box<ClassMeta>> = "metric_meta",
        values: Lenient<Box<ScoresDocument>> = "metric_values",
    }
}

document! {
    #[derive(Clone, PartialEq)]
    struct ClassMeta {
        id: OwnedScalar = "class_id",
        name: OwnedScalar = "class_name",
    }
}

/// The scores of one class or of all.
#[derive(Clone, Debug, Default, PartialEq)]
struct ScoresDocument {
    recall: Score,
    precision: Score,
    accuracy: Score,
    f1_score: Score,
    /// What hand-written files call it.
    f1: Score,
    /// Other keys with a number: beside the scores the file may hold anything.
    extra: Vec<(String, f64)>,
    /// Those beyond what is read.
    beyond: usize,
}

/// Other keys of one table that are read: as many as `limits.extra_metrics_per_version` can ask for.
const MOST_EXTRA: usize = 10_000;

impl<'de> Document<'de> for ScoresDocument {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<Taken, A::Error> {
        let score: Score = map.next_value()?;
        match key {
            "recall" => self.recall = score,
            "precision" => self.precision = score,
            "accuracy" => self.accuracy = score,
            "f1_score" => self.f1_score = score,
            "f1" => self.f1 = score,
            _ => match score.0.0.number() {
                Ok(Some(number)) if self.extra.len() < MOST_EXTRA => {
                    self.extra.push((key.to_owned(), number));
                }
                Ok(Some(_)) => self.beyond += 1,
                Ok(None) | Err(_) => {}
            },
        }
        Ok(Taken::Yes)
    }
}

/// A score: a number, or an array whose last element is the newest.
#[derive(Clone, Debug, Default, PartialEq)]
struct Score(OwnedScalar);

impl<'de> Tolerant<'de> for Score {
    fn absent() -> Self {
        Self::default()
    }

    fn wrong() -> Self {
        Self(OwnedScalar(Scalar::Wrong))
    }

    fn scalar(value: Scalar<'de>) -> Self {
        Self(value.into())
    }

    fn sequence<A: SeqAccess<'de>>(mut sequence: A) -> Result<Self, A::Error> {
        let mut last = OwnedScalar::default();
        while let Some(element) = sequence.next_element()? {
            last = element;
        }
        Ok(Self(last))
    }
}

impl<'de> Deserialize<'de> for Score {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(deserializer)
    }
}

/// Turns the file into scores, within the limits.
pub(super) fn read(document: ModelMetricList, reader: &mut Reader) -> Quality {
    let total = reader.object("total_metric", document.total);
    let values = total.and_then(|total| reader.object("total_metric_values", total.values));
    // Other keys are few: overall and the classes of a version share the limit.
    let mut others = BTreeSet::new();
    let mut quality = Quality {
        overall: values.map(|values| scores(values, &mut others, reader)).unwrap_or_default(),
        ..Quality::default()
    };
    for _ in 0..document.classes.wrong {
        reader.misread("metric", Fault::WrongType);
    }
    let classes = document.classes.items.unwrap_or_default();
    for (position, class) in classes.into_iter().enumerate() {
        if position >= reader.limits.classes {
            quality.dropped_class_series += class.series();
            continue;
        }
        let meta = reader.object("metric_meta", class.meta).unwrap_or_default();
        let mut id = reader.label("class_id", &meta.id.0);
        let name = reader.label("class_name", &meta.name.0);
        if id.is_empty() && name.is_empty() {
            id = position.to_string();
        }
        let values = reader.object("metric_values", class.values);
        let scores = values.map(|values| scores(*values, &mut others, reader)).unwrap_or_default();
        quality.classes.push(ClassQuality { id, name, scores });
    }
    quality
}

impl ClassDocument {
    /// The series it would have made.
    fn series(&self) -> usize {
        let Lenient::Taken(scores) = &self.values else { return 0 };
        let is_given = |score: &&Score| matches!(score.0.0.number(), Ok(Some(_)));
        let f1 = Some(&scores.f1_score).filter(is_given).unwrap_or(&scores.f1);
        [&scores.recall, &scores.precision, &scores.accuracy, f1]
            .into_iter()
            .filter(is_given)
            .count()
    }
}

/// `others` are the keys beyond the known four that the version has shown so far.
fn scores(document: ScoresDocument, others: &mut BTreeSet<String>, reader: &mut Reader) -> Scores {
    let f1_score = reader.number("f1_score", &document.f1_score.0.0);
    let f1 = reader.number("f1", &document.f1.0.0);
    let mut scores = Scores {
        recall: reader.number("recall", &document.recall.0.0),
        precision: reader.number("precision", &document.precision.0.0),
        accuracy: reader.number("accuracy", &document.accuracy.0.0),
        f1_score: f1_score.or(f1),
        ..Scores::default()
    };
    if reader.limits.extra_metrics == 0 {
        return scores;
    }
    scores.dropped_extra = document.beyond;
    for (key, number) in document.extra {
        if others.contains(&key) || others.len() < reader.limits.extra_metrics {
            scores.extra.insert(reader.cut("metric", key.as_str().into()), number);
            others.insert(key);
        } else {
            scores.dropped_extra += 1;
        }
    }
    scores
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Misread;
    use crate::cloud::wire::Limits;

    const LIMITS: Limits = Limits { label_length: 8, classes: 3, extra_metrics: 2, tasks: 9 };

    fn quality(json: &str) -> (Quality, Vec<Misread>) {
        let mut reader = Reader::new(LIMITS);
        let list: Lenient<ModelMetricList> = serde_json::from_str(json).unwrap();
        let quality = reader.object("model_metric_list", list).map(|list| read(list, &mut reader));
        (quality.unwrap_or_default(), reader.misreads)
    }

    #[test]
    fn nothing_in_any_form_is_no_quality_and_no_error() {
        for json in [
            "null",
            r#""""#,
            r#""{}""#,
            "{}",
            "[]",
            r#""null""#,
            r#"{"metric":null,"total_metric":null}"#,
        ] {
            assert_eq!(quality(json), (Quality::default(), vec![]), "{json}");
        }
    }

    #[test]
    fn an_object_and_a_string_of_it_are_the_same() {
        let json = r#"{"metric":[{"metric_values":{"recall":0.98,"precision":1,"f1_score":0.99},"metric_meta":{"class_name":"tulips","class_id":4}}],
            "total_metric":{"total_metric_values":{"recall":"0.5","accuracy":[0.1,0.25],"f1":0.75}}}"#;
        let (plain, misreads) = quality(json);
        assert_eq!(misreads, []);
        assert_eq!(plain.overall.recall, Some(0.5));
        assert_eq!(plain.overall.accuracy, Some(0.25), "the last of an array");
        assert_eq!(plain.overall.f1_score, Some(0.75), "f1 where there is no f1_score");
        assert_eq!((&*plain.classes[0].id, &*plain.classes[0].name), ("4", "tulips"));
        assert_eq!(plain.classes[0].scores.precision, Some(1.0));
        let text = serde_json::to_string(json).unwrap();
        assert_eq!(quality(&text).0, plain);
        assert_eq!(quality(&format!("[{json}]")).0, plain, "the first of an array");
        assert_eq!(quality(&serde_json::to_string(&text).unwrap()).0, plain, "encoded twice");
    }

    #[test]
    fn class_names_are_numbers_or_text_and_a_class_without_either_is_its_position() {
        let (quality, misreads) = quality(
            r#"{"metric":[{"metric_meta":{"class_name":0,"class_id":0}},{"metric_values":{}},{"metric_meta":[{"class_name":"b"}]}]}"#,
        );
        let names: Vec<_> = quality.classes.iter().map(|c| (&*c.id, &*c.name)).collect();
        assert_eq!(names, [("0", "0"), ("1", ""), ("", "b")]);
        assert_eq!(misreads, []);
    }

    #[test]
    fn f1_score_beats_f1_and_any_finite_number_counts() {
        let (quality, misreads) = quality(
            r#"{"total_metric":{"total_metric_values":{"f1":0.1,"f1_score":0.2,"accuracy":1.5,"recall":-3e9,"precision":"NaN"}}}"#,
        );
        assert_eq!(quality.overall.f1_score, Some(0.2));
        assert_eq!((quality.overall.accuracy, quality.overall.recall), (Some(1.5), Some(-3e9)));
        assert_eq!(quality.overall.precision, None);
        assert_eq!(misreads, [Misread { field: "precision", fault: Fault::NotFinite }]);
    }

    #[test]
    fn limits_hold_and_say_how_much_they_took() {
        let (quality, misreads) = quality(
            r#"{"metric":[{},{},{},{"metric_values":{"recall":1,"f1":2,"x":3}},{"metric_values":{"accuracy":"0.5","recall":null}}],"total_metric":{"total_metric_values":{"top-1":1,"top-5":2,"id":0,"note":"x","a_long_name":3}}}"#,
        );
        assert_eq!((quality.classes.len(), quality.dropped_class_series), (3, 3));
        assert_eq!(
            quality.overall.extra.into_iter().collect::<Vec<_>>(),
            [("top-1".to_owned(), 1.0), ("top-5".to_owned(), 2.0)]
        );
        assert_eq!(quality.overall.dropped_extra, 2);
        assert_eq!(misreads, []);
    }

    #[test]
    fn what_is_wrong_costs_itself_alone() {
        let (quality, misreads) = quality(
            r#"{"metric":[7,{"metric_meta":"x{","metric_values":{"recall":{},"precision":0.5}}],"total_metric":3}"#,
        );
        assert_eq!(quality.classes[0].scores.precision, Some(0.5));
        let names: Vec<_> = misreads.iter().map(|m| (m.field, m.fault)).collect();
        assert_eq!(
            names,
            [
                ("total_metric", Fault::WrongType),
                ("metric", Fault::WrongType),
                ("metric_meta", Fault::Malformed),
                ("recall", Fault::WrongType),
            ]
        );
    }
}
