//! What the figures of a report mean, in the words of its readers. `tally` counts exactly this.

use crate::language::Language;
use crate::words::by;

use super::super::figures::About;
use super::super::hide::UNDER;
use super::{full_date, period, short_day};

/// Each word with what it means.
pub(in super::super) fn definitions(language: Language, about: &About) -> Vec<(&'static str, String)> {
    let mut all = vec![in_time(language), deviations(language), days_late(language, about), before(language, about)];
    all.push(units(language));
    all.push(whose(language, about));
    if about.hide_small {
        all.push(small(language));
        if about.narrowed {
            all.push(narrowed(language));
        }
    }
    if about.unreadable > 0 {
        all.push(unreadable(language, about.unreadable));
    }
    all
}

fn in_time(language: Language) -> (&'static str, String) {
    by(
        language,
        [
            (
                "Andel i tide",
                "Av fristene som falt i perioden og er ute: de som ble oppfylt senest på fristdagen. Det som teller, er når \
                 noe ble gjort, ikke når det ble registrert. Ikke med er frister som ikke gjelder (vilkår, unntak, \
                 stanset eller erstattet i tide), som står på pause eller ikke er ute ennå, og frister der noen har trukket \
                 avviket tilbake. Et avvik som er forklart, er fortsatt ikke i tide."
                    .to_owned(),
            ),
            (
                "Del i tide",
                "Av fristane som fall i perioden og er ute: dei som vart oppfylte seinast på fristdagen. Det som tel, er når \
                 noko vart gjort, ikkje når det vart registrert. Ikkje med er fristar som ikkje gjeld (vilkår, unntak, \
                 stansa eller erstatta i tide), som står på pause eller ikkje er ute enno, og fristar der nokon har trekt \
                 avviket tilbake. Eit avvik som er forklart, er framleis ikkje i tide."
                    .to_owned(),
            ),
            (
                "Share in time",
                "Of the deadlines that fell in the period and have passed: those met on or before their day. What counts is \
                 when something was done, not when it was recorded. Left out are deadlines that do not apply (conditions, \
                 exemptions, stopped or replaced in time), that are paused or have not passed yet, and those whose \
                 deviation a person withdrew. A deviation that was explained is still not in time."
                    .to_owned(),
            ),
        ],
    )
}

fn deviations(language: Language) -> (&'static str, String) {
    by(
        language,
        [
            (
                "Avvik",
                "Et avvik åpnes når en frist går ut uten å være holdt, eller når det blir kjent. Det lukkes når det blir \
                 kjent at det er oppfylt for sent, når noen forklarer det, eller når det trekkes tilbake fordi det ikke \
                 var noe brudd. Åpne ved utgangen = åpne ved inngangen + åpnet − lukket."
                    .to_owned(),
            ),
            (
                "Avvik",
                "Eit avvik blir opna når ein frist går ut utan å vere halden, eller når det blir kjent. Det blir lukka når \
                 det blir kjent at det er oppfylt for seint, når nokon forklarer det, eller når det blir trekt tilbake \
                 fordi det ikkje var noko brot. Opne ved utgangen = opne ved inngangen + opna − lukka."
                    .to_owned(),
            ),
            (
                "Deviation",
                "A deviation opens when a deadline passes without being kept, or when that becomes known. It closes when it \
                 becomes known that it was met late, when a person explains it, or when it is withdrawn because there was no \
                 lapse. Open at the end = open at the beginning + opened − closed."
                    .to_owned(),
            ),
        ],
    )
}

fn days_late(language: Language, about: &About) -> (&'static str, String) {
    let until = full_date(language, about.reckoned_on);
    by(
        language,
        [
            (
                "Dager for sent",
                format!(
                    "Kalenderdager fra fristen til det ble oppfylt eller stanset. Det som ikke er over, telles til {until}. \
                     Median og verst gjelder alle avvik som var åpne en gang i perioden, uten dem som ble trukket tilbake."
                ),
            ),
            (
                "Dagar for seint",
                format!(
                    "Kalenderdagar frå fristen til det vart oppfylt eller stansa. Det som ikkje er over, blir talt til \
                     {until}. Median og verst gjeld alle avvik som var opne ein gong i perioden, utan dei som vart trekte \
                     tilbake."
                ),
            ),
            (
                "Days late",
                format!(
                    "Calendar days from the deadline until it was met or stopped. What is not over is counted until {until}. \
                     Median and worst are of all deviations that were open at any time in the period, without those that \
                     were withdrawn."
                ),
            ),
        ],
    )
}

