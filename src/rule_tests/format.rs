//! Reading `<pack>.test.toml` (`rule-language` § 11): TOML here too, for tests are written beside the rules.

use std::cell::RefCell;
use std::sync::Arc;

use chrono::{NaiveDate, NaiveDateTime};
use serde_json::{Map, Value as Json};
use toml::de::DeValue;

use crate::notice::Role;
use crate::rules::diagnostics::{Finding, Report, RuleFiles};
use crate::rules::format::{Node, Source, Table, parse};
use crate::rules::{FileKind, Place};

const STATUSES: [(&str, &str); 8] = [
    ("void", "void"),
    ("met", "met"),
    ("met_late", "met_late"),
    ("missed", "missed"),
    ("paused", "paused"),
    ("overdue", "overdue"),
    ("waiting", "waiting"),
    ("running", "running"),
];

const REASONS: [(&str, &str); 5] = [
    ("out_of_force", "out_of_force"),
    ("condition", "condition"),
    ("exempt", "exempt"),
    ("stopped", "stopped"),
    ("superseded", "superseded"),
];

/// The tests of one file.
#[derive(Debug)]
pub(super) struct TestFile {
    pub(super) pack: Arc<str>,
    pub(super) tests: Vec<Test>,
}

/// One test: a case's facts, a moment, and what must follow.
#[derive(Debug)]
pub(super) struct Test {
    pub(super) name: Arc<str>,
    pub(super) place: Place,
    /// The case record's fields.
    pub(super) case: Map<String, Json>,
    pub(super) events: Vec<Map<String, Json>>,
    pub(super) organisation: Option<Organisation>,
    pub(super) at: NaiveDateTime,
    pub(super) expect: Vec<Expectation>,
    /// Whether a list of notices names all of them.
    pub(super) complete_notices: bool,
}

/// A municipality that a test brings itself: fields of fact records.
#[derive(Debug, Default)]
pub(super) struct Organisation {
    pub(super) tenant: Map<String, Json>,
    pub(super) units: Vec<Map<String, Json>>,
    pub(super) persons: Vec<Map<String, Json>>,
}

/// What must follow for one obligation. What is not given is not compared.
#[derive(Clone, Debug, Default)]
pub(super) struct Expectation {
    pub(super) place: Option<Place>,
    pub(super) rule: Arc<str>,
    pub(super) start: Option<Arc<str>>,
    pub(super) starts_on: Option<NaiveDate>,
    pub(super) due_on: Option<NaiveDate>,
    pub(super) status: Option<Arc<str>>,
    pub(super) void: Option<Arc<str>>,
    pub(super) met_on: Option<NaiveDate>,
    pub(super) early: Option<bool>,
    pub(super) deviation: Option<bool>,
    pub(super) notices: Option<Vec<ExpectedNotice>>,
}

/// A notice that must have gone out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ExpectedNotice {
    pub(super) on: NaiveDate,
    /// The recipient's name, or the step's role.
    pub(super) to: Option<Arc<str>>,
    pub(super) purpose: Option<Arc<str>>,
}

/// All test files of a folder.
///
/// # Errors
/// The report, if any of them cannot be read.
pub(super) fn read(files: &RuleFiles, below: impl Fn(&str) -> String) -> Result<Vec<TestFile>, Report> {
    let findings: RefCell<Vec<Finding>> = RefCell::new(Vec::new());
    let mut all = Vec::new();
    for (number, (path, text)) in files.files.iter().enumerate() {
        if FileKind::of(&below(path)) == FileKind::Test {
            let source = Source::new(number, &findings);
            let root = parse(&source, text);
            all.extend(Reader { source: &source, files }.file(&root));
        }
    }
    let findings = findings.into_inner();
    if findings.is_empty() { Ok(all) } else { Err(Report::new(files.clone(), findings)) }
}

struct Reader<'a> {
    source: &'a Source<'a>,
    files: &'a RuleFiles,
}

