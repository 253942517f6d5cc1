//! The configuration: the commented example is true, nothing unknown passes, and secrets stay where they are.

use std::path::Path;

use chrono::NaiveDate;
use fristvakt::config::{Attached, Config, ConfigError, HttpSettings, LogFormat, Mode, ReportSettings, Scope};
use fristvakt::delivery::email::EmailSettings;
use fristvakt::language::Language;
use fristvakt::schedule::{Pattern, Period, Scheduled};
use fristvakt::source::SourceSettings;

const EXAMPLE: &str = include_str!("../../systemd/fristvakt.toml");

fn parse(text: &str) -> Config {
    Config::parse(text, None, &[]).unwrap()
}

fn problem(text: &str) -> String {
    Config::parse(text, Some(Path::new("/etc/fristvakt/fristvakt.toml")), &[]).unwrap_err().to_string()
}

/// The example with every key that it shows as a comment: `#key = …` or `#[section]`, without a blank.
fn everything() -> String {
    let uncommented = |line: &str| match line.strip_prefix('#') {
        Some(key) if key.starts_with(|char: char| char.is_ascii_lowercase() || char == '[') => key.to_owned(),
        _ => line.to_owned(),
    };
    EXAMPLE.lines().map(uncommented).collect::<Vec<_>>().join("\n")
}

/// A configuration with these variables over it, names as `Config::parse` takes them.
fn with_variables(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables: Vec<_> = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::parse(text, None, &variables)
}

#[test]
fn the_example_can_be_used_as_it_stands() {
    let config = parse(EXAMPLE);
    let email = config.email.unwrap();
    assert_eq!((email.host.as_str(), email.password_file), ("smtp.example.no", Some("smtp-password".into())));
    assert!(config.webhooks.is_empty() && config.rules.is_none());
}

#[test]
fn the_example_shows_the_defaults() {
    let (example, all) = (parse(EXAMPLE), parse(&everything()));
    let (email, shown) = (example.email.unwrap(), all.email.unwrap());
    assert_eq!((example.mode, &example.log.level, example.log.format), (all.mode, &all.log.level, all.log.format));
    assert_eq!(example.database, all.database);
    assert_eq!((example.watchdog, example.reload), (all.watchdog, all.reload));
    let (dead_man, operator) = (all.dead_man.unwrap(), all.operator.unwrap());
    assert!(!dead_man.allow_private && !dead_man.allow_insecure_loopback && operator.language == Language::Nb);
    assert!(example.dead_man.is_none() && example.operator.is_none(), "nobody else hears unless said");
    // What has no default is an example; everything else is the same with the comment as without.
    let EmailSettings {
        port: Some(587),
        reply_to: Some(_),
        hello_name: Some(_),
        ca_file: Some(_),
        per_minute: Some(_),
        ..
    } = shown
    else {
        panic!("{shown:?}")
    };
    let without =
        EmailSettings { port: None, reply_to: None, hello_name: None, ca_file: None, per_minute: None, ..shown };
    assert_eq!(email, without);
    assert_eq!(example.reports, ReportSettings { url: None, ..all.reports.clone() });
    assert!(all.reports.url.is_some() && example.reports.weekly != Pattern::OFF);
    let http = all.http.unwrap();
    let least = parse("[http]\nlisten = \"127.0.0.1:8080\"").http.unwrap();
    assert!(example.http.is_none(), "nothing listens unless said");
    assert_eq!(HttpSettings { tokens: vec![], ..http.clone() }, least);
    assert_eq!((http.tokens.len(), http.tokens[0].scopes.as_slice()), (1, &[Scope::Facts, Scope::Read][..]));
    let [webhook] = all.webhooks.as_slice() else { panic!("one webhook") };
    let least = "[[webhook]]\nname = \"a\"\nurl = \"https://a.example\"\nsecret_files = [\"a\"]";
    let least = &parse(least).webhooks[0];
    assert_eq!(
        (webhook.format, webhook.allow_private, webhook.allow_insecure_loopback),
        (least.format, least.allow_private, least.allow_insecure_loopback)
    );
}

#[test]
fn the_example_of_a_source_shows_the_defaults() {
    let all = parse(&everything());
    let [source] = all.sources.as_slice() else { panic!("one source") };
    let least = "[[source]]\nname = \"a\"\nurl = \"sqlite:///a.db\"\ntenants = [\"k\"]";
    let least = &parse(least).sources[0];
    let of =
        |source: &SourceSettings| (source.every, source.timeout, source.reread, source.stale_after, source.half_loaded);
    assert_eq!(of(source), of(least));
    assert_eq!(source.time_zone.as_deref(), Some("Europe/Oslo"));
    let without_files = SourceSettings { password_file: None, ca_file: None, ..source.clone() };
    fristvakt::source::load(&[without_files]).unwrap();
}

