use super::format::{Escaping, FORMATS, Format};

/// What an `Accept` header asks for: the format, and how the answer names it in `Content-Type`.
pub(super) fn format(accept: &str) -> (&'static Format, &'static str) {
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
    let (format, escaping) =
        best.map_or((&FORMATS[0], None), |(_, at, format)| (format, ranges[at].escaping()));
    (format, format.content_type(escaping))
}

/// How the bytes of an answer are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

impl Encoding {
    /// All, in the order of their discriminants.
    pub(super) const ALL: [Self; 3] = [Self::Identity, Self::Gzip, Self::Zstd];

    /// The value of `Content-Encoding`; an answer that is not packed has none.
    pub(super) fn token(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }

    /// The label value in our own counters.
    pub(super) fn label(self) -> &'static str {
        self.token().unwrap_or("identity")
    }
}

/// The encoding that an `Accept-Encoding` header asks for. Only one that is named is asked for: a
/// server that says `*` has not promised to unpack gzip. Who refuses even identity gets it, because
/// there is nothing else to say.
pub(super) fn encoding(accept: &str) -> Encoding {
    let quality = |names: &[&str]| {
        let named = elements(accept).find_map(|element| {
            let (name, quality) = name_and_quality(element)?;
            names.iter().any(|wanted| name.eq_ignore_ascii_case(wanted)).then_some(quality)
        });
        named.unwrap_or(0.0)
    };
    // At equal weight the one that every client reads goes first.
    let wishes = [
        (Encoding::Gzip, quality(&["gzip", "x-gzip"])),
        (Encoding::Zstd, quality(&["zstd"])),
        (Encoding::Identity, quality(&["identity"])),
    ];
    let best = wishes.into_iter().reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.filter(|best| best.1 > 0.0).map_or(Encoding::Identity, |best| best.0)
}

/// One element of an `Accept` header.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    element: &'a str,
    quality: f32,
}

impl<'a> Range<'a> {
    /// `None` for what is no media range, whose quality cannot be known either.
    fn parse(element: &'a str) -> Option<Self> {
        let (media, quality) = name_and_quality(element)?;
        let (kind, subtype) = media.split_once('/')?;
        Some(Self { kind, subtype, element, quality })
    }

    /// How specific the range is if it covers the format. `escaping` and `charset` do not matter:
    /// our names need no escaping and we speak UTF-8 only.
    fn covers(&self, format: &Format) -> Option<u8> {
        let (kind, subtype) = format.media;
        let specific = match (self.kind, self.subtype) {
            ("*", "*") => 0,
            (mine, "*") if mine.eq_ignore_ascii_case(kind) => 1,
            (mine, other)
                if mine.eq_ignore_ascii_case(kind) && other.eq_ignore_ascii_case(subtype) =>
            {
                let told = |name: &str| parameter(self.element, name);
                let is_wrong = |&(name, value): &_| told(name).is_some_and(|mine| mine != value);
                if format.parameters.iter().any(is_wrong) {
                    return None;
                }
                if format.parameters.iter().all(|(name, _)| told(name).is_some()) { 3 } else { 2 }
            }
            _ => return None,
        };
        (specific == 3 || !format.strict).then_some(specific)
    }

    fn escaping(&self) -> Option<Escaping> {
        Escaping::parse(parameter(self.element, "escaping")?)
    }
}

fn elements(header: &str) -> impl Iterator<Item = &str> {
    header.split(',').map(str::trim).filter(|element| !element.is_empty())
}

