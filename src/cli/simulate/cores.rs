//! Work on many cases, shared among the cores of the machine.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread::{ScopedJoinHandle, available_parallelism, scope};

use crate::case::CaseFile;

/// Does some work for each case, and gives what comes of it in the order of the cases.
pub(super) fn on_all_cores<'a, T: Send>(cases: &'a [CaseFile], work: &(impl Fn(&'a CaseFile) -> T + Sync)) -> Vec<T> {
    let cores = available_parallelism().map_or(1, NonZero::get);
    let shares = cases.chunks(cases.len().div_ceil(cores).max(1));
    scope(|scope| {
        let workers: Vec<ScopedJoinHandle<'_, Vec<T>>> =
            shares.map(|cases| scope.spawn(move || cases.iter().map(work).collect())).collect();
        let done = workers.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
        done.flatten().collect()
    })
}
