//! Obligations and problems: thrown away and written anew where they differ from what was derived last.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::super::sql::{self, Builder};
use super::super::{At, Day, ROWS, StoreError, Write};
use super::{Application, Batch, push_cases};
use crate::notice::Problem;
use crate::obligation::{LateUntil, Obligation, Status};

/// A number that differs where anything that is derived differs. Where it is wrong, a row is written once too often,
/// never once too seldom: 0 stands for "nothing derived yet" and is never the digest of a plan.
pub(super) fn digest(batch: &Batch<'_>, application: &Application<'_>) -> i64 {
    let mut hasher = DefaultHasher::new();
    application.reference(batch.now).as_str().hash(&mut hasher);
    application.unit(batch.now).hash(&mut hasher);
    application.is_protected(batch.now).hash(&mut hasher);
    for one in &application.plan.obligations {
        let rule = batch.rules.rule(one.rule);
        (&rule.name, &rule.code, responsible(batch, one), &one.start, one.starts_on).hash(&mut hasher);
        (one.due.map(|due| (due.on, due.at)), stored_status(one.status), one.met_on).hash(&mut hasher);
        one.held_by_pause.hash(&mut hasher);
    }
    for one in &application.plan.deviations {
        let rule = batch.rules.rule(one.rule);
        let late_until = match one.late_until {
            LateUntil::Today => (0, None),
            LateUntil::Day(day) => (1, Some(day)),
            LateUntil::NotLate => (2, None),
        };
        let closed = one.closed.map(|(at, closing)| (at, closing.word()));
        (&rule.name, &rule.cite, &one.start, one.number, one.opened_at, one.due_on, closed, late_until)
            .hash(&mut hasher);
    }
    for problem in &application.plan.problems {
        problem.hash(&mut hasher);
    }
    match hasher.finish().cast_signed() {
        0 => 1,
        digest => digest,
    }
}

/// What is stored of a status: never that it is overdue, which follows from the clock.
fn stored_status(status: Status) -> &'static str {
    match status {
        Status::Overdue => Status::Running.word(),
        other => other.word(),
    }
}

/// The role that the rule asks first.
pub(super) fn responsible(batch: &Batch<'_>, obligation: &Obligation) -> String {
    batch.rules.rule(obligation.rule).responsible.first().map(ToString::to_string).unwrap_or_default()
}

/// Writes what these plans derive.
pub(super) async fn write(
    write: &mut Write,
    batch: &Batch<'_>,
    applications: &[Application<'_>],
) -> Result<(), StoreError> {
    for chunk in applications.chunks(ROWS) {
        for start in ["DELETE FROM obligations WHERE tenant = ", "DELETE FROM problems WHERE tenant = "] {
            let mut delete = Builder::new(start);
            delete.push_bind(&*batch.tenant.id).push(" AND case_id IN ");
            push_cases(&mut delete, chunk);
            delete.build().execute(&mut *write).await?;
        }
    }
    write_obligations(write, batch, applications).await?;
    write_problems(write, batch, applications).await
}

async fn write_obligations(
    write: &mut Write,
    batch: &Batch<'_>,
    applications: &[Application<'_>],
) -> Result<(), StoreError> {
    let rows: Vec<(&Application<'_>, &Obligation)> = applications
        .iter()
        .flat_map(|application| application.plan.obligations.iter().map(move |one| (application, one)))
        .collect();
    for chunk in rows.chunks(ROWS) {
        let mut insert = Builder::new(
            "INSERT INTO obligations (tenant, case_id, rule, start, ref, code, unit, responsible, starts_on, due_on, \
             due_at, status, void, met_on) ",
        );
        insert.push_values(chunk, |row, (application, one)| {
            let rule = batch.rules.rule(one.rule);
            row.push_bind(&*batch.tenant.id).push_bind(&*application.case.id).push_bind(&*rule.name);
            row.push_bind(&*one.start).push_bind(application.reference(batch.now).to_string());
            row.push_bind(&*rule.code).push_bind(application.unit(batch.now)).push_bind(responsible(batch, one));
            row.push_bind(Day(one.starts_on)).push_bind(one.due.map(|due| Day(due.on)));
            row.push_bind(one.due.map(|due| At::from(due.at))).push_bind(stored_status(one.status));
            row.push_bind(one.status.void_reason().map(|reason| reason.word())).push_bind(one.met_on.map(Day));
        });
        insert.build().execute(&mut *write).await?;
    }
    Ok(())
}

async fn write_problems(
    write: &mut Write,
    batch: &Batch<'_>,
    applications: &[Application<'_>],
) -> Result<(), StoreError> {
    let numbered = |application| {
        let Application { plan, .. } = application;
        plan.problems.iter().enumerate()
    };
    for application in applications {
        for (number, problem) in numbered(*application) {
            let (kind, role, whom, event) = match problem {
                Problem::Unresolved { role, whom, why } => (why.word(), Some(role.to_string()), whom.as_deref(), None),
                Problem::UnknownRule { event } => ("unknown_rule", None, None, Some(&**event)),
            };
            let insert = "INSERT INTO problems (tenant, case_id, number, ref, kind, role, whom, event) \
                          VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
            let query = sql::query(insert).bind(&*batch.tenant.id).bind(&*application.case.id);
            let query = query.bind(i64::try_from(number).unwrap_or(i64::MAX));
            let query = query.bind(application.reference(batch.now).to_string()).bind(kind).bind(role);
            query.bind(whom).bind(event).execute(&mut *write).await?;
        }
    }
    Ok(())
}