/// The value of the first parameter of this name.
fn parameter<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    element.split(';').skip(1).find_map(|parameter| {
        let (mine, value) = parameter.split_once('=')?;
        mine.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}

/// What stands before the parameters, and the quality: 1 where none is given. `None` where it is no
/// number from 0 to 1.
fn name_and_quality(element: &str) -> Option<(&str, f32)> {
    let name = element.split(';').next()?.trim();
    let quality = match parameter(element, "q") {
        Some(text) => text.parse().ok()?,
        None => 1.0,
    };
    (0.0..=1.0).contains(&quality).then_some((name, quality))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    const TEXT_1: &str = "text/plain; version=1.0.0; charset=utf-8";
    const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    const OPENMETRICS_0: &str = "application/openmetrics-text; version=0.0.1; charset=utf-8";
    const PROTOBUF: &str = "application/vnd.google.protobuf; \
        proto=io.prometheus.client.MetricFamily; encoding=delimited";

    /// What servers send.
    const PROMETHEUS_2: &str = "application/openmetrics-text;version=1.0.0,\
        application/openmetrics-text;version=0.0.1;q=0.75,\
        text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    const PROMETHEUS_2_NATIVE: &str = "application/vnd.google.protobuf;\
        proto=io.prometheus.client.MetricFamily;encoding=delimited,\
        application/openmetrics-text;version=1.0.0;q=0.8,\
        application/openmetrics-text;version=0.0.1;q=0.75,\
        text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    const PROMETHEUS_3: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;\
        q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,\
        text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
        text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
    const VICTORIA: &str = "text/plain;version=0.0.4;q=1,*/*;q=0.1";
    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

    fn check(cases: &[(&str, &str)]) {
        for (accept, want) in cases {
            assert_eq!(format(accept).1, *want, "{accept}");
        }
    }

    #[test]
    fn formats_by_accept() {
        check(&[
            (PROMETHEUS_2, OPENMETRICS),
            (PROMETHEUS_2_NATIVE, PROTOBUF),
            (VICTORIA, TEXT),
            (BROWSER, TEXT),
            ("", TEXT),
            ("*/*", TEXT),
            ("text/*", TEXT),
            ("application/*", OPENMETRICS),
            ("text/plain", TEXT),
            ("text/plain;version=1.0.0", TEXT_1),
            ("text/plain;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4", TEXT_1),
            ("text/plain;version=0.0.4;q=0,text/plain", TEXT_1),
            ("text/plain;version=0.0.1", TEXT),
            ("application/openmetrics-text", OPENMETRICS),
            ("Application/OpenMetrics-Text; Version=\"1.0.0\"", OPENMETRICS),
            ("application/openmetrics-text;version=0.0.1", OPENMETRICS_0),
            ("application/openmetrics-text;version=2.0.0, text/plain;q=0.1", TEXT),
            ("application/openmetrics-text;version=1.0.0;q=0, */*", TEXT),
            ("text/plain;q=0, */*", OPENMETRICS),
            ("text/plain;q=0.1, */*;q=0.9", OPENMETRICS),
            // Of equal quality: as listed, and as preferred where one range covers several.
            ("text/plain, application/openmetrics-text", TEXT),
            ("application/openmetrics-text, text/plain", OPENMETRICS),
            ("text/plain;version=1.0.0, text/plain;version=0.0.4", TEXT_1),
            ("text/plain;q=0.3, application/openmetrics-text;q=0.4", OPENMETRICS),
        ]);
    }

    #[test]
    fn protobuf_only_by_its_full_name() {
        let protobuf = "application/vnd.google.protobuf";
        let family = "proto=io.prometheus.client.MetricFamily";
        let asked = |rest: &str| format(&format!("{protobuf}{rest}")).1;
        assert_eq!(asked(&format!(";{family};encoding=delimited")), PROTOBUF);
        assert_eq!(asked(&format!("; encoding=delimited ; {family};q=0.1")), PROTOBUF);
        assert_eq!(
            asked(";proto=\"io.prometheus.client.MetricFamily\";encoding=delimited"),
            PROTOBUF
        );
        for rest in [
            "",
            &format!(";{family}"),
            ";encoding=delimited",
            &format!(";{family};encoding=text"),
            &format!(";{family};encoding=compact-text"),
            ";proto=io.prometheus.client.Metric;encoding=delimited",
            &format!(";{family};encoding=delimited;q=0"),
        ] {
            assert_eq!(asked(rest), TEXT, "{rest}");
        }
        check(&[("text/*;q=0, application/openmetrics-text;q=0, */*", TEXT)]);
    }

    #[test]
    fn the_escaping_of_the_range_that_won_is_named() {
        let with = |content_type: &str, scheme: &str| format!("{content_type}; escaping={scheme}");
        assert_eq!(format(PROMETHEUS_3).1, with(OPENMETRICS, "allow-utf-8"));
        let plain = "text/plain;version=1.0.0";
        for scheme in ["allow-utf-8", "underscores", "dots", "values"] {
            let accept = format!("{plain};escaping={scheme}");
            assert_eq!(format(&accept).1, with(TEXT_1, scheme));
            assert_eq!(format(&format!("*/*;q=0.1;Escaping=\"{scheme}\"")).1, with(TEXT, scheme));
        }
        check(&[
            ("text/plain;version=1.0.0;escaping=runes", TEXT_1),
            ("text/plain;version=1.0.0;escaping=", TEXT_1),
            // Of another range, and of one that asks for nothing we have.
            ("text/plain;q=0.9,application/openmetrics-text;escaping=dots;q=0.8", TEXT),
            ("image/png;escaping=dots", TEXT),
        ]);
        let accept = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
            encoding=delimited;escaping=values";
        assert_eq!(format(accept).1, with(PROTOBUF, "values"));
    }

    #[test]
    fn what_cannot_be_read_asks_for_nothing() {
        check(&[
            ("text/plain;q=0", TEXT),
            ("*/*;q=0", TEXT),
            ("image/png", TEXT),
            ("application/openmetrics-text;q=1.001", TEXT),
            ("application/openmetrics-text;q=1e9", TEXT),
            ("application/openmetrics-text;q=NaN", TEXT),
            ("application/openmetrics-text;q=inf", TEXT),
            ("application/openmetrics-text;q=-1", TEXT),
            ("application/openmetrics-text;q=-0", TEXT),
            ("application/openmetrics-text;q=", TEXT),
            ("application/openmetrics-text;q=0.5.5", TEXT),
            ("application/openmetrics-text;q=0,5", TEXT),
            ("application/openmetrics-text;q=0.000000000000000000000000001", OPENMETRICS),
            ("application/openmetrics-text;q=1.000", OPENMETRICS),
            ("application", TEXT),
            ("/,//,application/openmetrics-text/", TEXT),
            (";;;,,q=1;/=,\u{1f980}", TEXT),
        ]);
    }

    #[test]
    fn encodings_by_accept_encoding() {
        let cases = [
            ("", Encoding::Identity),
            ("gzip", Encoding::Gzip),
            ("GZIP", Encoding::Gzip),
            ("x-gzip", Encoding::Gzip),
            ("zstd", Encoding::Zstd),
            ("Zstd;q=0.001", Encoding::Zstd),
            ("deflate, gzip;q=1.0, *;q=0.5", Encoding::Gzip),
            ("gzip, zstd, br", Encoding::Gzip),
            ("zstd, gzip", Encoding::Gzip),
            ("zstd;q=0.9, gzip;q=0.9", Encoding::Gzip),
            ("gzip;q=0.8, zstd;q=0.9", Encoding::Zstd),
            ("gzip;q=0, zstd;q=0.1", Encoding::Zstd),
            ("zstd;q=0, gzip;q=0.1", Encoding::Gzip),
            ("gzip;q=0.5, identity", Encoding::Identity),
            ("gzip;q=0.5, zstd;q=0.7, identity;q=0.6", Encoding::Zstd),
            ("gzip;q=0.5, identity;q=0.5", Encoding::Gzip),
            ("gzip;q=0, zstd;q=0", Encoding::Identity),
            ("identity;q=0, gzip", Encoding::Gzip),
            // Nothing that we have is asked for.
            ("identity;q=0", Encoding::Identity),
            ("*;q=0", Encoding::Identity),
            ("identity;q=0, *;q=0, br", Encoding::Identity),
            ("*", Encoding::Identity),
            ("br, deflate, compress", Encoding::Identity),
            ("gzipped, xgzip, zstd-1", Encoding::Identity),
            ("gzip;q=2", Encoding::Identity),
            ("gzip;q=-1, zstd;q=NaN", Encoding::Identity),
            ("gzip;q=x, zstd;q=0.2", Encoding::Zstd),
            (";q=1,,;", Encoding::Identity),
        ];
        for (accept, want) in cases {
            assert_eq!(encoding(accept), want, "{accept}");
        }
        assert_eq!(Encoding::ALL.map(|encoding| encoding as usize), [0, 1, 2]);
    }
}
