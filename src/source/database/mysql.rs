//! MySQL and MariaDB.

use std::time::Duration;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Utc};
use sqlx::mysql::{MySqlConnectOptions, MySqlRow};
use sqlx::types::JsonValue;
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Either, Executor, MySqlConnection, Row, SqlSafeStr, Statement, TypeInfo,
    ValueRef,
};

use super::{Rights, Shape, Taker, Value, hand_on, is_usable_year, text, unreadable};
use crate::facts::columns::Cell;
use crate::source::failure::{Failure, of_driver};
use crate::source::mark::{Bound, Comparison, Mark};

pub(super) async fn connect(options: &MySqlConnectOptions, timeout: Duration) -> Result<MySqlConnection, Failure> {
    let mut connection = options.connect().await.map_err(|error| failed(&error))?;
    let version = server_version(&mut connection).await?;
    let limit = if version.contains("MariaDB") {
        format!("max_statement_time = {}", timeout.as_secs())
    } else {
        format!("max_execution_time = {}", timeout.as_millis())
    };
    // Whatever the role may do, this session only reads. Names may stand in double quotes, as in standard SQL: `on`
    // and `attributes.x` need some, and one text of a query then serves every database.
    run(&mut connection, "SET SESSION TRANSACTION READ ONLY".to_owned()).await?;
    let seconds = timeout.as_secs();
    let settings =
        format!("SET SESSION sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES'), lock_wait_timeout = {seconds}, {limit}");
    run(&mut connection, settings).await?;
    Ok(connection)
}

pub(super) async fn begin(connection: &mut MySqlConnection) -> Result<(), Failure> {
    run(connection, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY".to_owned()).await
}

pub(super) async fn end(connection: &mut MySqlConnection) -> Result<(), Failure> {
    run(connection, "ROLLBACK".to_owned()).await
}

async fn run(connection: &mut MySqlConnection, sql: String) -> Result<(), Failure> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(drop).map_err(|error| failed(&error))
}

pub(super) async fn describe(
    connection: &mut MySqlConnection,
    sql: &str,
    watermark: Option<&str>,
) -> Result<Shape, Failure> {
    let statement = connection.prepare(AssertSqlSafe(sql.to_owned()).into_sql_str()).await;
    let statement = statement.map_err(|error| failed(&error))?;
    let parameters = match statement.parameters() {
        Some(Either::Left(types)) => types.len(),
        Some(Either::Right(count)) => count,
        None => 0,
    };
    let column = statement.columns().iter().find(|column| Some(column.name()) == watermark);
    let comparison = column.map_or(Comparison::Any, |column| match column.type_info().name() {
        "TIMESTAMP" => Comparison::Instant,
        "DATETIME" => Comparison::Local,
        "DATE" => Comparison::Date,
        name if name.contains("INT") || matches!(name, "DECIMAL" | "YEAR" | "DOUBLE" | "FLOAT") => Comparison::Integer,
        _ => Comparison::Text,
    });
    let columns = statement.columns().iter().map(|column| column.name().to_owned()).collect();
    Ok(Shape { columns, parameters, comparison })
}

