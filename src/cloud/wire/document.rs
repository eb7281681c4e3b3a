use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess};

use crate::cloud::wire::{Scalar, Tolerant};
use crate::cloud::{Fault, bare};

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

impl<'de, T: Document<'de>> Document<'de> for Box<T> {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<Taken, A::Error> {
        (**self).take(key, map)
    }
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
        let value = value.trim();
        if value.is_empty() {
            return Self::Absent;
        }
        // A bare word that is all there is would come back as itself, in quotes, and so for ever.
        let repaired = || value.starts_with(['{', '[']).then(|| bare::quoted(value)).flatten();
        serde_json::from_str(value)
            .or_else(|error| repaired().ok_or(error).and_then(|text| serde_json::from_str(&text)))
            .unwrap_or(Self::Wrong(Fault::Malformed))
    }

    fn sequence<A: SeqAccess<'de>>(mut sequence: A) -> Result<Self, A::Error> {
        let first = sequence.next_element::<First<T>>()?;
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(first.map_or(Self::Absent, |First(first)| first))
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

/// The first element of an array. Another array is none of the forms there are: were it unwrapped
/// too, arrays in arrays in strings could nest deeper than the stack.
struct First<T>(Lenient<T>);

impl<'de, T: Owned> Tolerant<'de> for First<T> {
    fn absent() -> Self {
        Self(Lenient::Absent)
    }

    fn wrong() -> Self {
        Self(<Lenient<T> as Tolerant<'de>>::wrong())
    }

    fn scalar(value: Scalar<'de>) -> Self {
        Self(Lenient::scalar(value))
    }

    fn text(value: &str) -> Self {
        Self(<Lenient<T> as Tolerant<'de>>::text(value))
    }

    fn map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        Lenient::map(map).map(Self)
    }
}

impl<'de, T: Owned> Deserialize<'de> for First<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(deserializer)
    }
}

/// An array of documents; an object alone is an array of one. What is no object is counted.
///
/// At most `MOST` are kept: `{}` is three bytes on the wire and may be a kilobyte once it is read, so
/// that an answer within its limit could fill the memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct List<T, const MOST: usize> {
    /// `None`: null, or not there.
    pub(crate) items: Option<Vec<T>>,
    /// Elements (or, without items, the value itself) that are something else.
    pub(crate) wrong: usize,
    /// Elements after the last that is kept.
    pub(crate) beyond: usize,
}

impl<'de, T: Document<'de>, const MOST: usize> Tolerant<'de> for List<T, MOST> {
    fn absent() -> Self {
        Self { items: None, wrong: 0, beyond: 0 }
    }

    fn wrong() -> Self {
        Self { items: None, wrong: 1, beyond: 0 }
    }

    fn sequence<A: SeqAccess<'de>>(mut sequence: A) -> Result<Self, A::Error> {
        let (mut items, mut wrong) = (Vec::new(), 0);
        while items.len() < MOST {
            match sequence.next_element::<Item<T>>()? {
                Some(Item(Some(item))) => items.push(item),
                Some(Item(None)) => wrong += 1,
                None => return Ok(Self { items: Some(items), wrong, beyond: 0 }),
            }
        }
        let mut beyond = 0;
        while sequence.next_element::<IgnoredAny>()?.is_some() {
            beyond += 1;
        }
        Ok(Self { items: Some(items), wrong, beyond })
    }

    fn map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        Ok(Self { items: Some(vec![read_document(map)?]), wrong: 0, beyond: 0 })
    }
}

impl<'de, T: Document<'de>, const MOST: usize> Deserialize<'de> for List<T, MOST> {
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
