//! What happened, in one sentence.

use super::Trouble;
use crate::language::Language;
use crate::words::by;

impl Trouble {
    pub(super) fn what(&self, language: Language) -> String {
        match self {
            Self::ChannelHeld { channel, code } => by(
                language,
                [
                    format!(
                        "Kanalen «{channel}» tar ikke imot meldinger fra fristvakt ({code}), så alt som skal ut der, venter."
                    ),
                    format!(
                        "Kanalen «{channel}» tek ikkje imot meldingar frå fristvakt ({code}), så alt som skal ut der, ventar."
                    ),
                    format!(
                        "The channel \"{channel}\" does not take messages from fristvakt ({code}), so everything for it waits."
                    ),
                ],
            ),
            Self::Quarantine { tenant, count } => by(
                language,
                [
                    format!(
                        "Opplysninger fra «{tenant}» kan ikke brukes og er satt til side ({count}); frister som bygger på dem, blir ikke regnet ut."
                    ),
                    format!(
                        "Opplysningar frå «{tenant}» kan ikkje brukast og er sette til side ({count}); fristar som byggjer på dei, blir ikkje rekna ut."
                    ),
                    format!(
                        "Records of \"{tenant}\" cannot be used and are set aside ({count}); deadlines that rest on them are not worked out."
                    ),
                ],
            ),
            Self::SourceSilent { source } => by(
                language,
                [
                    format!(
                        "Kilden «{source}» lar seg ikke lese; kjente frister går videre, men nye hendelser kommer ikke inn."
                    ),
                    format!(
                        "Kjelda «{source}» lèt seg ikkje lese; kjende fristar går vidare, men nye hendingar kjem ikkje inn."
                    ),
                    format!(
                        "The source \"{source}\" cannot be read; known deadlines go on, but new events do not come in."
                    ),
                ],
            ),
            Self::SourceHeld { source } => by(
                language,
                [
                    format!(
                        "Kilden «{source}» gir langt færre rader enn før, og det som mangler, er foreløpig beholdt."
                    ),
                    format!(
                        "Kjelda «{source}» gir langt færre rader enn før, og det som manglar, er førebels behalde."
                    ),
                    format!(
                        "The source \"{source}\" gives far fewer rows than before, and what is missing is kept for now."
                    ),
                ],
            ),
            Self::JournalAhead { count } => by(
                language,
                [
                    format!(
                        "Databasen er eldre enn mottaksjournalen: sendte meldinger ({count}) var glemt og er hentet fram igjen, så de ikke sendes på nytt."
                    ),
                    format!(
                        "Databasen er eldre enn mottaksjournalen: sende meldingar ({count}) var gløymde og er henta fram att, så dei ikkje blir sende på nytt."
                    ),
                    format!(
                        "The database is older than the acceptance journal: messages that were sent ({count}) were forgotten, and were recalled so that they are not sent again."
                    ),
                ],
            ),
            Self::Differences { tenant, count } => by(
                language,
                [
                    format!(
                        "Dagens avstemming for «{tenant}» fant forskjeller ({count}) mellom det som skulle vært varslet, og det som er sendt."
                    ),
                    format!(
                        "Avstemminga i dag for «{tenant}» fann skilnader ({count}) mellom det som skulle vore varsla, og det som er sendt."
                    ),
                    format!(
                        "Today's reconciliation of \"{tenant}\" found differences ({count}) between what should have been told and what was sent."
                    ),
                ],
            ),
            Self::RulesHeld { before, after } => by(
                language,
                [
                    format!(
                        "Reglene på disken ville gi {after} meldinger de neste sju dagene mot {before} nå, så de er ikke tatt i bruk."
                    ),
                    format!(
                        "Reglane på disken ville gi {after} meldingar dei neste sju dagane mot {before} no, så dei er ikkje tekne i bruk."
                    ),
                    format!(
                        "The rules on disk would send {after} messages in the next seven days against {before} now, so they were not taken into use."
                    ),
                ],
            ),
            Self::ClockWentBack
            | Self::StandsBack
            | Self::ConfigurationBroken
            | Self::RulesBroken
            | Self::DiskFull
            | Self::Database => self.what_plainly(language).to_owned(),
        }
    }

    fn what_plainly(&self, language: Language) -> &'static str {
        match self {
            Self::ClockWentBack => by(
                language,
                [
                    "Klokken på maskinen har stått feil, og det som var planlagt fram i tid, er planlagt på nytt.",
                    "Klokka på maskina har stått feil, og det som var planlagt fram i tid, er planlagt på nytt.",
                    "The machine's clock was wrong, and what was planned ahead of it was planned again.",
                ],
            ),
            Self::StandsBack => by(
                language,
                [
                    "Fristvakt på denne maskinen planlegger og sender ingenting, for den er ikke enig med de andre som bruker databasen.",
                    "Fristvakt på denne maskina planlegg og sender ingenting, for ho er ikkje samd med dei andre som bruker databasen.",
                    "fristvakt on this machine plans and sends nothing, for it does not agree with the others that use the database.",
                ],
            ),
            Self::ConfigurationBroken => by(
                language,
                [
                    "Konfigurasjonen på disken kan ikke brukes, så den forrige brukes fortsatt.",
                    "Konfigurasjonen på disken kan ikkje brukast, så den førre blir brukt framleis.",
                    "The configuration on disk cannot be used, so the earlier one still is.",
                ],
            ),
            Self::RulesBroken => by(
                language,
                [
                    "Reglene på disken kan ikke brukes, så de forrige brukes fortsatt.",
                    "Reglane på disken kan ikkje brukast, så dei førre blir brukte framleis.",
                    "The rules on disk cannot be used, so the earlier ones still are.",
                ],
            ),
            Self::DiskFull => by(
                language,
                [
                    "Disken er full, så ingenting kan planlegges eller sendes.",
                    "Disken er full, så ingenting kan planleggast eller sendast.",
                    "The disk is full, so nothing can be planned or sent.",
                ],
            ),
            _ => by(
                language,
                [
                    "Databasen kan ikke brukes, så ingenting kan planlegges eller sendes.",
                    "Databasen kan ikkje brukast, så ingenting kan planleggast eller sendast.",
                    "The database cannot be used, so nothing can be planned or sent.",
                ],
            ),
        }
    }
}