#[test]
fn times_of_reports_are_patterns_and_their_address_holds_no_secret() {
    let wrong = [
        ("weekly = \"mondays\"", "this is no pattern of cron; write five fields"),
        ("monthly = \"0 0 30 2 *\"", "this never comes"),
        ("url = \"http://a.example/r\"", "write an https address"),
        ("url = \"https://kari:hemmelig@a.example/r\"", "write an https address"),
        ("url = \"https://a.example/{name}\"", "only {tenant}, {unit}, {period}, {from} and {to} are filled in"),
        ("url = \"https://a.example/r?token=hemmelig\"", "no token may stand in an address that is mailed"),
    ];
    for (line, expected) in wrong {
        let problem = problem(&format!("[reports]\n{line}"));
        assert!(problem.contains("line 2") && problem.contains(expected), "{problem}");
        assert!(!problem.contains("hemmelig"), "{problem}");
    }
    let text = "[reports]\nyearly = \"off\"\nurl = \"https://a.example/{tenant}/{period}?f={from}&t={to}&u={unit}\"\nattach = [\"html\", \"xlsx\"]";
    let reports = parse(text).reports;
    assert_eq!(
        (reports.pattern(Scheduled::Yearly), reports.pattern(Scheduled::Weekly) == &Pattern::OFF),
        (&Pattern::OFF, false)
    );
    let period = Period::parse(Scheduled::Weekly, "2026-W12").unwrap();
    let link = |units: &[&str]| {
        let units: Vec<String> = units.iter().map(|unit| (*unit).to_owned()).collect();
        reports.link("k", &period, &units).unwrap()
    };
    assert_eq!(link(&[]), "https://a.example/k/2026-W12?f=2026-03-16&t=2026-03-22&u=");
    assert_eq!(link(&["skole"]), "https://a.example/k/2026-W12?f=2026-03-16&t=2026-03-22&u=skole");
    assert_eq!(link(&["a", "b"]), link(&[]), "no page is about two");
    assert_eq!(reports.attach, [Attached::Html, Attached::Xlsx]);
    let off = parse("[reports]\nenabled = false").reports;
    assert!(Scheduled::ALL.iter().all(|scheduled| off.pattern(*scheduled) == &Pattern::OFF));
}

#[test]
fn closed_cases_are_kept_for_ever_unless_said_and_never_for_less_than_what_was_sent_is_remembered() {
    let today: NaiveDate = "2026-05-31".parse().unwrap();
    assert_eq!(parse("").retention.before("k", today), None);
    let retention = parse("[retention]\nmonths = 3\n[retention.tenants]\nl = 24\nm = 0").retention;
    let before = |tenant| retention.before(tenant, today).map(|day| day.to_string());
    assert_eq!(before("k").as_deref(), Some("2026-02-28"));
    assert_eq!((before("l").as_deref(), before("m")), (Some("2024-05-31"), None));
    for wrong in ["months = 2", "months = -1", "tenants.k = 1"] {
        let problem = problem(&format!("[retention]\n{wrong}"));
        assert!(problem.contains("line 2") && problem.contains("3 to 1200 months"), "{problem}");
    }
}

/// serde lists the keys that there are whenever one is unknown.
#[test]
fn the_example_shows_every_key() {
    let sections = [
        ("unknown = 1", ""),
        ("[log]\nunknown = 1", ""),
        ("[email]\nunknown = 1", ""),
        ("[email.timeouts]\nunknown = 1", ""),
        ("[[webhook]]\nunknown = 1", "[[webhook]]"),
        ("[[source]]\nunknown = 1", "[[source]]"),
        (
            "[[source]]\nname = \"a\"\nurl = \"a\"\ntenants = []\n[source.query.case]\nunknown = 1",
            "[source.query.unit]",
        ),
        ("[reports]\nunknown = 1", "[reports]"),
        ("[reports.thresholds]\nunknown = 1", "[reports.thresholds]"),
        ("[retention]\nunknown = 1", "[retention]"),
        ("[http]\nunknown = 1", "[http]"),
        ("[http.upload]\nunknown = 1", "[http.upload]"),
        ("[[http.token]]\nunknown = 1", "[[http.token]]"),
        ("[operator]\nunknown = 1", "[operator]"),
        ("[reload]\nunknown = 1", "[reload]"),
        ("[dead_man]\nunknown = 1", "[dead_man]"),
    ];
    let lines = everything();
    for (text, after) in sections {
        let problem = problem(text);
        let (_, keys) = problem.split_once("expected ").unwrap();
        let keys: Vec<&str> = keys.split('`').skip(1).step_by(2).collect();
        assert!(keys.len() > 1, "{problem}");
        let lines = lines.split_once(after).unwrap().1;
        for key in keys {
            let is_shown = lines.lines().any(|line| {
                line.split(" = ").next() == Some(key)
                    || line.starts_with('[') && line.trim_matches(['[', ']']).split('.').any(|part| part == key)
            });
            assert!(is_shown, "`{key}` is missing from the example");
        }
    }
}

