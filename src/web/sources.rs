//! Metrics of the databases that facts are read from. Whether they can be read has no bearing on readiness: known
//! deadlines go on without them.

use std::sync::Arc;

use super::Site;
use super::answer::Refusal;
use super::metrics::{Metric, Samples, age, seconds};
use crate::calendar::Instant;
use crate::store::SourceState;

/// The sources of the configuration, with what is known of them.
pub(super) async fn read(site: &Arc<Site>) -> Result<Vec<(String, SourceState)>, Refusal> {
    let names: Vec<String> = site.daemon.sources().iter().map(|source| source.name.clone()).collect();
    if names.is_empty() {
        return Ok(vec![]);
    }
    let states = site.read(|daemon| async move { daemon.store.source_states().await }).await?;
    let state = |name: &String| states.iter().find(|state| state.name == *name).cloned().unwrap_or_default();
    Ok(names.iter().map(|name| (name.clone(), state(name))).collect())
}

/// How each stands.
pub(super) fn metrics(sources: &[(String, SourceState)], now: Instant) -> Vec<Metric> {
    let each = |value: &dyn Fn(&SourceState) -> Option<f64>| -> Samples {
        let samples = sources.iter().filter_map(|(name, state)| Some((vec![("source", name.clone())], value(state)?)));
        samples.collect()
    };
    let flag = |is: bool| Some(f64::from(u8::from(is)));
    let is_held = |state: &SourceState| state.counts.iter().any(|count| count.held.is_some());
    vec![
        Metric::gauge("fristvakt_source_last_success_timestamp_seconds", "When a source was last read to its end")
            .with(each(&|state| state.ok_at.map(seconds))),
        Metric::gauge("fristvakt_source_lag_seconds", "How old the facts of a source are; absent: it was never read")
            .with(each(&|state| state.ok_at.map(|at| age(now, at)))),
        Metric::gauge("fristvakt_source_failing", "1: a source, or one of its queries, cannot be read")
            .with(each(&|state| flag(state.failure.is_some()))),
        Metric::gauge(
            "fristvakt_source_held",
            "1: a source has far fewer rows than before; what is missing is kept until a person accepts it",
        )
        .with(each(&|state| flag(is_held(state)))),
        Metric::gauge("fristvakt_source_rows_set_aside", "Rows of a source that could not be taken")
            .with(each(&|state| Some(state.set_aside as f64))),
    ]
}
