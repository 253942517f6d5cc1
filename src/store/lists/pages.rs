//! Lists in pages, for programs that read them to their end. A page goes on where the one before it ended, by what names
//! a row: that never changes, so no row comes twice and none is left out, whatever is planned meanwhile.

use serde::{Deserialize, Serialize};

use super::super::{Store, StoreError, sql};
use super::{DeviationFilter, DeviationRow, ObligationFilter, ObligationRow, deviations, limit, obligations};
use crate::calendar::Instant;
use crate::register::DeviationName;

/// What names an obligation or a deviation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The municipality's id.
    pub tenant: String,
    /// The case's id.
    pub case: String,
    /// The rule's full name.
    pub rule: String,
    /// The obligation's start.
    pub start: String,
    /// Which lapse of the obligation; 0 for the obligation itself.
    pub number: i64,
}

impl ObligationRow {
    /// What names it.
    #[must_use]
    pub fn place(&self) -> Place {
        let Self { tenant, case, rule, start, .. } = self.clone();
        Place { tenant, case, rule, start, number: 0 }
    }
}

impl DeviationRow {
    /// What names it in the register.
    #[must_use]
    pub fn name(&self) -> DeviationName<'_> {
        let Self { tenant, case, rule, start, number, .. } = self;
        DeviationName { tenant, case, rule, start, number: *number }
    }

    /// What names it.
    #[must_use]
    pub fn place(&self) -> Place {
        let Self { tenant, case, rule, start, number, .. } = self.clone();
        Place { tenant, case, rule, start, number }
    }
}

impl Store {
    /// The obligations of one municipality that match and come after a place, by case, rule and start. The place and the
    /// filter are of that municipality.
    ///
    /// # Errors
    /// What the database says.
    pub async fn obligations_after(
        &self,
        filter: &ObligationFilter,
        after: Option<&Place>,
        now: Instant,
    ) -> Result<Vec<ObligationRow>, StoreError> {
        let mut query = obligations(filter, now);
        if let Some(case) = &filter.case {
            // Its id first, from indexes: there may be a million obligations.
            let select = "SELECT id FROM cases WHERE tenant = $1 AND ref = $2 LIMIT 100";
            let by_ref = sql::query_scalar(select).bind(filter.tenant.as_deref().unwrap_or_default()).bind(case);
            let by_ref: Vec<String> = by_ref.fetch_all(&self.readers).await?;
            query.push(" AND case_id IN ");
            query.push_list(by_ref.into_iter().chain([case.clone()]));
        }
        if let Some(place) = after {
            // Where cases are named, those are looked up, and not everything that comes after the place.
            let column = if filter.case.is_some() { "case_id || ''" } else { "case_id" };
            query.push(" AND (").push(column).push(", rule, start) > (").push_bind(place.case.clone());
            query.push(", ").push_bind(place.rule.clone()).push(", ").push_bind(place.start.clone()).push(")");
        }
        query.push(" ORDER BY case_id, rule, start");
        limit(&mut query, filter.limit);
        Ok(query.build_query_as().fetch_all(&self.readers).await?)
    }

    /// The deviations of one municipality that match and come after a place, by case, rule, start and number. The place
    /// and the filter are of that municipality.
    ///
    /// # Errors
    /// What the database says.
    pub async fn deviations_after(
        &self,
        filter: &DeviationFilter,
        after: Option<&Place>,
    ) -> Result<Vec<DeviationRow>, StoreError> {
        let mut query = deviations(filter);
        if let Some(place) = after {
            query.push(" AND (case_id, rule, start, number) > (").push_bind(place.case.clone());
            query.push(", ").push_bind(place.rule.clone()).push(", ").push_bind(place.start.clone());
            query.push(", ").push_bind(place.number).push(")");
        }
        query.push(" ORDER BY case_id, rule, start, number");
        limit(&mut query, filter.limit);
        Ok(sql::readable("deviations", &query.build().fetch_rows(&self.readers).await?))
    }

    /// The ids of all municipalities, sorted as texts are.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tenant_ids(&self) -> Result<Vec<String>, StoreError> {
        let mut ids: Vec<String> = sql::query_scalar("SELECT id FROM tenants").fetch_all(&self.readers).await?;
        ids.sort();
        Ok(ids)
    }
}
