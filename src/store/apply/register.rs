//! Deviations: opened, kept up to date and closed, never deleted.

use std::collections::HashSet;

use super::super::sql::{self, Builder};
use super::super::{At, Day, ROWS, StoreError, Write};
use super::{Application, Batch, push_cases};
use crate::obligation::{Closing, Deviation, LateUntil};

/// Writes the deviations of these plans, and withdraws those that the plans derive no longer.
pub(super) async fn write(
    write: &mut Write,
    batch: &Batch<'_>,
    applications: &[Application<'_>],
) -> Result<(), StoreError> {
    withdraw_gone(write, batch, applications).await?;
    let rows: Vec<(&Application<'_>, &Deviation)> = applications
        .iter()
        .flat_map(|application| application.plan.deviations.iter().map(move |one| (application, one)))
        .collect();
    for chunk in rows.chunks(ROWS) {
        let mut upsert = Builder::new(
            "INSERT INTO deviations (tenant, case_id, rule, start, number, ref, code, cite, unit, responsible, \
             opened_at, due_on, late_until, closed_at, closed_as) ",
        );
        upsert.push_values(chunk, |row, (application, one)| {
            let rule = batch.rules.rule(one.rule);
            row.push_bind(&*batch.tenant.id).push_bind(&*application.case.id).push_bind(&*rule.name);
            row.push_bind(&*one.start).push_bind(i64::from(one.number));
            row.push_bind(application.reference(batch.now).to_string()).push_bind(&*rule.code);
            row.push_bind(rule.cite.as_deref()).push_bind(application.unit(batch.now));
            row.push_bind(rule.responsible.first().map(ToString::to_string).unwrap_or_default());
            row.push_bind(At::from(one.opened_at)).push_bind(Day(one.due_on)).push_bind(late_until(one));
            row.push_bind(one.closed.map(|(at, _)| At::from(at)));
            row.push_bind(one.closed.map(|(_, closing)| closing.word()));
        });
        // What a person decided stays, unless it turns out that there was no lapse at all.
        upsert.push(
            " ON CONFLICT (tenant, case_id, rule, start, number) DO UPDATE SET \
             ref = excluded.ref, code = excluded.code, cite = excluded.cite, unit = excluded.unit, \
             responsible = excluded.responsible, opened_at = excluded.opened_at, due_on = excluded.due_on, \
             late_until = excluded.late_until, \
             closed_at = CASE WHEN deviations.explained_by IS NOT NULL AND coalesce(excluded.closed_as, '') <> 'withdrawn' \
                         THEN deviations.closed_at ELSE excluded.closed_at END, \
             closed_as = CASE WHEN deviations.explained_by IS NOT NULL AND coalesce(excluded.closed_as, '') <> 'withdrawn' \
                         THEN deviations.closed_as ELSE excluded.closed_as END",
        );
        upsert.build().execute(&mut *write).await?;
    }
    Ok(())
}

fn late_until(deviation: &Deviation) -> Option<Day> {
    match deviation.late_until {
        LateUntil::Day(day) => Some(Day(day)),
        LateUntil::Today | LateUntil::NotLate => None,
    }
}

/// A deviation whose obligation is gone is withdrawn as of now (§ 10).
async fn withdraw_gone(
    write: &mut Write,
    batch: &Batch<'_>,
    applications: &[Application<'_>],
) -> Result<(), StoreError> {
    for chunk in applications.chunks(ROWS) {
        let mut select = Builder::new(
            "SELECT case_id, rule, start, number FROM deviations \
             WHERE coalesce(closed_as, '') <> 'withdrawn' AND tenant = ",
        );
        select.push_bind(&*batch.tenant.id).push(" AND case_id IN ");
        push_cases(&mut select, chunk);
        let stored: Vec<(String, String, String, i64)> = select.build_query_as().fetch_all(&mut *write).await?;
        let derived: HashSet<(&str, &str, &str, i64)> = chunk
            .iter()
            .flat_map(|application| {
                let key = |one: &Deviation| (&*batch.rules.rule(one.rule).name, i64::from(one.number));
                let key = move |one| (key(one), one);
                application.plan.deviations.iter().map(move |one| {
                    let ((rule, number), one) = key(one);
                    (&*application.case.id, rule, &*one.start, number)
                })
            })
            .collect();
        for (case, rule, start, number) in &stored {
            if derived.contains(&(case.as_str(), rule.as_str(), start.as_str(), *number)) {
                continue;
            }
            let update = "UPDATE deviations SET closed_at = $6, closed_as = $7, late_until = NULL \
                          WHERE tenant = $1 AND case_id = $2 AND rule = $3 AND start = $4 AND number = $5";
            let query = sql::query(update).bind(&*batch.tenant.id).bind(case).bind(rule).bind(start).bind(*number);
            query.bind(At::from(batch.now)).bind(Closing::Withdrawn.word()).execute(&mut *write).await?;
        }
    }
    Ok(())
}
