use super::dialect::Dialect;

/// One format we can answer in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) dialect: Dialect,
    /// Type and subtype.
    pub(super) media: (&'static str, &'static str),
    /// Parameters that tell it from its siblings. A range may leave them out, unless `strict`.
    pub(super) parameters: &'static [(&'static str, &'static str)],
    /// Whether only a range that names every parameter asks for it.
    pub(super) strict: bool,
    /// By [`Escaping`], the first where none was asked for.
    content_types: [&'static str; 1 + Escaping::ALL.len()],
}

/// The content types of a format.
macro_rules! content_types {
    ($plain:literal) => {
        [
            $plain,
            concat!($plain, "; escaping=allow-utf-8"),
            concat!($plain, "; escaping=underscores"),
            concat!($plain, "; escaping=dots"),
            concat!($plain, "; escaping=values"),
        ]
    };
}

/// All formats, the preferred one first: it answers whoever takes anything, and whoever takes
/// nothing we have, because a scraper can always be told so by its operator and a page that shows
/// text helps more than a 406.
pub(super) static FORMATS: [Format; 5] = [
    Format {
        dialect: Dialect::Text,
        media: ("text", "plain"),
        parameters: &[("version", "0.0.4")],
        strict: false,
        content_types: content_types!("text/plain; version=0.0.4; charset=utf-8"),
    },
    Format {
        dialect: Dialect::OpenMetrics,
        media: ("application", "openmetrics-text"),
        parameters: &[("version", "1.0.0")],
        strict: false,
        content_types: content_types!("application/openmetrics-text; version=1.0.0; charset=utf-8"),
    },
    Format {
        dialect: Dialect::Text,
        media: ("text", "plain"),
        parameters: &[("version", "1.0.0")],
        strict: false,
        content_types: content_types!("text/plain; version=1.0.0; charset=utf-8"),
    },
    Format {
        dialect: Dialect::OpenMetrics,
        media: ("application", "openmetrics-text"),
        parameters: &[("version", "0.0.1")],
        strict: false,
        content_types: content_types!("application/openmetrics-text; version=0.0.1; charset=utf-8"),
    },
    // The media type says protobuf and nothing more; which message, only its parameters say.
    Format {
        dialect: Dialect::Protobuf,
        media: ("application", "vnd.google.protobuf"),
        parameters: &[("proto", "io.prometheus.client.MetricFamily"), ("encoding", "delimited")],
        strict: true,
        content_types: content_types!(
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; \
             encoding=delimited"
        ),
    },
];

impl Format {
    /// The value of `Content-Type`, which names the escaping that was asked for.
    pub(super) fn content_type(&self, escaping: Option<Escaping>) -> &'static str {
        self.content_types[escaping.map_or(0, |escaping| 1 + escaping as usize)]
    }
}

/// How names beyond `[a-zA-Z0-9_:]` are to be written. We have none, so that each scheme gives the same
/// bytes; a scraper that asked for one takes the names for escaped by whatever scheme the answer names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escaping {
    AllowUtf8,
    Underscores,
    Dots,
    Values,
}

impl Escaping {
    const ALL: [Self; 4] = [Self::AllowUtf8, Self::Underscores, Self::Dots, Self::Values];

    /// `None` for a scheme that is not known, which is as good as none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "allow-utf-8" => Some(Self::AllowUtf8),
            "underscores" => Some(Self::Underscores),
            "dots" => Some(Self::Dots),
            "values" => Some(Self::Values),
            _ => None,
        }
    }
}
