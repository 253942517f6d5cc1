//! `fristvakt silence`

use std::io::Write;

use chrono::NaiveDate;

use super::store::{Author, Listing, Zones, with_store};
use super::table::{Table, or_empty};
use super::{ConfigArgument, FAILED, Failed, RulesArgument, USAGE};
use crate::calendar::{Instant, civil_date};
use crate::clock::Clock;
use crate::rules::RuleSet;
use crate::silence::{Covered, SilenceId};
use crate::store::{Access, Named, NewSilence, SilenceRow, Store, StoredOrganisation};

/// Arguments of `silence`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Silence {
    /// Hold back the messages of a case, a unit, a rule or a person until a day. Deadlines and deviations go on.
    Add(Add),
    /// List the silences that hold messages back, with who asked for them and why.
    List(List),
    /// End a silence before its time.
    End(End),
}

/// Arguments of `silence add`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "After the silence each recipient gets the last step whose moment has come, not all that were held \
                  back. The silence of a person who is responsible does not keep others from being told.\n\n\
                  Examples:\n  \
                  fristvakt silence add --case 7F3K --until 2026-04-15 --reason \"agreed with the school\"\n  \
                  fristvakt silence add --unit skole-1 --until 2026-08-16 --reason \"moves house\" --by kari\n  \
                  fristvakt silence add --rule evaluation-agreed --tenant sokndal --until 2026-05-01 --reason \"date is wrong\"\n  \
                  fristvakt silence add --person p1 --until 2026-06-30 --reason \"long leave, no deputy yet\""
)]
pub(super) struct Add {
    #[command(flatten)]
    target: Target,
    /// The last day of the silence.
    #[arg(long, value_name = "DATE")]
    until: NaiveDate,
    /// The municipality, where several have such a one.
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    #[command(flatten)]
    author: Author,
    #[command(flatten)]
    rules: RulesArgument,
    #[command(flatten)]
    config: ConfigArgument,
}

/// What is to be silent.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Target {
    /// A case, by its id or reference.
    #[arg(long, value_name = "CASE")]
    case: Option<String>,
    /// The cases of a unit and of the units below it, by the unit's id.
    #[arg(long, value_name = "ID")]
    unit: Option<String>,
    /// A rule, by its full name, or by its id alone where no other pack has it.
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    /// What a person would receive, by the person's id.
    #[arg(long, value_name = "ID")]
    person: Option<String>,
}

/// Arguments of `silence list`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  fristvakt silence list\n  fristvakt silence list --all --tenant sokndal --format json"
)]
pub(super) struct List {
    /// Also those that have expired or were ended.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    listing: Listing,
}

/// Arguments of `silence end`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  fristvakt silence end 3 --reason \"the school has answered\" --by kari")]
pub(super) struct End {
    /// The silence's id, as `silence list` prints it.
    #[arg(value_name = "ID")]
    silence: i64,
    #[command(flatten)]
    author: Author,
    #[command(flatten)]
    config: ConfigArgument,
}

impl Silence {
    pub(super) fn run(self) -> Result<(), Failed> {
        match self {
            Self::Add(add) => add.run(),
            Self::List(list) => list.run(),
            Self::End(end) => end.run(),
        }
    }
}

impl Add {
    fn run(self) -> Result<(), Failed> {
        let (by, reason, now) = (self.author.name()?, self.author.reason()?, Clock::System.now());
        let wanted = self.target.wanted();
        let (id, covers) = with_store(&self.config, Access::Write, async |store, config| {
            let rules = self.rules.load_with(store, config).await?;
            let (stored, covers) = self.found(store, &rules, &wanted, now).await?;
            let tenant = &stored.organisation.tenant;
            let today = civil_date(tenant.zone, now);
            if self.until < today {
                let text = format!("--until {} has passed; today is {today}", self.until);
                return Err(Failed::with(USAGE, text));
            }
            let silence = NewSilence { tenant: &tenant.id, covers: &covers, until: self.until, by: &by, reason };
            Ok((store.add_silence(&silence, now).await?, covers))
        })?;
        let what = match &covers {
            Covered::Person(person) => format!("{person} is told nothing"),
            other => format!("nobody is told of {other}"),
        };
        let done = format!("silence {id}: {what} until the end of {} (by {by}: {reason})", self.until);
        writeln!(std::io::stdout().lock(), "{done}")?;
        Ok(())
    }

