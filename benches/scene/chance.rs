//! Chance that is always the same.

/// Numbers that look like chance and are always the same.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(end)).unwrap_or(0)
    }

    /// True that often in a hundred.
    pub(crate) fn percent(&mut self, often: u32) -> bool {
        self.below(100) < often
    }

    /// Days until something is done that has `days`: mostly in time, sometimes late.
    pub(crate) fn done_within(&mut self, days: u32) -> i64 {
        let longest = if self.percent(12) { days * 2 + 7 } else { days + 1 };
        self.below(longest).into()
    }
}
