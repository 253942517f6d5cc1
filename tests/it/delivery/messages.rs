//! What messages say, in every language.

use std::collections::HashMap;

use fristvakt::calendar::{Closure, YearlyDay};
use fristvakt::case::CaseRef;
use fristvakt::delivery::message::{
    BacklogLine, Counted, CountedBasis, Line, ListLine, ListedOne, Mark, MessageContent, PeriodName, Reached, Reader,
    RecipientKind, ReportContent, ReportFile, Templates, TenantKind, TenantMessage, Told,
};
use fristvakt::language::Language;
use fristvakt::notice::{Purpose, Role};
use fristvakt::obligation::{Proof, ProofStep, RuleIndex};
use fristvakt::oversight::List;
use fristvakt::report::{Before, Figure, Oldest, Row};
use fristvakt::rules::{EventPattern, From as RuleStart, Period};
use fristvakt::schedule::Scheduled;
use fristvakt::vocabulary::Vocabulary;

use super::samples::{date, directly, escalation, message, reminder, span};

fn embedded() -> Templates {
    let (templates, problems) = Templates::new(&HashMap::new());
    assert_eq!(problems, []);
    templates
}

/// A line due `days` from the day of sending, with its reference.
fn line(reference: &str, due_on: &str, purpose: Purpose, overdue: bool) -> Line {
    Line {
        reference: CaseRef::parse(reference).unwrap(),
        due_on: date(due_on),
        purpose,
        overdue,
        ..reminder(Language::Nb)
    }
}

#[test]
fn a_mail_with_an_escalation_and_reminders_in_every_language() {
    for language in Language::ALL {
        let meeting = Line {
            reference: CaseRef::parse("M-2026/118").unwrap(),
            notice: ["Hold møte i stafettgruppa", "Hald møte i stafettgruppa", "Hold the baton group meeting"]
                [language as usize]
                .into(),
            code: "T7".into(),
            due_on: date("2026-03-27"),
            counted: Counted {
                basis: CountedBasis::Span { span: span("4w"), from: date("2026-02-26") },
                marks: vec![Mark::Paused, Mark::WorkingDay],
            },
            reader: Reader { role: Role::Stafettholder, reached: Reached::AsDeputy },
            ..reminder(language)
        };
        let content = message(language, vec![meeting, reminder(language), escalation(language)]);
        let (mail, problems) = embedded().render(&content);
        assert_eq!(problems, []);
        let code = language.code();
        insta::assert_snapshot!(format!("{code}.txt"), format!("Subject: {}\n\n{}", mail.subject, mail.text));
        insta::assert_snapshot!(format!("{code}.html"), mail.html);
    }
}

#[test]
fn subjects_say_how_many_cases_and_the_first_date() {
    let one = || vec![reminder(Language::Nb)];
    let late = || vec![line("7F3K", "2026-03-12", Purpose::Reminder, true)];
    let cases: &[(&str, Vec<Line>, bool)] = &[
        ("Frist: 1 sak, mandag 16. mars", one(), false),
        ("[mulig gjentakelse] Frist: 1 sak, mandag 16. mars", one(), true),
        ("Frist gått ut: 1 sak, torsdag 12. mars", late(), false),
        ("Frister: 1 sak, første mandag 16. mars", [one(), one()].concat(), false),
        (
            "Frister: 2 saker, første gikk ut torsdag 12. mars",
            [one(), vec![line("AAAA", "2026-03-12", Purpose::Reminder, true)]].concat(),
            false,
        ),
        ("Frist: 1 sak, mandag 4. januar 2027", vec![line("7F3K", "2027-01-04", Purpose::Reminder, false)], false),
    ];
    for (expected, lines, possible_repeat) in cases {
        let content = MessageContent { possible_repeat: *possible_repeat, ..message(Language::Nb, lines.clone()) };
        assert_eq!(embedded().render(&content).0.subject, *expected);
    }
}

#[test]
fn overdue_escalations_stand_first_then_the_earliest() {
    let content = message(
        Language::Nb,
        vec![
            line("D", "2026-03-20", Purpose::Reminder, false),
            line("C", "2026-03-16", Purpose::Escalation, false),
            line("B", "2026-03-11", Purpose::Reminder, true),
            line("A", "2026-03-12", Purpose::Escalation, true),
        ],
    );
    let order: Vec<&str> = content.sorted_lines().into_iter().map(|line| line.reference.as_str()).collect();
    assert_eq!(order, ["A", "B", "C", "D"]);
}

