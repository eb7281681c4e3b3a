//! What others wrote reads what we say: promtool, Prometheus, the Python parsers, the clouds' client,
//! Keystone.
