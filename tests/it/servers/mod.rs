//! Real database servers for tests, started by the tests: on free ports, in temporary folders, and gone with the process.
//!
//! ```text
//!  postgres::database()      an empty database on the cluster that this test process shares
//!  postgres::Cluster::start  a cluster of one's own: to stop, kill, start again, follow, promote
//!  mariadb::database()       the same for MariaDB
//! ```
//!
//! Where a server is not installed, they give `None` and the test ends there. What was skipped so, is said with its names
//! when the process ends; where `CI=true`, such a test fails instead.
//!
//! Whatever ends the test process, `watcher` stops the servers and removes their folders afterwards.

pub(crate) mod mariadb;
pub(crate) mod postgres;
mod process;
mod watcher;

use std::sync::OnceLock;

/// What is missing here, why, and how to mend it.
#[derive(Clone, Debug)]
pub(crate) struct Missing {
    server: &'static str,
    reason: String,
    mend: &'static str,
}

/// What a server was found to be, or `None` once it is noted that this test is skipped.
fn found<T>(
    here: &'static OnceLock<Result<T, Missing>>,
    find: impl FnOnce() -> Result<T, Missing>,
) -> Option<&'static T> {
    match here.get_or_init(find) {
        Ok(found) => Some(found),
        Err(missing) => {
            let Missing { server, reason, mend } = missing;
            let text = format!("for want of {server} ({reason}; {mend})");
            let test = std::thread::current().name().unwrap_or("a test").to_owned();
            assert!(!is_ci(), "{test} cannot run {text}");
            watcher::Watcher::of_this_process().skipped(&format!("{test} {text}"));
            None
        }
    }
}

/// Whether nothing may be skipped.
#[expect(clippy::disallowed_methods, reason = "whether this is CI is no setting of the program")]
pub(crate) fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|ci| ci == "true")
}
