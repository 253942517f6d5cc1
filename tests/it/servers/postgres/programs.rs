//! PostgreSQL's programs, wherever they are.

use std::fs;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::servers::process::{User, folder_with, run};
use crate::servers::{Missing, found};

/// Where they are, and who runs them.
#[derive(Debug)]
pub(super) struct Programs {
    folder: PathBuf,
    pub(super) user: User,
}

impl Programs {
    /// The newest on this machine; `None` where there are none, which is noted.
    pub(super) fn here() -> Option<&'static Self> {
        static HERE: OnceLock<Result<Programs, Missing>> = OnceLock::new();
        found(&HERE, || {
            let missing = |reason: &str| Missing {
                server: "PostgreSQL",
                reason: reason.to_owned(),
                mend: "apt-get install --no-install-recommends postgresql",
            };
            let user =
                User::for_server("postgres").ok_or_else(|| missing("no user `postgres` for it, and this is root"))?;
            let folder = folder_with(&["initdb", "postgres", "pg_basebackup", "psql"], installed());
            Ok(Self { folder: folder.ok_or_else(|| missing("no initdb"))?, user })
        })
    }

    pub(super) fn command(&self, program: &str) -> Command {
        self.user.command(&self.folder.join(program))
    }

    /// Makes the data folder of a cluster with a superuser `postgres`.
    pub(super) fn initialise(&self, data: &Path, near: &Path, password: &str) {
        let file = near.join("password");
        fs::write(&file, password).unwrap();
        let attempt = |locale: &[&str]| {
            let mut command = self.command("initdb");
            command.args(["--no-sync", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8"]).args(locale);
            command.args(["--auth-local=trust", "--auth-host=scram-sha-256"]);
            command.arg(format!("--pwfile={}", file.display())).arg(data);
            run(command)
        };
        // Not in all versions, and not in all builds.
        let norwegian = attempt(&["--locale-provider=icu", "--icu-locale=nb-NO"]);
        norwegian.or_else(|_| attempt(&[])).unwrap_or_else(|error| panic!("initdb: {error}"));
        fs::remove_file(file).unwrap();
    }

    /// Makes the data folder of a standby out of a running primary.
    pub(super) fn base_backup(&self, source: &str, data: &Path) {
        let mut command = self.command("pg_basebackup");
        command.args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "--dbname", source, "--pgdata"]);
        command.arg(data);
        run(command).unwrap_or_else(|error| panic!("pg_basebackup: {error}"));
    }

    /// What statements print, one after the other, until one fails.
    pub(super) fn psql(&self, socket: &Path, port: u16, database: &str, sql: &str) -> Result<String, String> {
        let mut command = self.command("psql");
        command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]);
        command.arg("--host").arg(socket).arg("--port").arg(port.to_string());
        command.args(["--username=postgres", "--dbname", database]);
        // From a file and not as an argument, which would make one transaction of them all.
        let mut statements = tempfile::tempfile().unwrap();
        statements.write_all(sql.as_bytes()).unwrap();
        statements.rewind().unwrap();
        command.stdin(statements);
        let output = run(command)?;
        Ok(String::from_utf8(output.stdout).unwrap().trim_end().to_owned())
    }
}

/// What Debian's packages have installed, the newest first.
fn installed() -> Vec<PathBuf> {
    let Ok(versions) = fs::read_dir("/usr/lib/postgresql") else { return vec![] };
    let versions = versions.filter_map(|entry| Some(entry.ok()?.path()));
    let number = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let mut versions: Vec<_> = versions.filter_map(|path| Some((number(&path)?, path.join("bin")))).collect();
    versions.sort_unstable_by(|one, other| other.cmp(one));
    versions.into_iter().map(|(_, folder)| folder).collect()
}
