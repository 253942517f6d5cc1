//! `fristvakt messages`

use std::io::Write;

use clap::builder::PossibleValuesParser;
use serde_json::json;
use uuid::Uuid;

use super::notices;
use super::store::{Author, Listing, Looked, Looker, Zones, with_store};
use super::table::{Look, Table, or_empty};
use super::{ConfigArgument, FAILED, Failed, Format};
use crate::clock::Clock;
use crate::store::{Access, AttemptRow, MessageFilter, MessageRow, NoticeFilter, NoticeRow, Store};

/// Arguments of `messages`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Messages {
    /// List messages, the newest first.
    List(List),
    /// Show one message: the notices in it, and every try to send it.
    Show(Show),
    /// Try a message again now: a held one, a dead one, or one that waits for its next try.
    Retry(Change),
    /// Hold a message back until somebody has it tried again.
    Hold(Change),
    /// Send a webhook again that was sent, because its receiver lost it: the same id, marked as a repeat.
    Replay(Change),
}

/// Arguments of `messages list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  fristvakt messages list --state held\n  \
                        fristvakt messages list --recipient p1 --limit 10 --format json")]
pub(super) struct List {
    /// Only in this state.
    #[arg(long, value_parser = PossibleValuesParser::new(STATES))]
    state: Option<String>,
    /// Only to this recipient: a person's id, `unit:ID` or `fallback`.
    #[arg(long, value_name = "ID")]
    recipient: Option<String>,
    #[command(flatten)]
    listing: Listing,
}

const STATES: [&str; 8] = ["gathering", "pending", "claimed", "committing", "sent", "withdrawn", "held", "dead"];

/// Arguments of `messages show`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  fristvakt messages show 019cf2c4-7b1e-7c55-a4a6-0f6f6f0f2d11")]
pub(super) struct Show {
    /// The message's id, as `messages list` prints it.
    #[arg(value_name = "ID")]
    message: Uuid,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    looker: Looker,
    #[command(flatten)]
    config: ConfigArgument,
}

/// Arguments of `messages retry`, `messages hold` and `messages replay`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
                        fristvakt messages hold 019cf2c4-7b1e-7c55-a4a6-0f6f6f0f2d11 --reason \"wrong unit, see the coordinator\"\n  \
                        fristvakt messages retry 019cf2c4-7b1e-7c55-a4a6-0f6f6f0f2d11 --reason \"address corrected\" --by kari")]
pub(super) struct Change {
    /// The message's id, as `messages list` prints it.
    #[arg(value_name = "ID")]
    message: Uuid,
    #[command(flatten)]
    author: Author,
    #[command(flatten)]
    config: ConfigArgument,
}

impl Messages {
    pub(super) fn run(self) -> Result<(), Failed> {
        match self {
            Self::List(list) => list.run(),
            Self::Show(show) => show.run(),
            Self::Retry(change) => change.retry(),
            Self::Hold(change) => change.hold(),
            Self::Replay(change) => change.replay(),
        }
    }
}

impl List {
    fn run(self) -> Result<(), Failed> {
        let listing = &self.listing;
        let filter = MessageFilter {
            tenant: listing.tenant.clone(),
            state: self.state,
            recipient: self.recipient,
            id: None,
            limit: listing.limit,
        };
        let read = async |store: &Store| Ok((store.list_messages(&filter).await?, Zones::read(store).await?));
        let (rows, zones) = listing.read(read)?;
        listing.print(&rows, "messages match", |rows| table(rows, &zones))
    }
}

fn table(rows: &[MessageRow], zones: &Zones) -> Table {
    let header = ["ID", "TENANT", "TO", "CHANNEL", "FOR", "STATE", "NOTICES", "TRIES", "NEXT TRY", "ENDED", "WHY"];
    let mut table = Table::new(&header);
    for row in rows {
        let waits = matches!(row.state.as_str(), "pending");
        let class = row.last_class.as_ref().map(|class| format!("{class} {}", or_empty(row.last_code.as_ref())));
        table.row([
            row.id.clone(),
            row.tenant.clone(),
            row.recipient.clone(),
            row.channel.clone(),
            zones.local(&row.tenant, row.slot),
            row.state.clone(),
            row.notices.to_string(),
            row.tries.to_string(),
            or_empty(Some(row.next_try_at).filter(|_| waits).map(|at| zones.local(&row.tenant, at))),
            or_empty(row.ended_at.map(|at| zones.local(&row.tenant, at))),
            or_empty(row.reason.clone().or(class)),
        ]);
    }
    table
}

