//! The coordinator's lists, read in one go through a municipality's cases, some at a time.

use std::collections::HashMap;

use chrono::{NaiveDate, TimeDelta};

use super::sql;
use super::{Day, ProblemRow, Store, StoreError, StoredCase, StoredOrganisation};
use crate::calendar::Instant;
use crate::engine::{Finding, Municipality, findings};
use crate::notice::Role;
use crate::oversight::{Entry, List, Thresholds};
use crate::rules::RuleSet;

/// How many cases are read at once.
const BATCH: u32 = 500;

impl Store {
    /// Hands every line of every list to `each`: those of cases by case, in the order of their ids, then the others. Holds no
    /// more than a batch of cases in memory. Cases that cannot be read are left out; they are in the quarantine.
    ///
    /// # Errors
    /// What the database says, or [`StoreError::Unreadable`] where the rules cannot be used for the municipality.
    pub async fn oversee(
        &self,
        of: &StoredOrganisation,
        rules: &RuleSet,
        thresholds: &Thresholds,
        now: Instant,
        mut each: impl FnMut(Entry),
    ) -> Result<(), StoreError> {
        let tenant = &*of.organisation.tenant.id;
        let unusable = |reason| StoreError::Unreadable { table: "records", row: tenant.to_owned(), reason };
        let municipality = of.municipality(rules).map_err(unusable)?;
        let mut after = String::new();
        loop {
            let page = self.cases_after(of, rules, &after, BATCH).await?;
            let Some(last) = page.last else { break };
            let mut problems = self.problems_between(tenant, &after, &last).await?;
            let mut cases = page.read;
            cases.sort_by(|one, other| one.file.id.cmp(&other.file.id));
            for case in &cases {
                let problems = problems.remove(&*case.file.id).unwrap_or_default();
                of_case(&municipality, case, &problems, thresholds, now).into_iter().for_each(&mut each);
            }
            after = last;
        }
        let today = municipality.date(now);
        self.refused_addresses(tenant, &municipality).await?.into_iter().for_each(&mut each);
        self.silences_that_end(tenant, today, thresholds, now).await?.into_iter().for_each(&mut each);
        self.unmatched_rules(of, &municipality, thresholds, today).await?.into_iter().for_each(&mut each);
        revisions(&municipality, thresholds, today).for_each(each);
        Ok(())
    }

    async fn problems_between(
        &self,
        tenant: &str,
        after: &str,
        last: &str,
    ) -> Result<HashMap<String, Vec<ProblemRow>>, StoreError> {
        let select = "SELECT tenant, case_id, ref, kind, role, whom, event FROM problems \
                      WHERE tenant = $1 AND case_id > $2 AND case_id <= $3 ORDER BY case_id, number";
        let query = sql::query(select).bind(tenant).bind(after).bind(last);
        let rows: Vec<ProblemRow> = sql::readable("problems", &query.fetch_rows(&self.readers).await?);
        let mut problems: HashMap<String, Vec<ProblemRow>> = HashMap::new();
        for row in rows {
            problems.entry(row.case.clone()).or_default().push(row);
        }
        Ok(problems)
    }

    async fn refused_addresses(&self, tenant: &str, municipality: &Municipality<'_>) -> Result<Vec<Entry>, StoreError> {
        let rows = self.data_quality(Some(tenant)).await?;
        let refused = rows.into_iter().filter(|row| row.kind == "address_refused");
        Ok(refused
            .map(|row| Entry {
                about: Some(row.subject),
                why: Some(row.code),
                since: Some(municipality.date(row.since.instant())),
                ..Entry::new(tenant, List::AddressRefused)
            })
            .collect())
    }

    async fn silences_that_end(
        &self,
        tenant: &str,
        today: NaiveDate,
        thresholds: &Thresholds,
        now: Instant,
    ) -> Result<Vec<Entry>, StoreError> {
        let soon = today + TimeDelta::days(thresholds.silence_days.into());
        let rows = self.list_silences(Some(tenant), false, now).await?;
        let ending = rows.into_iter().filter(|row| row.until.0 <= soon);
        Ok(ending
            .map(|row| Entry {
                case: Some(row.name.clone()).filter(|_| row.covers == "case"),
                unit: Some(row.name.clone()).filter(|_| row.covers == "unit"),
                about: Some(row.number.to_string()),
                why: Some(row.covers),
                until: Some(row.until.0),
                ..Entry::new(tenant, List::SilenceEnds)
            })
            .collect())
    }

