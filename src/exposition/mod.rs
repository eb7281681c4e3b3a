//! One answer, ready to send.