#[test]
fn what_is_unknown_or_wrong_is_an_error_with_its_line() {
    let cases = [
        ("mode = \"live\"\nrulse = \"a\"", "line 2", "unknown field `rulse`"),
        (
            "[email]\nhost = \"a\"\nfrom = \"a@b.example\"\npasword_file = \"a\"",
            "line 4",
            "unknown field `pasword_file`",
        ),
        ("[email]\nhost = \"a\"\nfrom = \"a@b.example\"\npassword = \"a\"", "line 4", "unknown field `password`"),
        ("[[webhook]]\nname = \"a\"\nsecret = \"a\"", "line 3", "unknown field `secret`"),
        ("[log]\nlevel = 1", "line 2, column 9", "`level`: expected a string"),
        ("mode = \"maybe\"", "line 1, column 8", "`mode`: expected `live` or `shadow`"),
        ("mode = \"shadwo\"", "line 1", "did you mean `shadow`?"),
        ("[[webhook]]\nname = \"a\"\nformat = \"temas\"", "line 3", "did you mean `teams`?"),
        ("[[webhook]]\nname = \"a\"\nkinds = [\"eskalation\"]", "line 3", "did you mean `escalation`?"),
        ("[[webhook]]\nname = \"a\"\nurl_fil = \"a\"", "line 3", "did you mean `url_file`?"),
        ("[email]\npasword_file = \"a\"", "line 2, column 1", "did you mean `password_file`?"),
        ("email = { host = \"a\", port = \"b\" }", "line 1", "`port`: expected u16"),
        ("[email]\nhost = \"a\"", "line 1", "missing field `from`"),
        ("[operator]\nmial = []", "line 2", "did you mean `mail`?"),
        ("[dead_man]\nurl_flie = \"a\"", "line 2", "did you mean `url_file`?"),
        ("[log]\nformat = \"journald\"", "line 2", "did you mean `journal`?"),
        ("mode =", "line 1", ""),
    ];
    for (text, line, expected) in cases {
        let problem = problem(text);
        assert!(problem.starts_with("/etc/fristvakt/fristvakt.toml: "), "{problem}");
        assert!(problem.contains(line) && problem.contains(expected), "{text:?} gave {problem}");
    }
}

/// A password may stand in any line, by mistake or where the key is misspelt.
#[test]
fn errors_never_show_a_value() {
    let cases = [
        "[email]\nhost = \"a\"\nfrom = \"a@b.example\"\npassword = \"hemmelig\"",
        "[email]\npassword = hemmelig",
        "[email]\npassword = \"hemmelig",
        "[email]\nhemmelig==",
        "email = \"hemmelig\"",
        "mode = \"hemmelig\"",
        "[email]\nport = \"hemmelig\"",
        "[[webhook]]\nsecret_files = [\n\"hemmelig=\", 1]",
        "[[webhook]]\nname = \"a\"\nurl = \"hemmelig\"\nsecret_files = []\nformat = \"hemmelig\"",
        "[[webhook]]\nname = \"a\"\nurl = [\"hemmelig\"]",
        "[dead_man]\nurl = [\"hemmelig\"]",
        "[operator]\nmail = \"hemmelig\"",
    ];
    for text in cases {
        let problem = problem(text);
        assert!(problem.contains("line ") && !problem.contains("hemmelig"), "{text:?} gave {problem}");
        assert_eq!(problem.lines().count(), 1, "{problem}");
    }
    let port = with_variables("[email]\nhost = \"a\"\nfrom = \"a@b.example\"", &[("email__port", "hemmelig")]);
    let problem = port.unwrap_err().to_string();
    assert!(problem.contains("expected u16") && !problem.contains("hemmelig"), "{problem}");
}

