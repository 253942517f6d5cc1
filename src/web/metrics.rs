//! `/metrics`: how things stand, as OpenMetrics text. Labels hold ids only: of municipalities and channels.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use chrono::NaiveTime;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::Site;
use super::answer::Refusal;
use super::openapi::{Answer, Operation};
use crate::calendar::Instant;
use crate::daemon::{ACCEPTED, Rules, Status};
use crate::delivery::FailureClass;
use crate::store::{At, SourceState, Standing};

/// How attempts can end.
const OUTCOMES: [&str; 5] = [
    ACCEPTED,
    FailureClass::Temporary.word(),
    FailureClass::Address.word(),
    FailureClass::Channel.word(),
    FailureClass::Unknown.word(),
];

pub(super) fn describe() -> Operation {
    Operation::get("How things stand, for monitoring").says("Labels hold ids alone.").answers([
        Answer::text("application/openmetrics-text", "OpenMetrics text."),
        Answer::problem(503, "The database does not answer."),
    ])
}

pub(super) async fn page(State(site): State<Arc<Site>>) -> Result<Response, Refusal> {
    let now = site.daemon.clock.now();
    let standing = site.read(move |daemon| async move { daemon.store.standing(now).await }).await?;
    let sources = super::sources::read(&site).await?;
    let seen = Seen {
        now,
        channels: site.daemon.channel_names(),
        rules: site.daemon.rules(),
        has_dead_man: site.daemon.has_dead_man(),
        standstill: site.daemon.progress.standstill().map(|standstill| standstill.length),
        status: site.daemon.pulse.status(),
        standing,
        sources,
    };
    let content_type = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    Ok(([(CONTENT_TYPE, content_type)], exposition(&seen)).into_response())
}

/// Everything that the page is made of.
struct Seen {
    now: Instant,
    /// The channels of the configuration.
    channels: Vec<String>,
    /// The rules in use.
    rules: Arc<Rules>,
    /// Whether a watcher elsewhere is configured.
    has_dead_man: bool,
    /// For how long something stands still, if it does.
    standstill: Option<Duration>,
    status: Status,
    standing: Standing,
    /// The sources of the configuration, with what is known of them.
    sources: Vec<(String, SourceState)>,
}

fn exposition(seen: &Seen) -> String {
    let mut registry = Registry::default();
    let metrics = [
        of_process(seen),
        of_work(seen),
        of_messages(seen),
        of_tenants(seen),
        super::sources::metrics(&seen.sources, seen.now),
    ]
    .into_iter()
    .flatten()
    .collect();
    registry.register_collector(Box::new(Metrics(metrics)));
    let mut page = String::new();
    // A string takes everything.
    let _ = text::encode(&mut page, &registry);
    page
}

fn of_process(seen: &Seen) -> Vec<Metric> {
    let (status, standing) = (&seen.status, &seen.standing);
    let rules = seen.rules.fingerprint.chars().take(12).collect();
    let build = vec![("version", env!("CARGO_PKG_VERSION").to_owned()), ("rules", rules)];
    let next_try = standing.open.iter().filter_map(|one| one.next_try).min().map(At::instant);
    let next_round = status.sweep.and_then(|sweep| sweep.next_round);
    let next = [next_round, standing.next_plan, next_try].into_iter().flatten().min();
    let one = |value: Option<f64>| value.map(|value| (vec![], value)).into_iter().collect();
    vec![
        Metric::new("fristvakt_build", "Version of the program, and fingerprint of the rules in use", MetricType::Info)
            .with(vec![(build, 1.0)]),
        Metric::gauge("fristvakt_start_time_seconds", "When this process began; counters begin at 0 then")
            .with(one(Some(seconds(status.started_at)))),
        Metric::gauge("fristvakt_last_sweep_age_seconds", "How long ago the last whole sweep ended")
            .with(one(status.sweep.map(|sweep| age(seen.now, sweep.at)))),
        Metric::gauge("fristvakt_last_sweep_duration_seconds", "How long the last whole sweep took")
            .with(one(status.sweep.map(|sweep| sweep.took.as_secs_f64()))),
        Metric::gauge(
            "fristvakt_standstill_seconds",
            "For how long a part that has work has not come on with it, beyond what it may take; 0: everything comes on",
        )
        .with(one(Some(seen.standstill.unwrap_or_default().as_secs_f64()))),
        Metric::gauge("fristvakt_last_delivery_timestamp_seconds", "When a message was last accepted")
            .with(one(status.last_delivery.map(seconds))),
        Metric::gauge("fristvakt_next_due_timestamp_seconds", "When there is something to do next")
            .with(one(next.map(seconds))),
    ]
}

/// What rules did since the process began, and whether a watcher elsewhere heard of it.
fn of_work(seen: &Seen) -> Vec<Metric> {
    let matched = seen.rules.set.rules.iter().filter_map(|rule| {
        let at = seen.status.matched.get(&rule.name)?;
        let pack = seen.rules.set.packs.get(rule.pack)?.id.to_string();
        Some((vec![("pack", pack), ("rule", rule.code.to_string())], seconds(*at)))
    });
    let [heard, unheard] = seen.status.pings;
    let pings = [("heard", heard), ("unheard", unheard)].into_iter().filter(|_| seen.has_dead_man);
    vec![
        Metric::gauge(
            "fristvakt_rule_last_matched_timestamp_seconds",
            "When a case to which a rule applies was last planned; absent: none since this process began",
        )
        .with(matched.collect()),
        Metric::new(
            "fristvakt_dead_man_pings",
            "Pings to the watcher elsewhere, by whether it heard",
            MetricType::Counter,
        )
        .with(pings.map(|(outcome, count)| (vec![("outcome", outcome.to_owned())], count as f64)).collect()),
    ]
}