impl Reader<'_> {
    fn file(&self, root: &toml::de::DeTable<'_>) -> Option<TestFile> {
        let mut table = Table::new(self.source, root, 0..0, "test file");
        let pack = table.require("pack").and_then(|node| self.source.word(node)).map(Arc::from);
        let complete = table.take("complete_notices").and_then(|node| self.source.boolean(node)).unwrap_or(false);
        let tests = table.require("test").and_then(|node| self.source.list(node)).unwrap_or_default();
        table.finish();
        let tests = tests.iter().filter_map(|node| self.test(node, complete)).collect();
        Some(TestFile { pack: pack?, tests })
    }

    fn place(&self, node: &Node<'_>) -> Place {
        self.files.place(&self.source.span(node.span()))
    }

    fn test(&self, node: &Node<'_>, complete_notices: bool) -> Option<Test> {
        let mut table = self.source.table(node, "test")?;
        let name = table.require("name").and_then(|node| self.source.word(node)).map(Arc::from);
        let case = table.take("case").and_then(|node| self.record(node)).unwrap_or_default();
        let events = self.records(table.take("events"));
        let organisation = table.take("organisation").and_then(|node| self.organisation(node));
        let at = table.require("at").and_then(|node| self.source.local_time(node));
        let expect_node = table.require("expect");
        table.finish();
        let list = expect_node?.get_ref().as_array();
        if list.is_none() {
            self.source.wrong_type(expect_node?, "a list in [ ]");
        }
        let expect = list?.iter().filter_map(|node| self.expectation(node)).collect();
        Some(Test {
            name: name?,
            place: self.place(node),
            case,
            events,
            organisation,
            at: at?,
            expect,
            complete_notices,
        })
    }

    fn organisation(&self, node: &Node<'_>) -> Option<Organisation> {
        let mut table = self.source.table(node, "organisation")?;
        let tenant = table.take("tenant").and_then(|node| self.record(node)).unwrap_or_default();
        let (units, persons) = (self.records(table.take("units")), self.records(table.take("persons")));
        table.finish();
        Some(Organisation { tenant, units, persons })
    }

    fn records(&self, node: Option<&Node<'_>>) -> Vec<Map<String, Json>> {
        let list = node.and_then(|node| node.get_ref().as_array());
        if let Some(node) = node.filter(|_| list.is_none()) {
            self.source.wrong_type(node, "a list in [ ]");
        }
        list.into_iter().flat_map(|list| list.iter()).filter_map(|node| self.record(node)).collect()
    }

    /// A record's fields; what they may be is decided where facts are decoded.
    fn record(&self, node: &Node<'_>) -> Option<Map<String, Json>> {
        match self.json(node)? {
            Json::Object(fields) => Some(fields),
            _ => {
                self.source.wrong_type(node, "a table in { }");
                None
            }
        }
    }

    fn json(&self, node: &Node<'_>) -> Option<Json> {
        Some(match node.get_ref() {
            DeValue::String(text) => Json::String(text.to_string()),
            DeValue::Boolean(value) => Json::Bool(*value),
            DeValue::Integer(_) | DeValue::Float(_) => Json::from(self.source.number(node)?),
            DeValue::Datetime(datetime) => Json::String(datetime.to_string()),
            DeValue::Array(list) => Json::Array(list.iter().map(|node| self.json(node)).collect::<Option<_>>()?),
            DeValue::Table(table) => {
                let fields = table.iter().map(|(key, node)| Some((key.get_ref().to_string(), self.json(node)?)));
                Json::Object(fields.collect::<Option<_>>()?)
            }
        })
    }

    fn expectation(&self, node: &Node<'_>) -> Option<Expectation> {
        let mut table = self.source.table(node, "expectation")?;
        let rule = table.require("rule").and_then(|node| self.source.word(node)).map(Arc::from);
        let start = table.take("start").and_then(|node| self.source.word(node)).map(Arc::from);
        let status = table.take("status").and_then(|node| self.source.choice(node, "status", &STATUSES)).map(Arc::from);
        let void = table.take("void").and_then(|node| self.source.choice(node, "reason", &REASONS)).map(Arc::from);
        let [starts_on, due_on, met_on] =
            ["starts_on", "due_on", "met_on"].map(|key| table.take(key).and_then(|node| self.source.date(node)));
        let [early, deviation] =
            ["early", "deviation"].map(|key| table.take(key).and_then(|node| self.source.boolean(node)));
        let notices_node = table.take("notices");
        table.finish();
        let notices = notices_node.and_then(|node| node.get_ref().as_array());
        if let Some(node) = notices_node.filter(|_| notices.is_none()) {
            self.source.wrong_type(node, "a list in [ ]");
        }
        let notices = notices.map(|list| list.iter().filter_map(|node| self.notice(node)).collect());
        let place = Some(self.place(node));
        Some(Expectation {
            place,
            rule: rule?,
            start,
            starts_on,
            due_on,
            status,
            void,
            met_on,
            early,
            deviation,
            notices,
        })
    }

    fn notice(&self, node: &Node<'_>) -> Option<ExpectedNotice> {
        let mut table = self.source.table(node, "notice")?;
        let on = table.require("on").and_then(|node| self.source.date(node));
        let to = table.take("to").and_then(|node| self.source.word(node)).map(Arc::from);
        let purposes = [("reminder", "reminder"), ("escalation", "escalation")];
        let purpose = table.take("as").and_then(|node| self.source.choice(node, "purpose", &purposes)).map(Arc::from);
        table.finish();
        Some(ExpectedNotice { on: on?, to, purpose })
    }
}

impl ExpectedNotice {
    /// Whether a notice that went out is the one expected.
    pub(super) fn is(&self, on: NaiveDate, recipient: &str, role: &Role, purpose: &str) -> bool {
        self.on == on
            && self.to.as_deref().is_none_or(|to| to == recipient || to == role.to_string())
            && self.purpose.as_deref().is_none_or(|expected| expected == purpose)
    }
}
