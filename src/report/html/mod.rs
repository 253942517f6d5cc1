//! The page: one file that loads nothing, needs no script, and prints on A4. First what a tired leader understands in ten
//! seconds, then pictures, then tables, then each deviation.

mod charts;
mod lines;
mod tables;

use std::io::Write;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::words::by;

use super::words::{self, definitions};
use super::{Report, ReportError};

const STYLE: &str = include_str!("style.css");

/// What a browser may load: nothing but the page's own style.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

pub(super) fn write(report: &mut Report, out: &mut dyn Write) -> Result<(), ReportError> {
    out.write_all(opening(report).into_string().as_bytes())?;
    lines::write(report, out)?;
    let language = report.language;
    let end = html! {
        section {
            h2 id="words" { (by(language, ["Hva tallene betyr", "Kva tala tyder", "What the figures mean"])) }
            dl.words {
                @for (word, text) in definitions(language, &report.about) {
                    dt { (word) }
                    dd { (text) }
                }
            }
        }
        footer {
            (by(language, ["Laget", "Laga", "Made"])) " " (report.made_at) " " (by(language, ["av", "av", "by"])) " fristvakt."
        }
    };
    out.write_all(end.into_string().as_bytes())?;
    Ok(out.write_all(b"</main></body></html>\n")?)
}

/// The page up to the lines.
fn opening(report: &Report) -> Markup {
    let (language, figures) = (report.language, &report.figures);
    let summary = report.summary();
    // `main` stays open: lines come one by one.
    html! {
        (DOCTYPE)
        (PreEscaped(format!("<html lang=\"{}\">", language.code())))
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="robots" content="noindex";
            meta name="referrer" content="no-referrer";
            meta http-equiv="Content-Security-Policy" content=(POLICY);
            title { (summary.title) " · " (summary.of) }
            style { (PreEscaped(STYLE)) }
        }
        (PreEscaped("<body><main>"))
        a.skip href="#lines" { (by(language, ["Hopp til avvikene", "Hopp til avvika", "Skip to the deviations"])) }
        header {
            h1 { (summary.title) }
            p.of { bdi { (summary.of) } (only(report)) }
        }
        @if let Some(running) = &summary.running { p.running { (running) } }
        p.sentence { (summary.sentence) }
        dl.headlines {
            @for headline in &summary.headlines {
                div {
                    dt { (headline.label) }
                    dd.value { (headline.value) }
                    @for note in &headline.notes { dd { (note) } }
                }
            }
        }
        @if !figures.waiting.is_empty() {
            section.waiting {
                h3 { (by(language, ["Her er ventetiden lengst", "Her er ventetida lengst", "Where the wait is longest"])) }
                ol {
                    @for one in &figures.waiting {
                        li {
                            b { (words::whole_days(language, one.longest_days)) }
                            span { bdi { (words::unit_name(language, &one.name)) } }
                            i { (words::still_open(language, one.open)) }
                        }
                    }
                }
            }
        }
        (charts::section(report))
        (tables::section(report))
    }
}

/// What the report is only about, where it is not about everything.
fn only(report: &Report) -> String {
    report.about.only.iter().map(|part| format!(" · {part}")).collect()
}
