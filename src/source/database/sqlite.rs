//! A SQLite file.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Either, Executor, Row, SqlSafeStr, SqliteConnection, Statement, TypeInfo,
    ValueRef,
};

use super::{Shape, Taker, Value, hand_on, text, unreadable};
use crate::facts::columns::Cell;
use crate::source::failure::{Failure, of_driver};
use crate::source::mark::{Bound, Comparison, Mark};

/// After how many instructions of a query it is asked whether to go on: some ten thousand times a second.
const INSTRUCTIONS: i32 = 10_000;

/// Opens a file for reading only, with a flag that ends whatever it is doing: a query runs on a thread of its own, and
/// nothing else would end it.
pub(super) async fn connect(path: &Path, timeout: Duration) -> Result<(SqliteConnection, Arc<AtomicBool>), Failure> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .create_if_missing(false)
        .busy_timeout(timeout)
        .pragma("query_only", "ON")
        .thread_name(|number| format!("source-{number}"))
        .disable_statement_logging();
    let mut connection = options.connect().await.map_err(|error| failed(&error))?;
    let halt = Arc::new(AtomicBool::new(false));
    let is_halted = Arc::clone(&halt);
    let mut handle = connection.lock_handle().await.map_err(|error| failed(&error))?;
    handle.set_progress_handler(INSTRUCTIONS, move || !is_halted.load(Ordering::SeqCst));
    drop(handle);
    Ok((connection, halt))
}

pub(super) async fn begin(connection: &mut SqliteConnection) -> Result<(), Failure> {
    run(connection, "BEGIN").await
}

pub(super) async fn end(connection: &mut SqliteConnection) -> Result<(), Failure> {
    run(connection, "ROLLBACK").await
}

async fn run(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), Failure> {
    sqlx::raw_sql(sql).execute(connection).await.map(drop).map_err(|error| failed(&error))
}

pub(super) async fn describe(connection: &mut SqliteConnection, sql: &str) -> Result<Shape, Failure> {
    let statement = connection.prepare(AssertSqlSafe(sql.to_owned()).into_sql_str()).await;
    let statement = statement.map_err(|error| failed(&error))?;
    let parameters = match statement.parameters() {
        Some(Either::Left(types)) => types.len(),
        Some(Either::Right(count)) => count,
        None => 0,
    };
    let columns = statement.columns().iter().map(|column| column.name().to_owned()).collect();
    // A column holds whatever was put into it.
    Ok(Shape { columns, parameters, comparison: Comparison::Any })
}

pub(super) async fn read(
    connection: &mut SqliteConnection,
    sql: &str,
    bound: Option<&Bound>,
    most: usize,
    taker: &mut Taker<'_>,
) -> Result<(), Failure> {
    let query = sqlx::query(AssertSqlSafe(sql.to_owned())).persistent(false);
    let query = match bound {
        None => query,
        // Before every number, and before every text that is a date or a time.
        Some(Bound::Lowest(_)) => query.bind(f64::MIN),
        Some(Bound::At(Mark::Integer(number))) => query.bind(*number),
        Some(Bound::At(Mark::Text(text))) => query.bind(text.clone()),
        // Not from this database; it reads everything.
        Some(Bound::At(Mark::Instant(_) | Mark::Local(_) | Mark::Date(_))) => query.bind(f64::MIN),
    };
    hand_on(query.fetch(connection), most, failed, values, taker).await
}

fn values(row: &SqliteRow) -> Vec<Value> {
    (0..row.len()).map(|place| value(row, place)).collect()
}

fn value(row: &SqliteRow, place: usize) -> Value {
    let raw = row.try_get_raw(place).map_err(|_| "it cannot be read".to_owned())?;
    if raw.is_null() {
        return Ok(None);
    }
    let name = raw.type_info().name().to_owned();
    drop(raw);
    let broken = |_| format!("its {name} value cannot be read");
    Ok(match name.as_str() {
        "INTEGER" | "BOOLEAN" => Some(Cell::Integer(row.try_get_unchecked(place).map_err(broken)?)),
        "REAL" => Some(Cell::Number(row.try_get_unchecked::<f64, _>(place).map_err(broken)?.to_string())),
        "TEXT" | "DATE" | "DATETIME" | "TIME" => {
            let value: String = row.try_get_unchecked(place).map_err(broken)?;
            text(&value)
        }
        other => return Err(unreadable(other)),
    })
}

pub(super) async fn version(connection: &mut SqliteConnection) -> Result<String, Failure> {
    let version = sqlx::query_scalar::<_, String>("SELECT sqlite_version()").fetch_one(connection);
    Ok(format!("SQLite {}", version.await.map_err(|error| failed(&error))?))
}

fn failed(error: &sqlx::Error) -> Failure {
    let code = error.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
    let mut failure = of_driver(error, code.as_deref().unwrap_or_default(), names_only);
    match code.and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xff) {
        Some(8) => failure.text = "it would change data; a source is only read (8)".to_owned(),
        Some(9) => failure.text = "it took longer than `timeout` allows".to_owned(),
        // Corrupt, cannot be opened, no database.
        Some(11 | 14 | 26) => failure.is_fatal = true,
        _ => {}
    }
    failure
}

/// The messages that speak of names and of the file, and not of what is in rows.
fn names_only(message: &str) -> bool {
    const KNOWN: [&str; 14] = [
        "no such table: ",
        "no such column: ",
        "no such function: ",
        "ambiguous column name: ",
        "near \"",
        "incomplete input",
        "wrong number of arguments to function ",
        "misuse of aggregate",
        "unable to open database file",
        "database is locked",
        "file is not a database",
        "database disk image is malformed",
        "database schema has changed",
        "attempt to write a readonly database",
    ];
    KNOWN.iter().any(|known| message.starts_with(known))
}
