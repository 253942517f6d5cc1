//! Who gets a notice instead of somebody whom mail cannot reach: leader, coordinator, the fallback, each case by itself.

use std::collections::HashMap;

use super::{Daemon, Rules};
use crate::calendar::Instant;
use crate::engine::Municipality;
use crate::notice::{Recipient, Role};
use crate::store::{ClaimedNotice, NoticeName, StoreError, StoredCase, StoredOrganisation};

/// Recipients, and which notices each gets.
pub(super) type Onward = Vec<(Recipient, Vec<NoticeName>)>;

impl Daemon {
    /// Who gets which notices of a message that its recipient cannot be reached with. What there is nobody for is left out.
    pub(super) async fn onward(
        &self,
        rules: &Rules,
        stored: &StoredOrganisation,
        unreached: &Recipient,
        notices: &[ClaimedNotice],
        now: Instant,
    ) -> Result<Onward, StoreError> {
        let Ok(municipality) = stored.municipality(&rules.set) else { return Ok(vec![]) };
        let ids: Vec<&str> = notices.iter().map(|notice| notice.case.as_str()).collect();
        let cases = self.store.cases(stored, &rules.set, &ids).await?;
        let mut onward: Onward = Vec::new();
        for notice in notices {
            let chain = chain(rules, &municipality, &cases, notice, now);
            // Nobody who has asked not to be told.
            let is_silent = |recipient: &Recipient| municipality.silence_of(recipient, now).is_some();
            let Some(next) = next(chain, unreached, is_silent) else { continue };
            match onward.iter_mut().find(|(recipient, _)| *recipient == next) {
                Some((_, names)) => names.push(notice.name()),
                None => onward.push((next, vec![notice.name()])),
            }
        }
        Ok(onward)
    }
}

/// Leader, coordinator, fallback of one case.
fn chain(
    rules: &Rules,
    municipality: &Municipality<'_>,
    cases: &HashMap<String, StoredCase>,
    notice: &ClaimedNotice,
    now: Instant,
) -> Vec<Recipient> {
    let mut chain = Vec::new();
    if let (Some(case), Some(rule)) = (cases.get(&notice.case), rules.set.rule_named(&notice.rule)) {
        let responsible = &rules.set.rule(rule).responsible;
        for role in [Role::Leader, Role::Coordinator] {
            let reached = municipality.reached(&case.file, responsible, &role, now);
            chain.extend(reached.map(|(recipient, _)| recipient));
        }
    }
    chain.push(Recipient::Fallback);
    chain
}

/// Whoever stands after a recipient, or first where the recipient stands in no chain.
fn next(chain: Vec<Recipient>, unreached: &Recipient, is_silent: impl Fn(&Recipient) -> bool) -> Option<Recipient> {
    let place = chain.iter().position(|recipient| recipient == unreached);
    let mut later = chain.into_iter().skip(place.map_or(0, |place| place + 1));
    later.find(|recipient| recipient != unreached && !is_silent(recipient))
}
