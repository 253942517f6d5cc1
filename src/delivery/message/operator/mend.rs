//! What to do, in one sentence.

use super::Trouble;
use crate::language::Language;
use crate::words::by;

impl Trouble {
    pub(super) fn mend(&self, language: Language) -> String {
        match self {
            Self::SourceSilent { source } => by(
                language,
                [
                    format!(
                        "Kjør `fristvakt source check {source}` for å se hvorfor, og få tilkobling, tilgang eller spørring i orden."
                    ),
                    format!(
                        "Køyr `fristvakt source check {source}` for å sjå kvifor, og få tilkopling, tilgang eller spørjing i orden."
                    ),
                    format!(
                        "Run `fristvakt source check {source}` to see why, and mend its connection, access or query."
                    ),
                ],
            ),
            Self::SourceHeld { source } => by(
                language,
                [
                    format!(
                        "Er det meningen, kjør `fristvakt source accept {source} --reason …`; ellers la den som drifter fagsystemet, se på det."
                    ),
                    format!(
                        "Er det meininga, køyr `fristvakt source accept {source} --reason …`; elles lat den som driftar fagsystemet, sjå på det."
                    ),
                    format!(
                        "If it is meant, run `fristvakt source accept {source} --reason …`; otherwise have whoever runs the case system look at it."
                    ),
                ],
            ),
            other => other.mend_plainly(language).to_owned(),
        }
    }

    fn mend_plainly(&self, language: Language) -> &'static str {
        match self {
            Self::ChannelHeld { .. } => by(
                language,
                [
                    "Kjør `fristvakt doctor`: den viser om det er passord, sertifikat eller en regel hos mottakeren, og hva som retter det.",
                    "Køyr `fristvakt doctor`: kommandoen viser om det er passord, sertifikat eller ein regel hos mottakaren, og kva som rettar det.",
                    "Run `fristvakt doctor`: it shows whether it is the password, the certificate or a policy of the receiver, and what mends it.",
                ],
            ),
            Self::Quarantine { .. } => by(
                language,
                [
                    "Se dem med `fristvakt quarantine list`, og rett dem der de kommer fra.",
                    "Sjå dei med `fristvakt quarantine list`, og rett dei der dei kjem frå.",
                    "See them with `fristvakt quarantine list`, and correct them where they come from.",
                ],
            ),
            Self::JournalAhead { .. } => by(
                language,
                [
                    "Finn ut om noen har lagt tilbake en sikkerhetskopi, og importer fakta på nytt for tiden etter den.",
                    "Finn ut om nokon har lagt tilbake ein tryggingskopi, og importer fakta på nytt for tida etter han.",
                    "Find out whether somebody restored a backup, and import the facts of the time after it again.",
                ],
            ),
            Self::ClockWentBack => by(
                language,
                [
                    "Se med `timedatectl` at klokken stilles over nettet.",
                    "Sjå med `timedatectl` at klokka blir stilt over nettet.",
                    "See with `timedatectl` that the clock is set by the network.",
                ],
            ),
            Self::Differences { .. } => by(
                language,
                [
                    "Kjør `fristvakt doctor`, og `fristvakt explain` for hver sak som loggen nevner.",
                    "Køyr `fristvakt doctor`, og `fristvakt explain` for kvar sak som loggen nemner.",
                    "Run `fristvakt doctor`, and `fristvakt explain` for each case that the log names.",
                ],
            ),
            Self::ConfigurationBroken => by(
                language,
                [
                    "Se i loggen (`journalctl -u fristvakt`) hvilken linje det gjelder, rett den, og kjør `systemctl reload fristvakt`.",
                    "Sjå i loggen (`journalctl -u fristvakt`) kva linje det gjeld, rett henne, og køyr `systemctl reload fristvakt`.",
                    "See in the log (`journalctl -u fristvakt`) which line it is, correct it, and run `systemctl reload fristvakt`.",
                ],
            ),
            Self::RulesBroken => by(
                language,
                [
                    "Kjør `fristvakt check`: den viser fil, linje og rettelse; deretter `systemctl reload fristvakt`.",
                    "Køyr `fristvakt check`: kommandoen viser fil, linje og retting; deretter `systemctl reload fristvakt`.",
                    "Run `fristvakt check`: it shows file, line and mend; then `systemctl reload fristvakt`.",
                ],
            ),
            Self::RulesHeld { .. } => by(
                language,
                [
                    "Er det meningen, kjør `fristvakt rules confirm` og `systemctl reload fristvakt`; ellers rett reglene.",
                    "Er det meininga, køyr `fristvakt rules confirm` og `systemctl reload fristvakt`; elles rett reglane.",
                    "If it is meant, run `fristvakt rules confirm` and `systemctl reload fristvakt`; otherwise correct the rules.",
                ],
            ),
            Self::DiskFull => by(
                language,
                [
                    "Gi plass på disken som databasen ligger på; alt går videre av seg selv etterpå.",
                    "Gi plass på disken som databasen ligg på; alt går vidare av seg sjølv etterpå.",
                    "Make room on the disk that the database is on; everything goes on by itself afterwards.",
                ],
            ),
            _ => by(
                language,
                [
                    "Kjør `fristvakt doctor` på maskinen, og se i loggen (`journalctl -u fristvakt`) hva den venter på.",
                    "Køyr `fristvakt doctor` på maskina, og sjå i loggen (`journalctl -u fristvakt`) kva ho ventar på.",
                    "Run `fristvakt doctor` on the machine, and see in the log (`journalctl -u fristvakt`) what it waits for.",
                ],
            ),
        }
    }
}
