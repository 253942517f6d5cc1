//! The mail to whoever runs this program, when something needs a person: what happened, since when, and what to do, one
//! sentence each. It names channels, sources and municipalities by their ids, and nobody.

mod mend;
mod what;

use chrono_tz::Tz;

use super::fallback;
use super::templates::Rendered;
use crate::calendar::{Instant, civil_date, time_of_day};
use crate::language::Language;
use crate::words::{by, clock_time, long_date};

/// In whose time the mail speaks: the program's municipalities are Norwegian.
pub const OPERATOR_ZONE: Tz = Tz::Europe__Oslo;

/// Something that needs a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A channel refuses us as such.
    ChannelHeld {
        /// Its name.
        channel: String,
        /// The code of its answer.
        code: String,
    },
    /// Records are set aside.
    Quarantine {
        /// The municipality's id.
        tenant: String,
        /// How many.
        count: i64,
    },
    /// A source has not been read to its end for longer than it may.
    SourceSilent {
        /// Its name.
        source: String,
    },
    /// A source has far fewer rows than before.
    SourceHeld {
        /// Its name.
        source: String,
    },
    /// The database had forgotten what the acceptance journal knows.
    JournalAhead {
        /// How many messages were recalled.
        count: usize,
    },
    /// The clock went back.
    ClockWentBack,
    /// This daemon does not agree with others on the same database.
    StandsBack,
    /// The daily reconciliation found differences.
    Differences {
        /// The municipality's id.
        tenant: String,
        /// How many.
        count: usize,
    },
    /// The configuration on disk cannot be used.
    ConfigurationBroken,
    /// The rules on disk cannot be used.
    RulesBroken,
    /// The rules on disk would send far more messages in the next seven days.
    RulesHeld {
        /// How many those in use send.
        before: usize,
        /// How many those on disk would.
        after: usize,
    },
    /// There is no room on the disk.
    DiskFull,
    /// The database cannot be used.
    Database,
}

impl Trouble {
    /// What it is told under, once a day.
    #[must_use]
    pub fn cause(&self) -> String {
        match self {
            Self::ChannelHeld { channel, .. } => format!("channel_held:{channel}"),
            Self::Quarantine { tenant, .. } => format!("quarantine:{tenant}"),
            Self::SourceSilent { source } => format!("source_silent:{source}"),
            Self::SourceHeld { source } => format!("source_held:{source}"),
            Self::JournalAhead { .. } => "journal_ahead".to_owned(),
            Self::ClockWentBack => "clock".to_owned(),
            Self::StandsBack => "stands_back".to_owned(),
            Self::Differences { tenant, .. } => format!("differences:{tenant}"),
            Self::ConfigurationBroken => "configuration".to_owned(),
            Self::RulesBroken | Self::RulesHeld { .. } => "rules".to_owned(),
            Self::DiskFull | Self::Database => "database".to_owned(),
        }
    }

    /// Whether it happened once, rather than goes on.
    #[must_use]
    pub fn is_event(&self) -> bool {
        matches!(self, Self::JournalAhead { .. } | Self::ClockWentBack | Self::Differences { .. })
    }

    fn since(&self, language: Language, since: Instant) -> String {
        let (date, time) = (civil_date(OPERATOR_ZONE, since), time_of_day(OPERATOR_ZONE, since));
        let moment = format!("{} {}", long_date(language, date), clock_time(language, time));
        let begins = match self.is_event() {
            true => by(language, ["Det ble oppdaget", "Det vart oppdaga", "It was found on"]),
            false => by(language, ["Det har vart siden", "Det har vara sidan", "It has been so since"]),
        };
        format!("{begins} {moment}.")
    }
}

/// The mail about troubles, each with the moment since when it has been so.
#[must_use]
pub fn operator_message(language: Language, troubles: &[(Trouble, Instant)]) -> Rendered {
    let subject = by(
        language,
        [
            "Drift av fristvakt: noe trenger deg",
            "Drift av fristvakt: noko treng deg",
            "Running fristvakt: something needs you",
        ],
    );
    let paragraphs = troubles.iter().map(|(trouble, since)| {
        let since = trouble.since(language, *since);
        format!("{}\n{since}\n{}\n\n", trouble.what(language), trouble.mend(language))
    });
    let end = by(
        language,
        [
            "Dette sendes høyst én gang om dagen for hver årsak. Det nevner ingen person.",
            "Dette blir sendt høgst éin gong om dagen for kvar årsak. Det nemner ingen person.",
            "This is sent at most once a day for each cause. It names nobody.",
        ],
    );
    let text = format!("{}{end}\n", paragraphs.collect::<String>());
    Rendered { subject: subject.to_owned(), html: fallback::html(language, &text), text }
}
