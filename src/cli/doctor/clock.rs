//! The clock: against the last moment that the database tells of, and against the relay's, where it tells the time.

use chrono::TimeDelta;

use super::finding::Finding;
use super::time::{lasting, local};
use crate::calendar::Instant;

/// Clocks may differ by so much.
const TOLERANCE: TimeDelta = TimeDelta::minutes(2);
/// From here on, rounds come on the wrong hour or day.
const HARMFUL: TimeDelta = TimeDelta::hours(1);
/// A clock that differs by more says nothing: it was never set.
const SANE: TimeDelta = TimeDelta::days(366);

pub(super) fn check(last_write: Option<Instant>, theirs: Option<Instant>, now: Instant) -> Vec<Finding> {
    let mut findings = vec![Finding::ok("now", format!("{} in Norway", local(now)))];
    findings.extend(last_write.map(|at| against_database(at, now)));
    findings.extend(theirs.filter(|at| (now - *at).abs() < SANE).map(|at| against_relay(at, now)));
    findings
}

fn against_database(last: Instant, now: Instant) -> Finding {
    let ahead = last - now;
    if ahead <= TOLERANCE {
        return Finding::ok("database", format!("last written {} ago", lasting((now - last).max(TimeDelta::zero()))));
    }
    Finding::error("database", format!("written {} ahead of now ({})", lasting(ahead), local(last)))
        .means("The clock is wrong now, or was then. Rounds are held by it.")
        .mend("timedatectl")
}

fn against_relay(theirs: Instant, now: Instant) -> Finding {
    let apart = (now - theirs).abs();
    if apart <= TOLERANCE {
        return Finding::ok("relay", "gives the same time");
    }
    let word = if theirs > now { "ahead" } else { "behind" };
    let found = format!("the relay's clock is {} {word}", lasting(apart));
    let finding = if apart > HARMFUL { Finding::error("relay", found) } else { Finding::warning("relay", found) };
    finding.means("One of the two clocks is wrong.").mend("timedatectl")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Status;

    #[test]
    fn a_clock_is_judged_by_what_was_written_and_by_the_relay() {
        let now = chrono::DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let worst = |last: Option<i64>, theirs: Option<i64>| {
            let at = |minutes: Option<i64>| minutes.map(|minutes| now + TimeDelta::minutes(minutes));
            check(at(last), at(theirs), now).iter().map(Finding::status).max()
        };
        let cases = [
            (None, None, Status::Ok),
            (Some(-600), Some(1), Status::Ok),
            (Some(1), None, Status::Ok),
            (Some(10), None, Status::Error),
            (None, Some(-5), Status::Warning),
            (None, Some(90), Status::Error),
            // A relay whose clock was never set says nothing about ours.
            (None, Some(-60 * 24 * 5000), Status::Ok),
        ];
        for (last, theirs, expected) in cases {
            assert_eq!(worst(last, theirs), Some(expected), "{last:?} {theirs:?}");
        }
    }
}
