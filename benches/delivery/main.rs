//! How fast messages leave, with every durable step on: claim, point of no return, journal, final.
//!
//! `cargo bench --bench delivery`. Mail goes to Debian postfix' `smtp-sink` where it is installed, and the same sink is
//! then fed by `smtp-source -d -s 10`, the fastest plain sender there is; else to a sink of the bench's own. Targets
//! (2 cores): mail at least half of `smtp-source`; with a relay that takes 20 ms, 0.9 of 10 connections / 20 ms;
//! webhooks 0.4 of a bare reqwest loop; 10,000 due at once: p99 ≤ 1.5 s for mail, ≤ 0.7 s for webhooks.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench prints figures, and fails where it cannot go on"
)]

mod sinks;
mod town;

use std::time::{Duration, Instant};

use self::sinks::{HttpSink, MailSink, Source};
use self::town::Town;

const MESSAGES: usize = 10_000;
const CONNECTIONS: usize = 10;

fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    // `cargo test --benches` and the like only want to know that it runs.
    let messages = if std::env::args().any(|argument| argument == "--bench") { MESSAGES } else { 50 };
    mail(&runtime, messages);
    slow_relay(&runtime, messages.min(2_000));
    webhooks(&runtime, messages);
}

fn mail(runtime: &tokio::runtime::Runtime, messages: usize) {
    let sink = MailSink::start(Duration::ZERO);
    let town = runtime.block_on(Town::with_mail(messages, sink.port, CONNECTIONS));
    let (took, sent) = timed(|| runtime.block_on(town.deliver()));
    let ours = rate(sent, took);
    println!("mail, all of P1–P8, {CONNECTIONS} connections, {}: {sent} in {took:.2?}, {ours:.0}/s", sink.name);
    match Source::send(messages, CONNECTIONS, sink.port) {
        Some(took) => {
            let theirs = rate(messages, took);
            println!(
                "smtp-source -d -s {CONNECTIONS}, the same sink: {theirs:.0}/s; ours is {:.2} of it (target 0.5)",
                ours / theirs
            );
        }
        None => println!("smtp-source is not installed (Debian: postfix): no comparison"),
    }
}

fn slow_relay(runtime: &tokio::runtime::Runtime, messages: usize) {
    const DELAY: Duration = Duration::from_millis(20);
    let sink = MailSink::own(DELAY);
    let town = runtime.block_on(Town::with_mail(messages, sink.port, CONNECTIONS));
    let (took, sent) = timed(|| runtime.block_on(town.deliver()));
    let bound = CONNECTIONS as f64 / DELAY.as_secs_f64();
    let ours = rate(sent, took);
    println!("mail, a relay that takes 20 ms: {ours:.0}/s of {bound:.0}/s, {:.2} (target 0.9)", ours / bound);
}

fn webhooks(runtime: &tokio::runtime::Runtime, messages: usize) {
    let sink = HttpSink::start();
    let town = runtime.block_on(Town::with_webhook(messages, &sink.url));
    let (took, sent) = timed(|| runtime.block_on(town.deliver()));
    let ours = rate(sent, took);
    println!("webhooks, all of P1–P8: {sent} in {took:.2?}, {ours:.0}/s");
    let (took, _) = timed(|| runtime.block_on(sink.bare_loop(messages)));
    let theirs = rate(messages, took);
    println!(
        "a bare reqwest loop, one after the other, the same sink: {theirs:.0}/s; ours is {:.2} of it (target 0.4)",
        ours / theirs
    );
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let begun = Instant::now();
    let result = work();
    (begun.elapsed(), result)
}

fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}
