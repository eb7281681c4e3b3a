/// What the cloud grants a project of one resource, and what of it is taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Quota {
    /// `job-num`, ….
    pub resource: String,
    /// How much there is.
    pub limit: Option<f64>,
    /// How much of it is in use.
    pub used: Option<f64>,
}
