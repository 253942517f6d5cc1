//! The deadline arithmetic of § 7 a second time, slow and plain.
