//! Calendar entries as parts of a mail.
//!
//! Each is a file of its own beside the text, `Content-Disposition: attachment`, without organiser and attendees. Outlook
//! and Exchange then leave the mail a mail and show a file that opens as an appointment to save; what they find in the
//! body, or with a method that they know, they would turn the whole mail into a meeting. A file with several entries
//! Outlook opens as another calendar beside the reader's own, hence one a file. Thunderbird and Apple's calendar offer to
//! add, change or remove it, by its UID. As nobody organises it, no program has anybody to answer.
//!
//! `METHOD:CANCEL` stands in the file only: as a parameter of the part, it would make the mail a cancelled meeting.

use chrono::{DateTime, Days, TimeDelta};
use icalendar::{Calendar, Class, Component, Event, EventLike, EventStatus, Property};
use lettre::message::header::{ContentDisposition, ContentTransferEncoding, ContentType};
use lettre::message::{Body, SinglePart};
use sha2::{Digest, Sha256};

use crate::calendar::Instant;
use crate::delivery::Failure;
use crate::delivery::message::CalendarEntry;
use crate::notice::Recipient;
use crate::obligation::ObligationKey;

/// A calendar entry that a mail brings or takes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarPart {
    /// Whether it is brought or taken back.
    pub method: CalendarMethod,
    /// What it says.
    pub entry: CalendarEntry,
    /// What names it in the recipient's calendar; see [`CalendarPart::new`].
    id: String,
}

/// What a mail does with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalendarMethod {
    /// Brings it, in place of an older one.
    Publish,
    /// Takes it back.
    Cancel,
}

impl CalendarPart {
    /// The entry of one obligation in one recipient's calendar. Its name is a digest of both, and says nothing of them.
    #[must_use]
    pub fn new(
        method: CalendarMethod,
        obligation: &ObligationKey,
        recipient: &Recipient,
        entry: CalendarEntry,
    ) -> Self {
        let ObligationKey { tenant, case, rule, start } = obligation;
        let digest = Sha256::digest(format!("{tenant}\0{case}\0{rule}\0{start}\0{recipient}"));
        let id = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Self { method, entry, id }
    }

    /// The part of a mail sent `at`, from `domain`.
    pub(super) fn part(&self, domain: &str, at: Instant) -> Result<SinglePart, Failure> {
        let content_type = match self.method {
            CalendarMethod::Publish => "text/calendar; charset=utf-8; method=PUBLISH",
            CalendarMethod::Cancel => "text/calendar; charset=utf-8",
        };
        let content_type = ContentType::parse(content_type).map_err(|_| Failure::channel("compose"))?;
        // The lines of a calendar end in CRLF, whatever a mail program makes of line ends in text.
        let body = Body::new_with_encoding(self.file(domain, at), ContentTransferEncoding::Base64);
        let part = SinglePart::builder()
            .header(content_type)
            .header(ContentDisposition::attachment(&self.entry.file_name))
            .body(body.map_err(|_| Failure::channel("compose"))?);
        Ok(part)
    }

    fn file(&self, domain: &str, at: Instant) -> String {
        let (method, status) = match self.method {
            CalendarMethod::Publish => ("PUBLISH", EventStatus::Confirmed),
            CalendarMethod::Cancel => ("CANCEL", EventStatus::Cancelled),
        };
        let due_on = self.entry.due_on;
        let event = Event::new()
            .uid(&format!("frist.{}@{domain}", self.id))
            .sequence(sequence(at))
            .timestamp(at)
            .starts(due_on)
            // The end is the first day after it.
            .ends(due_on.checked_add_days(Days::new(1)).unwrap_or(due_on))
            .summary(&self.entry.summary)
            .description(&self.entry.description)
            .class(Class::Private)
            .status(status)
            .append_property(Property::new("TRANSP", "TRANSPARENT"))
            .done();
        let mut calendar = Calendar::empty();
        calendar.append_property(Property::new("VERSION", "2.0"));
        calendar.append_property(Property::new("PRODID", "-//fristvakt//fristvakt//NO"));
        calendar.append_property(Property::new("CALSCALE", "GREGORIAN"));
        calendar.append_property(Property::new("METHOD", method));
        calendar.push(event);
        calendar.to_string()
    }
}

/// A number that grows with time, so that the entry of a later mail replaces that of an earlier one: minutes since 2020,
/// which fit for four thousand years. It needs no memory of what was sent, and so survives one that is lost.
fn sequence(at: Instant) -> u32 {
    const LARGEST: i64 = i32::MAX as i64;
    let since = DateTime::from_timestamp(1_577_836_800, 0).map_or(TimeDelta::zero(), |start| at - start);
    u32::try_from(since.num_minutes().clamp(0, LARGEST)).unwrap_or_default()
}
