//! What a job is known by: a number in v1, a UUID in v2.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

use super::{api::Api, random::mix};

/// The id of a job of either API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum JobId {
    /// Of v1.
    Number(u64),
    /// Of v2.
    Uuid(Uuid),
}

/// A random UUID (version 4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Uuid(u128);

/// Neither a number nor a UUID.
#[derive(Debug, thiserror::Error)]
#[error("a job id is a number or a UUID")]
pub(super) struct NoJobId;

impl JobId {
    /// The API that knows such ids.
    pub(super) fn api(self) -> Api {
        match self {
            Self::Number(_) => Api::V1,
            Self::Uuid(_) => Api::V2,
        }
    }
}

impl Uuid {
    /// The same for the same place in the same stream.
    pub(super) fn new(seed: u64, place: u64) -> Self {
        let random = u128::from(mix(seed, place)) << 64 | u128::from(mix(!seed, place));
        let without_version = random & !(0xF << 76) & !(0x3 << 62);
        Self(without_version | 0x4 << 76 | 0x2 << 62)
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bits) = self;
        write!(
            formatter,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            bits >> 96,
            bits >> 80 & 0xFFFF,
            bits >> 64 & 0xFFFF,
            bits >> 48 & 0xFFFF,
            bits & 0xFFFF_FFFF_FFFF
        )
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(formatter),
            Self::Uuid(uuid) => uuid.fmt(formatter),
        }
    }
}

impl FromStr for Uuid {
    type Err = NoJobId;

    fn from_str(text: &str) -> Result<Self, NoJobId> {
        let uuid = u128::from_str_radix(&text.replace('-', ""), 16).map(Self);
        // What does not come out again has its hyphens elsewhere, or capitals.
        uuid.ok().filter(|uuid| uuid.to_string() == text).ok_or(NoJobId)
    }
}

impl FromStr for JobId {
    type Err = NoJobId;

    fn from_str(text: &str) -> Result<Self, NoJobId> {
        text.parse().map(Self::Number).or_else(|_| text.parse().map(Self::Uuid))
    }
}

impl From<u64> for JobId {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<Uuid> for JobId {
    fn from(uuid: Uuid) -> Self {
        Self::Uuid(uuid)
    }
}

impl Serialize for Uuid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for JobId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => number.serialize(serializer),
            Self::Uuid(uuid) => uuid.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written() {
        for place in 0..100 {
            let uuid = Uuid::new(7, place);
            let text = uuid.to_string();
            assert_eq!(text.parse::<JobId>().unwrap(), JobId::Uuid(uuid), "{text}");
            assert_eq!(&text[14..15], "4", "{text}");
            assert!(matches!(&text[19..20], "8" | "9" | "a" | "b"), "{text}");
        }
        assert_eq!("182626".parse::<JobId>().unwrap(), JobId::Number(182_626));
        for wrong in [
            "",
            "x",
            "-1",
            "3faf5c03aaa14cbe879d24b05d997347",
            "3FAF5C03-AAA1-4CBE-879D-24B05D997347",
        ] {
            assert!(wrong.parse::<JobId>().is_err(), "{wrong}");
        }
    }
}
