//! The store: what it does on either database (`suite`, which is read once for each, with its `Base`), and what only one of
//! them has.

mod postgres;
mod sqlite;
mod transfer;

pub(crate) use postgres::location;
