//! The register: how deviations stand, and what people may write there.

mod standing;
mod texts;
