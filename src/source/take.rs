//! Taking what was read: row by row through the same checks as imported files. What cannot be taken is set aside.

use std::collections::{BTreeMap, HashSet};

use super::read::QueryRead;
use super::settings::Source;
use super::spool::Row;
use crate::calendar::Instant;
use crate::case::shown;
use crate::fact::Fact;
use crate::facts::csv::RecordType;
use crate::facts::{Checker, FactError, Known, LONGEST_ID, Line, from_object};
use crate::rules::RuleSet;
use crate::store::{At, Counts, Load, RowKey, SetAside, Store, StoreError};

/// How many cases or events are taken in one transaction. Of the other types all are: they may name each other.
const CHUNK: usize = 2000;

/// Where facts go.
pub(super) enum Destination<'a> {
    /// Into the store.
    Store(&'a Store),
    /// Nowhere: they are only checked, against the store where there is one, and against each other.
    Nowhere { store: Option<&'a Store>, known: Known },
}

/// What became of the rows of one query.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken {
    /// What they changed.
    pub(super) changes: Counts,
    /// Those that could not be taken.
    pub(super) aside: Vec<SetAside>,
    /// Those that could not be taken before, and are no longer among them.
    pub(super) mended: Vec<RowKey>,
    /// Those that could not be taken and were not among them before, or for another reason.
    pub(super) new: Vec<SetAside>,
}

/// Takes the rows of queries, one after the other.
pub(super) struct Taker<'a> {
    pub(super) source: &'a Source,
    pub(super) rules: &'a RuleSet,
    /// The rows that are aside.
    pub(super) before: &'a [SetAside],
    pub(super) now: Instant,
    pub(super) destination: Destination<'a>,
}

/// Why rows were not taken to their end. The same may be done again.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was read cannot be read back.
    #[error("what was read cannot be read back from the temporary folder: {0}")]
    Spool(#[from] std::io::Error),
}

