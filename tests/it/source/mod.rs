//! Sources: the municipality's own database, on each of the kinds that fristvakt reads. What holds for all of them is
//! tested on all of them; where a server is not installed, its part is skipped and said so.

mod base;
mod chapter;
mod command;
mod daemon;
mod network;
mod refused;
mod rows;
mod settings;
mod values;
mod watermark;

use fristvakt::calendar::Instant;
use fristvakt::config::Config;
use fristvakt::fact::Fact;
use fristvakt::facts::csv::RecordType;
use fristvakt::facts::ndjson;
use fristvakt::rules::RuleSet;
use fristvakt::source::{Outcome, Source, load, poll};
use fristvakt::store::{Access, Load, Location, SourceState, Store};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::fixture;
use base::Base;

fn at(text: &str) -> Instant {
    chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

/// The moment of most polls.
const NOW: &str = "2026-03-10T12:00:00+01:00";

/// A municipality with its units and people, imported beside the source.
const ORGANISATION: &str = r#"
{"type":"tenant","id":"sokndal","packs":["sokndal"],"coordinator":"p9","fallback":"postmottak@sokndal.example","mail_domains":["sokndal.example"],"delivery":{"calendar":"norway"}}
{"type":"unit","tenant":"sokndal","id":"oppvekst","leader":"p2"}
{"type":"person","tenant":"sokndal","id":"p1","email":"p1@sokndal.example"}
"#;

/// A store with a source in front of it.
struct House {
    base: Base,
    store: Store,
    rules: RuleSet,
    /// What the rules are called: another one has everything that was refused looked at again.
    fingerprint: &'static str,
    folder: TempDir,
}

impl House {
    /// In front of an empty database.
    async fn before(base: Base) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Location::File(folder.path().join("f.db")), Access::Daemon).await.unwrap();
        let house = Self { base, store, rules: fixture::rules(), fingerprint: "one", folder };
        let facts: Vec<Fact> = ndjson::read(ORGANISATION.as_bytes()).map(|line| line.unwrap().fact).collect();
        house.store.append_facts(&facts, Load::Append, at(NOW)).await.unwrap();
        house
    }

    /// A source with these queries; `more` are further keys of it.
    fn source(&self, more: &str, queries: &str) -> Source {
        self.source_at(&self.base.url(), more, queries)
    }

    fn source_at(&self, url: &str, more: &str, queries: &str) -> Source {
        let tenants = if more.contains("tenants") { "" } else { "tenants = [\"sokndal\"]\n" };
        let queries = queries.replace('?', self.base.parameter());
        let password = self.base.password_file(self.folder.path());
        let text = format!("[[source]]\nname = \"fagsystem\"\nurl = \"{url}\"\n{password}{tenants}{more}\n{queries}");
        let config = Config::parse(&text, None, &[]).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let (mut sources, _) = load(&config.sources).unwrap_or_else(|error| panic!("{error}\n{text}"));
        sources.remove(0)
    }

    async fn poll(&self, source: &Source, now: &str) -> Outcome {
        let stop = CancellationToken::new();
        poll(source, &self.store, &self.rules, self.fingerprint, at(now), &stop).await.unwrap()
    }

    /// A poll in which nothing goes wrong.
    async fn read(&self, source: &Source, now: &str) -> Outcome {
        let outcome = self.poll(source, now).await;
        assert_eq!(outcome.failures, Vec::<String>::new(), "{}", self.base.name());
        outcome
    }

    async fn state(&self) -> SourceState {
        self.store.source_state("fagsystem").await.unwrap()
    }

    /// Rows that are aside: type, id and why.
    async fn aside(&self) -> Vec<String> {
        let rows = self.store.source_rows(Some("fagsystem")).await.unwrap();
        rows.into_iter().map(|row| format!("{} {}: {}", row.r#type, row.id, row.reason)).collect()
    }

    async fn count(&self, record_type: RecordType) -> i64 {
        self.store.record_count(record_type, "sokndal").await.unwrap()
    }

    /// What a query of one text column of the store gives.
    async fn stored(&self, sql: &'static str) -> Vec<String> {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(self.folder.path().join("f.db"));
        let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
        sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
    }
}

/// Does the same in front of each kind of database.
async fn on_each(test: impl AsyncFn(House)) {
    for base in base::all() {
        test(House::before(base).await).await;
    }
}
