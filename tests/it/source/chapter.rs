//! "Connect your case system's database" in the README, followed to the letter by somebody who has just installed the
//! program; and its shipped example on every kind of database.

use std::path::{Path, PathBuf};
use std::process::Command;

use fristvakt::config::Config;

use super::base::{self, Base};

const README: &str = include_str!("../../../README.md");

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn example(file: &str) -> String {
    std::fs::read_to_string(root().join("systemd/examples/case-system").join(file)).unwrap()
}

/// A command of the chapter, and what it shows under it.
struct Shown {
    command: String,
    output: Vec<String>,
}

fn chapter() -> &'static str {
    let (_, rest) = README.split_once("## Connect your case system's database").unwrap();
    rest.split_once("\n## ").unwrap().0
}

fn blocks(language: &str) -> Vec<&'static str> {
    let starts = chapter().split(&format!("```{language}\n")).skip(1).collect::<Vec<_>>();
    starts.into_iter().map(|block| block.split_once("```").unwrap().0).collect()
}

fn commands() -> Vec<Shown> {
    let mut shown: Vec<Shown> = vec![];
    for line in blocks("console").into_iter().flat_map(str::lines) {
        match line.strip_prefix("$ ") {
            Some(command) => shown.push(Shown { command: command.to_owned(), output: vec![] }),
            None => shown.last_mut().unwrap().output.push(line.to_owned()),
        }
    }
    shown
}

#[test]
fn whoever_follows_the_chapter_sees_a_mail_come_out() {
    let work = tempfile::tempdir().unwrap();
    // Where somebody stands who has the sources and the program on the path.
    std::os::unix::fs::symlink(root().join("systemd"), work.path().join("systemd")).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_fristvakt")).parent().unwrap();
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", program.display());
    let mut folder = work.path().to_owned();
    for Shown { command, output } in commands() {
        let mut shell = Command::new("sh");
        shell.arg("-ec").arg(format!("{command}\npwd >&2")).current_dir(&folder).env_clear().env("PATH", &path);
        let done = shell.output().unwrap();
        let (out, err) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
        assert!(done.status.success(), "$ {command}\n{out}{err}");
        folder = PathBuf::from(err.lines().last().unwrap());
        // What the chapter shows is there, in its order.
        let mut lines = out.lines().map(str::trim_end);
        for expected in output.iter().filter(|line| line.as_str() != "…") {
            assert!(lines.any(|line| line == expected), "$ {command}\n{out}has no line\n{expected}");
        }
    }
    let mails: Vec<_> = std::fs::read_dir(folder.join("mail")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(mails.len(), 3, "two reminders, and the coordinator's list: {mails:?}");
    let first = mails.iter().find(|path| path.ends_with("0001-anne.eml")).unwrap();
    let bytes = std::fs::read(first).unwrap();
    let mail = mail_parser::MessageParser::default().parse(&bytes).unwrap();
    let text = format!("Subject: {}\n\n{}", mail.subject().unwrap(), mail.body_text(0).unwrap());
    let [shown] = blocks("text")[..] else { panic!("one mail is shown") };
    for line in shown.lines() {
        assert!(text.contains(line), "the mail has no line\n{line}\nbut\n{text}");
    }
    for hidden in ["ZZ8P", "Barn ", "Fri tekst"] {
        assert!(!text.contains(hidden), "{text}");
    }
    assert_eq!(mail.to().unwrap().first().unwrap().address(), Some("anne@fjordvik.example"));
}

#[test]
fn what_the_chapter_shows_of_the_example_stands_there() {
    let views = example("views.sql");
    for line in blocks("sql")[0].lines() {
        assert!(views.contains(line), "views.sql has no line {line}");
    }
    let toml = example("fristvakt.toml");
    for line in blocks("toml")[0].lines() {
        assert!(toml.contains(line), "fristvakt.toml has no line {line}");
    }
}

/// The same case system in each kind of database gives the same facts.
#[tokio::test(flavor = "multi_thread")]
async fn the_example_gives_the_same_on_every_kind_of_database() {
    let mut seen: Vec<(&'static str, String)> = vec![];
    for base in base::all() {
        // The sample's times are the clock's in Norway; MariaDB keeps instants.
        let zone = base.one_of(["", "", "SET time_zone = '+01:00'; "]);
        base.run(&format!("{zone}{}", example("case-system.sql")));
        base.run(&example("views.sql"));
        let folder = tempfile::tempdir().unwrap();
        let configuration = configuration(&base, folder.path());
        std::fs::write(folder.path().join("fristvakt.toml"), &configuration).unwrap();
        let fristvakt = |arguments: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_fristvakt"));
            command.args(arguments).env_clear().env("FRISTVAKT_CONFIG", folder.path().join("fristvakt.toml"));
            let done = command.output().unwrap();
            let shown = [String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap()];
            assert!(done.status.success(), "{}: {arguments:?}\n{}{}", base.name(), shown[0], shown[1]);
            shown.concat()
        };
        let mail = folder.path().join("mail");
        let round = ["--once", "--now", "2026-03-11T08:00:00+01:00", "--catch-mail", mail.to_str().unwrap()];
        let log = fristvakt(&[&["run"][..], &round].concat());
        assert!(log.contains("mails=1"), "{}: {log}", base.name());
        assert!(!log.contains("set aside"), "{}: {log}", base.name());
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.path().join("fristvakt.db"));
        let mut store = sqlx::ConnectOptions::connect(&options).await.unwrap();
        let select = "SELECT fact FROM records UNION ALL SELECT document FROM cases ORDER BY 1";
        let facts: Vec<String> = sqlx::query_scalar(select).fetch_all(&mut store).await.unwrap();
        seen.push((base.name(), facts.join("\n")));
        // A second look changes nothing.
        let again =
            fristvakt(&["run", "--once", "--now", "2026-03-11T09:00:00+01:00", "--catch-mail", mail.to_str().unwrap()]);
        assert!(!again.contains("facts taken"), "{}: {again}", base.name());
    }
    let (first, facts) = &seen[0];
    assert!(facts.contains("2026-03-05T14:00:00+01:00") && facts.contains("\"born_on\":\"2014-05-11\""), "{facts}");
    for (name, others) in &seen[1..] {
        assert_eq!(facts, others, "{first} and {name}");
    }
}

/// The example's configuration, for another kind of database.
fn configuration(base: &Base, folder: &Path) -> String {
    let toml = example("fristvakt.toml");
    assert!(Config::parse(&toml, None, &[]).is_ok());
    let url = format!("url = \"{}\"\n{}", base.url(), base.password_file(folder));
    toml.replace("url = \"sqlite://case-system.db\"\n", &url).replace(">= ?", &format!(">= {}", base.parameter()))
}
