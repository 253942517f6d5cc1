//! Message templates: any text as a template, and any words in the shipped ones.

use std::collections::HashMap;
use std::sync::LazyLock;

use fristvakt::case::CaseRef;
use fristvakt::delivery::message::{
    BacklogLine, Counted, CountedBasis, Line, ListLine, ListedOne, MessageContent, Reached, Reader, RecipientKind,
    Rendered, ReportContent, ReportFile, Templates, TenantKind, TenantMessage, Told,
};
use fristvakt::language::Language;
use fristvakt::notice::{Purpose, Role};
use fristvakt::oversight::List;
use fristvakt::report::{Figure, Oldest, Row};
use fristvakt::schedule::Scheduled;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::cases;
use super::edit::{edited, edits};
use crate::delivery::samples::{date, escalation, message, reminder, span};

static SHIPPED: LazyLock<Templates> = LazyLock::new(|| Templates::new(&HashMap::new()).0);

const SOURCES: [(&str, &str); 7] = [
    ("nb/subject.txt", include_str!("../../../rules/messages/nb/subject.txt")),
    ("nb/message.txt", include_str!("../../../rules/messages/nb/message.txt")),
    ("nb/message.html", include_str!("../../../rules/messages/nb/message.html")),
    ("nb/revision.txt", include_str!("../../../rules/messages/nb/revision.txt")),
    ("nb/backlog.txt", include_str!("../../../rules/messages/nb/backlog.txt")),
    ("nb/lists.txt", include_str!("../../../rules/messages/nb/lists.txt")),
    ("nb/report.txt", include_str!("../../../rules/messages/nb/report.txt")),
];

/// What templates are made of, and what makes them large or slow.
const PIECES: [&str; 44] = [
    "{{ ",
    " }}",
    "{% ",
    " %}",
    "{# ",
    " #}",
    "for line in lines",
    "endfor",
    "if more",
    "else",
    "endif",
    "for i in range(100000)",
    "set x = ",
    "macro m(a)",
    "endmacro",
    "m(1)",
    "block b",
    "endblock",
    "include 'nb/message.txt'",
    "extends 'nb/message.html'",
    "call m()",
    "endcall",
    "filter upper",
    "endfilter",
    "lines",
    "lines[0].link",
    "summary",
    "'a' * 1000000000",
    "'a' * 9223372036854775807",
    "[1]",
    "'a'",
    "9223372036854775807",
    " + ",
    " ** ",
    " // 0",
    " % 0",
    "-9223372036854775808",
    "|upper",
    "|indent(2)",
    "|center(1000000000)",
    "|join('a' * 100000)",
    "|list",
    "\u{7}",
    "\r\n",
];

/// What holds for every message, whatever template or words it came from.
fn check(rendered: &Rendered) {
    let Rendered { subject, text, html } = rendered;
    assert!(!subject.trim().is_empty(), "no subject");
    assert!(!subject.contains(char::is_control), "{subject:?}");
    assert!(subject.chars().count() <= 120 + 30, "{subject}");
    assert!(!text.trim().is_empty() && !html.trim().is_empty(), "no text");
    // A plain text as a page grows by its marks.
    assert!(text.len() <= 512 * 1024 && html.len() <= 4 * 1024 * 1024, "{} {}", text.len(), html.len());
}

fn tenant_message(language: Language, words: &str) -> TenantMessage {
    let line = BacklogLine {
        reference: CaseRef::derived("t", words),
        notice: words.into(),
        code: words.into(),
        due_on: date("2026-03-16"),
    };
    let kind = match words.len() % 4 {
        0 => TenantKind::Backlog { count: words.len(), lines: vec![line; words.len() % 300] },
        1 => TenantKind::RevisionDue { pack_title: words.into(), revise_by: date("2026-03-16") },
        2 => {
            let today = date("2026-03-16");
            let one = ListedOne {
                what: words.to_owned(),
                since: words.len().is_multiple_of(2).then_some(today),
                until: None,
            };
            let shown = vec![one; words.len() % 50];
            let lists = List::ALL.map(|list| ListLine { list, count: words.len(), shown: shown.clone() }).to_vec();
            TenantKind::Lists { today, lists }
        }
        _ => TenantKind::Report(Box::new(ReportContent {
            period: Scheduled::Weekly.period_before(date("2026-03-16")),
            today: date("2026-03-16"),
            figures: Row {
                open: Figure::Is(words.len() as u64),
                oldest_open: Figure::Is(Oldest {
                    due_on: date("2026-03-10"),
                    reference: words.to_owned(),
                    days: words.len() as i64,
                }),
                ..Row::default()
            },
            open_now: words.len(),
            lines: vec![line; words.len() % 50],
            link: Some(words.to_owned()),
            files: vec![ReportFile { name: words.to_owned(), media_type: "text/html; charset=utf-8", bytes: vec![] }],
            too_large: words.len().is_multiple_of(2),
        })),
    };
    TenantMessage { language, tenant_name: words.into(), kind, possible_repeat: words.len().is_multiple_of(3) }
}

fn render_all(templates: &Templates) {
    let _ = templates.check();
    let lines = vec![reminder(Language::Nb), escalation(Language::Nb)];
    check(&templates.render(&message(Language::Nb, lines)).0);
    for words in ["a", "ab", "abc", "abcd"] {
        check(&templates.render_tenant(&tenant_message(Language::Nb, words)).0);
    }
}

