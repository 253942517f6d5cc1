//! Which cases were purged: known by a keyed hash, so that the table names none, and still none comes back unseen.
//!
//! What a source or an import brings again of a purged case is not stored: not what it knew on its last day or before. What
//! happens later makes the case live again, with that alone.

use std::collections::HashMap;

use chrono::NaiveDate;
use chrono_tz::Tz;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use uuid::Uuid;

use super::super::sql::{self, Builder, On};
use super::super::{At, Day, ROWS, StoreError, Write};
use crate::calendar::{Instant, civil_date};
use crate::fact::{EventFact, Fact};

/// The name of the key among the single values.
const KEY: &str = "retention_key";

/// Names cases as the table of purged ones does.
pub(in super::super) struct Namer(Vec<u8>);

impl Namer {
    /// With this key.
    pub(super) fn new(key: &str) -> Self {
        Self(key.as_bytes().to_vec())
    }

    /// What the table calls a case.
    pub(super) fn name(&self, tenant: &str, case: &str) -> String {
        // A key of any length will do for this hash.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(&(tenant.len() as u64).to_be_bytes());
        mac.update(tenant.as_bytes());
        mac.update(case.as_bytes());
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The key, made where there is none yet.
pub(super) async fn namer(write: &mut Write) -> Result<Namer, StoreError> {
    let random = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let insert = "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
    sql::query(insert).bind(KEY).bind(random).execute(&mut *write).await?;
    let select = "SELECT value FROM settings WHERE name = $1";
    let key: String = sql::query_scalar(select).bind(KEY).fetch_one(&mut *write).await?;
    Ok(Namer::new(&key))
}

/// Marks cases as purged, each with the last day of which anything was known.
pub(super) async fn bury(
    write: &mut Write,
    tenant: &str,
    cases: &[(&str, NaiveDate)],
    now: Instant,
) -> Result<(), StoreError> {
    if cases.is_empty() {
        return Ok(());
    }
    let namer = namer(write).await?;
    let mut upsert = Builder::new("INSERT INTO purged_cases (tenant, name, through, purged_at) ");
    upsert.push_values(cases, |row, (case, through)| {
        row.push_bind(tenant).push_bind(namer.name(tenant, case)).push_bind(Day(*through)).push_bind(At::from(now));
    });
    upsert.push(
        " ON CONFLICT (tenant, name) DO UPDATE SET purged_at = excluded.purged_at, \
         through = CASE WHEN excluded.through > purged_cases.through THEN excluded.through ELSE purged_cases.through END",
    );
    upsert.build().execute(write).await?;
    Ok(())
}

/// Those of these cases that were purged, each with its last day.
pub(in super::super) async fn purged<'c, T>(
    on: &mut T,
    tenant: &str,
    cases: impl Iterator<Item = &'c str>,
) -> Result<HashMap<&'c str, NaiveDate>, StoreError>
where
    for<'t> &'t mut T: Into<On<'t>>,
{
    let any = "SELECT s.value FROM settings s WHERE s.name = $1 \
               AND EXISTS (SELECT 1 FROM purged_cases p WHERE p.tenant = $2)";
    let key: Option<String> = sql::query_scalar(any).bind(KEY).bind(tenant).fetch_optional(&mut *on).await?;
    let Some(namer) = key.as_deref().map(Namer::new) else { return Ok(HashMap::new()) };
    let names: Vec<(String, &str)> = cases.map(|case| (namer.name(tenant, case), case)).collect();
    let mut found = HashMap::new();
    for chunk in names.chunks(ROWS) {
        let mut select = Builder::new("SELECT name, through FROM purged_cases WHERE tenant = ");
        select.push_bind(tenant).push(" AND name IN ").push_list(chunk.iter().map(|(name, _)| name.clone()));
        let rows: Vec<(String, Day)> = select.build_query_as().fetch_all(&mut *on).await?;
        let through: HashMap<String, NaiveDate> = rows.into_iter().map(|(name, day)| (name, day.0)).collect();
        found.extend(chunk.iter().filter_map(|(name, case)| Some((*case, *through.get(name)?))));
    }
    Ok(found)
}

/// What becomes of the facts about a purged case.
#[derive(Debug, PartialEq)]
pub(in super::super) struct Sifted<'f> {
    /// Those that are stored; none: the case stays purged.
    pub(in super::super) kept: Vec<&'f Fact>,
    /// How many are not.
    pub(in super::super) dropped: usize,
}

/// Leaves out what a purged case knew until `through`. `lives`: it has been stored again since.
pub(in super::super) fn sift<'f>(facts: &[&'f Fact], through: NaiveDate, zone: Tz, lives: bool) -> Sifted<'f> {
    let day = |event: &EventFact| event.on.or_else(|| event.at.map(|at| civil_date(zone, at.to_utc())));
    let is_kept = |fact: &&&Fact| match fact {
        // One that is revoked may name no day.
        Fact::Event(event) => day(event).map_or(lives, |day| day > through),
        _ => true,
    };
    let is_news = |fact: &&Fact| matches!(fact, Fact::Event(event) if day(event).is_some_and(|day| day > through));
    let kept: Vec<&Fact> = facts.iter().filter(is_kept).copied().collect();
    let kept = if lives || kept.iter().any(is_news) { kept } else { vec![] };
    Sifted { dropped: facts.len() - kept.len(), kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, rest: &str) -> Fact {
        let text = format!(r#"{{"type":"event","tenant":"t","case":"c","id":"{id}",{rest}}}"#);
        Fact::decode(&text).expect("a fact")
    }

    #[test]
    fn what_was_known_stays_away_and_what_is_later_brings_the_case_back() {
        let case = Fact::decode(r#"{"type":"case","tenant":"t","id":"c"}"#).expect("a fact");
        let old = event("e1", r#""kind":"x","on":"2026-03-02""#);
        let evening = event("e2", r#""kind":"x","at":"2026-03-02T23:30:00Z""#);
        let revoked = event("e1", r#""revoked":true"#);
        let through = NaiveDate::from_ymd_opt(2026, 3, 2).expect("a day");
        let kept = |facts: &[&Fact], lives| sift(facts, through, chrono_tz::Europe::Oslo, lives).kept.len();
        assert_eq!(kept(&[&case, &old, &revoked], false), 0);
        assert_eq!(kept(&[&case, &old, &evening], false), 2, "in Oslo it is the next day already");
        assert_eq!(sift(&[&case, &old, &evening], through, chrono_tz::UTC, false).dropped, 3);
        assert_eq!(kept(&[&case, &old, &revoked], true), 2, "of a case that lives, only what is old is left out");
    }

    #[test]
    fn a_name_tells_municipality_and_case_apart_and_depends_on_the_key() {
        let namer = Namer::new("key");
        assert_eq!(namer.name("a", "bc"), namer.name("a", "bc"));
        assert_ne!(namer.name("a", "bc"), namer.name("ab", "c"));
        assert_ne!(namer.name("a", "bc"), Namer::new("other").name("a", "bc"));
    }
}