#[test]
fn days_left_and_late() {
    let cases = [
        ("2026-03-18", false, "5 dager igjen.", "5 dagar igjen.", "5 days left."),
        ("2026-03-15", false, "2 dager igjen.", "2 dagar igjen.", "2 days left."),
        ("2026-03-14", false, "Fristen er i morgen.", "Fristen er i morgon.", "It is due tomorrow."),
        ("2026-03-13", false, "Fristen er i dag.", "Fristen er i dag.", "It is due today."),
        ("2026-03-13", true, "Fristen gikk ut i dag.", "Fristen gjekk ut i dag.", "It was due earlier today."),
        ("2026-03-12", true, "Fristen gikk ut i går.", "Fristen gjekk ut i går.", "It was due yesterday."),
        (
            "2026-03-10",
            true,
            "Fristen gikk ut for 3 dager siden.",
            "Fristen gjekk ut for 3 dagar sidan.",
            "It was due 3 days ago.",
        ),
    ];
    for (due_on, overdue, nb, nn, en) in cases {
        for (language, expected) in Language::ALL.into_iter().zip([nb, nn, en]) {
            let content = message(language, vec![line("A", due_on, Purpose::Reminder, overdue)]);
            assert_contains(&content, expected);
        }
    }
}

#[test]
fn how_a_date_was_counted() {
    let from = |length: &str| CountedBasis::Span { span: span(length), from: date("2026-03-02") };
    let cases = [
        (from("14d"), vec![], "14 dager fra 2. mars", "14 dagar frå 2. mars", "14 days from 2 March"),
        (from("1w"), vec![], "1 uke fra 2. mars", "1 veke frå 2. mars", "1 week from 2 March"),
        (from("-1w"), vec![], "1 uke før 2. mars", "1 veke før 2. mars", "1 week before 2 March"),
        (from("3mo"), vec![], "3 måneder fra 2. mars", "3 månader frå 2. mars", "3 months from 2 March"),
        (from("1y"), vec![], "1 år fra 2. mars", "1 år frå 2. mars", "1 year from 2 March"),
        (
            from("5wd"),
            vec![],
            "5 arbeidsdager fra 2. mars",
            "5 arbeidsdagar frå 2. mars",
            "5 working days from 2 March",
        ),
        (from("24h"), vec![], "24 timer fra 2. mars", "24 timar frå 2. mars", "24 hours from 2 March"),
        (from("0d"), vec![], "regnet fra 2. mars", "rekna frå 2. mars", "counted from 2 March"),
        (
            CountedBasis::Agreed,
            vec![Mark::Extended],
            "avtalt dato, forlenget",
            "avtalt dato, forlengd",
            "agreed date, extended",
        ),
        (CountedBasis::CaseDate, vec![], "ut fra en dato i saken", "ut frå ein dato i saka", "from a date in the case"),
        (CountedBasis::Yearly, vec![], "fast dato hvert år", "fast dato kvart år", "a fixed date each year"),
        (
            from("14d"),
            vec![Mark::Weekday(chrono::Weekday::Mon)],
            "14 dager fra 2. mars, flyttet til mandag",
            "14 dagar frå 2. mars, flytta til måndag",
            "14 days from 2 March, moved to Monday",
        ),
        (period("2026-W07"), vec![], "for uke 7 i 2026", "for veke 7 i 2026", "for week 7 of 2026"),
        (period("2026-03"), vec![], "for mars 2026", "for mars 2026", "for March 2026"),
        (period("2026-Q1"), vec![], "for 1. kvartal 2026", "for 1. kvartal 2026", "for quarter 1 of 2026"),
        (period("2026-H2"), vec![], "for 2. halvår 2026", "for 2. halvår 2026", "for half-year 2 of 2026"),
        (period("2026"), vec![], "for 2026", "for 2026", "for 2026"),
        (
            period("2026-2027"),
            vec![],
            "for skoleåret 2026–2027",
            "for skuleåret 2026–2027",
            "for the school year 2026–2027",
        ),
        (
            period("2026-01-05"),
            vec![],
            "for perioden fra 5. januar",
            "for perioden frå 5. januar",
            "for the period from 5 January",
        ),
    ];
    for (basis, marks, nb, nn, en) in cases {
        for (language, expected) in Language::ALL.into_iter().zip([nb, nn, en]) {
            let counted = Counted { basis: basis.clone(), marks: marks.clone() };
            let content = message(language, vec![Line { counted, ..reminder(language) }]);
            assert_contains(&content, &format!("({expected}, "));
        }
    }
}