fn of_messages(seen: &Seen) -> Vec<Metric> {
    let open = &seen.standing.open;
    let channels = seen.all_channels();
    let each = |value: &dyn Fn(&str) -> f64| {
        channels.iter().map(|channel| (vec![("channel", channel.clone())], value(channel))).collect()
    };
    let of = |channel: &str| open.iter().filter(move |one| one.channel == channel).collect::<Vec<_>>();
    let held = |channel: &str| seen.standing.channels.iter().any(|one| one.name == channel && one.held_since.is_some());
    let oldest = |channel: &str| of(channel).iter().filter_map(|one| one.oldest_due).min();
    let states =
        open.iter().map(|one| (vec![("channel", one.channel.clone()), ("state", one.state.clone())], one.count as f64));
    vec![
        Metric::gauge("fristvakt_messages", "Messages that have not ended, by state").with(states.collect()),
        Metric::gauge(
            "fristvakt_oldest_due_message_age_seconds",
            "Age of the oldest unsent message that should have left by now; 0: there is none",
        )
        .with(each(&|channel| oldest(channel).map_or(0.0, |at| age(seen.now, at.instant())))),
        Metric::gauge("fristvakt_possible_repeats", "Messages that may have been sent before and wait to go again")
            .with(each(&|channel| of(channel).iter().map(|one| one.possible_repeats).sum::<i64>() as f64)),
        Metric::gauge(
            "fristvakt_channel_held",
            "1: the channel refused us as such; it is left alone, and probed from time to time",
        )
        .with(each(&|channel| f64::from(u8::from(held(channel))))),
        Metric::new("fristvakt_attempts", "Attempts since this process began, by how they ended", MetricType::Counter)
            .with(attempts(&seen.status, &channels)),
    ]
}

/// Every channel with every outcome, so that a rate can be taken from the first one on.
fn attempts(status: &Status, channels: &[String]) -> Samples {
    let count = |channel: &String, outcome| status.attempts.get(&(channel.clone(), outcome)).copied().unwrap_or(0);
    let of_channel = |channel: &String| {
        OUTCOMES.map(|outcome| {
            let labels = vec![("channel", channel.clone()), ("outcome", outcome.to_owned())];
            (labels, count(channel, outcome) as f64)
        })
    };
    channels.iter().flat_map(of_channel).collect()
}

fn of_tenants(seen: &Seen) -> Vec<Metric> {
    let tenants = &seen.standing.tenants;
    let label = |id: &String| vec![("tenant", id.clone())];
    let quarantined = tenants.iter().map(|tenant| (label(&tenant.id), tenant.quarantined as f64));
    let questioned = tenants.iter().map(|tenant| (label(&tenant.id), tenant.questioned as f64));
    let rounds = tenants.iter().filter_map(|tenant| {
        let day = tenant.last_round?.0.and_time(NaiveTime::MIN).and_utc();
        Some((label(&tenant.id), seconds(day)))
    });
    vec![
        Metric::gauge("fristvakt_quarantined_records", "Records that cannot be used").with(quarantined.collect()),
        Metric::gauge("fristvakt_questioned_recipients", "Recipients whose address refused mail")
            .with(questioned.collect()),
        Metric::gauge("fristvakt_last_round_timestamp_seconds", "The day of the last round, as its midnight in UTC")
            .with(rounds.collect()),
    ]
}

impl Seen {
    /// The channels of the configuration, and those that something still waits for.
    fn all_channels(&self) -> Vec<String> {
        let mut channels: Vec<String> = self.channels.clone();
        channels.extend(self.standing.open.iter().map(|one| one.channel.clone()));
        channels.extend(self.status.attempts.keys().map(|(channel, _)| channel.clone()));
        channels.sort();
        channels.dedup();
        channels
    }
}

pub(super) fn seconds(at: Instant) -> f64 {
    at.timestamp_millis() as f64 / 1000.0
}

pub(super) fn age(now: Instant, at: Instant) -> f64 {
    (now - at).to_std().unwrap_or_default().as_secs_f64()
}

/// Labels and a value, in the order to print them.
pub(super) type Samples = Vec<(Vec<(&'static str, String)>, f64)>;

#[derive(Debug)]
pub(super) struct Metric {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    samples: Samples,
}

impl Metric {
    fn new(name: &'static str, help: &'static str, kind: MetricType) -> Self {
        Self { name, help, kind, samples: vec![] }
    }

    pub(super) fn gauge(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, MetricType::Gauge)
    }

    pub(super) fn with(self, samples: Samples) -> Self {
        Self { samples, ..self }
    }
}

#[derive(Debug)]
struct Metrics(Vec<Metric>);

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for metric in self.0.iter().filter(|metric| !metric.samples.is_empty()) {
            let mut family = encoder.encode_descriptor(metric.name, metric.help, None, metric.kind)?;
            for (labels, value) in &metric.samples {
                match metric.kind {
                    MetricType::Info => family.encode_info(labels)?,
                    MetricType::Counter => ConstCounter::new(*value).encode(family.encode_family(labels)?)?,
                    _ if labels.is_empty() => {
                        family.encode_gauge(value)?;
                    }
                    _ => ConstGauge::new(*value).encode(family.encode_family(labels)?)?,
                }
            }
        }
        Ok(())
    }
}
