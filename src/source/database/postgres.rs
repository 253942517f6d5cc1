//! PostgreSQL.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use sqlx::postgres::{PgConnectOptions, PgRow, PgTypeKind};
use sqlx::types::{Decimal, JsonValue, Uuid};
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Either, Executor, PgConnection, Row, SqlSafeStr, Statement, TypeInfo,
    ValueRef,
};

use super::{Rights, Shape, Taker, Value, hand_on, is_usable_year, text, unreadable};
use crate::facts::columns::Cell;
use crate::source::failure::{Failure, of_driver};
use crate::source::mark::{Bound, Comparison, Mark};

pub(super) async fn connect(options: &PgConnectOptions, zone: Tz, timeout: Duration) -> Result<PgConnection, Failure> {
    let mut connection = options.connect().await.map_err(|error| failed(&error))?;
    let milliseconds = timeout.as_millis();
    // Whatever the role may do, this session only reads; and it ends what it has forgotten.
    let settings = format!(
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY; SET client_min_messages = error; \
         SET statement_timeout = {milliseconds}; SET lock_timeout = {milliseconds}; \
         SET idle_in_transaction_session_timeout = {}; SET TimeZone = '{zone}'",
        milliseconds * 2
    );
    run(&mut connection, settings).await?;
    Ok(connection)
}

pub(super) async fn begin(connection: &mut PgConnection) -> Result<(), Failure> {
    run(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY".to_owned()).await
}

pub(super) async fn end(connection: &mut PgConnection) -> Result<(), Failure> {
    run(connection, "ROLLBACK".to_owned()).await
}

async fn run(connection: &mut PgConnection, sql: String) -> Result<(), Failure> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(drop).map_err(|error| failed(&error))
}

pub(super) async fn describe(connection: &mut PgConnection, sql: &str) -> Result<Shape, Failure> {
    let statement = connection.prepare(AssertSqlSafe(sql.to_owned()).into_sql_str()).await;
    let statement = statement.map_err(|error| failed(&error))?;
    let types = match statement.parameters() {
        Some(Either::Left(types)) => types.to_vec(),
        _ => vec![],
    };
    let comparison = types.first().map_or(Comparison::Any, |parameter| match parameter.name() {
        "TIMESTAMPTZ" => Comparison::Instant,
        "TIMESTAMP" => Comparison::Local,
        "DATE" => Comparison::Date,
        "INT2" | "INT4" | "INT8" | "NUMERIC" | "FLOAT4" | "FLOAT8" => Comparison::Integer,
        _ => Comparison::Text,
    });
    let columns = statement.columns().iter().map(|column| column.name().to_owned()).collect();
    Ok(Shape { columns, parameters: types.len(), comparison })
}

pub(super) async fn read(
    connection: &mut PgConnection,
    sql: &str,
    bound: Option<&Bound>,
    most: usize,
    taker: &mut Taker<'_>,
) -> Result<(), Failure> {
    let query = sqlx::query(AssertSqlSafe(sql.to_owned())).persistent(false);
    let lowest = NaiveDate::from_ymd_opt(1, 1, 1).unwrap_or_default();
    let query = match bound {
        None => query,
        Some(Bound::Lowest(Comparison::Instant)) => query.bind(lowest.and_time(chrono::NaiveTime::MIN).and_utc()),
        Some(Bound::Lowest(Comparison::Local)) => query.bind(lowest.and_time(chrono::NaiveTime::MIN)),
        Some(Bound::Lowest(Comparison::Date)) => query.bind(lowest),
        Some(Bound::Lowest(Comparison::Integer)) => query.bind(i64::MIN),
        Some(Bound::Lowest(Comparison::Text | Comparison::Any)) => query.bind(String::new()),
        Some(Bound::At(Mark::Instant(instant))) => query.bind(*instant),
        Some(Bound::At(Mark::Local(local))) => query.bind(*local),
        Some(Bound::At(Mark::Date(date))) => query.bind(*date),
        Some(Bound::At(Mark::Integer(number))) => query.bind(*number),
        Some(Bound::At(Mark::Text(text))) => query.bind(text.clone()),
    };
    hand_on(query.fetch(connection), most, failed, values, taker).await
}

fn values(row: &PgRow) -> Vec<Value> {
    (0..row.len()).map(|place| value(row, place)).collect()
}