#[test]
fn a_proof_gives_its_dates_and_never_one_of_the_case() {
    let mut vocabulary = Vocabulary::built_in_only();
    let event = EventPattern { kind: vocabulary.built_in().deadline_extended, filter: None };
    let until = vocabulary.attribute("until");
    let each = || RuleStart::Each(vec![event.clone()]);
    let dated = || RuleStart::Date { event: event.clone(), date: until };
    let started = date("2026-03-02");
    let from = |length| CountedBasis::Span { span: span(length), from: started };
    let cases = [
        (each(), "14d", from("14d")),
        (dated(), "-1w", from("-1w")),
        (dated(), "0d", CountedBasis::Agreed),
        (RuleStart::DueOf(RuleIndex(0)), "3mo", from("3mo")),
        // A date of birth, and an age.
        (RuleStart::Case(until), "16y", CountedBasis::CaseDate),
        (RuleStart::Yearly(YearlyDay::Easter(-7)), "0d", CountedBasis::Yearly),
        (RuleStart::Every(Period::Month), "0d", period("2026-03")),
    ];
    let on = started;
    for (from, length, basis) in cases {
        let extended = || ProofStep::Extended { event: "e2".into(), until: on };
        let steps = vec![
            ProofStep::Start { on, event: None },
            ProofStep::Span { span: span(length), number: None, to: on },
            ProofStep::Paused { from: on, to: None },
            ProofStep::NotWorking { on, why: Closure::Holiday("Skjærtorsdag".into()) },
            ProofStep::Rolled { to: on },
            extended(),
            extended(),
        ];
        let counted = Counted::from_proof(&Proof(steps), &from, "2026-03");
        assert_eq!(counted, Counted { basis, marks: vec![Mark::Paused, Mark::WorkingDay, Mark::Extended] });
    }
}

#[test]
fn text_that_is_no_period_is_none() {
    for name in ["", "e17", "2026-W54", "2026-Q5", "2026-H0", "2026-13", "2026-2028", "2026-02-30"] {
        assert_eq!(PeriodName::parse(name), None, "{name}");
    }
}

#[test]
fn why_the_reader_is_told() {
    use RecipientKind::{Fallback, Person, Unit};
    let deputy = Reader { role: Role::Stafettholder, reached: Reached::AsDeputy };
    let next = Reader { role: Role::Leader, reached: Reached::NextInChain };
    let cases = [
        (
            Person,
            directly(Role::Leader),
            "Du får dette fordi du er leder.",
            "Du får dette fordi du er leiar.",
            "You get this because you are the leader.",
        ),
        (
            Person,
            deputy,
            "Du får dette fordi du er stedfortreder for stafettholderen.",
            "Du får dette fordi du er stadfortredar for stafetthaldaren.",
            "You get this because you are standing in for the baton holder.",
        ),
        (
            Person,
            next.clone(),
            "Du får dette fordi lederen ikke kan nås, og du er neste i rekken.",
            "Du får dette fordi leiaren ikkje kan nåast, og du er neste i rekkja.",
            "You get this because the leader cannot be reached and you are next in line.",
        ),
        (
            Unit,
            directly(Role::Unit),
            "Enheten får dette fordi saken hører til her.",
            "Eininga får dette fordi saka høyrer til her.",
            "The unit gets this because the case belongs here.",
        ),
        (
            Fallback,
            next,
            "Dette går til reserveadressen fordi lederen ikke kan nås.",
            "Dette går til reserveadressa fordi leiaren ikkje kan nåast.",
            "This goes to the fallback address because the leader cannot be reached.",
        ),
    ];
    for (recipient_kind, reader, nb, nn, en) in cases {
        for (language, expected) in Language::ALL.into_iter().zip([nb, nn, en]) {
            let lines = vec![Line { reader: reader.clone(), ..reminder(language) }];
            assert_contains(&MessageContent { recipient_kind, ..message(language, lines) }, expected);
        }
    }
}

