//! `source`, `quarantine` and `doctor` as a person at a terminal sees them, and what none of them ever shows.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::base::{self, Base};

const FACTS: &str = r#"
{"type":"tenant","id":"k","name":"Kommune","packs":["tromso"],"fallback":"post@k.example","mail_domains":["k.example"]}
{"type":"unit","tenant":"k","id":"skole"}
"#;

const TABLES: &str = "CREATE TABLE c (id VARCHAR(20), ref VARCHAR(20), unit VARCHAR(20), navn VARCHAR(40)); \
    INSERT INTO c VALUES ('S-1', '7F3K', 'skole', 'Kanarifugl Hansen'), ('S-2', '9QX2', 'skolle', 'Kanarifugl Hansen'), ('S-3', 'M4TD', NULL, 'Kanarifugl Hansen'), \
    ('S-4', 'A1', NULL, 'Kanarifugl Hansen'), ('S-5', 'A2', NULL, 'Kanarifugl Hansen')";

const CASES: &str = "[source.query.case]\nsql = \"SELECT id, ref, unit FROM c\"\nfull = true\n";

const NOW: [&str; 2] = ["--now", "2026-03-11T09:00:00+01:00"];

/// A folder with a configuration, beside a source.
struct House {
    base: Base,
    folder: TempDir,
}

impl House {
    fn with(base: Base, queries: &str) -> Self {
        base.run(TABLES);
        let house = Self { base, folder: tempfile::tempdir().unwrap() };
        house.configure(queries);
        std::fs::write(house.path().join("facts.ndjson"), FACTS).unwrap();
        house.well(&["import", "facts.ndjson"]);
        house
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn configure(&self, queries: &str) {
        use std::os::unix::fs::PermissionsExt;
        let password = self.base.password_file(self.path());
        if !password.is_empty() {
            let mode = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(self.path().join("password"), mode).unwrap();
        }
        let url = self.base.url();
        let text = format!(
            "database = \"sqlite://test.db\"\nmode = \"shadow\"\n[log]\nlevel = \"trace\"\n[[source]]\nname = \"fagsystem\"\n\
             url = \"{url}\"\n{password}tenants = [\"k\"]\n{queries}"
        );
        std::fs::write(self.path().join("fristvakt.toml"), text).unwrap();
    }

    /// Exit code, stdout and stderr.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fristvakt"));
        command.args(arguments).current_dir(self.path()).env_clear().env("FRISTVAKT_CONFIG", "fristvakt.toml");
        let done = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (done.status.code().unwrap(), text(done.stdout), text(done.stderr))
    }

    fn well(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}\n{out}{err}");
        // How wide a column is depends on where the temporary folder is.
        let squeezed = |line: &str| {
            line.split("  ").filter(|part| !part.is_empty()).map(str::trim).collect::<Vec<_>>().join("  ") + "\n"
        };
        let text = self.redacted(&out);
        if arguments.starts_with(&["source", "list"]) { text.lines().map(squeezed).collect() } else { text }
    }

    fn redacted(&self, text: &str) -> String {
        let place = self.base.url();
        let text = text.replace(place.strip_prefix("sqlite://").unwrap_or("no such place"), "CASE-SYSTEM.DB");
        match self.base.address() {
            Some(address) => text.replace(&address.to_string(), "HOST:PORT"),
            None => text,
        }
    }

    /// One group of what `doctor` prints, without versions.
    fn doctor(&self) -> String {
        let (_, out, _) = self.run(&["doctor", NOW[0], NOW[1]]);
        let start = out.find("Sources\n").unwrap_or_else(|| panic!("no sources in\n{out}"));
        let group = self.redacted(out[start..].split("\n\n").next().unwrap());
        let digits = |word: &str| word.chars().all(|char| char.is_ascii_digit() || char == '.') && word.contains('.');
        let line = |line: &str| {
            line.split(' ').map(|word| if digits(word) { "VERSION" } else { word }).collect::<Vec<_>>().join(" ")
        };
        group.lines().map(|one| line(one) + "\n").collect()
    }

    fn once(&self, now: &str) {
        self.well(&["run", "--once", "--now", now]);
    }
}

#[test]
fn a_source_is_tried_out_listed_held_and_accepted() {
    let house = House::with(base::sqlite(), CASES);
    let mut shown = vec![];
    let mut show = |title: &str, text: String| shown.push(format!("{title}\n{text}"));
    show("$ fristvakt source list", house.well(&["source", "list"]));
    show("$ fristvakt source check fagsystem", house.well(&["source", "check", "fagsystem"]));
    show("$ … --format json", house.well(&["source", "check", "fagsystem", "--format", "json"]));
    house.once("2026-03-10T09:00:00+01:00");
    show("$ fristvakt source list", house.well(&["source", "list"]));
    show("$ fristvakt quarantine list", house.well(&["quarantine", "list"]));
    house.base.run("DELETE FROM c WHERE id <> 'S-1'");
    house.once("2026-03-11T09:00:00+01:00");
    show("$ fristvakt source list", house.well(&["source", "list"]));
    show("$ … --format json", house.well(&["source", "list", "--format", "json"]));
    show("$ fristvakt doctor", house.doctor());
    let accept = ["source", "accept", "fagsystem", "--reason", "moved to another school", "--by", "kari"];
    show("$ fristvakt source accept fagsystem …", house.well(&accept));
    house.once("2026-03-11T09:05:00+01:00");
    show("$ fristvakt source list", house.well(&["source", "list"]));
    insta::assert_snapshot!("tried_out_listed_held_and_accepted", shown.join("\n"));
}

