use super::dialect::Dialect;

/// One format we can answer in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) content_type: &'static str,
    pub(super) dialect: Dialect,
    kind: &'static str,
    subtype: &'static str,
    version: &'static str,
}

/// All formats, the preferred one first: it answers whoever takes anything, and whoever takes
/// nothing we have, because a scraper can always be told so by its operator and a page that shows
/// text helps more than a 406.
pub(super) static FORMATS: [Format; 2] = [
    Format {
        content_type: "text/plain; version=0.0.4; charset=utf-8",
        dialect: Dialect::Text,
        kind: "text",
        subtype: "plain",
        version: "0.0.4",
    },
    Format {
        content_type: "application/openmetrics-text; version=1.0.0; charset=utf-8",
        dialect: Dialect::OpenMetrics,
        kind: "application",
        subtype: "openmetrics-text",
        version: "1.0.0",
    },
];

/// How the bytes of an answer are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
}

impl Encoding {
    /// All, in the order of their discriminants.
    pub(super) const ALL: [Self; 2] = [Self::Identity, Self::Gzip];

    /// The label value in our own counters.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
        }
    }

    /// The value of `Content-Encoding`, if there is one.
    pub(super) fn token(self) -> Option<&'static str> {
        (self != Self::Identity).then(|| self.label())
    }
}

/// The format that an `Accept` header asks for.
pub(super) fn format(accept: &str) -> &'static Format {
    let ranges: Vec<Range<'_>> = elements(accept).filter_map(Range::parse).collect();
    let mut best: Option<(f32, usize, &'static Format)> = None;
    for format in &FORMATS {
        // The most specific range that covers a format speaks for it; among equals the first.
        let speaks = ranges
            .iter()
            .enumerate()
            .filter_map(|(at, range)| Some((range.covers(format)?, at, range.quality)))
            .reduce(|best, next| if next.0 > best.0 { next } else { best });
        if let Some((_, at, quality)) = speaks {
            let better = best
                .is_none_or(|(best, first, _)| quality > best || (quality >= best && at < first));
            if quality > 0.0 && better {
                best = Some((quality, at, format));
            }
        }
    }
    best.map_or(&FORMATS[0], |(_, _, format)| format)
}

/// The encoding that an `Accept-Encoding` header asks for. Only one that is named is asked for: a
/// server that says `*` has not promised to unpack gzip.
pub(super) fn encoding(accept: &str) -> Encoding {
    let quality = |names: &[&str]| {
        elements(accept).find_map(|element| {
            let (name, quality) = name_and_quality(element)?;
            names.iter().any(|wanted| name.eq_ignore_ascii_case(wanted)).then_some(quality)
        })
    };
    let gzip = quality(&["gzip", "x-gzip"]).unwrap_or(0.0);
    let identity = quality(&["identity"]).unwrap_or(0.0);
    if gzip > 0.0 && gzip >= identity { Encoding::Gzip } else { Encoding::Identity }
}

/// One element of an `Accept` header.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    version: Option<&'a str>,
    quality: f32,
}

impl<'a> Range<'a> {
    /// `None` for what is no media range, whose quality cannot be known either.
    fn parse(element: &'a str) -> Option<Self> {
        let (media, quality) = name_and_quality(element)?;
        let (kind, subtype) = media.split_once('/')?;
        let version = parameters(element)
            .find(|(name, _)| name.eq_ignore_ascii_case("version"))
            .map(|(_, value)| value);
        Some(Self { kind, subtype, version, quality })
    }

    /// How specific the range is if it covers the format. `escaping` and `charset` do not matter:
    /// our names need no escaping and we speak UTF-8 only.
    fn covers(&self, format: &Format) -> Option<u8> {
        match (self.kind, self.subtype) {
            ("*", "*") => Some(0),
            (kind, "*") if kind.eq_ignore_ascii_case(format.kind) => Some(1),
            (kind, subtype)
                if kind.eq_ignore_ascii_case(format.kind)
                    && subtype.eq_ignore_ascii_case(format.subtype) =>
            {
                match self.version {
                    None => Some(2),
                    Some(version) => (version == format.version).then_some(3),
                }
            }
            _ => None,
        }
    }
}

fn elements(header: &str) -> impl Iterator<Item = &str> {
    header.split(',').map(str::trim).filter(|element| !element.is_empty())
}

fn parameters(element: &str) -> impl Iterator<Item = (&str, &str)> {
    element.split(';').skip(1).filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        Some((name.trim(), value.trim().trim_matches('"')))
    })
}

/// What stands before the parameters, and the quality: 1 where none is given. `None` where it is no
/// number from 0 to 1.
fn name_and_quality(element: &str) -> Option<(&str, f32)> {
    let name = element.split(';').next()?.trim();
    let quality = match parameters(element).find(|(name, _)| name.eq_ignore_ascii_case("q")) {
        Some((_, text)) => text.parse().ok()?,
        None => 1.0,
    };
    (0.0..=1.0).contains(&quality).then_some((name, quality))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_by_accept() {
        let prometheus_2 = "application/openmetrics-text;version=1.0.0,\
            application/openmetrics-text;version=0.0.1;q=0.75,\
            text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
            application/openmetrics-text;version=0.0.1;q=0.5,\
            text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
            text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        let cases = [
            (prometheus_2, "openmetrics"),
            (prometheus_3, "openmetrics"),
            ("text/plain;version=0.0.4;q=1,*/*;q=0.1", "text"),
            ("", "text"),
            ("*/*", "text"),
            ("text/*", "text"),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text"),
            ("application/openmetrics-text", "openmetrics"),
            ("Application/OpenMetrics-Text; Version=\"1.0.0\"", "openmetrics"),
            ("application/openmetrics-text;version=0.0.1", "text"),
            ("application/openmetrics-text;version=1.0.0;q=0, */*", "text"),
            ("text/plain;q=0, */*", "openmetrics"),
            ("text/plain;q=0.1, */*;q=0.9", "openmetrics"),
            ("text/plain, application/openmetrics-text", "text"),
            ("application/openmetrics-text, text/plain", "openmetrics"),
            ("text/plain;q=0.3, application/openmetrics-text;q=0.4", "openmetrics"),
            // No match, and rubbish.
            ("text/plain;q=0", "text"),
            ("image/png", "text"),
            ("application/openmetrics-text;q=1e9", "text"),
            ("application/openmetrics-text;q=NaN", "text"),
            ("application/openmetrics-text;q=-1", "text"),
            ("application/openmetrics-text;q=", "text"),
            (";;;,,q=1;/=,\u{1f980}", "text"),
        ];
        for (accept, want) in cases {
            assert_eq!(format(accept).dialect.label(), want, "{accept}");
        }
    }

    #[test]
    fn encodings_by_accept_encoding() {
        let cases = [
            ("", Encoding::Identity),
            ("gzip", Encoding::Gzip),
            ("GZIP", Encoding::Gzip),
            ("x-gzip", Encoding::Gzip),
            ("deflate, gzip;q=1.0, *;q=0.5", Encoding::Gzip),
            ("gzip, zstd, br", Encoding::Gzip),
            ("gzip;q=0.5, identity", Encoding::Identity),
            ("gzip;q=0.5, identity;q=0.5", Encoding::Gzip),
            ("gzip;q=0", Encoding::Identity),
            ("gzip;q=2", Encoding::Identity),
            ("gzip;q=x", Encoding::Identity),
            ("*", Encoding::Identity),
            ("identity;q=0", Encoding::Identity),
            ("zstd", Encoding::Identity),
        ];
        for (accept, want) in cases {
            assert_eq!(encoding(accept), want, "{accept}");
        }
    }
}