#[test]
fn variables_go_first() {
    let text = "mode = \"live\"\n[email]\nhost = \"a.example\"\nfrom = \"a@b.example\"\nconnections = 2";
    let variables = [
        ("database", "sqlite:///tmp/a.db"),
        ("email__connections", "8"),
        ("email__host", "b.example"),
        ("email__timeouts__connect", "5"),
        ("log__format", "json"),
        ("mode", "shadow"),
    ];
    let config = with_variables(text, &variables).unwrap();
    let email = config.email.as_ref().unwrap();
    assert_eq!((config.mode, config.log.format), (Mode::Shadow, LogFormat::Json));
    assert_eq!(config.location().unwrap().to_string(), "/tmp/a.db");
    assert_eq!((email.host.as_str(), email.connections, email.timeouts.connect), ("b.example", 8, 5));
    assert_eq!((email.from.as_str(), email.timeouts.command), ("a@b.example", 60));
    let unknown = with_variables(text, &[("email__hots", "a")]).unwrap_err().to_string();
    assert!(unknown.contains("FRISTVAKT_") && unknown.contains("unknown field `hots`"), "{unknown}");
    let no_section = with_variables(text, &[("mode__a", "a")]).unwrap_err().to_string();
    assert!(no_section.contains("FRISTVAKT_MODE__A: `mode` is no section"), "{no_section}");
}

#[test]
fn a_database_of_another_kind_is_refused_without_its_password() {
    for database in ["mysql://vakt:hemmelig@db.example/fristvakt", "fristvakt.db", "sqlite://"] {
        let problem = parse(&format!("database = \"{database}\"")).location().unwrap_err().to_string();
        assert!(problem.contains("`database`") && problem.contains("sqlite:///path/to/fristvakt.db"), "{problem}");
        assert!(!problem.contains("hemmelig"), "{problem}");
    }
}

#[test]
fn a_servers_password_comes_from_a_file_and_from_nowhere_else() {
    let in_url =
        parse("database = \"postgres://vakt:hemmelig@db.example/fristvakt\"").location().unwrap_err().to_string();
    assert!(in_url.contains("database_password_file") && !in_url.contains("hemmelig"), "{in_url}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fristvakt.toml");
    let text =
        "database = \"postgres://vakt@db1.example,db2.example/fristvakt\"\ndatabase_password_file = \"password\"\n";
    std::fs::write(&path, text).unwrap();
    let config = Config::load(Some(&path)).unwrap();
    let missing = config.location().unwrap_err().to_string();
    assert!(missing.contains("database_password_file") && missing.contains("password"), "{missing}");
    std::fs::write(folder.path().join("password"), "hemmelig\n").unwrap();
    let location = config.location().unwrap();
    assert_eq!(location.to_string(), "postgres://db1.example,db2.example/fristvakt");
    assert!(!format!("{config:?} {location:?}").contains("hemmelig"));
    assert!(config.journal_folder().unwrap().ends_with("accepted"));
}

#[test]
fn secrets_are_found_beside_the_configuration_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("smtp-password", "hemmelig\n");
    write("webhook-secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
    write("webhook-url", "https://samspill.example.no/hemmelig\n");
    // The example shows both ways to say where a webhook is; one of them can be used.
    let without = ["ca_file = \"/etc/fristvakt/ca.pem\"", "url = \"https://samspill.example.no/varsel\""];
    write("fristvakt.toml", &without.iter().fold(everything(), |text, line| text.replace(line, "")));
    write("facts-token", "0123456789abcdef0123456789abcdef\n");
    let config = Config::load(Some(&folder.path().join("fristvakt.toml"))).unwrap();
    let (smtp, _) = config.email.as_ref().unwrap().load().unwrap();
    let (webhook, _) = config.webhooks[0].load().unwrap();
    fristvakt::web::check(config.http.as_ref().unwrap()).unwrap();
    let shown = format!("{config:?} {config:#?} {smtp:?} {smtp:#?} {webhook:?} {webhook:#?}");
    assert!(
        shown.contains("smtp-password") && shown.contains("webhook-secret") && shown.contains("samspill.example.no")
    );
    for secret in ["hemmelig", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
        assert!(!shown.contains(secret));
        // Nor as the bytes that a derived `Debug` would print.
        let bytes: Vec<String> = secret.bytes().take(4).map(|byte| byte.to_string()).collect();
        assert!(!shown.contains(&bytes.join(", ")));
    }
}
