//! Tables whose rows are handed out as they stand, with instants as RFC 3339.

use serde_json::{Map, Value as Json};

use super::super::sql::{Builder, Row, Value};
use super::super::{At, Snapshot, StoreError};

/// A table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The `type` of its rows.
    pub record: &'static str,
    pub(super) table: &'static str,
    /// Its key.
    key: &'static [&'static str],
    /// What names the municipality; none: a row of it is found by its key.
    pub(super) tenant: Option<&'static str>,
}

const fn table(
    record: &'static str,
    table: &'static str,
    key: &'static [&'static str],
    tenant: Option<&'static str>,
) -> Exported {
    Exported { record, table, key, tenant }
}

const TENANT: Option<&str> = Some("tenant");
const OBLIGATION: &[&str] = &["tenant", "case_id", "rule", "start"];
const DEVIATION: &[&str] = &["tenant", "case_id", "rule", "start", "number"];
const NOTICE: &[&str] = &["tenant", "case_id", "rule", "start", "step", "repetition", "due_on", "role", "channel"];
const COUNT: &[&str] = &["tenant", "rule", "due_on", "unit", "protected"];

impl Exported {
    /// What is a case's: `tenant` and `case_id` say whose.
    pub(super) const OF_CASES: [Self; 6] = [
        table("obligation", "obligations", OBLIGATION, TENANT),
        table("problem", "problems", &["tenant", "case_id", "number"], TENANT),
        table("notice", "notices", NOTICE, TENANT),
        table("deviation", "deviations", DEVIATION, TENANT),
        table("deviation_event", "deviation_events", DEVIATION, TENANT),
        table("calendar_entry", "calendar_entries", &["message", "case_id", "rule", "start"], TENANT),
    ];
    pub(super) const MESSAGES: Self = table("message", "messages", &["id"], TENANT);
    pub(super) const ATTEMPTS: Self = table("attempt", "attempts", &["id"], None);
    pub(super) const SILENCES: Self = table("silence", "silences", &["number"], TENANT);
    pub(super) const HOLDS: Self = table("hold", "holds", &["number"], TENANT);
    pub(super) const QUALITY: Self = table("data_quality", "data_quality", &["tenant", "subject", "kind"], TENANT);
    pub(super) const AUDIT: Self = table("audit", "audit", &["id"], TENANT);
    pub(super) const ACCESS: Self = table("access", "access_log", &["id"], TENANT);

    /// Everything but facts.
    pub const ALL: [Self; 17] = [
        Self::OF_CASES[0],
        Self::OF_CASES[1],
        Self::OF_CASES[2],
        Self::OF_CASES[3],
        Self::OF_CASES[4],
        Self::OF_CASES[5],
        Self::MESSAGES,
        Self::ATTEMPTS,
        Self::SILENCES,
        Self::HOLDS,
        Self::QUALITY,
        table("told", "tenant_notices", &["tenant", "name"], TENANT),
        table("quarantined", "quarantine", &["tenant", "record"], TENANT),
        table("purged_deviation", "purged_deviations", &["id"], TENANT),
        table("purged_due", "purged_due", COUNT, TENANT),
        Self::AUDIT,
        Self::ACCESS,
    ];

    /// `SELECT … WHERE 1 = 1`, of a municipality where one is asked for.
    pub(super) fn select(&self, tenant: Option<&str>) -> Builder {
        let mut select = Builder::named(format!("SELECT * FROM {} t WHERE 1 = 1", self.table));
        match (tenant, self.tenant) {
            (Some(tenant), Some(column)) => {
                select.push(" AND t.").push(column).push(" = ").push_bind(tenant);
            }
            (Some(tenant), None) => {
                select.push(" AND EXISTS (SELECT 1 FROM messages m WHERE m.id = t.message AND m.tenant = ");
                select.push_bind(tenant).push(")");
            }
            (None, _) => {}
        }
        select
    }

    /// The next rows after a key, as objects, and the key of the last one.
    pub(super) async fn page(
        self,
        snapshot: &mut Snapshot,
        tenant: Option<&str>,
        after: &[Value],
        limit: usize,
    ) -> Result<(Vec<Json>, Option<Vec<Value>>), StoreError> {
        let key = self.key.join(", ");
        let mut select = self.select(tenant);
        if !after.is_empty() {
            select.push_named(format!(" AND ({key}) > ("));
            for (place, part) in after.iter().enumerate() {
                select.push(if place == 0 { "" } else { ", " }).push_bind(part.clone());
            }
            select.push(")");
        }
        select.push_named(format!(" ORDER BY {key} LIMIT {limit}"));
        let rows = select.build().fetch_rows(snapshot.read()).await?;
        let last = match rows.last() {
            Some(row) => Some(self.key.iter().map(|column| row.value(column)).collect::<Result<Vec<_>, _>>()?),
            None => None,
        };
        Ok((self.objects(&rows)?, last))
    }

    /// Rows as objects.
    pub(super) fn objects(self, rows: &[Row]) -> Result<Vec<Json>, StoreError> {
        rows.iter().map(|row| Ok(Json::Object(self.object(row)?))).collect()
    }

    fn object(self, row: &Row) -> Result<Map<String, Json>, StoreError> {
        let mut object = Map::new();
        object.insert("type".to_owned(), self.record.into());
        for column in row.columns() {
            let value = match row.value(&column)? {
                Value::Text(text) => text.map_or(Json::Null, Json::String),
                Value::Number(Some(millis)) if is_instant(&column) => At(millis).to_string().into(),
                Value::Number(number) => number.map_or(Json::Null, Json::from),
            };
            // As facts and lists call it.
            object.insert(if column == "case_id" { "case".to_owned() } else { column }, value);
        }
        Ok(object)
    }
}

fn is_instant(column: &str) -> bool {
    column == "at" || column == "slot" || column == "since" || column.ends_with("_at") || column.ends_with("_until")
}