pub(super) async fn read(
    connection: &mut MySqlConnection,
    sql: &str,
    bound: Option<&Bound>,
    most: usize,
    taker: &mut Taker<'_>,
) -> Result<(), Failure> {
    let query = sqlx::query(AssertSqlSafe(sql.to_owned())).persistent(false);
    let lowest = NaiveDate::from_ymd_opt(1000, 1, 1).unwrap_or_default();
    let query = match bound {
        None => query,
        Some(Bound::Lowest(Comparison::Instant)) => {
            query.bind(DateTime::<Utc>::UNIX_EPOCH + chrono::TimeDelta::days(1))
        }
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

fn values(row: &MySqlRow) -> Vec<Value> {
    (0..row.len()).map(|place| value(row, place)).collect()
}

fn value(row: &MySqlRow, place: usize) -> Value {
    let raw = row.try_get_raw(place).map_err(|_| "it cannot be read".to_owned())?;
    if raw.is_null() {
        return Ok(None);
    }
    let type_info = raw.type_info().into_owned();
    let name = type_info.name();
    let broken = |_| format!("its {name} value cannot be read");
    let beyond = || format!("its {name} value is no date that facts can hold");
    let cell = match name {
        "BOOLEAN" => Cell::Integer(row.try_get_unchecked::<i8, _>(place).map_err(broken)?.into()),
        "BIT" => Cell::Integer(
            i64::try_from(row.try_get_unchecked::<u64, _>(place).map_err(broken)?)
                .map_err(|_| format!("its {name} value is too large"))?,
        ),
        "TINYINT" | "SMALLINT" | "INT" | "MEDIUMINT" | "BIGINT" => {
            Cell::Integer(row.try_get_unchecked(place).map_err(broken)?)
        }
        _ if name.ends_with("INT UNSIGNED") || name == "YEAR" => {
            let number: u64 = row.try_get_unchecked(place).map_err(broken)?;
            i64::try_from(number).map_or_else(|_| Cell::Number(number.to_string()), Cell::Integer)
        }
        "FLOAT" => Cell::Number(row.try_get_unchecked::<f32, _>(place).map_err(broken)?.to_string()),
        "DOUBLE" => Cell::Number(row.try_get_unchecked::<f64, _>(place).map_err(broken)?.to_string()),
        // On the wire it is written out.
        "DECIMAL" => {
            let number: String = row.try_get_unchecked(place).map_err(broken)?;
            let whole = number.split_once('.').filter(|(_, parts)| parts.bytes().all(|digit| digit == b'0'));
            Cell::Number(whole.map_or(number.as_str(), |(whole, _)| whole).to_owned())
        }
        "DATE" => {
            let date: NaiveDate = row.try_get_unchecked(place).map_err(broken)?;
            Cell::Date(Some(date).filter(|date| is_usable_year(date.year())).ok_or_else(beyond)?)
        }
        "DATETIME" => {
            let local: NaiveDateTime = row.try_get_unchecked(place).map_err(broken)?;
            Cell::Local(Some(local).filter(|local| is_usable_year(local.year())).ok_or_else(beyond)?)
        }
        // The session's clock is UTC.
        "TIMESTAMP" => Cell::Instant(row.try_get_unchecked::<DateTime<Utc>, _>(place).map_err(broken)?),
        "JSON" => Cell::Json(row.try_get_unchecked::<JsonValue, _>(place).map_err(broken)?),
        "CHAR" | "VARCHAR" | "TINYTEXT" | "TEXT" | "MEDIUMTEXT" | "LONGTEXT" | "ENUM" | "SET" => {
            return Ok(text(row.try_get_unchecked(place).map_err(broken)?));
        }
        // Some functions give texts without a character set.
        "BINARY" | "VARBINARY" | "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB" => {
            let bytes: &[u8] = row.try_get_unchecked(place).map_err(broken)?;
            return Ok(text(std::str::from_utf8(bytes).map_err(|_| unreadable(name))?));
        }
        other => return Err(unreadable(other)),
    };
    Ok(Some(cell))
}

pub(super) async fn version(connection: &mut MySqlConnection) -> Result<String, Failure> {
    let version = server_version(connection).await?;
    Ok(match version.split_once("-MariaDB") {
        Some((number, _)) => format!("MariaDB {number}"),
        None => format!("MySQL {version}"),
    })
}

async fn server_version(connection: &mut MySqlConnection) -> Result<String, Failure> {
    let version = sqlx::query_scalar("SELECT VERSION()").fetch_one(connection);
    version.await.map_err(|error| failed(&error))
}

pub(super) async fn rights(connection: &mut MySqlConnection) -> Result<Rights, Failure> {
    const READING: [&str; 6] = ["USAGE", "SELECT", "SHOW VIEW", "SHOW DATABASES", "PROCESS", "REPLICATION CLIENT"];
    let select = "SELECT DISTINCT p.kind FROM ( \
                  SELECT grantee, CAST(privilege_type AS CHAR) AS kind FROM information_schema.user_privileges \
                  UNION SELECT grantee, CAST(privilege_type AS CHAR) FROM information_schema.schema_privileges \
                  UNION SELECT grantee, CAST(privilege_type AS CHAR) FROM information_schema.table_privileges) p \
                  WHERE p.grantee = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''') ORDER BY p.kind";
    let mut kinds: Vec<String> =
        sqlx::query_scalar(select).fetch_all(connection).await.map_err(|error| failed(&error))?;
    kinds.retain(|kind| !READING.contains(&kind.as_str()));
    match kinds.len() {
        0 => Ok(Rights::Reads),
        1..=4 => Ok(Rights::Writes(format!("it may {}", kinds.join(", ")))),
        more => Ok(Rights::Writes(format!("it may {} and {} more", kinds[..3].join(", "), more - 3))),
    }
}

fn failed(error: &sqlx::Error) -> Failure {
    let number = number(error);
    // The number: the SQLSTATE says nothing for most.
    let code = number.map(|number| number.to_string()).unwrap_or_default();
    let mut failure = of_driver(error, &code, |_| number.is_some_and(names_only));
    match number {
        Some(1969 | 3024) => failure.text = "it took longer than `timeout` allows".to_owned(),
        Some(1792) => failure.text = "it would change data; a source is only read (1792)".to_owned(),
        _ => {}
    }
    // Access denied, too many connections, the server goes down, the connection was killed.
    failure.is_fatal |= matches!(number, Some(1040 | 1044 | 1045 | 1053 | 1129 | 1130 | 1203 | 1226 | 1927 | 4031));
    failure
}

fn number(error: &sqlx::Error) -> Option<u16> {
    Some(error.as_database_error()?.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()?.number())
}

/// The errors that speak of names, rights and the server, and not of what is in rows.
fn names_only(number: u16) -> bool {
    matches!(
        number,
        1040 | 1044..=1046 | 1049 | 1052..=1056 | 1060 | 1064 | 1066 | 1109 | 1129 | 1130 | 1142..=1146 | 1203 | 1226
            | 1227 | 1305 | 1356 | 1370 | 1424 | 1449 | 1927 | 4031
    )
}
