//! The cloud as a model with HTTP on top.
