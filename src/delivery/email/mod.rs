//! Mail: settings, the message on the wire, and the conversation with the municipality's relay.

mod calendar;
mod compose;
mod replies;
mod session;
mod settings;
mod wire;

pub use calendar::{CalendarMethod, CalendarPart};
pub use compose::{Composed, Outgoing, compose, thread_id};
pub use session::Session;
pub(crate) use settings::mail_address;
pub use settings::{EmailSettings, Security, Smtp, TimeoutSettings, Timeouts};
