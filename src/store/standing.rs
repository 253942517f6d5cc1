//! How things stand: what waits, how long, and what is set aside. For metrics and `doctor`, so it is cheap: each part
//! reads an index of what is open, never what is done.

use sqlx::FromRow;

use super::sql;
use super::{At, ChannelState, Day, Store, StoreError};
use crate::calendar::Instant;

/// How things stand at one moment. Ids and numbers only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Messages that have not ended, by channel and state. What there is none of is absent.
    pub open: Vec<OpenMessages>,
    /// The municipalities.
    pub tenants: Vec<TenantStanding>,
    /// When a case is to be planned next.
    pub next_plan: Option<Instant>,
    /// The channels as they behave, held ones among them.
    pub channels: Vec<ChannelState>,
}

/// Messages of one channel that are in one state.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct OpenMessages {
    /// How they leave: `email`, or `webhook:` and its name.
    pub channel: String,
    /// `gathering`, `pending`, `claimed`, `committing`, `held` or `dead`.
    pub state: String,
    /// How many.
    pub count: i64,
    /// How many of them may have been sent before.
    pub possible_repeats: i64,
    /// How many of them have been tried before.
    pub tried: i64,
    /// When the oldest was made of those that should have left by now: their moment has come, or they were tried in vain.
    pub oldest_due: Option<At>,
    /// When the next of those that are pending is to be tried.
    pub next_try: Option<At>,
}

/// A municipality.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct TenantStanding {
    /// Its id.
    pub id: String,
    /// The civil day of its last round.
    pub last_round: Option<Day>,
    /// How many of its records are set aside.
    pub quarantined: i64,
    /// Since when the oldest of them is.
    pub quarantined_since: Option<At>,
    /// How many of its recipients have an address that refuses mail, or something else that the outside found wrong.
    pub questioned: i64,
}

/// Each branch names its index' condition word for word, so that SQLite uses it.
const OPEN: &str = "\
    SELECT channel, state, count(*) AS count, CAST(sum(possible_repeat) AS BIGINT) AS possible_repeats, \
    CAST(sum(CASE WHEN tries > 0 THEN 1 ELSE 0 END) AS BIGINT) AS tried, \
    min(CASE WHEN next_try_at <= $1 OR tries > 0 THEN created_at END) AS oldest_due, min(next_try_at) AS next_try \
    FROM messages WHERE state = 'pending' GROUP BY channel, state \
    UNION ALL \
    SELECT channel, state, count(*), CAST(sum(possible_repeat) AS BIGINT), \
    CAST(sum(CASE WHEN tries > 0 THEN 1 ELSE 0 END) AS BIGINT), min(created_at), NULL \
    FROM messages WHERE attempt IS NOT NULL GROUP BY channel, state \
    UNION ALL \
    SELECT channel, state, count(*), CAST(sum(possible_repeat) AS BIGINT), \
    CAST(sum(CASE WHEN tries > 0 THEN 1 ELSE 0 END) AS BIGINT), NULL, NULL \
    FROM messages WHERE state = 'gathering' GROUP BY channel, state \
    UNION ALL \
    SELECT channel, state, count(*), CAST(sum(possible_repeat) AS BIGINT), \
    CAST(sum(CASE WHEN tries > 0 THEN 1 ELSE 0 END) AS BIGINT), NULL, NULL \
    FROM messages WHERE state IN ('held', 'dead') GROUP BY channel, state \
    ORDER BY 1, 2";

const TENANTS: &str = "\
    SELECT t.id, t.last_round, (SELECT count(*) FROM quarantine q WHERE q.tenant = t.id) AS quarantined, \
    (SELECT min(q.since) FROM quarantine q WHERE q.tenant = t.id) AS quarantined_since, \
    (SELECT count(*) FROM data_quality d WHERE d.tenant = t.id) AS questioned \
    FROM tenants t ORDER BY t.id";

impl Store {
    /// How things stand at `now`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn standing(&self, now: Instant) -> Result<Standing, StoreError> {
        Ok(Standing {
            open: sql::query_as(OPEN).bind(At::from(now)).fetch_all(&self.readers).await?,
            tenants: sql::query_as(TENANTS).fetch_all(&self.readers).await?,
            next_plan: self.next_at(now).await?,
            channels: self.channels().await?,
        })
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// What it says where it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let _: i64 = sql::query_scalar("SELECT count(*) FROM tenants").fetch_one(&self.readers).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Access;

    /// However many messages were sent, looking at what waits costs the same: no part of it reads the whole table.
    #[tokio::test]
    async fn how_things_stand_is_read_from_indexes_of_what_is_open() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("f.db"), Access::Daemon).await.unwrap();
        let mut explain = sql::Builder::new("EXPLAIN QUERY PLAN ");
        explain.push(&OPEN.replace("$1", "0").leak()[..]);
        let plan: Vec<(i64, i64, i64, String)> = explain.build_query_as().fetch_all(&store.readers).await.unwrap();
        let reads: Vec<&str> =
            plan.iter().map(|(.., step)| step.as_str()).filter(|step| step.contains("messages")).collect();
        assert_eq!(reads.len(), 4, "{plan:?}");
        for read in reads {
            assert!(read.contains(" INDEX messages_") && !read.contains("by_tenant"), "{read}");
        }
    }
}