#[test]
fn a_contacts_name_never_stands_in_a_mail() {
    for reached in [Reached::Directly, Reached::AsDeputy, Reached::NextInChain] {
        for recipient_kind in [RecipientKind::Person, RecipientKind::Unit, RecipientKind::Fallback] {
            let role = Role::Contact("barnevern".into());
            let told = Some(Told { role: role.clone(), on: date("2026-03-12") });
            let lines = vec![Line { reader: Reader { role, reached }, told, ..reminder(Language::Nb) }];
            let (mail, _) = embedded().render(&MessageContent { recipient_kind, ..message(Language::Nb, lines) });
            assert!(!format!("{mail:?}").contains("barnevern"));
        }
    }
}

/// Every list, the first with more than is shown.
fn lists() -> TenantKind {
    let one = |what: &str, since: Option<&str>, until: Option<&str>| ListedOne {
        what: what.to_owned(),
        since: since.map(date),
        until: until.map(date),
    };
    let line = |list: List| {
        let (count, shown) = match list {
            List::WithoutHolder => (7, vec![one("7F3K", Some("2026-03-03"), None), one("2QX9", None, None)]),
            List::AddressRefused => (1, vec![one("unit:skole-1", Some("2025-12-30"), None)]),
            List::RuleUnmatched => (2, vec![one("T4", None, None), one("T9", None, None)]),
            List::SilenceEnds => (1, vec![one("3", None, Some("2026-03-20"))]),
            _ => (1, vec![one("8XYZ", None, None)]),
        };
        ListLine { list, count, shown }
    };
    TenantKind::Lists { today: date("2026-03-16"), lists: List::ALL.map(line).to_vec() }
}

/// Figures of a period in which so many obligations were due, and so many of them met in time.
fn figures(due: u64, in_time: u64) -> Row {
    let share = |part: u64| if due == 0 { Figure::Nothing } else { Figure::Is(part as f64 / due as f64) };
    Row {
        opened: Figure::Is(3),
        closed: Figure::Is(4),
        open: Figure::Is(5),
        due: Figure::Is(due),
        in_time: Figure::Is(in_time),
        share_in_time: share(in_time),
        median_days_late: Figure::Is(6.5),
        oldest_open: Figure::Is(Oldest { due_on: date("2026-03-02"), reference: "7F3K".to_owned(), days: 14 }),
        before: Before {
            open: Figure::Is(6),
            due: Figure::Is(due),
            in_time: Figure::Is(in_time.saturating_sub(4)),
            share_in_time: share(in_time.saturating_sub(4)),
            ..Before::default()
        },
        ..Row::default()
    }
}

/// A report of a period, with so many lines; the weekly one goes to a leader.
fn report(period: &str, lines: Vec<BacklogLine>) -> TenantKind {
    let named =
        Scheduled::ALL.into_iter().find_map(|scheduled| fristvakt::schedule::Period::parse(scheduled, period)).unwrap();
    let is_weekly = named.scheduled == Scheduled::Weekly;
    let name = format!("avvik-{period}.html");
    let file = ReportFile { name, media_type: "text/html; charset=utf-8", bytes: b"<!DOCTYPE html>".to_vec() };
    TenantKind::Report(Box::new(ReportContent {
        period: named,
        today: date("2026-03-16"),
        figures: figures(if is_weekly { 0 } else { 40 }, if is_weekly { 0 } else { 37 }),
        open_now: 5,
        lines,
        link: (!is_weekly).then(|| "https://samspill.example/rapport".to_owned()),
        files: if is_weekly { vec![] } else { vec![file] },
        too_large: named.scheduled == Scheduled::Yearly,
    }))
}

#[test]
fn what_is_mailed_on_a_schedule_says_nothing_of_what_a_case_is_about() {
    for language in Language::ALL {
        for kind in [lists(), report("2026-W11", vec![]), report("2026-Q1", vec![])] {
            let (tenant_name, possible_repeat) = ("Blåfjell kommune".into(), false);
            let (mail, _) = embedded().render_tenant(&TenantMessage { language, tenant_name, kind, possible_repeat });
            let text = format!("{}{}{}", mail.subject, mail.text, mail.html).to_lowercase();
            for word in ["barnevern", "child welfare", "9a", "nivå", "skolemiljø", "tromso/", "bekymring"] {
                assert!(!text.contains(word), "{word}: {text}");
            }
        }
    }
}

