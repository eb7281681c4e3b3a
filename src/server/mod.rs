//! Hand it over.
