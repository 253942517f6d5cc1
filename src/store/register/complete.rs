//! What the schema's migration cannot do by itself: ids of older deviations, and the chain of the older audit trail. Done once,
//! by whoever opens the database first.

use super::super::database::Scope;
use super::super::sql::{self, Builder};
use super::super::{ROWS, Store, StoreError};
use super::life::{STORED, StoredRow};
use crate::register::DeviationName;

/// The name under which it is noted that it was done.
const DONE: &str = "register_completed";

impl Store {
    /// Gives older deviations their ids, and older entries of the audit trail their places and hashes.
    ///
    /// # Errors
    /// What the database says; then nothing was changed, and the next start does it.
    pub(in super::super) async fn complete_register(&self) -> Result<(), StoreError> {
        let select = "SELECT count(*) FROM settings WHERE name = $1";
        let done: i64 = sql::query_scalar(select).bind(DONE).fetch_one(&self.readers).await?;
        if done > 0 {
            return Ok(());
        }
        let mut write = self.write(Scope::All).await?;
        loop {
            let mut select = Builder::new(STORED);
            select.push("id = '' LIMIT ").push_bind(i64::try_from(ROWS).unwrap_or(i64::MAX));
            let rows: Vec<StoredRow> = select.build_query_as().fetch_all(&mut write).await?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                let update = "UPDATE deviations SET id = $6 WHERE tenant = $1 AND case_id = $2 AND rule = $3 \
                              AND start = $4 AND number = $5";
                let query = sql::query(update).bind(&row.tenant).bind(&row.case_id).bind(&row.rule).bind(&row.start);
                query.bind(row.number).bind(DeviationName::from(row).id()).execute(&mut write).await?;
            }
        }
        super::super::audit::chain_older(&mut write).await?;
        let insert = "INSERT INTO settings (name, value) VALUES ($1, '1') ON CONFLICT (name) DO NOTHING";
        sql::query(insert).bind(DONE).execute(&mut write).await?;
        write.commit().await?;
        Ok(())
    }
}
