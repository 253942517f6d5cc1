//! Rules that were in use, kept as files: what is on disk may be broken, or not be meant so.

use chrono::TimeDelta;

use super::audit::record;
use super::database::Scope;
use super::sql;
use super::{At, AuditEntry, Store, StoreError};
use crate::calendar::Instant;

/// How many earlier rules are kept beside those in use.
const KEPT: i64 = 4;

/// Files of a rules folder: path below it, and text.
pub type RuleTexts = Vec<(String, String)>;

impl Store {
    /// Keeps the rules in use as files.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn keep_rules(&self, fingerprint: &str, files: &RuleTexts, now: Instant) -> Result<(), StoreError> {
        let select = "SELECT count(*) FROM rules_kept WHERE fingerprint = $1 AND kept_at = \
                      (SELECT max(kept_at) FROM rules_kept)";
        let known: i64 = sql::query_scalar(select).bind(fingerprint).fetch_one(&self.readers).await?;
        if known > 0 {
            return Ok(());
        }
        // Texts alone: they always have a JSON form.
        let text = serde_json::to_string(files).unwrap_or_default();
        let mut write = self.write(Scope::All).await?;
        // After those before, whatever the clock said then.
        let newest: Option<Option<At>> =
            sql::query_scalar("SELECT max(kept_at) FROM rules_kept").fetch_optional(&mut write).await?;
        let kept_at = newest.flatten().map_or(now, |newest| now.max(newest.instant() + TimeDelta::milliseconds(1)));
        // What a person let go is in use now, and has to be let go again another time.
        let upsert = "INSERT INTO rules_kept (fingerprint, files, kept_at) VALUES ($1, $2, $3) \
                      ON CONFLICT (fingerprint) DO UPDATE \
                      SET files = excluded.files, kept_at = excluded.kept_at, confirmed_at = NULL";
        sql::query(upsert).bind(fingerprint).bind(text).bind(At::from(kept_at)).execute(&mut write).await?;
        let delete = "DELETE FROM rules_kept WHERE kept_at < (SELECT min(kept_at) FROM \
                      (SELECT kept_at FROM rules_kept WHERE kept_at IS NOT NULL ORDER BY kept_at DESC LIMIT $1) AS newest)";
        sql::query(delete).bind(KEPT + 1).execute(&mut write).await?;
        write.commit().await?;
        Ok(())
    }

    /// The rules that were last in use, by what names them; none were kept yet, or they cannot be read.
    ///
    /// # Errors
    /// What the database says.
    pub async fn kept_rules(&self) -> Result<Option<(String, RuleTexts)>, StoreError> {
        let select =
            "SELECT fingerprint, files FROM rules_kept WHERE kept_at IS NOT NULL ORDER BY kept_at DESC LIMIT 1";
        let row: Option<(String, String)> = sql::query_as(select).fetch_optional(&self.readers).await?;
        Ok(row.and_then(|(fingerprint, files)| Some((fingerprint, serde_json::from_str(&files).ok()?))))
    }

    /// Lets rules come into use, whatever they will send.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn confirm_rules(
        &self,
        fingerprint: &str,
        by: &str,
        reason: &str,
        now: Instant,
    ) -> Result<(), StoreError> {
        let mut write = self.write(Scope::All).await?;
        let upsert = "INSERT INTO rules_kept (fingerprint, confirmed_at) VALUES ($1, $2) \
                      ON CONFLICT (fingerprint) DO UPDATE SET confirmed_at = excluded.confirmed_at";
        sql::query(upsert).bind(fingerprint).bind(At::from(now)).execute(&mut write).await?;
        let entry =
            AuditEntry { actor: by, action: "rules.confirm", subject: fingerprint, reason, ..AuditEntry::default() };
        record(&mut write, entry, now).await?;
        write.commit().await?;
        Ok(())
    }

    /// Notes the configuration that the daemon of this database works with, by what names it.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn note_configuration(&self, digest: &str) -> Result<(), StoreError> {
        let mut write = self.write(Scope::Rows).await?;
        let upsert = "INSERT INTO settings (name, value) VALUES ('configuration', $1) \
                      ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        sql::query(upsert).bind(digest).execute(&mut write).await?;
        write.commit().await?;
        Ok(())
    }

    /// What names the configuration that the daemon of this database works with, or last did.
    ///
    /// # Errors
    /// What the database says.
    pub async fn configuration_in_use(&self) -> Result<Option<String>, StoreError> {
        let select = "SELECT value FROM settings WHERE name = 'configuration'";
        Ok(sql::query_scalar(select).fetch_optional(&self.readers).await?)
    }

    /// Whether a person let these rules go.
    ///
    /// # Errors
    /// What the database says.
    pub async fn are_confirmed(&self, fingerprint: &str) -> Result<bool, StoreError> {
        let select = "SELECT count(*) FROM rules_kept WHERE fingerprint = $1 AND confirmed_at IS NOT NULL";
        let count: i64 = sql::query_scalar(select).bind(fingerprint).fetch_one(&self.readers).await?;
        Ok(count > 0)
    }
}
