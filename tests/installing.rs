//! What is shipped beside the source is built, installed and run: `make test-long`.

mod image;
mod package;