#[test]
fn messages_to_the_coordinator_in_every_language() {
    for language in Language::ALL {
        let line = |reference: &str, due_on: &str| BacklogLine {
            reference: CaseRef::parse(reference).unwrap(),
            notice: reminder(language).notice,
            code: "T1".into(),
            due_on: date(due_on),
        };
        let kinds = [
            (
                "revision",
                TenantKind::RevisionDue {
                    pack_title: "Rutine for bruk av BTI-modellen".into(),
                    revise_by: date("2022-12-01"),
                },
            ),
            (
                "backlog",
                TenantKind::Backlog { count: 7, lines: vec![line("7F3K", "2025-11-03"), line("2QX9", "2026-01-12")] },
            ),
            ("lists", lists()),
            ("weekly", report("2026-W11", vec![line("7F3K", "2026-03-02"), line("2QX9", "2026-03-09")])),
            ("monthly", report("2026-02", vec![])),
            ("quarterly", report("2026-Q1", vec![])),
            ("yearly", report("2026", vec![])),
        ];
        for (name, kind) in kinds {
            let message =
                TenantMessage { language, tenant_name: "Blåfjell kommune".into(), kind, possible_repeat: false };
            let (mail, problems) = embedded().render_tenant(&message);
            assert_eq!(problems, []);
            insta::assert_snapshot!(
                format!("{name}-{}.txt", language.code()),
                format!("Subject: {}\n\n{}", mail.subject, mail.text)
            );
        }
    }
}

#[test]
fn a_folder_may_bring_its_own_words() {
    let own = HashMap::from([
        (
            "nb/message.txt".to_owned(),
            "{% for line in lines %}{{ line.reference }} {{ line.due_on }}{% endfor %}".to_owned(),
        ),
        ("nb/subject.txt".to_owned(), "Hei\r\nBcc: {{ tenant }}\u{0}".to_owned()),
    ]);
    let (templates, problems) = Templates::new(&own);
    assert_eq!((problems, templates.check()), (vec![], vec![]));
    let (mail, _) = templates.render(&message(Language::Nb, vec![reminder(Language::Nb)]));
    assert_eq!((mail.subject.as_str(), mail.text.as_str()), ("Hei Bcc: Blåfjell kommune", "7F3K 2026-03-16"));
}