    /// Rules in force that started in no case for long, and have nothing open. Cases that were removed are not remembered: a rule
    /// that only they had looks as if it had never started. Of a municipality or rule that is younger than
    /// that, nothing can be said.
    async fn unmatched_rules(
        &self,
        of: &StoredOrganisation,
        municipality: &Municipality<'_>,
        thresholds: &Thresholds,
        today: NaiveDate,
    ) -> Result<Vec<Entry>, StoreError> {
        let tenant = &of.organisation.tenant;
        let select = "SELECT rule, max(started), CAST(max(is_open) AS BIGINT) FROM (\
                      SELECT rule, starts_on AS started, \
                      CASE WHEN status IN ('running', 'waiting', 'paused') THEN 1 ELSE 0 END AS is_open \
                      FROM obligations WHERE tenant = $1 \
                      UNION ALL SELECT rule, last_start AS started, 0 AS is_open FROM purged_due WHERE tenant = $1) o \
                      GROUP BY rule";
        let rows: Vec<(String, Day, i64)> = sql::query_as(select).bind(&*tenant.id).fetch_all(&self.readers).await?;
        let starts: HashMap<String, (NaiveDate, bool)> =
            rows.into_iter().map(|(rule, last, open)| (rule, (last.0, open == 1))).collect();
        let known_since = of.first_recorded_at.map(|at| municipality.date(at)).or(tenant.go_live);
        let long_ago = today - TimeDelta::days(thresholds.unmatched_days.into());
        let mut found = Vec::new();
        for index in municipality.active_rules() {
            let rule = municipality.rules.rule(*index);
            let is_in_force =
                rule.valid_from.is_none_or(|from| from <= today) && rule.valid_to.is_none_or(|to| today <= to);
            let since = match starts.get(&*rule.name) {
                Some((_, true)) => continue,
                Some((last, false)) => Some(*last),
                None => known_since.max(rule.valid_from),
            };
            if is_in_force && since.is_none_or(|since| since < long_ago) {
                found.push(Entry {
                    about: Some(rule.name.to_string()),
                    code: Some(rule.code.to_string()),
                    since,
                    ..Entry::new(&tenant.id, List::RuleUnmatched)
                });
            }
        }
        found.sort();
        Ok(found)
    }
}

/// A case's lines: what the engine finds, and the roles that reach nobody.
fn of_case(
    municipality: &Municipality<'_>,
    case: &StoredCase,
    problems: &[ProblemRow],
    thresholds: &Thresholds,
    now: Instant,
) -> Vec<Entry> {
    let tenant = &*municipality.organisation.tenant.id;
    let Some(record) = case.file.records.at(now) else { return vec![] };
    let entry = |list| Entry {
        case: Some(case.file.id.to_string()),
        reference: Some(record.reference.to_string()),
        unit: record.unit.as_ref().map(ToString::to_string),
        protected: record.protected,
        ..Entry::new(tenant, list)
    };
    let found = findings(municipality, &case.file, thresholds, now).into_iter().map(|finding| {
        let Finding { list, rule, why, since, due_on } = finding;
        let rule = rule.map(|rule| municipality.rules.rule(rule));
        Entry {
            about: rule.map(|rule| rule.name.to_string()),
            code: rule.map(|rule| rule.code.to_string()),
            why: why.map(str::to_owned),
            since,
            until: due_on,
            ..entry(list)
        }
    });
    let unresolved = problems.iter().filter_map(|problem| {
        // A contact's name may say what the case is about.
        let role = match Role::parse(problem.role.as_deref()?)? {
            Role::Contact(_) => "contact".to_owned(),
            role => role.to_string(),
        };
        let why = Some(format!("{role} {}", problem.kind));
        Some(Entry { about: problem.whom.clone(), why, ..entry(List::Unresolved) })
    });
    found.chain(unresolved).collect()
}

/// Routines that should have been revised, or are to be soon.
fn revisions<'m>(
    municipality: &'m Municipality<'_>,
    thresholds: &Thresholds,
    today: NaiveDate,
) -> impl Iterator<Item = Entry> + use<'m> {
    let tenant = &municipality.organisation.tenant;
    let soon = today + TimeDelta::days(thresholds.revision_days.into());
    let packs = tenant.packs.iter().filter_map(|id| municipality.rules.pack(id));
    packs.filter_map(move |pack| {
        let revise_by = pack.revise_by.filter(|revise_by| *revise_by <= soon)?;
        Some(Entry {
            about: Some(pack.id.to_string()),
            until: Some(revise_by),
            ..Entry::new(&tenant.id, List::RevisionDue)
        })
    })
}
