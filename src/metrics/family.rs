pub use crate::own::{Family, Kind};

/// A family's place in the catalogue, which is its place in the exposition.
pub type FamilyIndex = usize;

/// Takes the samples of one job (or of one project), family by family in catalogue order.
pub trait Sink {
    /// One sample. `labels` are in the family's order; values are raw, the sink escapes them.
    fn sample(&mut self, family: FamilyIndex, labels: &[(&'static str, &str)], value: f64);
}
