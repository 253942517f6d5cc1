//! How notices reach people: what they say, and real conversations with servers that behave and servers that do not.

mod calendar;
mod chat;
mod compose;
mod messages;
mod retry;
pub(crate) mod samples;
mod session;
mod settings;
pub(crate) mod webhook;
