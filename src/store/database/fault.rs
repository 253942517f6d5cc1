//! What an error of a database means for whoever asked.

/// What is to be done about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Fault {
    /// There is no room.
    Full,
    /// It cannot be written at all.
    ReadOnly,
    /// Our role may not do it.
    Forbidden,
    /// It may work a little later, with nothing mended.
    Passing,
}

/// What an error means; `None`: that somebody has to look.
pub(in super::super) fn fault(error: &sqlx::Error) -> Option<Fault> {
    match error {
        sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) => Some(Fault::Passing),
        sqlx::Error::Database(error) => {
            let code = error.code()?;
            match code.parse::<i64>() {
                Ok(code) if code.to_string().len() < 5 => of_sqlite(code),
                _ => of_postgres(&code),
            }
        }
        _ => None,
    }
}

/// SQLite's extended code; the kind is in the lowest byte.
fn of_sqlite(code: i64) -> Option<Fault> {
    match code {
        // Full, and no room for the index of the write-ahead log (SQLITE_FULL, SQLITE_IOERR_SHMSIZE).
        13 | 4874 => Some(Fault::Full),
        // Busy and locked.
        _ if matches!(code & 0xff, 5 | 6) => Some(Fault::Passing),
        _ if code & 0xff == 8 => Some(Fault::ReadOnly),
        _ => None,
    }
}

/// The five signs of PostgreSQL's codes: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn of_postgres(code: &str) -> Option<Fault> {
    match code {
        // Disk full.
        "53100" => Some(Fault::Full),
        "42501" => Some(Fault::Forbidden),
        // Serialization, deadlock, lock timeout, statement cancelled, a server that takes no writes just now.
        "40001" | "40P01" | "55P03" | "57014" | "25006" | "25P03" => Some(Fault::Passing),
        // Connection lost, too many of them, out of memory, the server goes down or comes up.
        _ if code.starts_with("08") || code.starts_with("53") || code.starts_with("57P") => Some(Fault::Passing),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_databases_say_what_is_to_be_done() {
        for (code, fault) in [
            (13, Some(Fault::Full)),
            (5, Some(Fault::Passing)),
            (517, Some(Fault::Passing)),
            (1032, Some(Fault::ReadOnly)),
            (1, None),
        ] {
            assert_eq!(of_sqlite(code), fault, "{code}");
        }
        for (code, fault) in [
            ("53100", Some(Fault::Full)),
            ("53300", Some(Fault::Passing)),
            ("40P01", Some(Fault::Passing)),
            ("08006", Some(Fault::Passing)),
            ("42501", Some(Fault::Forbidden)),
            ("23505", None),
        ] {
            assert_eq!(of_postgres(code), fault, "{code}");
        }
    }
}
