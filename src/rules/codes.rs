//! The codes of findings: a stable word for each thing that `check` can find, so that it can be looked up, counted and
//! talked about. What each means, with an example and how to mend it, stands in `explanations.md`.
//!
//! A code is never given to another meaning; one that is no longer found is left out and its number stays empty.

use std::fmt;

use super::diagnostics::Severity::{self, Error, Note, Warning};

/// The explanations, by heading.
const EXPLANATIONS: &str = include_str!("explanations.md");

macro_rules! codes {
    ($($name:ident $word:literal $severity:ident $title:literal)*) => {
        /// What a finding is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $title] $name,)*
        }

        impl Code {
            /// Every code, in the order of their words.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The word that people look up: `R002`, `L101`.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// How bad such a finding is.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Self::$name => $severity),* }
            }

            /// What it is about, in one line.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title),* }
            }
        }
    };
}

codes! {
    Syntax "R001" Error "the file is no TOML"
    UnknownKey "R002" Error "a key that nothing asks for"
    MissingKey "R003" Error "a key that must be there is missing"
    WrongType "R004" Error "a value of another type than is needed"
    UnknownWord "R005" Error "a word that is none of the few allowed here"
    UnknownEventKind "R006" Error "an event kind that the vocabulary does not have"
    UnknownAttribute "R007" Error "an attribute or field that does not exist"
    UnknownLadder "R008" Error "a ladder that the pack does not have"
    UnknownCalendar "R009" Error "a calendar that the folder does not have"
    UnknownRole "R010" Error "a role that does not exist"
    UnknownRule "R011" Error "`due_of` names a rule that does not exist"
    BadSpan "R012" Error "a text that is no span"
    Empty "R013" Error "an empty list, text or condition"
    NameTaken "R014" Error "a name that is given twice"
    BadName "R015" Error "a name that cannot be used"
    NoPack "R016" Error "a folder without a rule pack"
    Circle "R017" Error "things that wait for each other in a circle"
    FromForm "R018" Error "`from` in none of its forms"
    NoFulfilment "R019" Error "a rule that nothing can meet"
    Misplaced "R020" Error "a key that does not belong to this kind of rule"
    WrongUnit "R021" Error "a span in a unit that cannot be used here"
    WrongSign "R022" Error "a span that points the wrong way"
    TimesWithoutEvery "R023" Error "`times` without `every`"
    TwinSteps "R024" Error "two steps of a ladder with the same moment and role"
    OwnResponsible "R025" Error "`responsible` names itself"
    NoStandardLadder "R026" Error "a rule without a ladder in a pack without a standard one"
    NeverWorks "R027" Error "a calendar without any working day"
    EndsBeforeItBegins "R028" Error "a closed period that ends before it begins"
    BadDay "R029" Error "a text or pair that names no day of the year"
    BadComparison "R030" Error "a comparison that compares nothing"
    NoLanguage "R031" Error "a text in no language"

    NeverFires "L101" Warning "a rule that can never fire"
    StartNeverPasses "L102" Warning "a start of a rule that can never fire"
    NeverInForce "L103" Warning "a rule that is never in force"
    NeverInTime "L104" Warning "a rule that can never be met in time"
    StoppedBeforeMet "L105" Warning "a rule that is stopped before it can be met"
    MeetingContradicts "L106" Warning "an event that can never meet the rule"
    MetByStopOnly "L107" Warning "a rule that only its own stop meets"
    MetAtOnce "L108" Warning "a rule that is met the moment it starts"
    VoidInsteadOfMet "L109" Warning "a rule that becomes void where it should be met"
    FilterNeverHolds "L110" Warning "a `where` that no event can satisfy"
    NoEffect "L111" Warning "a key without effect"
    ValidityOverlaps "L112" Warning "two versions of a rule in force at once"
    ValidityGap "L113" Warning "days on which no version of a rule is in force"

    EscalationFirst "L201" Warning "an escalation before any reminder"
    EscalationBeforeDue "L202" Warning "an escalation at or before the due date"
    StepAfterNextPeriod "L203" Warning "a step that is still sent when the next period is due"
    StepBeforeWindow "L204" Warning "a step before the period's window opens"
    RepeatsWithoutEnd "L205" Warning "a step that repeats without end"
    SilentDuty "L206" Warning "a duty whose lapse nobody is told of"
    ShouldEscalates "L207" Warning "a recommendation that escalates"
    UnusedLadder "L208" Warning "a ladder that no rule uses"

    EarliestAfterDue "L301" Warning "too early until after the due date"
    MixedUnits "L302" Warning "different units in one growing list"
    SnapToFreeDay "L303" Warning "a snap to a day without work"
    RolledByLaw "L304" Note "a deadline of the law that is rolled forward"
    NeverGrows "L305" Warning "a growing list of which only the first span is used"

    TellingNotice "L401" Warning "words in messages that say too much"
    NoCitation "L402" Warning "a rule that does not say where it comes from"
    SameCode "L403" Warning "two rules that messages call by the same code"

    UnusedEventKind "L501" Note "an event kind that no rule uses"
    UnusedCalendar "L502" Note "a calendar that no pack uses"
    ClosedListEnds "L503" Warning "a list of closed days that ends within a year"
    ClosedWithoutEffect "L504" Warning "a closed period without a working day in it"
    RevisionPassed "L505" Note "a routine whose revision date has passed"

    FactsUnreadable "F001" Error "facts that cannot be read"
    NeverStarted "F101" Warning "a rule whose start nobody records"
    NeverMet "F102" Warning "a rule whose fulfilment nobody records"
    NotRecorded "F103" Note "an event kind that rules know and nobody records"
    FiredForNoCase "F104" Note "a rule that applies to no case"
    Unreachable "F201" Warning "a role that reaches nobody"
    CodesClash "F203" Warning "two rules of one municipality with the same code"
    UnusedPack "F204" Note "a pack that no municipality uses"
}

impl Code {
    /// The code of a word, in any case.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|code| code.word().eq_ignore_ascii_case(word.trim())).copied()
    }

    /// What it means, an example, and how to mend it: Markdown without its heading.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        let heading = format!("\n## {}\n", self.word());
        let body = EXPLANATIONS.find(&heading).and_then(|place| EXPLANATIONS.get(place + heading.len()..));
        body.map_or("", |body| body.split("\n## ").next().unwrap_or(body).trim())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
