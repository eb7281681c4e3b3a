//! The exporter's own counters.