#[test]
fn doctor_says_what_is_wrong_with_a_source_and_how_to_mend_it() {
    let house = House::with(base::sqlite(), CASES);
    let wrong = "[source.query.person]\nsql = \"SELECT id, navn AS nmae FROM c\"\nfull = true\n\
                 [source.query.case]\nsql = \"SELECT id FROM d\"\nfull = true\n\
                 [source.query.event]\nsql = \"SELECT id AS 'case', id, id AS kind, id AS 'on' FROM c WHERE id = 'none'\"\nfull = true\n";
    house.configure(wrong);
    let mut shown = vec![house.doctor()];
    std::fs::remove_file(house.base.url().strip_prefix("sqlite://").unwrap()).unwrap();
    house.once("2026-03-11T08:00:00+01:00");
    shown.push(house.doctor());
    insta::assert_snapshot!("doctor_wrong", shown.join("\n"));
    assert_eq!(house.run(&["doctor", NOW[0], NOW[1]]).0, 1);
}

#[test]
fn doctor_warns_of_a_role_that_may_write() {
    for base in base::all() {
        let house = House::with(base, CASES);
        let name = house.base.name();
        match &house.base {
            Base::Sqlite(_) => {}
            Base::Postgres(database) => {
                assert!(house.doctor().contains("its role only reads"), "{name}: {}", house.doctor());
                database.psql("GRANT INSERT, UPDATE ON c TO fristvakt");
                assert!(house.doctor().contains("it may change 1 table(s) or view(s)"), "{name}: {}", house.doctor());
            }
            Base::MariaDb(database) => {
                assert!(house.doctor().contains("it may ALTER, "), "{name}: {}", house.doctor());
                let user = format!("{}@'127.0.0.1'", database.name());
                database.sql(&format!("REVOKE ALL PRIVILEGES, GRANT OPTION FROM {user}; GRANT SELECT ON c TO {user}"));
                assert!(house.doctor().contains("its role only reads"), "{name}: {}", house.doctor());
            }
        }
    }
}

#[test]
fn whoever_names_something_else_is_told() {
    let house = House::with(base::sqlite(), CASES);
    let (code, _, error) = house.run(&["source", "check", "fagsytem"]);
    assert_eq!(code, 2);
    assert!(error.contains("there is no source `fagsytem`; did you mean `fagsystem`?"), "{error}");
    let (code, ..) = house.run(&["source", "accept", "fagsystem"]);
    assert_eq!(code, 2, "no reason");
    house.configure(&CASES.replace("FROM c", "FROM d"));
    let (code, _, error) = house.run(&["source", "check", "fagsystem"]);
    assert_eq!(code, 1);
    assert!(error.contains("source fagsystem: query `case`: no such table: d"), "{error}");
    house.configure(&CASES.replace("full", "ful"));
    let (code, _, error) = house.run(&["source", "list"]);
    assert_eq!(code, 78);
    assert!(error.contains("did you mean `full`?"), "{error}");
}

/// Rows that cannot be used, values that break a query, a wrong password: none of it shows, at any level.
#[test]
fn no_value_of_a_row_and_no_password_shows_even_at_trace() {
    for base in base::all() {
        let house = House::with(base, CASES);
        let name = house.base.name();
        let breaking = house.base.one_of([
            "SELECT id, json_extract(navn, '$.x') AS ref FROM c",
            "SELECT id, CAST(CAST(navn AS INTEGER) AS text) AS ref FROM c",
            "SELECT id, (SELECT navn FROM c) AS ref FROM c",
        ]);
        let settings = [
            CASES.to_owned(),
            "[source.query.case]\nsql = \"SELECT id, navn AS recorded_at, navn AS unit, navn AS subject FROM c\"\nfull = true\n".to_owned(),
            "[source.query.person]\nsql = \"SELECT navn AS id, navn AS language FROM c\"\nfull = true\n".to_owned(),
            "[source.query.case]\nsql = \"SELECT navn AS tenant, id FROM c\"\nfull = true\n".to_owned(),
            format!("[source.query.case]\nsql = \"{breaking}\"\nfull = true\n"),
            "[source.query.case]\nsql = \"SELECT id, navn FROM c\"\nfull = true\n".to_owned(),
            format!(
                "[source.query.case]\nsql = \"SELECT id, ref, navn AS changed FROM c WHERE navn >= {}\"\nwatermark = \"changed\"\n",
                house.base.parameter()
            ),
        ];
        let mut shown = String::new();
        for (number, queries) in settings.iter().enumerate() {
            house.configure(queries);
            let now = format!("2026-03-11T10:0{number}:00+01:00");
            for arguments in [
                &["run", "--once", "--now", &now][..],
                &["source", "check", "fagsystem"],
                &["source", "check", "fagsystem", "--format", "json"],
                &["source", "list", "--format", "json"],
                &["doctor"],
            ] {
                let (_, out, err) = house.run(arguments);
                shown.push_str(&out);
                shown.push_str(&err);
            }
        }
        assert!(shown.contains("set aside") && shown.contains("cannot be read"), "{name}: {shown}");
        let secrets = ["Kanarifugl", house.base.password().unwrap_or("Kanarifugl")];
        for secret in secrets {
            let line = shown.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "{name}: `{secret}` was shown");
        }
    }
}
