/// Where a job departs from the usual wire form of v2: what documents, captures and clients do not agree
/// on, and what a reader must survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Oddity {
    /// As usual.
    None,
    /// `npu.unit_num` is a number; usually it is text.
    NumberUnits,
    /// `gpu.unit_num` is text; usually it is a number.
    TextUnits,
    /// `node_count_metrics` is null while nodes run.
    NullNodeCounts,
    /// The arrays have different lengths.
    Uneven,
    /// Every sample is -1.
    AllMissing,
    /// Metrics come in no known order.
    Shuffled,
    /// There are metrics nobody knows.
    UnknownMetrics,
    /// The newest CPU sample is above 100 %.
    TooMuch,
    /// Some metrics are not there at all, one has null for an array.
    FewMetrics,
    /// 50,000 samples.
    LongHistory,
    /// The list has neither `running_records` nor `task_statuses`.
    BareList,
    /// Runs end before they begin.
    ReversedRecords,
    /// `description` is null, `user_name` empty.
    NullTexts,
    /// There is no `start_time` before the start.
    NoStartTime,
    /// `start_time` is null before the start.
    NullStartTime,
    /// `tasks` is null before the start.
    NullTasks,
    /// An image of the user's own: no name and no version of an engine.
    CustomImage,
    /// Allocated resources and no details of the flavour: a dedicated pool.
    NoFlavorDetail,
    /// That there are no samples yet comes as 400 with the documented code, not as a bare 204.
    NotReadyDocument,
}

impl Oddity {
    /// Every one, `None` first.
    pub(super) const ALL: [Self; 20] = [
        Self::None,
        Self::NumberUnits,
        Self::TextUnits,
        Self::NullNodeCounts,
        Self::Uneven,
        Self::AllMissing,
        Self::Shuffled,
        Self::UnknownMetrics,
        Self::TooMuch,
        Self::FewMetrics,
        Self::LongHistory,
        Self::BareList,
        Self::ReversedRecords,
        Self::NullTexts,
        Self::NoStartTime,
        Self::NullStartTime,
        Self::NullTasks,
        Self::CustomImage,
        Self::NoFlavorDetail,
        Self::NotReadyDocument,
    ];

    /// It shows before the start alone.
    pub(super) fn is_of_waiting(self) -> bool {
        matches!(
            self,
            Self::NoStartTime | Self::NullStartTime | Self::NullTasks | Self::NotReadyDocument
        )
    }
}
