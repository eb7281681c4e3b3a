//! What we know and for how long.
