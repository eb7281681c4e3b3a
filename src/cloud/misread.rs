/// A field of an answer that could not be taken as it is; the rest of the answer was.
///
/// Both sides are label values of `modelarts_exporter_decode_errors_total` and come from our own
/// closed sets, never from the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Misread {
    /// Our name of the field, the wire's where it has one.
    pub field: &'static str,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What can be wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// An object where a number belongs, and the like.
    WrongType,
    /// Text that is not a number.
    NotANumber,
    /// NaN or an infinity.
    NotFinite,
    /// A share outside 0 to 100 %, a negative time.
    OutOfRange,
    /// A string that should hold JSON and does not.
    Malformed,
    /// Text longer than `limits.label_value_length`, which is cut; an array longer than any run, or
    /// an id longer than any, which is left out; a list of more pages than are read.
    TooLong,
    /// A word, or a name, that no document lists.
    Unknown,
    /// A field without which its surroundings mean nothing.
    Missing,
}

impl Fault {
    /// The label value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WrongType => "wrong_type",
            Self::NotANumber => "not_a_number",
            Self::NotFinite => "not_finite",
            Self::OutOfRange => "out_of_range",
            Self::Malformed => "malformed",
            Self::TooLong => "too_long",
            Self::Unknown => "unknown",
            Self::Missing => "missing",
        }
    }
}

/// An answer's content, with the fields of it that could not be taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading<T> {
    /// What was understood.
    pub content: T,
    /// What was not; a field that went wrong twice stands here twice.
    pub misreads: Vec<Misread>,
}
