//! Causes: those that every installation has, and a municipality's own.

use std::collections::BTreeSet;

use fristvakt::language::Language;
use fristvakt::register::Causes;
use fristvakt::rules::diagnostics::RuleFiles;
use fristvakt::rules::{embedded, load};

/// The shipped rules with more words; the causes, or the report of what is wrong.
fn with(words: &str) -> Result<Causes, String> {
    let files = embedded().files.into_iter().map(|(path, text)| {
        let more = if &*path == "vocabulary.toml" { words } else { "" };
        (path, format!("{text}\n{more}"))
    });
    let loaded = load(RuleFiles::new(files.collect()), str::to_owned);
    loaded.map(|(rules, _)| rules.causes).map_err(|report| report.render(false))
}

#[test]
fn every_built_in_cause_has_a_code_of_its_own_and_a_title_in_each_language() {
    let causes = Causes::default();
    let codes: BTreeSet<&str> = causes.iter().map(|cause| &*cause.code).collect();
    assert_eq!(codes.len(), causes.iter().count());
    for cause in causes.iter() {
        let titles = Language::ALL.map(|language| cause.title.text(language));
        assert!(titles.iter().all(|title| !title.is_empty()), "{}", cause.code);
        assert_ne!(titles[0], titles[2], "{} is translated", cause.code);
    }
    assert_eq!(causes.title("absence", Language::Nn), "Fråvær utan vikar");
    assert_eq!(
        causes.title("gone_since", Language::Nb),
        "gone_since",
        "a code that is no longer known is shown itself"
    );
}

#[test]
fn a_municipality_adds_its_own() {
    let causes =
        with("[causes.school_trip]\ntitle = { nb = \"Leirskole\", nn = \"Leirskule\", en = \"School camp\" }").unwrap();
    let own = causes.get("school_trip").unwrap();
    assert_eq!(
        Language::ALL.map(|language| own.title.text(language).to_string()),
        ["Leirskole", "Leirskule", "School camp"]
    );
    assert_eq!(causes.iter().count(), Causes::default().iter().count() + 1);
    assert!(causes.get("absence").is_some());
}

#[test]
fn a_cause_that_cannot_be_used_is_an_error_with_its_line() {
    for (words, says) in [
        ("[causes.absence]\ntitle = \"Fravær\"", "the cause `absence` is there already (it may be built in)"),
        ("[causes.\"Skole tur\"]\ntitle = \"x\"", "`Skole tur` is no code of a cause"),
        ("[causes.trip]", "cause needs `title`"),
        ("[causes.trip]\ntitel = \"x\"\ntitle = \"x\"", "did you mean `title`?"),
        ("[causes.trip]\ntitle = { }", "a text is given in nb, nn or en"),
        ("[causes]\ntrip = 1", "expected a table"),
    ] {
        let report = with(words).unwrap_err();
        assert!(report.contains(says) && report.contains("vocabulary.toml:"), "{words}\n{report}");
    }
}