fn value(row: &PgRow, place: usize) -> Value {
    let raw = row.try_get_raw(place).map_err(|_| "it cannot be read".to_owned())?;
    if raw.is_null() {
        return Ok(None);
    }
    let type_info = raw.type_info().into_owned();
    let name = type_info.name();
    let broken = |_| format!("its {name} value cannot be read");
    let beyond = || format!("its {name} value is no date that facts can hold");
    let cell = match name {
        "BOOL" => Cell::Bool(row.try_get_unchecked(place).map_err(broken)?),
        "INT2" => Cell::Integer(row.try_get_unchecked::<i16, _>(place).map_err(broken)?.into()),
        "INT4" => Cell::Integer(row.try_get_unchecked::<i32, _>(place).map_err(broken)?.into()),
        "INT8" => Cell::Integer(row.try_get_unchecked(place).map_err(broken)?),
        "FLOAT4" => Cell::Number(row.try_get_unchecked::<f32, _>(place).map_err(broken)?.to_string()),
        "FLOAT8" => Cell::Number(row.try_get_unchecked::<f64, _>(place).map_err(broken)?.to_string()),
        "NUMERIC" => Cell::Number(row.try_get_unchecked::<Decimal, _>(place).map_err(broken)?.normalize().to_string()),
        // As the numbers that they are on the wire: the driver's own dates end the process on `infinity`.
        "DATE" => date(row.try_get_unchecked(place).map_err(broken)?).ok_or_else(beyond)?,
        "TIMESTAMP" => {
            Cell::Local(moment(row.try_get_unchecked(place).map_err(broken)?).ok_or_else(beyond)?.naive_utc())
        }
        "TIMESTAMPTZ" => Cell::Instant(moment(row.try_get_unchecked(place).map_err(broken)?).ok_or_else(beyond)?),
        "UUID" => Cell::Text(row.try_get_unchecked::<Uuid, _>(place).map_err(broken)?.to_string()),
        "JSON" | "JSONB" => Cell::Json(row.try_get::<JsonValue, _>(place).map_err(broken)?),
        "TEXT[]" | "VARCHAR[]" | "CHAR[]" | "NAME[]" => {
            let list: Vec<Option<String>> = row.try_get_unchecked(place).map_err(broken)?;
            Cell::List(list.into_iter().flatten().collect())
        }
        "TEXT" | "VARCHAR" | "CHAR" | "NAME" | "UNKNOWN" => {
            return Ok(text(row.try_get_unchecked(place).map_err(broken)?));
        }
        other if other.eq_ignore_ascii_case("citext") || matches!(type_info.kind(), PgTypeKind::Enum(_)) => {
            return Ok(text(row.try_get_unchecked(place).map_err(broken)?));
        }
        other => return Err(unreadable(other)),
    };
    Ok(Some(cell))
}

/// Days since 2000.
fn date(days: i32) -> Option<Cell> {
    let epoch = NaiveDate::from_ymd_opt(2000, 1, 1)?;
    let date = epoch.checked_add_signed(TimeDelta::try_days(days.into())?)?;
    is_usable_year(chrono::Datelike::year(&date)).then_some(Cell::Date(date))
}

/// Microseconds since 2000.
fn moment(microseconds: i64) -> Option<DateTime<Utc>> {
    const EPOCH: i64 = 946_684_800_000_000;
    let moment = DateTime::from_timestamp_micros(microseconds.checked_add(EPOCH)?)?;
    is_usable_year(chrono::Datelike::year(&moment)).then_some(moment)
}

pub(super) async fn version(connection: &mut PgConnection) -> Result<String, Failure> {
    let version = sqlx::query_scalar::<_, String>("SELECT current_setting('server_version')").fetch_one(connection);
    Ok(format!("PostgreSQL {}", version.await.map_err(|error| failed(&error))?))
}

pub(super) async fn rights(connection: &mut PgConnection) -> Result<Rights, Failure> {
    let select = "SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user), \
                  (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                   WHERE c.relkind IN ('r', 'p', 'v', 'f') AND n.nspname NOT LIKE 'pg\\_%' \
                   AND n.nspname <> 'information_schema' AND has_schema_privilege(n.oid, 'USAGE') \
                   AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))";
    let (is_superuser, tables): (Option<bool>, i64) =
        sqlx::query_as(select).fetch_one(connection).await.map_err(|error| failed(&error))?;
    Ok(match (is_superuser, tables) {
        (Some(true), _) => Rights::Writes("it is a superuser".to_owned()),
        (_, 0) => Rights::Reads,
        (_, tables) => Rights::Writes(format!("it may change {tables} table(s) or view(s)")),
    })
}

fn failed(error: &sqlx::Error) -> Failure {
    let code = error.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
    let shown = code.as_deref().unwrap_or_default();
    let mut failure = of_driver(error, shown, |_| names_only(shown));
    match code.as_deref() {
        // The server's own limit.
        Some("57014") => failure.text = "it took longer than `timeout` allows".to_owned(),
        Some("25006") => failure.text = "it would change data; a source is only read (25006)".to_owned(),
        _ => {}
    }
    // 08: connection; 57P: the server goes down; 53: no room for one more; 28: who we are.
    let ends = |class: &str| code.as_deref().is_some_and(|code| code.starts_with(class));
    failure.is_fatal |= ["08", "57P", "28"].into_iter().any(ends);
    failure
}

/// The classes of errors that speak of names, rights and the server, and not of what is in rows. 42P and 42 quote the
/// query at most, 22 and 23 would quote values.
fn names_only(code: &str) -> bool {
    ["08", "0A", "25", "28", "3D", "3F", "42", "53", "57"].iter().any(|class| code.starts_with(class))
}
