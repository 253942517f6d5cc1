//! Messages: what waits and for how long, what is held, what may go out twice.

use chrono::TimeDelta;

use super::finding::Finding;
use super::time::{lasting, local};
use super::unreadable;
use crate::calendar::Instant;
use crate::config::{Config, Mode};
use crate::store::{ChannelState, OpenMessages, Reconciled, Standing, Store};

/// From this age on, a message that should have left is worth a look.
const LATE: TimeDelta = TimeDelta::minutes(30);
/// From this age on, somebody has not been told what they had to know.
const TOO_LATE: TimeDelta = TimeDelta::hours(24);

pub(super) async fn check(store: &Store, config: &Config, now: Instant) -> Vec<Finding> {
    let mut found = match store.standing(now).await {
        Ok(standing) => findings(&standing, config, now),
        Err(error) => vec![unreadable("waiting", &error)],
    };
    match store.reconciliations().await {
        Ok(all) => found.extend(all.iter().map(|(tenant, reconciled)| reconciliation(tenant, reconciled))),
        Err(error) => found.push(unreadable("reconciled", &error)),
    }
    found
}

/// What the daily reconciliation found.
fn reconciliation(tenant: &str, found: &Reconciled) -> Finding {
    let Reconciled { round, untold, unproven } = found;
    if untold + unproven == 0 {
        return Finding::ok("reconciled", format!("{tenant}: after the round of {round}, no difference"));
    }
    Finding::error(
        "reconciled",
        format!("{tenant}: {untold} step(s) nobody was told of, {unproven} message(s) without proof"),
    )
    .means("What was worked out anew differs from what was sent. The log names each case.")
    .mend("journalctl -u fristvakt --grep 'nobody was told|nothing proves it', then fristvakt explain CASE")
}

fn findings(standing: &Standing, config: &Config, now: Instant) -> Vec<Finding> {
    let mut findings = vec![waiting(standing, now)];
    findings.extend(standing.channels.iter().filter_map(|channel| held(channel, now)));
    let held = of_state(standing, "held");
    if held > 0 {
        findings.push(
            Finding::warning("held", format!("{held} message(s)"))
                .means("They go out when a person says so, and not before.")
                .mend("fristvakt messages list --state held"),
        );
    }
    let dead = of_state(standing, "dead");
    if dead > 0 {
        findings.push(Finding::ok("given up", format!("{dead} message(s), by a person")));
    }
    let repeats: i64 = standing.open.iter().filter(|one| is_waiting(one)).map(|one| one.possible_repeats).sum();
    if repeats > 0 {
        findings.push(
            Finding::warning("repeats", format!("{repeats} message(s) may have been sent before"))
                .means("A process or a line ended before the answer came. They go again, marked, with the same id.")
                .mend("fristvakt messages list --state pending"),
        );
    }
    findings.extend(standing.open.iter().filter(|one| is_waiting(one) && !is_configured(&one.channel, config)).map(
        |one| {
            Finding::error("no way out", format!("{} message(s) wait for `{}`", one.count, one.channel))
                .means("The configuration does not have it.")
                .mend(match &*one.channel {
                    "email" => "add an [email] section, then: systemctl reload fristvakt",
                    _ => "add its [[webhook]] section again, then: systemctl reload fristvakt",
                })
        },
    ));
    findings
}

/// A channel that refused us as such.
fn held(channel: &ChannelState, now: Instant) -> Option<Finding> {
    let (since, code) = (channel.held_since?, channel.held_code.as_deref().unwrap_or("refused"));
    let probe = match channel.held_at(now) {
        Some(at) => format!("probed at {}", local(at)),
        None => "probed with the next message".to_owned(),
    };
    let found = format!("`{}` is held since {} ({code}); {probe}", channel.name, local(since.instant()));
    let finding = Finding::error("channel", found)
        .means("It refused us as such, not one recipient. Nothing is lost: messages wait, and it is free with the first taken.");
    Some(finding.mend("mend what stands below under Mail or Webhooks"))
}

fn waiting(standing: &Standing, now: Instant) -> Finding {
    let waiting: Vec<&OpenMessages> = standing.open.iter().filter(|one| is_waiting(one)).collect();
    let count: i64 = waiting.iter().map(|one| one.count).sum();
    let tried: i64 = waiting.iter().map(|one| one.tried).sum();
    let oldest = waiting.iter().filter_map(|one| one.oldest_due).min().map(|at| now - at.instant());
    let Some(age) = oldest else {
        return Finding::ok("waiting", format!("{count} message(s), none of them late"));
    };
    let found = format!("{count} message(s), {tried} tried in vain; the oldest should have left {} ago", lasting(age));
    let finding = match age {
        age if age >= TOO_LATE => Finding::error("waiting", found),
        age if age >= LATE || tried > 0 => Finding::warning("waiting", found),
        _ => return Finding::ok("waiting", found),
    };
    finding
        .means("They are tried again without end, within the hours of whoever receives them.")
        .mend("fristvakt messages list --state pending")
}

fn is_waiting(one: &OpenMessages) -> bool {
    matches!(&*one.state, "pending" | "claimed" | "committing")
}

fn of_state(standing: &Standing, state: &str) -> i64 {
    standing.open.iter().filter(|one| one.state == state).map(|one| one.count).sum()
}

fn is_configured(channel: &str, config: &Config) -> bool {
    config.mode == Mode::Shadow
        || match channel.strip_prefix("webhook:") {
            None => config.email.is_some(),
            Some(name) => config.webhooks.iter().any(|webhook| webhook.name == name),
        }
}
