//! What all answers have in common.

use crate::cloud::wire::{Answer, Owned, OwnedScalar, Reader};
use crate::cloud::{Error, Refusal, bare};

/// Reads a whole answer.
pub(super) fn parse<T: Owned>(body: &[u8]) -> Result<T, Error> {
    let parsed: serde_json::Result<Answer<T>> = match serde_json::from_slice(body) {
        Ok(answer) => Ok(answer),
        Err(error) => match std::str::from_utf8(body).ok().and_then(bare::quoted) {
            Some(repaired) => serde_json::from_str(&repaired),
            None => Err(error),
        },
    };
    parsed.map(|Answer(answer)| answer).map_err(|error| Error::Malformed(error.to_string()))
}

/// HTTP 200 that is a refusal: v2 has no `is_success`, an error code says it all.
pub(super) fn check_code(
    code: &OwnedScalar,
    message: &OwnedScalar,
    reader: &mut Reader,
) -> Result<(), Error> {
    let code = reader.label("error_code", &code.0);
    if code.is_empty() {
        return Ok(());
    }
    let message = reader.label("error_msg", &message.0);
    Err(Refusal { status: 200, code, message }.in_answer())
}
