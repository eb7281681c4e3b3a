//! Reading JSON that does not keep to its own documents: a number may be a string, an object may be
//! a string that holds it, an array may stand where one object belongs, and anything may be null.
//!
//! Nothing here fails on a type: what cannot be taken becomes `Wrong`, so that one bad field costs
//! that field. Only broken JSON syntax is an error.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::cloud::{Fault, Misread};

/// Collects what could not be taken, and turns wire values into numbers and text on the way.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) misreads: Vec<Misread>,
    pub(crate) limits: Limits,
}

/// How much of one version's free-form parts is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Characters of a label value.
    pub(crate) label_length: usize,
    /// Classes.
    pub(crate) classes: usize,
    /// Keys beyond the known four of one table of scores.
    pub(crate) extra_metrics: usize,
}

impl Reader {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { misreads: Vec::new(), limits }
    }

    pub(crate) fn misread(&mut self, field: &'static str, fault: Fault) {
        self.misreads.push(Misread { field, fault });
    }

    /// A finite number; null, nothing and "" are expected absence.
    pub(crate) fn number(&mut self, field: &'static str, value: &Scalar<'_>) -> Option<f64> {
        match value.number() {
            Ok(number) => number,
            Err(fault) => {
                self.misread(field, fault);
                None
            }
        }
    }

    /// A number that cannot be negative.
    pub(crate) fn amount(&mut self, field: &'static str, value: &Scalar<'_>) -> Option<f64> {
        let number = self.number(field, value)?;
        if number < 0.0 {
            self.misread(field, Fault::OutOfRange);
            return None;
        }
        Some(number)
    }

    /// Text for a label; numbers are written out. Empty where there is none.
    pub(crate) fn label(&mut self, field: &'static str, value: &Scalar<'_>) -> String {
        match value.text() {
            Ok(text) => self.cut(field, text.unwrap_or_default()),
            Err(fault) => {
                self.misread(field, fault);
                String::new()
            }
        }
    }

    /// Text cut to the length of a label value.
    pub(crate) fn cut(&mut self, field: &'static str, text: Cow<'_, str>) -> String {
        // Bytes bound characters from above: most values need no counting.
        if text.len() > self.limits.label_length
            && let Some((end, _)) = text.char_indices().nth(self.limits.label_length)
        {
            self.misread(field, Fault::TooLong);
            return text[..end].to_owned();
        }
        text.into_owned()
    }

    /// The object of a field, if it could be taken.
    pub(crate) fn object<T>(&mut self, field: &'static str, value: Lenient<T>) -> Option<T> {
        match value {
            Lenient::Absent => None,
            Lenient::Taken(value) => Some(value),
            Lenient::Wrong(fault) => {
                self.misread(field, fault);
                None
            }
        }
    }
}

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

    fn text(&self) -> Result<Option<Cow<'_, str>>, Fault> {
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

/// A JSON object read key by key; keys nobody asks for are skipped, the last of two equal keys wins.
pub(crate) trait Document<'de>: Default {
    /// Takes the value of `key` from the map, or leaves it there and says so.
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<Taken, A::Error>;
}

/// Whether a document took the value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    Yes,
    No,
}

fn read_document<'de, T: Document<'de>, A: MapAccess<'de>>(mut map: A) -> Result<T, A::Error> {
    let mut document = T::default();
    while let Some(key) = map.next_key::<Scalar<'de>>()? {
        let Scalar::Text(key) = key else { continue };
        if document.take(&key, &mut map)? == Taken::No {
            map.next_value::<IgnoredAny>()?;
        }
    }
    Ok(document)
}

/// A document that borrows nothing, so that it can also be read from a string within the answer.
pub(crate) trait Owned: for<'a> Document<'a> {}

impl<T: for<'a> Document<'a>> Owned for T {}

/// An object where the documents want one, however it came: as an object, as a string that holds
/// one, as an array whose first element is one; null, "" and nothing are absence.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Lenient<T> {
    #[default]
    Absent,
    Taken(T),
    Wrong(Fault),
}

