//! Explanations of one world, as a coordinator reads them: Easter, a pause, an extension, a roll, an overtaken step, a
//! grace wait, and everything that keeps a notice from going out.

use std::path::{Path, PathBuf};

use fristvakt::calendar::Instant;
use fristvakt::engine::{Municipality, explain};
use fristvakt::explanation::{Explanation, Subject, from_run};
use fristvakt::facts::World;
use fristvakt::folder::RulesFolder;
use fristvakt::language::Language;
use fristvakt::silence::{Covered, Silence, SilenceId};
use fristvakt::simulate::{Stretch, run_case};

const NOW: &str = "2026-04-16T12:00:00+02:00";

fn explanations(language: Language) -> Vec<Explanation> {
    explanations_with(language, &[])
}

fn explanations_with(language: Language, silences: &[Silence]) -> Vec<Explanation> {
    // As the user would name it: the place of a rule is part of the explanation.
    let folder = PathBuf::from("tests/data/examples/rules");
    let rules = RulesFolder::open(Some(&folder)).expect("a folder").load().expect("rules").0;
    let facts = std::fs::read(Path::new("tests/data/explain/facts.ndjson")).expect("facts");
    let world = World::load(facts.as_slice(), &rules).expect("a world");
    let facts = &world.municipalities[0];
    let municipality = Municipality::new(&rules, &facts.organisation).expect("a municipality");
    let silent = municipality.clone().with_silences(silences);
    let now: Instant = NOW.parse().expect("an instant");
    let explanation = |case| {
        let stretch = Stretch::until(&municipality, facts.first_recorded_at, now);
        let (told, ledger) = from_run(&run_case(&municipality, case, facts.first_recorded_at, stretch));
        let subject = Subject { municipality: &silent, case, now, language };
        Explanation::of(&subject, &explain(&silent, case, &ledger, now), &told)
    };
    facts.cases.iter().map(explanation).collect()
}

fn text(language: Language) -> String {
    explanations(language).iter().map(Explanation::text).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_case_is_explained_in_three_languages() {
    for language in Language::ALL {
        insta::assert_snapshot!(language.code(), text(language));
    }
}

#[test]
fn an_explanation_names_no_person_and_no_free_text() {
    for language in Language::ALL {
        let explanations = explanations(language);
        let objects = explanations.iter().flat_map(Explanation::objects).map(|object| object.to_string());
        let all = format!("{}{}", text(language), objects.collect::<String>());
        for name in ["Kari", "Siri", "Roar", "Lars", "venter på", "@"] {
            assert!(!all.contains(name), "{name} in {}", language.code());
        }
    }
}

#[test]
fn a_silence_is_explained_by_its_id_in_three_languages() {
    let silence = |number, kind, name, until: &str| Silence {
        id: SilenceId(number),
        covers: Covered::parse(kind, name).expect("a kind"),
        until: until.parse().expect("a date"),
    };
    // The case until Friday; the leader, who is the coordinator's deputy too, until after the next repetition.
    let silences = [silence(3, "case", "S-5", "2026-04-17"), silence(4, "person", "rektor", "2026-04-22")];
    let mut all = String::new();
    for language in Language::ALL {
        let explanation = explanations_with(language, &silences).pop().expect("the last case");
        all.push_str(&format!("{}\n", explanation.text()));
    }
    insta::assert_snapshot!("silenced", all);
    let object = explanations_with(Language::En, &silences).pop().expect("the last case").objects().swap_remove(0);
    let shown = serde_json::to_string_pretty(&object["next"][0]).expect("JSON");
    insta::assert_snapshot!("silenced_object", shown);
}

#[test]
fn an_explanation_is_one_object_for_each_obligation() {
    let case = &explanations(Language::En)[0];
    let objects = case.objects();
    let short = objects.iter().map(|object| format!("{} {} {}", object["type"], object["rule"], object["start"]));
    insta::assert_snapshot!("objects", short.collect::<Vec<_>>().join("\n"));
    insta::assert_snapshot!("object", serde_json::to_string_pretty(&objects[2]).expect("JSON"));
}
