//! What may stand in the register, and what plainly names a person.

use fristvakt::register::Unfit::{BirthNumber, Empty, MailAddress, PhoneNumber, TooLong, Unreadable};
use fristvakt::register::{Causes, Decision, LONGEST, Unfit, Written, author, free_text};
use proptest::prelude::*;

fn first_digit(digits: &[u32], weights: &[u32]) -> u32 {
    let sum: u32 = digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum();
    (11 - sum % 11) % 11
}

/// A number of this date and these three digits; `None`: there is none.
fn birth_number(date: &str, individual: u32) -> Option<String> {
    let mut digits: Vec<u32> = format!("{date}{individual:03}").chars().filter_map(|char| char.to_digit(10)).collect();
    for weights in [&[3, 7, 6, 1, 8, 9, 4, 5, 2][..], &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]] {
        digits.push(Some(first_digit(&digits, weights)).filter(|digit| *digit < 10)?);
    }
    Some(digits.iter().map(ToString::to_string).collect())
}

#[test]
fn what_plainly_names_a_person_is_refused() {
    let d_number = birth_number("410181", 123).or_else(|| birth_number("410181", 124)).unwrap();
    let synthetic = birth_number("018121", 123).or_else(|| birth_number("018121", 124)).unwrap();
    let ordinary = birth_number("010150", 123).or_else(|| birth_number("010150", 124)).unwrap();
    let spaced = format!("{} {}", &ordinary[..6], &ordinary[6..]);
    let dotted = format!("{}.{}.{}-{}", &ordinary[..2], &ordinary[2..4], &ordinary[4..6], &ordinary[6..]);
    let apart: String = ordinary.chars().map(|digit| format!("{digit} ")).collect();
    for number in [&ordinary, &d_number, &synthetic, &spaced, &dotted, &apart] {
        assert_eq!(free_text(&format!("gjelder {number} i 5. klasse")), Err(BirthNumber), "{number}");
        assert_eq!(free_text(number), Err(BirthNumber), "{number}");
    }
    assert_eq!(author(&ordinary), Err(BirthNumber));
    for text in [
        "skriv til kari@kommune.no",
        "kari.nordmann+bti@skole.kommune.no.",
        "kari @ kommune.no",
        "<kari@kommune.no>",
        "kari＠kommune．no",
        "mailto:a@b.no",
    ] {
        assert_eq!(free_text(text), Err(MailAddress), "{text}");
    }
    for text in [
        "ring 91234567",
        "ring 912 34 567.",
        "tlf. 22 33 44 55",
        "22.33.44.55",
        "9123 4567",
        "+47 91 23 45 67",
        "004791234567",
        "47 91 23 45 67",
        "(+47) 912-34-567",
        "+46 70 123 45 67",
        "91234567/12",
        "9 1 2 3 4 5 6 7",
        "nås på 91234567 etter 15.30",
        "912\u{a0}34\u{a0}567",
        "912\n34 567",
    ] {
        assert_eq!(free_text(text), Err(PhoneNumber), "{text}");
    }
}

#[test]
fn what_cannot_be_read_plainly_is_refused() {
    let long = "å".repeat(LONGEST + 1);
    let cases = [
        ("", Empty),
        (" \t\n ", Empty),
        (long.as_str(), TooLong(LONGEST)),
        ("912\u{200b}34567", Unreadable),
        ("kari\u{ad}@kommune.no", Unreadable),
        ("\u{202e}76543219", Unreadable),
        ("a\u{0}b", Unreadable),
        ("\u{1b}[31mrødt", Unreadable),
        ("٩١٢٣٤٥٦٧", Unreadable),
        ("９１２３４５６７", Unreadable),
        ("①②③", Unreadable),
        ("a\u{e0041}b", Unreadable),
    ];
    for (text, unfit) in cases {
        assert_eq!(free_text(text), Err(unfit), "{text:?}");
    }
    assert_eq!(author(&"k".repeat(101)), Err(TooLong(100)));
    assert_eq!(author("  "), Err(Empty));
}

