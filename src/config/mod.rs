//! What the operator wants.
