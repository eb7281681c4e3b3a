//! Reading JSON that does not keep to its own documents: a number may be a string, an object may be
//! a string that holds it, an array may stand where one object belongs, and anything may be null.
//!
//! Nothing here fails on a type: what cannot be taken becomes `Wrong`, so that one bad field costs
//! that field. Only broken JSON syntax is an error.

mod document;
mod reader;
mod scalar;

pub(crate) use document::{Answer, Document, Lenient, List, Owned, Taken, document};
pub(crate) use reader::{Limits, Reader};
pub(crate) use scalar::{OwnedScalar, Scalar, Tolerant};