#[test]
fn a_broken_template_gives_plain_words_and_a_problem() {
    let cases = [
        ("{{ lines[0].title }}", "messages/nb/message.txt:1: undefined value; a plain text is used until it is mended"),
        (
            "{% for i in range(10000) %}{% for j in range(10000) %}{% endfor %}{% endfor %}",
            "messages/nb/message.txt:1: engine ran out of fuel; a plain text is used until it is mended",
        ),
        (
            "{% for i in range(10000) %}{{ 'x' * 1000 }}{% endfor %}",
            "messages/nb/message.txt: failed to write output; a plain text is used until it is mended",
        ),
        (" \n", "messages/nb/message.txt: gives an empty text; a plain text is used until it is mended"),
    ];
    for (text, expected) in cases {
        let (templates, _) = Templates::new(&HashMap::from([("nb/message.txt".to_owned(), text.to_owned())]));
        let (mail, problems) = templates.render(&message(Language::Nb, vec![reminder(Language::Nb)]));
        assert_eq!(mail.text, "Sak 7F3K: ta en beslutning, frist mandag 16. mars 2026\n");
        assert_eq!(problems.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
        assert_eq!(templates.check(), problems, "`check` finds it before a message does");
    }
}

#[test]
fn a_template_that_does_not_parse_leaves_the_built_in_one() {
    let own = HashMap::from([
        ("nb/message.txt".to_owned(), "\n{% if %}".to_owned()),
        ("nb/mesage.txt".to_owned(), String::new()),
    ]);
    let (templates, problems) = Templates::new(&own);
    let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert!(shown[0].starts_with("messages/nb/mesage.txt: no message uses this file"), "{shown:?}");
    assert!(shown[1].starts_with("messages/nb/message.txt:2: "), "{shown:?}");
    let content = message(Language::Nb, vec![reminder(Language::Nb)]);
    assert_eq!(templates.render(&content).0, embedded().render(&content).0);
}

/// Every page that can go out: of the templates, in plain words, and to the coordinator.
fn pages(language: Language) -> Vec<String> {
    let content = message(language, vec![reminder(language), escalation(language)]);
    let broken = HashMap::from([(format!("{}/message.html", language.code()), "{{ nope }}".to_owned())]);
    let kind = TenantKind::RevisionDue { pack_title: "Rutine".into(), revise_by: date("2026-03-01") };
    let tenant = TenantMessage { language, tenant_name: "Blåfjell kommune".into(), kind, possible_repeat: false };
    vec![
        embedded().render(&content).0.html,
        Templates::new(&broken).0.render(&content).0.html,
        embedded().render_tenant(&tenant).0.html,
    ]
}

#[test]
fn a_page_says_its_language_and_loads_nothing() {
    for language in Language::ALL {
        for page in pages(language) {
            let html = format!("<html lang=\"{}\" dir=\"ltr\">", language.code());
            assert!(page.starts_with("<!DOCTYPE html>") && page.contains(&html), "{page}");
            assert!(page.contains("<meta charset=\"utf-8\">"));
            for loading in ["src=", "url(", "@import", "<link", "<script", "<img", "background="] {
                assert!(!page.contains(loading), "{loading}: {page}");
            }
        }
    }
}

#[test]
fn an_own_page_that_loads_something_is_not_used() {
    let cases = [
        ("<img src=\"https://ondt.example/1.gif\">", Some("src=")),
        ("<IMG SRC='//ondt.example/1.gif'>", Some("src=")),
        ("<div style=\"background:url(https://ondt.example/1.gif)\">", Some("url(")),
        ("<link rel=\"stylesheet\" href=\"https://ondt.example/a.css\">", Some("<link")),
        ("<style>@import 'https://ondt.example/a.css'</style>", Some("@import")),
        ("<img src=\"data:image/png;base64,AAAA\"><a href=\"https://a.example/\">x</a>", None),
    ];
    for (page, what) in cases {
        let own = HashMap::from([("nb/message.html".to_owned(), page.to_owned())]);
        let (templates, problems) = Templates::new(&own);
        let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let content = message(Language::Nb, vec![reminder(Language::Nb)]);
        let is_built_in = templates.render(&content).0.html == embedded().render(&content).0.html;
        assert_eq!((is_built_in, shown.len()), (what.is_some(), usize::from(what.is_some())), "{page}");
        if let Some(what) = what {
            assert!(shown[0].starts_with(&format!("messages/nb/message.html: `{what}` loads")), "{shown:?}");
        }
    }
}

#[test]
fn what_a_page_shows_is_never_taken_for_markup() {
    let notice = "<b>Møte</b> & \"samtale\"";
    let content = message(Language::Nb, vec![Line { notice: notice.into(), ..reminder(Language::Nb) }]);
    let (mail, _) = embedded().render(&content);
    assert!(mail.text.contains(notice) && !mail.html.contains("<b>Møte"), "{}", mail.html);
}

#[test]
fn only_web_addresses_become_links() {
    for (link, shown) in
        [("https://a.example/7F3K", true), ("javascript:alert(1)", false), ("https://a.example/\r\nx", false)]
    {
        let lines = vec![Line { link: Some(link.to_owned()), ..reminder(Language::Nb) }];
        let (mail, _) = embedded().render(&message(Language::Nb, lines));
        assert_eq!(mail.text.contains(link), shown, "{link:?}");
        assert_eq!(mail.html.contains("href"), shown, "{link:?}");
    }
}

#[test]
fn a_flood_is_cut_and_counted() {
    let lines = (0..5000).map(|n| line(&format!("S-{n}"), "2026-03-16", Purpose::Reminder, false)).collect();
    let (mail, problems) = embedded().render(&message(Language::Nb, lines));
    assert_eq!(problems, []);
    assert!(mail.text.contains("… og 4800 til.") && mail.html.len() < 512 * 1024);
    assert_eq!(mail.subject, "Frister: 5000 saker, første mandag 16. mars");
}

fn period(name: &str) -> CountedBasis {
    CountedBasis::Period(PeriodName::parse(name).unwrap())
}

fn assert_contains(content: &MessageContent, expected: &str) {
    let (mail, problems) = embedded().render(content);
    assert_eq!(problems, []);
    assert!(mail.text.contains(expected), "{expected:?} is not in\n{}", mail.text);
}
