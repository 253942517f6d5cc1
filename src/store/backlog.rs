//! What was due before a municipality went live and is still open: nothing is ever sent for it, so the coordinator has a list.

use super::{ObligationFilter, ObligationRow, Store, StoreError, StoredOrganisation};
use crate::calendar::Instant;
use crate::rules::RuleSet;

/// How many obligations are read at once.
const PAGE: u32 = 500;

impl Store {
    /// The backlog of a municipality, by due date. `protected`: with address-protected cases, of which nothing leaves in a mail.
    ///
    /// # Errors
    /// What the database says.
    pub async fn backlog(
        &self,
        of: &StoredOrganisation,
        rules: &RuleSet,
        protected: bool,
        now: Instant,
    ) -> Result<Vec<ObligationRow>, StoreError> {
        let tenant = &of.organisation.tenant;
        let Some(go_live) = tenant.go_live else { return Ok(vec![]) };
        let filter = ObligationFilter {
            tenant: Some(tenant.id.to_string()),
            status: Some("overdue".to_owned()),
            due_by: go_live.pred_opt(),
            limit: Some(PAGE),
            ..ObligationFilter::default()
        };
        let (mut backlog, mut after) = (vec![], None);
        loop {
            let page = self.obligations_after(&filter, after.as_ref(), now).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.place());
            let ids: Vec<&str> = page.iter().map(|row| row.case.as_str()).collect();
            let cases = self.cases(of, rules, &ids).await?;
            let is_shown = |row: &ObligationRow| {
                let record = cases.get(&row.case).and_then(|case| case.file.records.at(now));
                record.is_some_and(|record| protected || !record.protected)
            };
            backlog.extend(page.into_iter().filter(is_shown));
        }
        backlog.sort_by(|a, b| (a.due_on, &a.case, &a.rule, &a.start).cmp(&(b.due_on, &b.case, &b.rule, &b.start)));
        Ok(backlog)
    }
}
