//! `[[source]]` sections: what is wrong is named by its key, and no password shows.

use fristvakt::config::Config;
use fristvakt::source::load;

const QUERY: &str = "[source.query.case]\nsql = \"SELECT id FROM c\"\nfull = true\n";

fn section(url: &str, more: &str, query: &str) -> String {
    format!("[[source]]\nname = \"a\"\nurl = \"{url}\"\ntenants = [\"k\"]\n{more}\n{query}")
}

/// What is said of a configuration, by whoever reads it first.
fn problem(text: &str) -> String {
    match Config::parse(text, None, &[]) {
        Err(error) => error.to_string(),
        Ok(config) => load(&config.sources).map(|_| ()).unwrap_err().to_string(),
    }
}

#[test]
fn what_cannot_be_used_is_named_with_its_key() {
    let sqlite = "sqlite:///tmp/a.db";
    let two =
        |query: &str| format!("{}{}", section(sqlite, "", query), section(sqlite, "", query).replace("\"a\"", "\"b\""));
    let query = |text: &str| section(sqlite, "", &format!("[source.query.case]\n{text}\n"));
    let cases = [
        (section(sqlite, "evry = 3", QUERY), "did you mean `every`?"),
        (section(sqlite, "every = 5", QUERY), "`source.a.every`: 5 is out of range; use 10 to 86400"),
        (section(sqlite, "timeout = 0", QUERY), "`source.a.timeout`"),
        (section(sqlite, "half_loaded = 101", QUERY), "`source.a.half_loaded`"),
        (section(sqlite, "time_zone = \"Oslo\"", QUERY), "`source.a.time_zone`: no IANA time zone"),
        (section(sqlite, "", ""), "`source.a.query`: asks nothing"),
        (section(sqlite, "", QUERY).replace("tenants = [\"k\"]", "tenants = []"), "`source.a.tenants`"),
        (section(sqlite, "", QUERY).replace("[\"k\"]", "[\"k\", \"k\"]"), "`source.a.tenants`"),
        (section(sqlite, "", QUERY).replace("\"a\"", "\"et navn\""), "`source.name`"),
        (section(sqlite, "", &QUERY.replace("query.case", "query.cases")), "did you mean `case`?"),
        (query("sql = \"SELECT 1\""), "`source.a.query.case`: say what it gives"),
        (query("sql = \" ; \"\nfull = true"), "`source.a.query.case.sql`: write the query"),
        (query("sql = \"SELECT 1\"\nfull = true\nwatermark = \"x\""), "`source.a.query.case.full`"),
        (query("sql = \"SELECT 1\"\nfull = true\noverlap = 3"), "`source.a.query.case.overlap`"),
        (query("sql = \"SELECT 1\"\nwatermark = \"x\""), "add a condition like WHERE x >= ?"),
        (query("sql = \"SELECT 1\"\nfull = true\nwatermrk = \"x\""), "did you mean `watermark`?"),
        (two(QUERY), "source `a` also gives all case records of `k`"),
        (format!("{}{}", section(sqlite, "", QUERY), section(sqlite, "", QUERY)), "another source has this name too"),
    ];
    for (text, expected) in cases {
        let problem = problem(&text);
        assert!(problem.contains(expected), "{text} gave {problem}");
    }
}

#[test]
fn addresses_name_a_user_and_never_a_password() {
    let refused = [
        ("postgres://vakt:hemmelig@db.example/samspill", "holds a password; put it into a file of its own"),
        ("postgres://vakt@db.example/samspill?password=hemmelig", "knows only `sslmode`"),
        ("postgres://db.example/samspill", "should name user, host and database"),
        ("postgres://vakt@db.example", "should name user, host and database"),
        ("postgres://vakt@db.example/samspill?sslmode=prefer", "`sslmode` is one of"),
        ("oracle://vakt:hemmelig@db.example/x", "no database that fristvakt reads"),
        ("hemmelig", "no address"),
        ("sqlite://", "a SQLite file has a path"),
    ];
    for (url, expected) in refused {
        let problem = problem(&section(url, "", QUERY));
        assert!(problem.starts_with("`source.a.url`: ") && problem.contains(expected), "{url} gave {problem}");
        assert!(!problem.contains("hemmelig"), "{url} gave {problem}");
    }
    let taken = [
        ("postgres://vakt@db.example/samspill", "postgres", "db.example:5432"),
        ("postgresql://vakt@db.example:5433/samspill?sslmode=verify-ca", "postgres", "db.example:5433"),
        ("postgres://vakt@localhost/samspill?host=/run/postgresql", "postgres", "/run/postgresql"),
        ("postgres://vakt@%2Frun%2Fpostgresql/samspill", "postgres", "/run/postgresql"),
        ("mysql://vakt@[::1]/samspill", "mysql", "::1:3306"),
        ("mariadb://vakt@db.example:3307/samspill?ssl-mode=required", "mysql", "db.example:3307"),
        ("mysql://vakt@localhost/samspill?socket=/run/mysqld/mysqld.sock", "mysql", "/run/mysqld/mysqld.sock"),
        ("sqlite:///tmp/a.db", "sqlite", "/tmp/a.db"),
    ];
    for (url, database, place) in taken {
        let config = Config::parse(&section(url, "", QUERY), None, &[]).unwrap();
        let (sources, warnings) = load(&config.sources).unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!((sources[0].database(), sources[0].place().as_str()), (database, place), "{url}");
        assert_eq!(warnings.len(), 0, "{url}: {warnings:?}");
    }
    let open =
        Config::parse(&section("mysql://vakt@db.example/samspill?sslmode=disable", "", QUERY), None, &[]).unwrap();
    assert!(load(&open.sources).unwrap().1[0].to_string().contains("is not encrypted"));
}

#[test]
fn a_password_comes_from_a_file_and_shows_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("password"), "hemmelig-4713\n").unwrap();
    let text = section("postgres://vakt@db.example/samspill", "password_file = \"password\"", QUERY);
    std::fs::write(folder.path().join("fristvakt.toml"), text).unwrap();
    let config = Config::load(Some(&folder.path().join("fristvakt.toml"))).unwrap();
    let (sources, warnings) = load(&config.sources).unwrap();
    let shown = format!("{config:?} {sources:?} {sources:#?}");
    assert!(shown.contains("db.example") && !shown.contains("hemmelig"), "{shown}");
    let bytes: Vec<String> = "hemm".bytes().map(|byte| byte.to_string()).collect();
    assert!(!shown.contains(&bytes.join(", ")), "{shown}");
    assert!(warnings.iter().any(|warning| warning.to_string().contains("chmod 600")), "{warnings:?}");
    std::fs::remove_file(folder.path().join("password")).unwrap();
    assert!(load(&config.sources).unwrap_err().to_string().starts_with("`source.a.password_file`: cannot read"));
}

/// A relative name of a file stands beside the configuration.
#[test]
fn a_file_is_found_beside_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("fristvakt.toml"), section("sqlite://case-system.db", "", QUERY)).unwrap();
    let config = Config::load(Some(&folder.path().join("fristvakt.toml"))).unwrap();
    let place = load(&config.sources).unwrap().0[0].place();
    assert_eq!(place, folder.path().join("case-system.db").display().to_string());
}
