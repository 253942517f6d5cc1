//! Where the crash harness of the tests ends the process: after each durable step. In the program that people run,
//! nothing is here.

/// After P1: claimed.
pub(super) const CLAIMED: &str = "p1-claimed";
/// After P2: re-checked and composed.
pub(super) const COMPOSED: &str = "p2-composed";
/// After P3: the other side has sender and recipient.
pub(super) const PREPARED: &str = "p3-prepared";
/// After P4: maybe sent.
pub(super) const COMMITTING: &str = "p4-committing";
/// After P6: taken, and nothing of it written down.
pub(super) const TAKEN: &str = "p6-taken";
/// After P7: in the journal alone.
pub(super) const JOURNALLED: &str = "p7-journalled";
/// After P8: final.
pub(super) const SETTLED: &str = "p8-settled";

/// Ends the process as `kill -9` would, where the harness asked for it.
pub(super) fn point(name: &str) {
    let _ = name;
    fail::fail_point!(name, |_| {
        std::process::abort();
    });
}

/// Whether the order is broken on purpose: written down as sent before it is handed over. The harness has to notice.
pub(super) fn is_order_broken() -> bool {
    fail::fail_point!("order-broken", |_| true);
    false
}
