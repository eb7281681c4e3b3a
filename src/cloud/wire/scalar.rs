use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::cloud::Fault;

/// One value that should be a number, a text or a boolean.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Scalar<'a> {
    /// Not there, or null.
    #[default]
    Absent,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(Cow<'a, str>),
    /// An object or an array.
    Wrong,
}

impl Scalar<'_> {
    /// A finite number, from a number or its digits; nothing and "" are absence.
    pub(crate) fn number(&self) -> Result<Option<f64>, Fault> {
        let number = match self {
            Self::Absent => return Ok(None),
            Self::Integer(number) => *number as f64,
            Self::Float(number) => *number,
            // Blanks around a number are rare, numbers are many.
            Self::Text(text) => match text.parse() {
                Ok(number) => number,
                Err(_) if text.trim().is_empty() => return Ok(None),
                Err(_) => text.trim().parse().map_err(|_| Fault::NotANumber)?,
            },
            Self::Bool(_) | Self::Wrong => return Err(Fault::WrongType),
        };
        if number.is_finite() { Ok(Some(number)) } else { Err(Fault::NotFinite) }
    }

    /// Text, or a number written out; nothing and "" are absence.
    pub(crate) fn text(&self) -> Result<Option<Cow<'_, str>>, Fault> {
        match self {
            Self::Absent => Ok(None),
            Self::Text(text) if text.is_empty() => Ok(None),
            Self::Text(text) => Ok(Some(Cow::Borrowed(text))),
            Self::Integer(number) => Ok(Some(number.to_string().into())),
            Self::Float(number) => Ok(Some(number.to_string().into())),
            Self::Bool(_) | Self::Wrong => Err(Fault::WrongType),
        }
    }

    /// A whole number, from a number or its digits.
    pub(crate) fn integer(&self) -> Result<Option<i64>, Fault> {
        match self {
            Self::Integer(number) => Ok(Some(*number)),
            Self::Text(text) if !text.trim().is_empty() => {
                text.trim().parse().map(Some).map_err(|_| Fault::NotANumber)
            }
            other => match other.number()? {
                None => Ok(None),
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "checked to be whole and small"
                )]
                Some(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
                    Ok(Some(number as i64))
                }
                Some(_) => Err(Fault::NotANumber),
            },
        }
    }
}

/// A type that can be read from any JSON value; what does not fit is `wrong`, never an error.
pub(crate) trait Tolerant<'de>: Sized {
    /// Null.
    fn absent() -> Self;

    /// A value of a kind that does not fit.
    fn wrong() -> Self;

    /// A boolean, a number or a text.
    fn scalar(_: Scalar<'de>) -> Self {
        Self::wrong()
    }

    /// A text that does not outlive the call.
    fn text(value: &str) -> Self {
        Self::scalar(Scalar::Text(Cow::Owned(value.to_owned())))
    }

    /// An array; it has to be read to its end.
    fn sequence<A: SeqAccess<'de>>(mut rest: A) -> Result<Self, A::Error> {
        while rest.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::wrong())
    }

    /// An object; it has to be read to its end.
    fn map<A: MapAccess<'de>>(mut rest: A) -> Result<Self, A::Error> {
        while rest.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::wrong())
    }

    /// Reads one value of whatever kind.
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything(PhantomData))
    }
}

struct Anything<T>(PhantomData<T>);

impl<'de, T: Tolerant<'de>> Visitor<'de> for Anything<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        Ok(T::absent())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<T, E> {
        Ok(T::scalar(Scalar::Bool(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
        Ok(T::scalar(Scalar::Integer(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<T, E> {
        let number = i64::try_from(value).map_or(Scalar::Float(value as f64), Scalar::Integer);
        Ok(T::scalar(number))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<T, E> {
        Ok(T::scalar(Scalar::Float(value)))
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<T, E> {
        Ok(T::scalar(Scalar::Text(Cow::Borrowed(value))))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<T, E> {
        Ok(T::text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<T, A::Error> {
        T::sequence(sequence)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::map(map)
    }
}

impl<'de: 'a, 'a> Tolerant<'de> for Scalar<'a> {
    fn absent() -> Self {
        Self::Absent
    }

    fn wrong() -> Self {
        Self::Wrong
    }

    fn scalar(value: Scalar<'de>) -> Self {
        value
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(deserializer)
    }
}

/// A [`Scalar`] that outlives the answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct OwnedScalar(pub(crate) Scalar<'static>);

impl From<Scalar<'_>> for OwnedScalar {
    fn from(value: Scalar<'_>) -> Self {
        Self(match value {
            Scalar::Absent => Scalar::Absent,
            Scalar::Bool(value) => Scalar::Bool(value),
            Scalar::Integer(number) => Scalar::Integer(number),
            Scalar::Float(number) => Scalar::Float(number),
            Scalar::Text(text) => Scalar::Text(Cow::Owned(text.into_owned())),
            Scalar::Wrong => Scalar::Wrong,
        })
    }
}

impl<'de> Deserialize<'de> for OwnedScalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Scalar::read(deserializer).map(|value: Scalar<'de>| value.into())
    }
}