impl Taker<'_> {
    /// Takes the rows of one query. `is_all`: they are all that there are, so what is aside and not among them is gone.
    pub(super) async fn take(&mut self, read: &mut QueryRead, is_all: bool) -> Result<Taken, TakeError> {
        let most = match read.record_type {
            RecordType::Case | RecordType::Event => CHUNK,
            RecordType::Tenant | RecordType::Unit | RecordType::Person => usize::MAX,
        };
        let of_type = |row: &&SetAside| row.r#type == read.record_type.word();
        let before: BTreeMap<RowKey, &SetAside> =
            self.before.iter().filter(of_type).filter_map(|row| Some((row.key()?, row))).collect();
        let mut taken = Taken::default();
        let mut seen = HashSet::new();
        loop {
            let rows = read.rows.next(most)?;
            if rows.is_empty() {
                break;
            }
            self.take_chunk(read.record_type, rows, &before, &mut seen, &mut taken).await?;
        }
        if is_all {
            let gone: Vec<RowKey> = before.keys().filter(|key| !seen.contains(*key)).cloned().collect();
            self.write_aside(&[], &gone).await?;
            taken.mended.extend(gone);
        }
        Ok(taken)
    }

    async fn take_chunk(
        &mut self,
        record_type: RecordType,
        rows: Vec<Row>,
        before: &BTreeMap<RowKey, &SetAside>,
        seen: &mut HashSet<RowKey>,
        taken: &mut Taken,
    ) -> Result<(), TakeError> {
        let (mut good, mut bad) = (vec![], BTreeMap::new());
        for row in rows {
            match self.line(&row) {
                Ok(line) => good.push((row, line)),
                Err(error) => self.set_aside(record_type, &row, &error, &mut bad),
            }
        }
        self.check(record_type, &mut good, &mut bad).await?;
        let facts: Vec<Fact> = good.iter().map(|(_, line)| line.fact.clone()).collect();
        if let Destination::Store(store) = &self.destination {
            let appended = store.append_facts(&facts, Load::Append, self.now).await?;
            taken.changes.add(appended.of(record_type));
        }
        let key = |row: &Row| RowKey { record_type, tenant: row.tenant.clone(), id: row.id.clone() };
        let mended: Vec<RowKey> = good
            .iter()
            .map(|(row, _)| key(row))
            .filter(|key| before.contains_key(key) && !bad.contains_key(key))
            .collect();
        seen.extend(bad.keys().filter(|key| before.contains_key(*key)).cloned());
        seen.extend(mended.iter().cloned());
        let aside: Vec<SetAside> = bad.into_values().collect();
        self.write_aside(&aside, &mended).await?;
        let is_new = |row: &&SetAside| {
            row.key().is_none_or(|key| before.get(&key).is_none_or(|known| known.reason != row.reason))
        };
        taken.new.extend(aside.iter().filter(is_new).cloned());
        taken.mended.extend(mended);
        taken.aside.extend(aside);
        Ok(())
    }

    /// The record of a row, if it is one and of a municipality that the source may speak of.
    fn line(&self, row: &Row) -> Result<Line, FactError> {
        if let Some((column, text)) = &row.fault {
            return Err(FactError::of_field(0, column, text.clone()));
        }
        if !self.source.tenants.contains(&row.tenant) {
            let text = if row.tenant.is_empty() {
                "names no municipality".to_owned()
            } else {
                format!("{} is none of the municipalities that `tenants` of the source names", shown(&row.tenant))
            };
            return Err(FactError::of_field(0, "tenant", text));
        }
        from_object(0, row.record.clone())
    }

    /// Moves what names something that is not there, or cannot be right, from `good` to `bad`.
    async fn check(
        &mut self,
        record_type: RecordType,
        good: &mut Vec<(Row, Line)>,
        bad: &mut BTreeMap<RowKey, SetAside>,
    ) -> Result<(), TakeError> {
        loop {
            let mut known = self.known(good).await?;
            let checker = Checker::new(self.rules, &known);
            let checked: Vec<_> =
                good.drain(..).map(|(row, line)| (checker.check(&line).into_iter().next(), row, line)).collect();
            let mut refused = vec![];
            for (error, row, line) in checked {
                match error {
                    None => good.push((row, line)),
                    Some(error) => {
                        self.set_aside(record_type, &row, &error, bad);
                        refused.push(line.fact);
                    }
                }
            }
            if let Destination::Nowhere { known: kept, .. } = &mut self.destination {
                known.remove_units(&refused);
                known.add_records(good.iter().map(|(_, line)| &line.fact));
                *kept = known;
            }
            // What a refused record would have defined is not there for the others. Only units name each other.
            if refused.is_empty() || record_type != RecordType::Unit {
                return Ok(());
            }
        }
    }

    async fn known(&mut self, good: &[(Row, Line)]) -> Result<Known, TakeError> {
        let facts = good.iter().map(|(_, line)| &line.fact);
        match &mut self.destination {
            Destination::Store(store) => Ok(store.known_with(facts, Load::Append).await?),
            Destination::Nowhere { store, known } => {
                let mut all = std::mem::take(known);
                if let Some(store) = store {
                    let events = facts.clone().filter(|fact| matches!(fact, Fact::Event(_)));
                    all.merge(store.known_with(events, Load::Append).await?);
                }
                let defining = facts.filter(|fact| matches!(fact, Fact::Tenant(_) | Fact::Unit(_)));
                all.add_records(defining);
                Ok(all)
            }
        }
    }

    fn set_aside(&self, record_type: RecordType, row: &Row, error: &FactError, bad: &mut BTreeMap<RowKey, SetAside>) {
        let tenant = if self.source.tenants.contains(&row.tenant) { row.tenant.clone() } else { String::new() };
        // What no index takes is set aside among those without an id.
        let id = if row.id.len() > LONGEST_ID * 2 { String::new() } else { row.id.clone() };
        let key = RowKey { record_type, tenant: tenant.clone(), id: id.clone() };
        let reason = match &error.field {
            Some(field) => format!("`{field}`: {}", error.text),
            None => error.text.clone(),
        };
        let aside = SetAside {
            source: self.source.name.clone(),
            r#type: record_type.word().to_owned(),
            tenant,
            id,
            reason,
            since: At::from(self.now),
            watermark: row.mark.clone(),
            waits_for: error.field.as_deref().and_then(|field| waits_for(record_type, field, row)),
        };
        bad.insert(key, aside);
    }

    async fn write_aside(&self, found: &[SetAside], mended: &[RowKey]) -> Result<(), TakeError> {
        if let Destination::Store(store) = &self.destination {
            store.set_rows_aside(&self.source.name, found, mended).await?;
        }
        Ok(())
    }
}

/// What a row names that is not there: a type and an id.
fn waits_for(record_type: RecordType, field: &str, row: &Row) -> Option<String> {
    let what = match (record_type, field) {
        (_, "tenant") => RecordType::Tenant,
        (RecordType::Event, "case") => RecordType::Case,
        (_, "unit" | "parent") => RecordType::Unit,
        _ => return None,
    };
    let id = row.record.get(field)?.as_str().filter(|id| id.len() <= LONGEST_ID && !id.contains('\0'))?;
    Some(format!("{} {id}", what.word()))
}
