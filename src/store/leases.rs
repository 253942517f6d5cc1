//! Leases: what only one of several daemons does at a time, and that a daemon lives.
//!
//! A lease goes by the database's clock, so that machines whose clocks differ agree on when it ends. On a file there is
//! one daemon, which the file lock says: nothing is written, and everything is ours.

use std::collections::HashSet;
use std::sync::PoisonError;

use chrono::TimeDelta;
use uuid::Uuid;

use super::database::{Scope, Write};
use super::{Store, StoreError, sql};
use crate::calendar::Instant;

/// How long a municipality is ours to plan without another batch being written. Whoever stalls for longer has lost it.
const TURN: TimeDelta = TimeDelta::seconds(60);

/// How long a daemon counts as alive after it last said so.
pub(super) const ALIVE: TimeDelta = TimeDelta::seconds(60);

/// What the lease of a daemon that lives is called, before its name.
pub(super) const DAEMON: &str = "daemon:";

impl Store {
    /// Whether other daemons may work with the same database.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.writer.is_shared()
    }

    /// Takes or renews a lease for `length` from now on. `false`: somebody else has it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn take_lease(
        &self,
        name: &str,
        owner: &str,
        length: TimeDelta,
        now: Instant,
    ) -> Result<bool, StoreError> {
        if !self.is_shared() {
            return Ok(true);
        }
        let mut write = self.write(Scope::Rows).await?;
        let clock = write.lease_clock(now).0;
        let upsert = "INSERT INTO leases (name, owner, until_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE \
                      SET owner = excluded.owner, until_at = excluded.until_at \
                      WHERE leases.owner = excluded.owner OR leases.until_at <= $4";
        let query = sql::query(upsert).bind(name).bind(owner).bind(clock + length.num_milliseconds()).bind(clock);
        let is_ours = query.execute(&mut write).await? == 1;
        write.commit().await?;
        Ok(is_ours)
    }

    /// Gives a lease up before its time.
    ///
    /// # Errors
    /// What the database says.
    pub async fn end_lease(&self, name: &str, owner: &str) -> Result<(), StoreError> {
        if !self.is_shared() {
            return Ok(());
        }
        let mut write = self.write(Scope::Rows).await?;
        let delete = "DELETE FROM leases WHERE name = $1 AND owner = $2";
        sql::query(delete).bind(name).bind(owner).execute(&mut write).await?;
        write.commit().await?;
        Ok(())
    }

    fn process(&self) -> &str {
        self.process.get_or_init(|| Uuid::now_v7().to_string())
    }

    /// A daemon begins to work with this store. `owner` is its name from now on, `INSTANCE/PROCESS`: what earlier processes
    /// of the instance had taken is free again, for they are gone.
    ///
    /// # Errors
    /// What the database says.
    pub async fn introduce(&self, owner: &str) -> Result<(), StoreError> {
        let _ = self.process.set(owner.to_owned());
        if self.is_shared() {
            let instance = owner.split_inclusive('/').next().unwrap_or_default();
            let mut write = self.write(Scope::Rows).await?;
            let delete = "DELETE FROM leases WHERE substr(owner, 1, length($1)) = $1 AND owner <> $2";
            sql::query(delete).bind(instance).bind(owner).execute(&mut write).await?;
            write.commit().await?;
        }
        Ok(())
    }

    /// Says that a daemon lives, and with which history of the server it has compared its acceptance journal; forgets those that have not said so for a day.
    ///
    /// # Errors
    /// What the database says.
    pub async fn say_alive(&self, owner: &str, history: &str, now: Instant) -> Result<(), StoreError> {
        if !self.is_shared() {
            return Ok(());
        }
        let mut write = self.write(Scope::Rows).await?;
        let clock = write.lease_clock(now).0;
        let upsert = "INSERT INTO leases (name, owner, until_at, note) VALUES ($1, $2, $3, $4) ON CONFLICT (name) \
                      DO UPDATE SET until_at = excluded.until_at, note = excluded.note";
        let query = sql::query(upsert).bind(format!("{DAEMON}{owner}")).bind(owner);
        query.bind(clock + ALIVE.num_milliseconds()).bind(history).execute(&mut write).await?;
        let old = clock - TimeDelta::days(1).num_milliseconds();
        sql::query("DELETE FROM leases WHERE until_at < $1").bind(old).execute(&mut write).await?;
        write.commit().await?;
        Ok(())
    }

    /// Takes a municipality to plan it. `false`: another daemon plans it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn take_turn(&self, tenant: &str, now: Instant) -> Result<bool, StoreError> {
        let is_ours = self.take_lease(&turn(tenant), self.process(), TURN, now).await?;
        if is_ours && self.is_shared() {
            self.turns().insert(tenant.to_owned());
        }
        Ok(is_ours)
    }

    fn turns(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets others plan a municipality.
    ///
    /// # Errors
    /// What the database says.
    pub async fn end_turn(&self, tenant: &str) -> Result<(), StoreError> {
        self.turns().remove(tenant);
        self.end_lease(&turn(tenant), self.process()).await
    }

    /// Renews the turn in the transaction that plans or ends a round, where anybody has one.
    ///
    /// # Errors
    /// [`StoreError::NotOurTurn`]: it is another's by now, and nothing may be written.
    pub(super) async fn keep_turn(&self, write: &mut Write, tenant: &str, now: Instant) -> Result<(), StoreError> {
        if !self.is_shared() {
            return Ok(());
        }
        let clock = write.lease_clock(now).0;
        let update = "UPDATE leases SET until_at = $3 WHERE name = $1 AND owner = $2";
        let query = sql::query(update).bind(turn(tenant)).bind(self.process());
        if query.bind(clock + TURN.num_milliseconds()).execute(&mut *write).await? == 1 {
            return Ok(());
        }
        // Whoever had it and has it no more was overtaken, also where the other one is done already.
        let was_ours = self.turns().contains(tenant);
        let select = "SELECT count(*) FROM leases WHERE name = $1 AND until_at > $2";
        let others: i64 = sql::query_scalar(select).bind(turn(tenant)).bind(clock).fetch_one(&mut *write).await?;
        if was_ours || others > 0 { Err(StoreError::NotOurTurn(tenant.to_owned())) } else { Ok(()) }
    }
}

fn turn(tenant: &str) -> String {
    format!("plan:{tenant}")
}
