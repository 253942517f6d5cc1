//! The register: how deviations stand, and what people may write there.

mod causes;
mod standing;
mod texts;
