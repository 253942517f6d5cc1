//! Findings about rule files.
