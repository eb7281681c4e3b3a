//! What the operator typed on the command line.
