//! Answers spoiled after they were made.
#![expect(clippy::disallowed_types, reason = "the point is to change the shape of any document")]

use serde_json::{Map, Value};

/// The same document with its objects, arrays and strings in each other's places, all the way down. The
/// outermost object stays one, so that a reader gets as far as its fields.
pub(super) fn swap_types(body: &[u8]) -> Vec<u8> {
    let swapped = match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => {
            Value::Object(fields.into_iter().map(|(key, value)| (key, swap(value))).collect())
        }
        Ok(other) => swap(other),
        // Not JSON to begin with: there is nothing to swap.
        Err(_) => return body.to_vec(),
    };
    serde_json::to_vec(&swapped).unwrap_or_default()
}

fn swap(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Array(fields.into_values().map(swap).collect()),
        Value::Array(items) => Value::String(format!("{} items", items.len())),
        Value::String(text) => Value::Object(Map::from_iter([("text".to_owned(), text.into())])),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_become_arrays_arrays_strings_and_strings_objects() {
        let spoiled = swap_types(br#"{"a":{"b":"c","d":1},"e":[1,2],"f":null}"#);
        assert_eq!(
            String::from_utf8_lossy(&spoiled),
            r#"{"a":[{"text":"c"},1],"e":"2 items","f":null}"#
        );
    }
}
