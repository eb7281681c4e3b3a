use std::collections::BTreeMap;

/// What the training code reported about its model, overall and per class.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quality {
    /// Over all classes.
    pub overall: Scores,
    /// In the order of the answer, at most as many as the limits allow.
    pub classes: Vec<ClassQuality>,
    /// Series that classes beyond the limit would have made.
    pub dropped_class_series: usize,
}

impl Quality {
    /// The training code reported nothing.
    pub fn is_empty(&self) -> bool {
        self.overall.is_empty() && self.classes.is_empty()
    }

    /// The lowest of each of the four scores that any class has, without what the training code wrote
    /// beside them.
    pub fn worst_class(&self) -> Scores {
        let lowest = |score: fn(&Scores) -> Option<f64>| {
            self.classes.iter().filter_map(|class| score(&class.scores)).min_by(f64::total_cmp)
        };
        Scores {
            recall: lowest(|scores| scores.recall),
            precision: lowest(|scores| scores.precision),
            accuracy: lowest(|scores| scores.accuracy),
            f1_score: lowest(|scores| scores.f1_score),
            ..Scores::default()
        }
    }
}

/// The four scores the cloud knows by name, and whatever else the training code wrote.
///
/// Any finite number: some training codes store errors under the name of a score.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores {
    /// `recall`.
    pub recall: Option<f64>,
    /// `precision`.
    pub precision: Option<f64>,
    /// `accuracy`.
    pub accuracy: Option<f64>,
    /// `f1_score`, or `f1` where there is no `f1_score`.
    pub f1_score: Option<f64>,
    /// Other keys with a finite value, by key.
    pub extra: BTreeMap<String, f64>,
    /// Other keys beyond the limit.
    pub dropped_extra: usize,
}

impl Scores {
    /// No score at all.
    pub fn is_empty(&self) -> bool {
        self.recall.is_none()
            && self.precision.is_none()
            && self.accuracy.is_none()
            && self.f1_score.is_none()
            && self.extra.is_empty()
    }
}

/// The scores of one class.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassQuality {
    /// `class_id`, or the class's position where it has neither id nor name.
    pub id: String,
    /// `class_name`; may be empty.
    pub name: String,
    /// The scores of this class.
    pub scores: Scores,
}