    /// The municipality that has what is to be silent, and what that is.
    async fn found(
        &self,
        store: &Store,
        rules: &RuleSet,
        wanted: &Covered,
        now: Instant,
    ) -> Result<(StoredOrganisation, Covered), Failed> {
        let (all, _) = store.read_organisations(rules, now).await?;
        let is_asked = |tenant: &str| self.tenant.as_deref().is_none_or(|asked| asked == tenant);
        let (mut found, mut near) = (vec![], None);
        for stored in all.into_iter().filter(|stored| is_asked(&stored.organisation.tenant.id)) {
            match store.named(&stored, rules, wanted).await? {
                Named::Covered(covers) => found.push((stored, covers)),
                Named::Unknown(hint) => near = near.or(hint),
                Named::Ambiguous(names) => {
                    let text = format!("`{}` may be {}; give the full name", wanted.name(), names.join(" or "));
                    return Err(Failed::with(USAGE, text));
                }
            }
        }
        if found.len() > 1 {
            let tenants: Vec<&str> = found.iter().map(|(stored, _)| &*stored.organisation.tenant.id).collect();
            let (tenants, kind, name) = (tenants.join(" and "), wanted.kind(), wanted.name());
            return Err(Failed::with(USAGE, format!("{tenants} have a {kind} `{name}`; say which with --tenant ID")));
        }
        found.pop().ok_or_else(|| self.missing(wanted, near))
    }

    fn missing(&self, wanted: &Covered, near: Option<String>) -> Failed {
        let of = self.tenant.as_ref().map(|tenant| format!(" of {tenant}")).unwrap_or_default();
        let by = if wanted.kind() == "case" { " by id or reference" } else { "" };
        let hint = near.map_or("check its spelling, and whether it was imported".to_owned(), |near| {
            format!("did you mean `{near}`?")
        });
        Failed::with(FAILED, format!("there is no {} `{}`{of}{by}; {hint}", wanted.kind(), wanted.name()))
    }
}

impl Target {
    fn wanted(&self) -> Covered {
        match (&self.unit, &self.rule, &self.person) {
            (Some(unit), ..) => Covered::Unit(unit.as_str().into()),
            (_, Some(rule), _) => Covered::Rule(rule.as_str().into()),
            (.., Some(person)) => Covered::Person(person.as_str().into()),
            // The group asks for exactly one.
            _ => Covered::Case(self.case.as_deref().unwrap_or_default().into()),
        }
    }
}

impl List {
    fn run(self) -> Result<(), Failed> {
        let (now, listing) = (Clock::System.now(), &self.listing);
        let tenant = listing.tenant.as_deref();
        let read =
            async |store: &Store| Ok((store.list_silences(tenant, self.all, now).await?, Zones::read(store).await?));
        let (mut rows, zones) = listing.read(read)?;
        listing.cut(&mut rows);
        listing.print(&rows, if self.all { "silences" } else { "silences now" }, |rows| table(rows, &zones))
    }
}

fn table(rows: &[SilenceRow], zones: &Zones) -> Table {
    let mut table = Table::new(&["ID", "TENANT", "COVERS", "NAME", "UNTIL", "STATE", "SINCE", "BY", "WHY", "ENDED"]);
    for row in rows {
        let ended = row.ended_at.map(|at| zones.ended(&row.tenant, at, row.ended_by.as_ref(), row.end_reason.as_ref()));
        table.row([
            row.number.to_string(),
            row.tenant.clone(),
            row.covers.clone(),
            row.name.clone(),
            row.until.to_string(),
            row.state.to_owned(),
            zones.local(&row.tenant, row.made_at),
            row.by.clone(),
            row.reason.clone(),
            or_empty(ended),
        ]);
    }
    table
}

impl End {
    fn run(self) -> Result<(), Failed> {
        let (by, reason, now) = (self.author.name()?, self.author.reason()?, Clock::System.now());
        let id = SilenceId(self.silence);
        with_store(&self.config, Access::Write, async |store, _| {
            if store.end_silence(id, &by, reason, now).await? {
                return Ok(());
            }
            let text = match store.silence(id, now).await? {
                None => format!("there is no silence {id}; `fristvakt silence list` shows those there are"),
                Some(row) => format!("silence {id} is over already: {}, until {}", row.state, row.until),
            };
            Err(Failed::with(FAILED, text))
        })?;
        let what = "what it held back goes out in the next round, if it still applies";
        writeln!(std::io::stdout().lock(), "silence {id} is ended; {what} (by {by}: {reason})")?;
        Ok(())
    }
}
