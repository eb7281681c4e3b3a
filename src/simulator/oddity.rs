/// Where a version departs from the usual wire form: the contradictions between the documents and what
/// was seen, one each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Oddity {
    /// As usual.
    None,
    /// The version detail carries `system_metric_list` as text, the versions list as an object.
    SystemSwapped,
    /// Samples are numbers.
    NumberSamples,
    /// There is no `memUsage`.
    NoMemory,
    /// The newest CPU sample is above 100 %.
    TooMuch,
    /// A key nobody knows stands among the samples.
    UnknownSamples,
    /// `model_metric_list` is an object in both forms.
    ModelObject,
    /// `model_metric_list` is an array around the object, as the SDK's tables say.
    ModelArray,
    /// Scores are arrays.
    ArrayScores,
    /// `total_metric` is an array.
    TotalArray,
    /// Class names are numbers.
    NumberNames,
    /// Classes have neither id nor name.
    Nameless,
    /// There are classes and no `total_metric`.
    NoTotal,
    /// `f1` instead of `f1_score`.
    F1,
    /// Both `f1` and `f1_score`, of different value.
    BothF1,
    /// Scores beyond 0 to 1.
    OutOfRange,
    /// A score is the text `NaN`.
    NotANumber,
    /// `id`, `top-1`, `top-5` and `images_outputs`.
    ExtraKeys,
    /// The metric lists are null.
    NullMetrics,
    /// The metric lists are empty texts.
    EmptyMetrics,
    /// The metric lists are empty objects.
    BareMetrics,
    /// `core` and `cpu` are numbers in the detail and text in the list.
    CoreSwapped,
    /// Ids are text.
    TextIds,
    /// The value of a parameter is text.
    TextParameter,
    /// `gpu` is null in the versions list.
    NullGpu,
    /// `start_time` is missing before the start.
    NoStartTime,
    /// `start_time` is null before the start.
    NullStartTime,
    /// Most text fields are null: an image of the user's own.
    CustomImage,
    /// There is no `version_name`.
    NoVersionName,
}

impl Oddity {
    /// Every one, `None` first.
    pub(super) const ALL: [Self; 29] = [
        Self::None,
        Self::SystemSwapped,
        Self::NumberSamples,
        Self::NoMemory,
        Self::TooMuch,
        Self::UnknownSamples,
        Self::ModelObject,
        Self::ModelArray,
        Self::ArrayScores,
        Self::TotalArray,
        Self::NumberNames,
        Self::Nameless,
        Self::NoTotal,
        Self::F1,
        Self::BothF1,
        Self::OutOfRange,
        Self::NotANumber,
        Self::ExtraKeys,
        Self::NullMetrics,
        Self::EmptyMetrics,
        Self::BareMetrics,
        Self::CoreSwapped,
        Self::TextIds,
        Self::TextParameter,
        Self::NullGpu,
        Self::NoStartTime,
        Self::NullStartTime,
        Self::CustomImage,
        Self::NoVersionName,
    ];

    /// Its name in the `quirks` scenario.
    pub(super) fn job_name(self) -> String {
        let mut name = String::from("quirk");
        for letter in format!("{self:?}").chars() {
            if letter.is_ascii_uppercase() {
                name.push('-');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    }

    /// No metrics come at all.
    pub(super) fn hides_metrics(self) -> bool {
        matches!(self, Self::NullMetrics | Self::EmptyMetrics | Self::BareMetrics)
    }
}
