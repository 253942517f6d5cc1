//! `fristvakt deviations`

mod decide;
mod list;
mod show;

use super::{FAILED, Failed};
use crate::register::typed_id;
use crate::store::{DeviationFilter, DeviationRow, Store};

/// Arguments of `deviations`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Deviations {
    /// List deviations (avvik), the oldest first.
    List(list::List),
    /// Show everything about one: how it stands, what happened to it, and who decided what and why.
    Show(show::Show),
    /// Explain one: a cause from the list, why in words, and what is done about it.
    ExplainAway(decide::ExplainAway),
    /// Withdraw one that was none, though the facts say so.
    Withdraw(decide::Change),
    /// Take back an explanation or a withdrawal.
    Reopen(decide::Change),
    /// List the causes that may be given.
    Causes(decide::ListCauses),
}

impl Deviations {
    pub(super) fn run(self) -> Result<(), Failed> {
        match self {
            Self::List(list) => list.run(),
            Self::Show(show) => show.run(),
            Self::ExplainAway(explain) => explain.run(),
            Self::Withdraw(change) => change.withdraw(),
            Self::Reopen(change) => change.reopen(),
            Self::Causes(causes) => causes.run(),
        }
    }
}

/// The deviation of an id, as somebody typed it.
async fn found(store: &Store, typed: &str) -> Result<DeviationRow, Failed> {
    let id = typed_id(typed);
    let filter = DeviationFilter { id: Some(id.clone()), ..DeviationFilter::default() };
    let mut rows = store.list_deviations(&filter).await?;
    match rows.len() {
        1 => Ok(rows.remove(0)),
        0 => {
            let text = format!("there is no deviation {id}; `fristvakt deviations list` shows those there are");
            Err(Failed::with(FAILED, text))
        }
        _ => Err(Failed::with(FAILED, format!("{id} names several deviations; nothing was done"))),
    }
}
