//! The cloud as a model with HTTP on top, with its own JSON types.
