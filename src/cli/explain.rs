//! `fristvakt explain`

use std::io::Write;
use std::path::PathBuf;

use chrono::{DateTime, FixedOffset};
use clap::ValueEnum;

use super::facts::load_world;
use super::store::{Looked, Looker, with_store};
use super::{CONFIGURATION, ConfigArgument, FAILED, Failed, Format, RulesArgument, USAGE};
use crate::calendar::Instant;
use crate::case::CaseFile;
use crate::clock::Clock;
use crate::engine::{Municipality, explain};
use crate::explanation::{Explanation, Subject, from_run};
use crate::language::Language;
use crate::rules::RuleSet;
use crate::simulate::{Stretch, run_case};
use crate::store::{Access, Store, StoredCase, StoredOrganisation};

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "People appear by their ids alone.\n\n\
                        Examples:\n  fristvakt explain 7F3K\n  fristvakt explain S-17 --tenant sokndal --language en\n  \
                        fristvakt explain S-17 --now 2026-04-09T12:00:00+02:00 --format json\n  \
                        fristvakt explain S-17 --facts facts.ndjson --rules rules --now 2026-04-09T12:00:00+02:00")]
pub(super) struct Explain {
    /// The case's id or reference.
    #[arg(value_name = "CASE")]
    case: String,
    /// The moment to explain, RFC 3339; now unless said.
    #[arg(long, value_name = "INSTANT")]
    now: Option<DateTime<FixedOffset>>,
    /// The municipality, where several have such a case.
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    /// The language; the municipality's unless said.
    #[arg(long, value_enum)]
    language: Option<Spoken>,
    /// How to print it; json: one object an obligation, one a line.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Facts to explain instead of the database's, NDJSON; what was sent is then what would have been.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "database"])]
    facts: Option<PathBuf>,
    #[command(flatten)]
    looker: Looker,
    #[command(flatten)]
    rules: RulesArgument,
    #[command(flatten)]
    config: ConfigArgument,
}

/// A language on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Spoken {
    /// Bokmål.
    Nb,
    /// Nynorsk.
    Nn,
    /// English.
    En,
}

impl Spoken {
    pub(super) fn language(self) -> Language {
        match self {
            Self::Nb => Language::Nb,
            Self::Nn => Language::Nn,
            Self::En => Language::En,
        }
    }
}

impl Explain {
    pub(super) fn run(self) -> Result<(), Failed> {
        let now = self.now.map_or_else(|| Clock::System.now(), |now| now.to_utc());
        let explanation = match &self.facts {
            Some(_) => self.of_facts(now)?,
            None => self.of_store(now)?,
        };
        let mut out = std::io::stdout().lock();
        match self.format {
            Format::Table => write!(out, "{}", explanation.text())?,
            Format::Json => {
                for object in explanation.objects() {
                    writeln!(out, "{object}")?;
                }
            }
        }
        Ok(())
    }

    fn of_facts(&self, now: Instant) -> Result<Explanation, Failed> {
        let rules = self.rules.load()?;
        let path = self.facts.as_deref().unwrap_or(std::path::Path::new(""));
        let world = load_world(path, &rules, "nothing was explained")?;
        let wanted = world.municipalities.iter().filter(|facts| self.is_asked(&facts.organisation.tenant.id));
        let cases = wanted.flat_map(|facts| {
            let named = facts.cases.iter().find(|case| *case.id == *self.case);
            let found = named.or_else(|| facts.cases.iter().find(|case| self.refers_to(case)));
            found.map(|case| (facts, case))
        });
        let (facts, case) = self.only(cases.collect(), |(facts, _)| facts.organisation.tenant.id.to_string())?;
        let municipality =
            Municipality::new(&rules, &facts.organisation).map_err(|text| Failed::with(CONFIGURATION, text))?;
        let stretch = Stretch::until(&municipality, facts.first_recorded_at, now);
        let (told, ledger) = from_run(&run_case(&municipality, case, facts.first_recorded_at, stretch));
        let language = self.language.map_or(facts.organisation.tenant.language, Spoken::language);
        let subject = Subject { municipality: &municipality, case, now, language };
        Ok(Explanation::of(&subject, &explain(&municipality, case, &ledger, now), &told))
    }

    fn refers_to(&self, case: &CaseFile) -> bool {
        case.records.versions().any(|record| record.reference.as_str() == self.case)
    }

    fn of_store(&self, now: Instant) -> Result<Explanation, Failed> {
        let (explanation, looked) = with_store(&self.config, Access::Read, async |store, config| {
            let rules = self.rules.load_with(store, config).await?;
            let (stored, case) = self.stored(store, &rules, now).await?;
            let language = self.language.map(Spoken::language);
            let looked = Looked::at_case(&case.file.tenant, &case.file.id);
            Ok((store.explain(&stored, &rules, &case, language, now).await?, looked))
        })?;
        self.looker.note(&self.config, "explain", &[looked])?;
        Ok(explanation)
    }

    async fn stored(
        &self,
        store: &Store,
        rules: &RuleSet,
        now: Instant,
    ) -> Result<(StoredOrganisation, StoredCase), Failed> {
        let (all, _) = store.read_organisations(rules, now).await?;
        let mut found = vec![];
        for stored in all.into_iter().filter(|stored| self.is_asked(&stored.organisation.tenant.id)) {
            if let Some(case) = store.case(&stored, rules, &self.case).await? {
                found.push((stored, case));
            }
        }
        self.only(found, |(stored, _)| stored.organisation.tenant.id.to_string())
    }

    fn is_asked(&self, tenant: &str) -> bool {
        self.tenant.as_deref().is_none_or(|asked| asked == tenant)
    }

    /// The one case that was found.
    fn only<T>(&self, mut found: Vec<T>, tenant: impl Fn(&T) -> String) -> Result<T, Failed> {
        if found.len() > 1 {
            let tenants: Vec<String> = found.iter().map(tenant).collect();
            let text = format!("{} have a case `{}`; say which with --tenant ID", tenants.join(" and "), self.case);
            return Err(Failed::with(USAGE, text));
        }
        found.pop().ok_or_else(|| {
            let of = self.tenant.as_ref().map(|tenant| format!(" of {tenant}")).unwrap_or_default();
            let hint = if self.facts.is_some() {
                "look for its id or `ref` in the file"
            } else {
                "`fristvakt obligations list` shows the cases there are; a new one has to be imported first"
            };
            Failed::with(FAILED, format!("there is no case `{}`{of} by id or reference; {hint}", self.case))
        })
    }
}
