//! The binary: parse, log, dispatch.

fn main() {}