impl Show {
    fn run(self) -> Result<(), Failed> {
        let id = self.message.to_string();
        let (rows, carried, attempts, zones) = with_store(&self.config, Access::Read, async |store, _| {
            let filter = MessageFilter { id: Some(id.clone()), ..MessageFilter::default() };
            let carried = NoticeFilter { message: Some(id.clone()), ..NoticeFilter::default() };
            Ok((
                store.list_messages(&filter).await?,
                store.list_notices(&carried).await?,
                store.attempts(&id).await?,
                Zones::read(store).await?,
            ))
        })?;
        let message = rows.first().ok_or_else(|| unknown(self.message))?;
        let looked = Looked::at_cases(carried.iter().map(|row| (&row.tenant, &row.case)));
        self.looker.note(&self.config, "show", &looked)?;
        match self.format {
            Format::Json => {
                let object = json!({ "message": message, "notices": carried, "attempts": attempts });
                writeln!(std::io::stdout().lock(), "{object}")?;
                Ok(())
            }
            Format::Table => show(message, &carried, &attempts, &zones),
        }
    }
}

fn show(message: &MessageRow, carried: &[NoticeRow], attempts: &[AttemptRow], zones: &Zones) -> Result<(), Failed> {
    let look = Look::of_stdout();
    let mut out = std::io::stdout().lock();
    table(std::slice::from_ref(message), zones).write(&mut out, look)?;
    if let Some(subject) = &message.subject {
        writeln!(out, "\nTells the municipality about: {subject}")?;
    }
    if message.possible_repeat != 0 {
        writeln!(out, "\nIt may have been sent before, and says so to its reader.")?;
    }
    if !carried.is_empty() {
        writeln!(out, "\nNotices in it")?;
        notices::table(carried, zones).write(&mut out, look)?;
    }
    writeln!(out, "\n{}", if attempts.is_empty() { "It was never tried." } else { "Tries" })?;
    if !attempts.is_empty() {
        let mut tries = Table::new(&["BEGAN", "ENDED", "PHASE", "CLASS", "CODE"]);
        for one in attempts {
            tries.row([
                zones.local(&message.tenant, one.started_at),
                or_empty(one.ended_at.map(|at| zones.local(&message.tenant, at))),
                one.phase.clone(),
                or_empty(one.class.as_ref()),
                or_empty(one.code.as_ref()),
            ]);
        }
        tries.write(&mut out, look)?;
    }
    Ok(())
}

impl Change {
    fn retry(self) -> Result<(), Failed> {
        self.apply(
            "is tried again at the daemon's next tick",
            "only one that is pending, held or dead can be retried",
            async |store, by, reason| store.retry_message(self.message, by, reason, Clock::System.now()).await,
        )
    }

    fn hold(self) -> Result<(), Failed> {
        self.apply(
            "is held until somebody retries it",
            "only one that is gathering or pending can be held",
            async |store, by, reason| store.hold_message(self.message, by, reason, Clock::System.now()).await,
        )
    }

    fn replay(self) -> Result<(), Failed> {
        self.apply(
            "is sent again at the daemon's next tick",
            "only a webhook that was sent can be replayed; `retry` is for what was not",
            async |store, by, reason| store.replay_message(self.message, by, reason, Clock::System.now()).await,
        )
    }

    fn apply(
        &self,
        done: &str,
        possible: &str,
        change: impl AsyncFnOnce(&Store, &str, &str) -> Result<bool, crate::store::StoreError>,
    ) -> Result<(), Failed> {
        let (by, reason) = (self.author.name()?, self.author.reason()?);
        with_store(&self.config, Access::Write, async |store, _| {
            if change(store, &by, reason).await? {
                return Ok(());
            }
            let filter = MessageFilter { id: Some(self.message.to_string()), ..MessageFilter::default() };
            let rows = store.list_messages(&filter).await?;
            let message = rows.first().ok_or_else(|| unknown(self.message))?;
            Err(Failed::with(FAILED, format!("message {} is {}: {possible}", self.message, message.state)))
        })?;
        writeln!(std::io::stdout().lock(), "message {} {done} (by {by}: {reason})", self.message)?;
        Ok(())
    }
}

fn unknown(message: Uuid) -> Failed {
    Failed::with(FAILED, format!("there is no message {message}; `fristvakt messages list` shows those there are"))
}
