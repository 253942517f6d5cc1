//! One binary for all integration tests, so that they link once.

#![expect(clippy::expect_used, reason = "a test whose data cannot be set up should fail right there")]

mod facts;
mod fixture;
mod store;
