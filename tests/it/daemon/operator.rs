//! Whoever runs the program is told when something needs a person: once a day for each cause, and nothing of anybody.

use std::sync::Arc;

use fristvakt::calendar::Instant;
use fristvakt::catcher::Catcher;
use fristvakt::daemon::Daemon;
use fristvakt::delivery::message::{Trouble, operator_message};
use fristvakt::language::Language;

use super::{FACTS, Installation, config, instant};

const OPERATOR: &str = "[operator]\nmail = [\"drift@it.example\", \"vakt@it.example\"]\nlanguage = \"en\"\n";

/// A record that cannot be used, put into the database as an older version or a hand might have.
async fn poison(here: &Installation, since: &str) {
    let url = format!("sqlite://{}", here.folder().join("test.db").display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    let insert = "INSERT INTO quarantine (tenant, record, reason, since) VALUES ('k', 'case S-9', 'Kanarifugl', $1)";
    sqlx::query(insert).bind(instant(since).timestamp_millis()).execute(&pool).await.unwrap();
    pool.close().await;
}

fn told(here: &Installation) -> Vec<(String, String)> {
    here.mails().into_iter().filter(|(to, _)| to.ends_with("@it.example")).collect()
}

#[test]
fn what_happened_since_when_and_what_to_do() {
    let since = instant("2026-03-11T08:00:00+01:00");
    let name = |text: &str| text.to_owned();
    let troubles = [
        Trouble::ChannelHeld { channel: name("webhook:oppvekst"), code: name("http 403") },
        Trouble::Quarantine { tenant: name("fjordvik"), count: 3 },
        Trouble::SourceSilent { source: name("fagsystem") },
        Trouble::SourceHeld { source: name("fagsystem") },
        Trouble::JournalAhead { count: 12 },
        Trouble::ClockWentBack,
        Trouble::StandsBack,
        Trouble::Differences { tenant: name("fjordvik"), count: 2 },
        Trouble::ConfigurationBroken,
        Trouble::RulesBroken,
        Trouble::RulesHeld { before: 12, after: 240 },
        Trouble::DiskFull,
        Trouble::Database,
    ];
    for language in [Language::Nb, Language::Nn, Language::En] {
        let troubles: Vec<(Trouble, Instant)> = troubles.iter().cloned().map(|trouble| (trouble, since)).collect();
        let mail = operator_message(language, &troubles);
        let paragraphs: Vec<&str> = mail.text.trim_end().split("\n\n").collect();
        assert_eq!(paragraphs.len(), troubles.len() + 1);
        for paragraph in paragraphs.iter().take(troubles.len()) {
            let sentences: Vec<&str> = paragraph.lines().collect();
            assert!(sentences.len() == 3 && sentences.iter().all(|line| line.ends_with('.')), "{paragraph}");
        }
        insta::assert_snapshot!(
            format!("operator-{}", language.code()),
            format!("Subject: {}\n\n{}", mail.subject, mail.text)
        );
    }
}

#[tokio::test]
async fn each_cause_is_told_once_a_day_also_after_a_restart() {
    let here = Installation::configured(FACTS, OPERATOR).await;
    poison(&here, "2026-03-10T11:00:00+01:00").await;
    here.tick("2026-03-11T12:00:00+01:00").await;
    assert_eq!(here.daemon().tell_operator().await.unwrap(), 1);
    let mails = told(&here);
    let addresses: Vec<&str> = mails.iter().map(|(to, _)| to.as_str()).collect();
    assert_eq!(addresses, ["drift@it.example", "vakt@it.example"], "a mail of its own for each");
    for (_, text) in &mails {
        assert!(text.contains("(1)") && text.contains("Tuesday 10 March 2026 at 11:00"), "{text}");
        assert!(!text.contains("Kanarifugl") && !text.contains("S-9"), "{text}");
    }
    assert_eq!(here.daemon().tell_operator().await.unwrap(), 0, "told today");
    let here = here.restarted_with(OPERATOR).await;
    here.tick("2026-03-11T23:30:00+01:00").await;
    assert_eq!(here.daemon().tell_operator().await.unwrap(), 0, "a restart says nothing twice");
    here.clock().set(instant("2026-03-12T00:30:00+01:00"));
    assert_eq!(here.daemon().tell_operator().await.unwrap(), 1, "another day in Norway");
    assert_eq!(told(&here).len(), 4);
}

#[tokio::test]
async fn nobody_is_told_where_nothing_needs_a_person() {
    let here = Installation::configured(FACTS, OPERATOR).await;
    here.tick("2026-03-11T08:00:00+01:00").await;
    assert_eq!(here.daemon().tell_operator().await.unwrap(), 0);
    assert!(!here.recipients().is_empty() && told(&here).is_empty());
}

#[tokio::test]
async fn a_mail_that_did_not_leave_is_still_owed() {
    let (here, _) = super::without_relay(FACTS, OPERATOR).await;
    poison(&here, "2026-03-10T11:00:00+01:00").await;
    here.clock().set(instant("2026-03-11T12:00:00+01:00"));
    assert_eq!(here.daemon().tell_operator().await.unwrap(), 0);
    let Installation { folder, daemon, .. } = here;
    Arc::into_inner(daemon).unwrap().store.close().await;
    let catcher = Catcher::start(folder.path().join("mail")).await.unwrap();
    let port = catcher.address().port();
    let here = Installation::on(folder, Some(catcher), port, OPERATOR).await;
    here.clock().set(instant("2026-03-11T12:01:00+01:00"));
    assert_eq!(here.daemon().tell_operator().await.unwrap(), 1);
    assert_eq!(told(&here).len(), 2);
}

#[tokio::test]
async fn a_channel_that_is_held_a_clock_that_was_wrong_and_a_lost_ledger_are_told() {
    let hook = wiremock::MockServer::start().await;
    let refusing = wiremock::ResponseTemplate::new(403);
    wiremock::Mock::given(wiremock::matchers::any()).respond_with(refusing).mount(&hook).await;
    let webhook = format!(
        "{OPERATOR}[[webhook]]\nname = \"oppvekst\"\nformat = \"slack\"\nurl = \"{}\"\nallow_insecure_loopback = true\n",
        hook.uri()
    );
    let here = Installation::configured(FACTS, &webhook).await;
    here.tick("2026-03-11T08:00:00+01:00").await;
    // Somebody sets the clock ahead, and then right.
    here.tick("2026-03-17T08:00:00+01:00").await;
    here.tick("2026-03-12T09:00:00+01:00").await;
    assert!(here.daemon().tell_operator().await.unwrap() >= 2);
    let (_, text) = told(&here).pop().unwrap();
    assert!(text.contains("\"webhook:oppvekst\"") && text.contains("(http 403)"), "{text}");
    assert!(text.contains("clock was wrong") && text.contains("Thursday 12 March 2026 at 09:00"), "{text}");
    // An older database beside the journal.
    let database = here.folder().join("test.db");
    let Installation { folder, catcher, daemon, .. } = here;
    Arc::into_inner(daemon).unwrap().store.close().await;
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", database.display())).await.unwrap();
    for forget in [
        "DELETE FROM operator_told",
        "DELETE FROM notices",
        "DELETE FROM attempts",
        "DELETE FROM messages",
        "DELETE FROM settings WHERE name LIKE 'journal%'",
    ] {
        sqlx::query(forget).execute(&pool).await.unwrap();
    }
    pool.close().await;
    let port = catcher.as_ref().unwrap().address().port();
    let here = Installation::on(folder, catcher, port, OPERATOR).await;
    here.clock().set(instant("2026-03-12T10:00:00+01:00"));
    here.daemon().tell_operator().await.unwrap();
    let (_, text) = told(&here).pop().unwrap();
    assert!(text.contains("older than the acceptance journal"), "{text}");
}

#[tokio::test]
async fn a_source_that_cannot_be_read_for_long_is_told() {
    let source = "[[source]]\nname = \"fagsystem\"\nurl = \"sqlite:///nowhere/at/all.db\"\ntenants = [\"k\"]\n\
                  [source.query.case]\nsql = \"SELECT 1\"\nfull = true\n";
    let here = Installation::configured(FACTS, &format!("{OPERATOR}{source}")).await;
    here.clock().set(instant("2026-03-10T12:00:00+01:00"));
    here.daemon().poll_sources().await;
    assert_eq!(here.daemon().tell_operator().await.unwrap(), 0, "an hour is nobody's business");
    here.clock().set(instant("2026-03-12T12:00:00+01:00"));
    here.daemon().poll_sources().await;
    assert_eq!(here.daemon().tell_operator().await.unwrap(), 1);
    let (_, text) = told(&here).pop().unwrap();
    assert!(text.contains("\"fagsystem\"") && text.contains("Tuesday 10 March 2026 at 12:00"), "{text}");
}

#[tokio::test]
async fn addresses_that_are_none_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    for (mail, expected) in [("[]", "name at least one"), ("[\"it.example\"]", "one address alone")] {
        let config = config(folder.path(), 25, &format!("[operator]\nmail = {mail}\n"));
        let clock = fristvakt::clock::Clock::fixed(instant("2026-03-10T12:00:00+01:00"));
        let problem = Daemon::open(&config, clock).await.unwrap_err().to_string();
        assert!(problem.contains("`operator.mail`") && problem.contains(expected), "{problem}");
    }
}
