//! The database, where it is on a server: does it answer, is it ours, and does it take writes.

use super::database::Database;
use super::finding::Finding;
use crate::config::Config;
use crate::store::{ServerExamination, ServerLocation, StoreError, examine_server};

pub(super) async fn check(config: &Config, location: &ServerLocation) -> Database {
    let mut database = Database::default();
    match examine_server(location).await {
        Ok(examined) => {
            let is_current = examined.schema == examined.known_schema;
            database.usable = Some(location.clone().into()).filter(|_| is_current);
            database.last_write = Some(examined.clock);
            database.daemon_runs = examined.daemons > 0;
            database.findings.extend([server(location, &examined), schema(&examined), daemons(&examined)]);
            database.findings.extend(encryption(location, &examined));
        }
        Err(error) => database.findings.push(silent(location, &error)),
    }
    database.findings.extend(config.journal_folder().ok().and_then(|folder| super::database::journal(&folder)));
    database
}

fn silent(location: &ServerLocation, error: &StoreError) -> Finding {
    Finding::error("server", format!("{location}: {error}"))
        .means("Nothing can be read or recorded, so nothing is sent.")
        .mend("psql with the same host, user and database; then see the server's log and pg_hba.conf")
}

fn server(location: &ServerLocation, examined: &ServerExamination) -> Finding {
    let shown = format!("{location}, PostgreSQL {}", examined.version);
    if examined.is_standby {
        return Finding::error("server", format!("{shown}, takes no writes"))
            .means("It is a standby, or was demoted.")
            .mend("name the primary in `database`, or all servers: postgres://fristvakt@db1,db2/fristvakt");
    }
    Finding::ok("server", shown)
}

fn schema(examined: &ServerExamination) -> Finding {
    let (found, known) = (examined.schema, examined.known_schema);
    match found.cmp(&known) {
        std::cmp::Ordering::Equal => Finding::ok("schema", found.to_string()),
        std::cmp::Ordering::Less => Finding::warning("schema", format!("{found}; this program has {known}"))
            .means("It is made or migrated when the service starts. Until then nothing more can be looked at here.")
            .mend("systemctl restart fristvakt"),
        std::cmp::Ordering::Greater => Finding::error("schema", format!("{found}; this program knows {known} at most"))
            .means("A newer version wrote it.")
            .mend("install the version that wrote it"),
    }
}

fn daemons(examined: &ServerExamination) -> Finding {
    match examined.daemons {
        0 => Finding::warning("daemons", "none has said for a minute that it lives")
            .means("Nothing is sent meanwhile. That is right where cron calls `fristvakt run --once`.")
            .mend("systemctl start fristvakt"),
        1 => Finding::ok("daemons", "one works with this database"),
        several => Finding::ok("daemons", format!("{several} share the work")),
    }
}

/// A password and references cross the network.
fn encryption(location: &ServerLocation, examined: &ServerExamination) -> Option<Finding> {
    if examined.is_encrypted || location.is_on_this_machine() {
        return None;
    }
    let finding = Finding::warning("encryption", "the connection is not encrypted")
        .means("Whoever is on the way can read and change what is recorded.");
    Some(finding.mend("append ?sslmode=verify-full to `database`"))
}