#[test]
fn what_is_about_the_work_may_be_written() {
    for text in [
        "Ingen vikar i uke 10, 11 og 12; ny møtedag 24.12.2026",
        "Avtalt 2026-03-02, så 20260316 kl. 10.00-15.30",
        "Skoleåret 2025-2026 og 2025/2026, møter 22.00-23.30",
        "Møtet 21.03-25.04 ble flyttet tre ganger (3 av 12)",
        "Organisasjonsnummer 974760673",
        "Konto 1234 56 78901",
        "Rutinens § 9 A-4, trinn 2.3.1, versjon 1.6",
        "Sak 7F3K og 9QX2",
        "12 345 678 kroner",
        "Svarte ikke @ møtet",
        "2.3.2026 – 14 dager for sent",
        "Kapasitet: 1½ stilling av 2",
        "=1+1 er ingen formel her, <b>heller</b> ikke {{dette}}",
    ] {
        assert_eq!(free_text(text).as_deref(), Ok(text));
    }
    assert_eq!(free_text("  to\n\nlinjer \u{a0} og  luft ").as_deref(), Ok("to linjer og luft"));
    assert_eq!(free_text(&"å".repeat(LONGEST)).map(|text| text.chars().count()), Ok(LONGEST));
    assert_eq!(author("kari@kommune.no").as_deref(), Ok("kari@kommune.no"), "a user name may be an address");
}

#[test]
fn a_decision_says_which_part_cannot_be_taken_and_quotes_none() {
    let causes = Causes::default();
    let part = |decision: Result<Decision, fristvakt::register::Unusable>| {
        let unusable = decision.unwrap_err();
        assert!(!unusable.problem.contains("91234567"), "{unusable}");
        unusable.part
    };
    let good = Written { cause: "absence", reason: "ferie", ..Written::default() };
    let number = "ring 91234567";
    assert_eq!(part(Decision::explain(&causes, " ", good)), "by");
    assert_eq!(part(Decision::explain(&causes, "kari", Written { reason: number, ..good })), "reason");
    assert_eq!(part(Decision::explain(&causes, "kari", Written { action: Some(number), ..good })), "action");
    assert_eq!(part(Decision::explain(&causes, "kari", Written { cause: "absense", ..good })), "cause");
    let day = "2026-05-01".parse().ok();
    assert_eq!(part(Decision::explain(&causes, "kari", Written { action_due: day, ..good })), "action_due");
    assert_eq!(part(Decision::withdraw("kari", number)), "reason");
    assert_eq!(part(Decision::reopen("kari", "")), "reason");
    let near = Decision::explain(&causes, "kari", Written { cause: "absense", ..good }).unwrap_err().problem;
    assert!(near.contains("did you mean `absence`?") && near.contains("routine_unknown"), "{near}");
}

proptest! {
    /// However it is written, a valid number is found.
    #[test]
    fn every_birth_number_is_found(day in 1_u32..=28, month in 1_u32..=12, year in 0_u32..100, individual in 0_u32..1000, gap in "[ .-]?", before in "[a-zæøå ,]{0,20}") {
        let date = format!("{day:02}{month:02}{year:02}");
        if let Some(number) = birth_number(&date, individual) {
            let text = format!("{before}{}{gap}{}", &number[..6], &number[6..]);
            prop_assert_eq!(free_text(&text), Err(BirthNumber), "{}", text);
        }
    }

    /// Whatever is written, what is taken is plain, short and taken again.
    #[test]
    fn any_text_is_taken_or_refused(text in "\\PC{0,600}|[0-9 .+@-]{0,40}|\\p{Any}{0,50}") {
        if let Ok(taken) = free_text(&text) {
            prop_assert!(taken.chars().count() <= LONGEST && !taken.chars().any(char::is_control));
            prop_assert_eq!(free_text(&taken), Ok::<_, Unfit>(taken.clone()));
        }
    }
}