impl<'de, T: Owned> Tolerant<'de> for Lenient<T> {
    fn absent() -> Self {
        Self::Absent
    }

    fn wrong() -> Self {
        Self::Wrong(Fault::WrongType)
    }

    fn scalar(value: Scalar<'de>) -> Self {
        match value {
            Scalar::Text(text) => Self::text(&text),
            _ => <Self as Tolerant<'de>>::wrong(),
        }
    }

    fn text(value: &str) -> Self {
        if value.trim().is_empty() {
            return Self::Absent;
        }
        serde_json::from_str(value).unwrap_or(Self::Wrong(Fault::Malformed))
    }

    fn sequence<A: SeqAccess<'de>>(mut sequence: A) -> Result<Self, A::Error> {
        let first = sequence.next_element()?.unwrap_or_default();
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(first)
    }

    fn map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        read_document(map).map(Self::Taken)
    }
}

impl<'de, T: Owned> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(deserializer)
    }
}

/// An array of documents; an object alone is an array of one. What is no object is counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct List<T> {
    /// `None`: null, or not there.
    pub(crate) items: Option<Vec<T>>,
    /// Elements (or, without items, the value itself) that are something else.
    pub(crate) wrong: usize,
}

impl<'de, T: Document<'de>> Tolerant<'de> for List<T> {
    fn absent() -> Self {
        Self { items: None, wrong: 0 }
    }

    fn wrong() -> Self {
        Self { items: None, wrong: 1 }
    }

    fn sequence<A: SeqAccess<'de>>(mut sequence: A) -> Result<Self, A::Error> {
        let (mut items, mut wrong) = (Vec::new(), 0);
        while let Some(item) = sequence.next_element::<Item<T>>()? {
            match item.0 {
                Some(item) => items.push(item),
                None => wrong += 1,
            }
        }
        Ok(Self { items: Some(items), wrong })
    }

    fn map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        Ok(Self { items: Some(vec![read_document(map)?]), wrong: 0 })
    }
}

impl<'de, T: Document<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(deserializer)
    }
}

/// One element of a list, `None` where it is no object.
struct Item<T>(Option<T>);

impl<'de, T: Document<'de>> Tolerant<'de> for Item<T> {
    fn absent() -> Self {
        Self(None)
    }

    fn wrong() -> Self {
        Self(None)
    }

    fn map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        read_document(map).map(|document| Self(Some(document)))
    }
}

impl<'de, T: Document<'de>> Deserialize<'de> for Item<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(deserializer)
    }
}

/// A whole answer: an object that may borrow from it; anything else is an error.
pub(crate) struct Answer<T>(pub(crate) T);

impl<'de, T: Document<'de>> Deserialize<'de> for Answer<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Item::read(deserializer)? {
            Item(Some(document)) => Ok(Self(document)),
            Item(None) => Err(D::Error::custom("expected a JSON object")),
        }
    }
}

/// Declares a [`Document`]: one line a field, `name: type = "wire name" | "other wire name"`.
macro_rules! document {
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $name:ident $(<$life:lifetime>)? {
            $($field:ident: $type:ty = $($key:literal)|+,)*
        }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Default)]
        $visibility struct $name $(<$life>)? {
            $($field: $type,)*
        }

        impl<'de $(: $life, $life)?> crate::cloud::wire::Document<'de> for $name $(<$life>)? {
            fn take<A: serde::de::MapAccess<'de>>(
                &mut self,
                key: &str,
                map: &mut A,
            ) -> Result<crate::cloud::wire::Taken, A::Error> {
                match key {
                    $($($key)|+ => self.$field = map.next_value()?,)*
                    _ => return Ok(crate::cloud::wire::Taken::No),
                }
                Ok(crate::cloud::wire::Taken::Yes)
            }
        }
    };
}

pub(crate) use document;
