//! The calendar entries of a mail: those that it brings, and those of earlier mails that it takes back.
//!
//! Nothing is sent for a calendar's sake. What an entry stands for may be met, void or somebody else's since; the next mail
//! that goes to the same recipient anyway says so.

use super::content::{language_of, line};
use super::recheck::Applicable;
use super::{Daemon, Rules};
use crate::calendar::Instant;
use crate::case::CaseRef;
use crate::delivery::email::{CalendarMethod, CalendarPart};
use crate::delivery::message::CalendarEntry;
use crate::engine::{Explained, Municipality, explain};
use crate::language::Language;
use crate::notice::{Recipient, Role};
use crate::obligation::Status;
use crate::store::{CalendarRow, Claimed, StoreError, StoredCase, StoredOrganisation};

/// How many entries a mail brings at most, the soonest, and how many it takes back: each is a file that is looked at.
const MOST: usize = 20;

/// An entry with what the store keeps of it.
type Entry = (CalendarPart, CalendarRow);

impl Daemon {
    /// The calendar entries of a mail, written down in the store: they count once the mail is sent. None unless the
    /// configuration asks for them.
    pub(super) async fn calendar_entries(
        &self,
        rules: &Rules,
        stored: &StoredOrganisation,
        message: &Claimed,
        applicable: &[&Applicable],
        now: Instant,
    ) -> Result<Vec<CalendarPart>, StoreError> {
        if !self.channels.smtp.as_ref().is_some_and(|smtp| smtp.calendar_entries) {
            return Ok(vec![]);
        }
        let language = language_of(&stored.organisation, &message.recipient, now);
        let mut entries = brought(rules, stored, message, applicable, language);
        entries.extend(self.taken_back(rules, stored, message, applicable, language, now).await?);
        let (parts, rows): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
        self.store.record_calendar(message.message, &message.tenant, &message.recipient, &rows).await?;
        Ok(parts)
    }

    /// Entries of earlier mails that are no longer the recipient's to meet. What this mail speaks of is not among them.
    async fn taken_back(
        &self,
        rules: &Rules,
        stored: &StoredOrganisation,
        message: &Claimed,
        applicable: &[&Applicable],
        language: Language,
        now: Instant,
    ) -> Result<Vec<Entry>, StoreError> {
        let Ok(municipality) = Municipality::new(&rules.set, &stored.organisation) else { return Ok(vec![]) };
        let is_told = |row: &CalendarRow| applicable.iter().any(|one| row.is_of(&one.key));
        let held = self.store.calendar_of(&message.tenant, &message.recipient).await?;
        let held: Vec<CalendarRow> = held.into_iter().filter(|row| !is_told(row)).collect();
        let mut entries = vec![];
        for of_case in held.chunk_by(|one, other| one.case == other.case) {
            let case = match self.store.case(stored, &rules.set, &of_case[0].case).await {
                // Nobody can say how it stands.
                Err(StoreError::Unreadable { .. }) => continue,
                case => case?,
            };
            let ended = Standing::of(&municipality, case.as_ref(), &message.recipient, now);
            let ended = of_case.iter().filter(|row| ended.has_ended(row));
            entries.extend(ended.filter_map(|row| cancelled(rules, message, language, row)));
        }
        entries.truncate(MOST);
        Ok(entries)
    }
}

/// One entry for each obligation of the mail that is not overdue, the soonest first.
fn brought(
    rules: &Rules,
    stored: &StoredOrganisation,
    message: &Claimed,
    applicable: &[&Applicable],
    language: Language,
) -> Vec<Entry> {
    let case_url = stored.organisation.tenant.case_url.as_deref();
    let mut ahead: Vec<&&Applicable> = applicable.iter().collect();
    ahead.retain(|one| one.explained.obligation.status != Status::Overdue);
    ahead.sort_by_key(|one| (one.notice.due_on, &one.key.case, &one.key.rule, &one.key.start));
    ahead.dedup_by(|one, other| one.key == other.key);
    let entry = |one: &&Applicable| {
        let entry = CalendarEntry::due(language, &line(rules, case_url, language, one)?);
        let row = CalendarRow {
            case: one.notice.case.clone(),
            reference: one.notice.reference.clone(),
            rule: one.notice.rule.clone(),
            start: one.notice.start.clone(),
            role: if message.rerouted { String::new() } else { one.notice.role.clone() },
            due_on: one.notice.due_on,
            cancelled: 0,
        };
        Some((CalendarPart::new(CalendarMethod::Publish, &one.key, &message.recipient, entry), row))
    };
    ahead.into_iter().filter_map(entry).take(MOST).collect()
}

fn cancelled(rules: &Rules, message: &Claimed, language: Language, row: &CalendarRow) -> Option<Entry> {
    let reference = CaseRef::parse(&row.reference).ok()?;
    let rule = rules.set.rule_named(&row.rule).map(|rule| rules.set.rule(rule));
    let (notice, code) = (rule.map(|rule| &**rule.notice.text(language)), rule.map(|rule| &*rule.code));
    let entry = CalendarEntry::ended(language, &reference, notice, code, row.due_on.0);
    let key = row.key(&message.tenant);
    let row = CalendarRow { cancelled: 1, ..row.clone() };
    Some((CalendarPart::new(CalendarMethod::Cancel, &key, &message.recipient, entry), row))
}

/// How the obligations of a case stand to a recipient.
enum Standing<'a> {
    /// The case is gone, and with it all that was to be done.
    Gone,
    /// Nothing may leave about it, not even that it ended.
    Protected,
    /// As explained.
    Known {
        municipality: &'a Municipality<'a>,
        case: &'a StoredCase,
        explained: Vec<Explained>,
        recipient: &'a Recipient,
        now: Instant,
    },
}

impl<'a> Standing<'a> {
    fn of(
        municipality: &'a Municipality<'a>,
        case: Option<&'a StoredCase>,
        recipient: &'a Recipient,
        now: Instant,
    ) -> Self {
        let Some(case) = case else { return Self::Gone };
        match case.file.records.at(now) {
            None => Self::Gone,
            Some(record) if record.protected => Self::Protected,
            Some(_) => {
                let explained = explain(municipality, &case.file, &case.ledger, now);
                Self::Known { municipality, case, explained, recipient, now }
            }
        }
    }

    /// Whether an entry stands for nothing that the recipient has to do or to know any more. A pause ends nothing.
    fn has_ended(&self, row: &CalendarRow) -> bool {
        let Self::Known { municipality, case, explained, recipient, now } = self else {
            return matches!(self, Self::Gone);
        };
        let rules = municipality.rules;
        let is_same = |one: &&Explained| {
            *rules.rule(one.obligation.rule).name == *row.rule && *one.obligation.start == *row.start
        };
        let Some(one) = explained.iter().find(is_same) else { return true };
        match one.obligation.status {
            Status::Met | Status::MetLate | Status::Void(_) | Status::Missed => true,
            Status::Paused | Status::Waiting | Status::Running | Status::Overdue => {
                let Some(role) = Role::parse(&row.role) else { return false };
                let responsible = &rules.rule(one.obligation.rule).responsible;
                let reached = municipality.reached(&case.file, responsible, &role, *now);
                reached.is_none_or(|(reached, _)| reached != **recipient)
            }
        }
    }
}
