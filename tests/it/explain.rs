//! Explanations of one world, as a coordinator reads them: Easter, a pause, an extension, a roll, an overtaken step, a
//! grace wait, and everything that keeps a notice from going out.

use std::path::{Path, PathBuf};

use fristvakt::calendar::Instant;
use fristvakt::engine::{Municipality, explain};
use fristvakt::explanation::{Explanation, Subject, from_run};
use fristvakt::facts::World;
use fristvakt::folder::RulesFolder;
use fristvakt::language::Language;
use fristvakt::simulate::{Stretch, run_case};

const NOW: &str = "2026-04-16T12:00:00+02:00";

fn explanations(language: Language) -> Vec<Explanation> {
    // As the user would name it: the place of a rule is part of the explanation.
    let folder = PathBuf::from("tests/data/examples/rules");
    let rules = RulesFolder::open(Some(&folder)).expect("a folder").load().expect("rules").0;
    let facts = std::fs::read(Path::new("tests/data/explain/facts.ndjson")).expect("facts");
    let world = World::load(facts.as_slice(), &rules).expect("a world");
    let facts = &world.municipalities[0];
    let municipality = Municipality::new(&rules, &facts.organisation).expect("a municipality");
    let now: Instant = NOW.parse().expect("an instant");
    let explanation = |case| {
        let stretch = Stretch::until(&municipality, facts.first_recorded_at, now);
        let (told, ledger) = from_run(&run_case(&municipality, case, facts.first_recorded_at, stretch));
        let subject = Subject { municipality: &municipality, case, now, language };
        Explanation::of(&subject, &explain(&municipality, case, &ledger, now), &told)
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
fn an_explanation_is_one_object_for_each_obligation() {
    let case = &explanations(Language::En)[0];
    let objects = case.objects();
    let short = objects.iter().map(|object| format!("{} {} {}", object["type"], object["rule"], object["start"]));
    insta::assert_snapshot!("objects", short.collect::<Vec<_>>().join("\n"));
    insta::assert_snapshot!("object", serde_json::to_string_pretty(&objects[2]).expect("JSON"));
}
