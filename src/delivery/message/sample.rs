//! Messages that use every field, for trying templates before they are needed.

use chrono::{Days, NaiveDate};

use super::{
    BacklogLine, Counted, CountedBasis, Line, ListLine, ListedOne, Mark, MessageContent, Reached, Reader,
    RecipientKind, ReportContent, ReportFile, TenantKind, TenantMessage, Told,
};
use crate::calendar::{Span, Unit};
use crate::case::CaseRef;
use crate::language::Language;
use crate::notice::{Purpose, Role};
use crate::oversight::List;
use crate::report::{Figure, Row};
use crate::schedule::Scheduled;

/// A message with a line that is late, and one that is not and lacks whatever may be missing.
pub(super) fn message(language: Language) -> MessageContent {
    let today = NaiveDate::default() + Days::new(100);
    let late = Line {
        reference: CaseRef::derived("sample", "1"),
        notice: "Sample".into(),
        code: "T1".into(),
        purpose: Purpose::Escalation,
        due_on: today - Days::new(3),
        overdue: true,
        counted: Counted {
            basis: CountedBasis::Span { span: Span { count: 14, unit: Unit::Day }, from: today - Days::new(17) },
            marks: vec![Mark::Extended],
        },
        reader: Reader { role: Role::Leader, reached: Reached::Directly },
        told: Some(Told { role: Role::Responsible, on: today - Days::new(2) }),
        link: Some("https://example.org/".to_owned()),
    };
    let ahead =
        Line { purpose: Purpose::Reminder, due_on: today, overdue: false, told: None, link: None, ..late.clone() };
    MessageContent {
        language,
        recipient_kind: RecipientKind::Person,
        tenant_name: "Sample".into(),
        lines: vec![late, ahead],
        possible_repeat: true,
        today,
        as_of: Some((today - Days::new(2)).and_time(chrono::NaiveTime::MIN)),
    }
}

/// A message to the coordinator of each kind.
pub(super) fn tenant_messages(language: Language) -> [TenantMessage; 4] {
    let line = BacklogLine {
        reference: CaseRef::derived("sample", "1"),
        notice: "Sample".into(),
        code: "T1".into(),
        due_on: NaiveDate::default(),
    };
    let list = |list| {
        let one = ListedOne { what: "S".to_owned(), since: Some(NaiveDate::default()), until: None };
        ListLine { list, count: 2, shown: vec![one] }
    };
    let kinds = [
        TenantKind::RevisionDue { pack_title: "Sample".into(), revise_by: NaiveDate::default() },
        TenantKind::Backlog { count: 2, lines: vec![line.clone()] },
        TenantKind::Lists { today: NaiveDate::default(), lists: List::ALL.map(list).to_vec() },
        TenantKind::Report(Box::new(ReportContent {
            period: Scheduled::Weekly.period_before(NaiveDate::default()),
            today: NaiveDate::default(),
            figures: Row { due: Figure::Is(4), in_time: Figure::Is(3), open: Figure::Is(2), ..Row::default() },
            open_now: 2,
            lines: vec![line],
            link: Some("https://example.org/".to_owned()),
            files: vec![ReportFile {
                name: "S.html".to_owned(),
                media_type: "text/html; charset=utf-8",
                bytes: vec![],
            }],
            too_large: true,
        })),
    ];
    kinds.map(|kind| TenantMessage { language, tenant_name: "Sample".into(), kind, possible_repeat: true })
}
