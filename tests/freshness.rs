//! How long a value takes from the end of its poll into a compressed scrape.

use crate::harness::freshness::arrives_within;

/// Other tests share the machine: seconds, where `make test-long` holds it to one.
#[tokio::test]
async fn a_value_is_in_a_compressed_scrape_soon_after_its_poll() {
    arrives_within(10.0).await;
}
