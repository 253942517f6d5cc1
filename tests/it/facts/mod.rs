//! Facts from text to a world, and everything that may be wrong with them.

mod csv;
mod ndjson;
mod plausible;
mod world;