fn before(language: Language, about: &About) -> (&'static str, String) {
    let word = by(language, ["Forrige periode", "Førre periode", "Period before"]);
    let Some(previous) = about.compared else {
        let text = [
            "Ingen: perioden er ikke over, og en del av den kan ikke sammenlignes med en hel.",
            "Ingen: perioden er ikkje over, og ein del av han kan ikkje samanliknast med ein heil.",
            "None: the period is not over, and a part of it cannot be compared with a whole one.",
        ];
        return (word, by(language, text).to_owned());
    };
    let days = format!("{} – {}", short_day(language, previous.from), short_day(language, previous.to));
    let now = period(language, about.period);
    let length = if about.period.whole_months().is_some() {
        by(
            language,
            [
                format!("like mange kalendermåneder som {now}"),
                format!("like mange kalendermånader som {now}"),
                format!("as many calendar months as {now}"),
            ],
        )
    } else {
        by(
            language,
            [
                format!("like mange dager som {now}"),
                format!("like mange dagar som {now}"),
                format!("as many days as {now}"),
            ],
        )
    };
    let text = by(
        language,
        [
            format!(
                "{days}: {length}. Endring i andel er i prosentpoeng, og vises der forrige periode hadde minst en tidel så \
                 mange frister."
            ),
            format!(
                "{days}: {length}. Endring i del er i prosentpoeng, og blir vist der førre periode hadde minst ein tidel så \
                 mange fristar."
            ),
            format!(
                "{days}: {length}. Changes in shares are percentage points, shown where the period before had at least a \
                 tenth as many deadlines."
            ),
        ],
    );
    (word, text)
}

fn units(language: Language) -> (&'static str, String) {
    let text = [
        (
            "Enhet",
            "Den enheten som saken har nå. Tallene for en enhet omfatter enhetene under den; «egne saker» er uten dem.",
        ),
        (
            "Eining",
            "Den eininga som saka har no. Tala for ei eining omfattar einingane under ho; «eigne saker» er utan dei.",
        ),
        (
            "Unit",
            "The unit that the case has now. A unit's figures include the units below it; “own cases” are without them.",
        ),
    ];
    let (word, text) = by(language, text);
    (word, text.to_owned())
}

fn whose(language: Language, about: &About) -> (&'static str, String) {
    let protected = match (about.protected, language) {
        (true, Language::Nb) => "Saker med adressesperre er med. Bare koordinatoren skal se dem.",
        (true, Language::Nn) => "Saker med adressesperre er med. Berre koordinatoren skal sjå dei.",
        (true, Language::En) => "Address-protected cases are included. Only the coordinator may see them.",
        (false, Language::Nb) => "Saker med adressesperre er holdt utenfor.",
        (false, Language::Nn) => "Saker med adressesperre er haldne utanfor.",
        (false, Language::En) => "Address-protected cases are left out.",
    };
    let (word, text) = by(
        language,
        [
            ("Personvern", "Saker står med referanse. Ingen personer er nevnt, og ingen ansatte er rangert."),
            ("Personvern", "Saker står med referanse. Ingen personar er nemnde, og ingen tilsette er rangerte."),
            ("Privacy", "Cases appear by reference. No person is named, and no employee is ranked."),
        ],
    );
    (word, format!("{text} {protected}"))
}

fn small(language: Language) -> (&'static str, String) {
    by(
        language,
        [
            (
                super::hidden(),
                format!(
                    "Tallet er under {UNDER}, eller det er holdt tilbake fordi et tall under {UNDER} ellers kunne regnes \
                     ut. Enkeltavvik er ikke listet. Del ikke flere utgaver av samme rapport: forskjellen mellom dem kan \
                     røpe det som er skjult."
                ),
            ),
            (
                super::hidden(),
                format!(
                    "Talet er under {UNDER}, eller det er halde tilbake fordi eit tal under {UNDER} elles kunne reknast ut. \
                     Einskildavvik er ikkje lista. Del ikkje fleire utgåver av same rapport: skilnaden mellom dei kan røpe \
                     det som er skjult."
                ),
            ),
            (
                super::hidden(),
                format!(
                    "The number is under {UNDER}, or it is withheld because a number under {UNDER} could otherwise be \
                     worked out. Single deviations are not listed. Do not share several versions of one report: what \
                     differs between them may give away what is hidden."
                ),
            ),
        ],
    )
}

/// What hiding cannot do where a report is about a part alone.
fn narrowed(language: Language) -> (&'static str, String) {
    let text = [
        (
            "Et utvalg",
            "Rapporten gjelder bare noen enheter, regler, typer eller skal/bør. Den som også har en rapport om alt, eller om et \
             annet utvalg, kan trekke den ene fra den andre og finne tall som er skjult. Gi bare den ene fra deg.",
        ),
        (
            "Eit utval",
            "Rapporten gjeld berre nokre einingar, reglar, typar eller skal/bør. Den som òg har ein rapport om alt, eller om eit \
             anna utval, kan trekkje den eine frå den andre og finne tal som er skjulte. Gi berre den eine frå deg.",
        ),
        (
            "A selection",
            "The report is about some units, rules, kinds or must/should alone. Whoever also has a report about everything, or \
             about another selection, can subtract one from the other and find numbers that are hidden. Give away only one.",
        ),
    ];
    let (word, text) = by(language, text);
    (word, text.to_owned())
}

fn unreadable(language: Language, count: u64) -> (&'static str, String) {
    by(
        language,
        [
            ("Mangler", format!("{count} oppføringer i registeret kan ikke leses og er ikke med.")),
            ("Manglar", format!("{count} oppføringar i registeret kan ikkje lesast og er ikkje med.")),
            ("Missing", format!("{count} records of the register cannot be read and are not included.")),
        ],
    )
}
