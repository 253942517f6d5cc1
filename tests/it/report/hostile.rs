//! Whatever stands in names, references, causes and rules comes out as text.

use std::path::Path;

use fristvakt::report::{Format, Period, Report, Request, Table};
use fristvakt::rules::diagnostics::RuleFiles;
use fristvakt::rules::{RuleSet, load};
use fristvakt::store::Store;

use super::read_back::{bytes, cells, csv, elements, formulas, sheet, tables, text};
use super::town::{instant, town};

/// Each of them would do something, somewhere.
const TEXTS: [&str; 22] = [
    "=HYPERLINK(\"https://ond.example\",\"klikk\")",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(1+1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "＝1+1",
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "</title></svg><b>fett</b>",
    "<!-- --><svg onload=alert(1)>",
    "]]>&lt;i&gt;",
    "{{ 7 * 7 }}{% for x in y %}${7*7}#{7*7}",
    "a;b,c\"d\"\"e'f",
    "_x0041_ _x005f_x0041_",
    "to\nlinjer\r\nog en\u{2028}til",
    "\u{202e}gnilfoksbo\u{202c}\u{2066}\u{200f}",
    "\u{1}\u{7f}\u{85}\u{feff}\u{1b}[31mrød",
    "🧒🏽 Øyvård «blå» – שלום",
    "javascript:alert(1)",
];

/// What a format shows of a text: one line, and no marks that nobody sees.
fn shown(text: &str) -> String {
    let unseen = |char: char| {
        char.is_control()
            || "\u{61c}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{feff}".contains(char)
            || ('\u{202a}'..='\u{202e}').contains(&char)
            || ('\u{2060}'..='\u{206f}').contains(&char)
    };
    let one_line = |char: char| {
        if char.is_whitespace() {
            ' '
        } else if unseen(char) {
            '\u{fffd}'
        } else {
            char
        }
    };
    text.trim().chars().map(one_line).collect()
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("JSON")
}

/// Rules of which everything that people read is hostile.
fn rules(text: &str) -> RuleSet {
    let is_word = |path: &str| path.starts_with("calendars/");
    let words = fristvakt::rules::embedded().files.into_iter().filter(|(path, _)| is_word(path));
    let text = quoted(&shown(text));
    let vocabulary = format!("[events.concern_raised]\ntitle = {text}\n[events.decision_made]\ntitle = {text}\n");
    let pack = format!(
        "[pack]\nid = \"fjordvik\"\ntitle = {text}\ncalendar = \"norway\"\n[ladder]\nstandard = [{{ at = \"0d\", to = \"responsible\" }}]\n\
         [[rule]]\nid = \"decide\"\ntitle = {text}\nnotice = \"Gjør det\"\ncite = {text}\nfrom = \"concern_raised\"\nwithin = \"3d\"\nmet_by = \"decision_made\"\n"
    );
    let files = words.chain([("vocabulary.toml".into(), vocabulary), ("fjordvik.toml".into(), pack)]).collect();
    match load(RuleFiles::new(files), str::to_owned) {
        Ok((rules, _)) => rules,
        Err(report) => panic!("{}", report.render(false)),
    }
}

fn facts(text: &str) -> String {
    let text = quoted(text);
    format!(
        r#"{{"type":"tenant","id":"fjordvik","name":{text},"packs":["fjordvik"],"fallback":"p@f.example","mail_domains":["f.example"],"case_url":{text}}}
{{"type":"unit","tenant":"fjordvik","id":"u","name":{text}}}
{{"type":"case","tenant":"fjordvik","id":"S-1","ref":"7F3K","unit":"u"}}
{{"type":"event","tenant":"fjordvik","case":"S-1","id":"e1","kind":"concern_raised","on":"2026-03-03","recorded_at":"2026-03-03T10:00:00+01:00"}}"#
    )
}

/// A report of one deviation in which every text that can be anything is `text`.
async fn hostile(folder: &Path, text: &str, rules: &RuleSet) -> Report {
    let store: Store = town(folder, rules, &facts(text)).await;
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", folder.join("f.db").display())).await.expect("open");
    let update = "UPDATE deviations SET ref = $1, cause = $1, action = $1, cause_code = $1, responsible = $1, closed_at = $2, \
                  closed_as = 'explained', explained_at = $2, explained_by = 'kari'";
    let closed = instant("2026-03-20T12:00:00+01:00").timestamp_millis();
    let written = sqlx::query(update).bind(text).bind(closed).execute(&pool).await.expect("written");
    assert_eq!(written.rows_affected(), 1, "one deviation");
    pool.close().await;
    let day = |month, day| chrono::NaiveDate::from_ymd_opt(2026, month, day).expect("a date");
    let request = Request::of(Period::new(day(3, 1), day(3, 31)).expect("a period"));
    let report = Report::read(&store, rules, &request, instant("2026-04-01T12:00:00+02:00"), |_| {}).await;
    store.close().await;
    report.expect("read")
}

fn assert_csv(report: &mut Report, text: &str) {
    let norwegian = bytes(report, Format::Csv(Table::Lines))[3..].to_vec();
    let rfc = bytes(report, Format::CsvRfc4180(Table::Lines));
    let (norwegian, rfc) = (csv(&norwegian, b';'), csv(&rfc, b','));
    for (rows, columns) in [
        (&norwegian, ["Sak", "Årsak med egne ord", "Tiltak", "Enhet"]),
        (&rfc, ["ref", "cause_text", "action", "unit_name"]),
    ] {
        assert_eq!(rows.len(), 1, "{text:?}");
        for value in rows[0].values() {
            assert!(!value.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝']), "{text:?} gives {value:?}");
        }
        for column in columns {
            let value = &rows[0][column];
            assert_eq!(
                value.strip_prefix('\'').filter(|_| !text.starts_with('\'')).unwrap_or(value),
                shown(text),
                "{column}"
            );
        }
    }
}

fn assert_xlsx(report: &mut Report, text: &str) {
    let book = bytes(report, Format::Xlsx);
    assert_eq!(formulas(&book), 0, "{text:?}");
    let rows = sheet(&book, 2);
    for column in ["Sak", "Årsak med egne ord", "Tiltak", "Enhet", "Hva skulle gjøres"] {
        assert_eq!(rows[0][column], shown(text), "{column} of {text:?}");
    }
    assert!(cells(&book).iter().any(|cell| cell.contains(&shown(text))));
}

fn assert_html(report: &mut Report, harmless: &str, text: &str) {
    let page = self::text(report, Format::Html);
    let elements = elements(&page);
    assert_eq!(elements, self::elements(harmless), "{text:?} changes what the page is made of");
    let lines = tables(&page).pop().expect("the deviations");
    assert_eq!(lines[1][0], shown(text), "the reference");
    assert!(lines[1][1].contains(&shown(text)), "cause and action: {:?}", lines[1][1]);
    assert!(!page.contains("href=\"javascript"), "{text:?}");
    let unseen =
        page.chars().find(|char| ('\u{202a}'..='\u{202e}').contains(char) || ('\u{2066}'..='\u{2069}').contains(char));
    assert_eq!(unseen, None, "{text:?} turns what stands beside it");
}

fn assert_json(report: &mut Report, text: &str) {
    let json: serde_json::Value = serde_json::from_str(&self::text(report, Format::Json)).expect("JSON");
    let line = &json["lines"][0];
    for name in ["ref", "cause", "action", "cause_code", "responsible"] {
        assert_eq!(line[name], text, "{name} as it is");
    }
}

#[tokio::test]
async fn hostile_texts_come_out_as_text_in_every_format() {
    let harmless = {
        let folder = tempfile::tempdir().expect("a folder");
        let mut report = hostile(folder.path(), "tekst", &rules("tekst")).await;
        text(&mut report, Format::Html)
    };
    for text in TEXTS {
        let folder = tempfile::tempdir().expect("a folder");
        let mut report = hostile(folder.path(), text, &rules(text)).await;
        assert_eq!(report.lines(), 1);
        assert_csv(&mut report, text);
        assert_xlsx(&mut report, text);
        assert_html(&mut report, &harmless, text);
        assert_json(&mut report, text);
    }
}

#[tokio::test]
async fn very_long_texts_fit_everywhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let long = "æøå😀".repeat(20_000);
    let mut report = hostile(folder.path(), &long, &rules("tekst")).await;
    let book = sheet(&bytes(&mut report, Format::Xlsx), 2);
    let cause = &book[0]["Årsak med egne ord"];
    assert!(long.starts_with(cause.trim_end_matches('…')) && cause.encode_utf16().count() < 32_767, "{}", cause.len());
    let rows = csv(&bytes(&mut report, Format::CsvRfc4180(Table::Lines)), b',');
    assert_eq!(rows[0]["cause_text"], long);
    assert_json(&mut report, &long);
    assert!(text(&mut report, Format::Html).contains(&long));
}