fn line() -> impl Strategy<Value = Line> {
    let words = || prop_oneof![any::<String>(), "[<>&\"'a\r\n\u{0}]{0,8}"];
    let role = select(&Role::WORDS).prop_map(|(_, role)| role);
    let reached = select(&[Reached::Directly, Reached::AsDeputy, Reached::NextInChain]);
    (words(), words(), words(), role, reached, any::<(bool, bool, bool)>(), -40_000i64..60_000).prop_map(
        |(notice, code, link, role, reached, (late, told, escalates), days)| Line {
            reference: CaseRef::derived(&notice, &code),
            notice: notice.as_str().into(),
            code: code.as_str().into(),
            purpose: if escalates { Purpose::Escalation } else { Purpose::Reminder },
            due_on: date("2026-03-16") + chrono::TimeDelta::days(days),
            overdue: late,
            counted: Counted {
                basis: CountedBasis::Span { span: span("14d"), from: date("2026-03-02") },
                marks: vec![],
            },
            reader: Reader { role, reached },
            told: told.then(|| Told { role: Role::Contact(code.as_str().into()), on: date("2026-03-10") }),
            link: Some(format!("https://a.example/{link}")),
        },
    )
}

fn content() -> impl Strategy<Value = MessageContent> {
    let kind = select(&[RecipientKind::Person, RecipientKind::Unit, RecipientKind::Fallback]);
    (select(&Language::ALL), kind, any::<String>(), vec(line(), 0..5), any::<bool>()).prop_map(
        |(language, recipient_kind, tenant_name, lines, possible_repeat)| MessageContent {
            language,
            recipient_kind,
            tenant_name: tenant_name.as_str().into(),
            lines,
            possible_repeat,
            today: date("2026-03-13"),
            as_of: possible_repeat.then(|| date("2026-03-11").and_time(chrono::NaiveTime::MIN)),
        },
    )
}

/// The same message with harmless words.
fn harmless(content: &MessageContent) -> MessageContent {
    let plain = |text: &str| -> std::sync::Arc<str> { text.replace(['<', '>', '"', '&', '\''], "x").as_str().into() };
    let line = |line: &Line| Line {
        notice: plain(&line.notice),
        code: plain(&line.code),
        link: line.link.as_deref().map(|link| plain(link).to_string()),
        ..line.clone()
    };
    MessageContent {
        tenant_name: plain(&content.tenant_name),
        lines: content.lines.iter().map(line).collect(),
        ..content.clone()
    }
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn any_text_is_a_template_or_a_problem((path, _) in select(&SOURCES), text in any::<String>()) {
        render_all(&Templates::new(&HashMap::from([(path.to_owned(), text)])).0);
    }

    #[test]
    fn any_pieces_are_a_template_or_a_problem((path, _) in select(&SOURCES), pieces in vec(select(&PIECES), 0..14)) {
        render_all(&Templates::new(&HashMap::from([(path.to_owned(), pieces.concat())])).0);
    }

    #[test]
    fn an_edited_template_gives_a_message((path, text) in select(&SOURCES), edits in edits()) {
        render_all(&Templates::new(&HashMap::from([(path.to_owned(), edited(text, &edits))])).0);
    }

    #[test]
    fn any_words_make_a_message(content in content()) {
        let (rendered, problems) = SHIPPED.render(&content);
        prop_assert_eq!(problems, vec![]);
        check(&rendered);
        // No words become markup.
        let (plain, _) = SHIPPED.render(&harmless(&content));
        let marks = |html: &str| html.matches(['<', '>', '"']).count();
        prop_assert_eq!(marks(&rendered.html), marks(&plain.html));
    }

    #[test]
    fn any_words_make_a_message_to_the_coordinator(words in any::<String>(), language in select(&Language::ALL)) {
        let (rendered, problems) = SHIPPED.render_tenant(&tenant_message(language, &words));
        prop_assert_eq!(problems, vec![]);
        check(&rendered);
    }
}

/// Each of these would take all time, or end the program, if nothing stopped it. A template that doubles a text often
/// enough still takes all memory: it is the municipality's own, and not defended against.
#[test]
fn no_template_takes_more_than_its_share() {
    let greedy = [
        "{{ 'a' * 1000000000 }}",
        "{{ 'a' * 9223372036854775807 }}",
        "{% set x = 'aaaaaaaaaa' * 100000 %}{{ (x * 1000)|length }}",
        "{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% include 'nb/subject.txt' %}",
        "{% extends 'nb/subject.txt' %}",
        "{{ range(100000)|join('aaaaaaaaaaaaaaaaaaaaaaaa') }}",
        "{{ [1] * 1000000000 }}",
        "{{ ([1] * 9223372036854775807)|list }}",
        "{{ 9 ** 999999999 }}",
        "{{ 1 // 0 }}{{ 1 % 0 }}",
        "\u{7}",
        "\u{a0}\u{2028}",
    ];
    for text in greedy {
        render_all(&Templates::new(&HashMap::from([("nb/subject.txt".to_owned(), text.to_owned())])).0);
    }
    for (before, deep) in [
        ("{{ ", "("),
        ("{{ ", "["),
        ("{{ ", "not "),
        ("{{ ", "-"),
        ("{{ 1", "+1"),
        ("{{ 1", "~1"),
        ("{{ 1", "|upper"),
        ("{{ 1", "**1"),
        ("{{ a", ".a"),
        ("{{ a", "[a"),
        ("{{ ", "1 if 1 else "),
        ("{% if a %}", "{% elif a %}"),
        ("", "{% if a %}"),
        ("", "{% for a in lines %}"),
        ("", "{{"),
        ("", "{#"),
    ] {
        for (length, after) in
            [(32 * 1024 - 16, ""), (32 * 1024 - 16, "1 }}"), (32 * 1024 - 16, "1 }}{% endif %}"), (1 << 20, "")]
        {
            let text = format!("{before}{}{after}", deep.repeat((length - before.len()) / deep.len()));
            render_all(&Templates::new(&HashMap::from([("nb/subject.txt".to_owned(), text)])).0);
        }
    }
}
