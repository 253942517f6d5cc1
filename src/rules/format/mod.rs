//! The only place that knows TOML: rule files in, a [`RuleSet`] or every finding out.
//!
//! The order of reading follows what depends on what: words, calendars, packs, what starts each rule, then the rest.

mod calendars;
mod conditions;
mod ladders;
mod pack;
mod patterns;
mod reader;
mod rule;
mod start;
mod words;
mod written;

pub use written::Written;

pub(crate) use reader::{Node, Source, Table};

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use toml::de::DeTable;

use self::conditions::Scope;
use self::pack::PackDraft;
use self::rule::Surroundings;
use self::start::Draft;
use super::diagnostics::{Finding, Report, RuleFiles};
use super::{Code, Pack, RuleSet};
use crate::calendar::Calendar;
use crate::obligation::RuleIndex;
use crate::register::Causes;
use crate::vocabulary::Vocabulary;

/// What a file of a rules folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// `vocabulary.toml`
    Vocabulary,
    /// `calendars/*.toml`
    Calendar,
    /// `<pack>.toml`
    Pack,
    /// `<pack>.test.toml`
    Test,
    /// `messages/…`
    Message,
    /// Anything else is left alone.
    Other,
}

impl FileKind {
    /// What a file is, by its path below the rules folder, with `/` between names.
    #[must_use]
    pub fn of(path: &str) -> Self {
        let folders: Vec<&str> = path.split('/').collect();
        match folders.as_slice() {
            ["vocabulary.toml"] => Self::Vocabulary,
            ["calendars", name] if name.ends_with(".toml") => Self::Calendar,
            ["messages", ..] => Self::Message,
            [name] if name.ends_with(".test.toml") => Self::Test,
            [name] if name.ends_with(".toml") => Self::Pack,
            _ => Self::Other,
        }
    }
}

/// Loads a rules folder: all or nothing, with all findings at once.
///
/// `below` strips the folder's own name from a path, so that findings can show the path as the user knows it. The
/// report holds the warnings of a folder that loads.
///
/// # Errors
/// The report, if it holds any error.
pub fn load(files: RuleFiles, below: impl Fn(&str) -> String) -> Result<(RuleSet, Report), Report> {
    let findings = RefCell::new(Vec::new());
    let rules = Loader { files: &files, kinds: kinds(&files, below), findings: &findings }.load();
    let report = Report::new(files, findings.into_inner());
    match rules {
        Some(rules) if report.errors() == 0 => Ok((rules, report)),
        _ => Err(report),
    }
}

fn kinds(files: &RuleFiles, below: impl Fn(&str) -> String) -> Vec<(FileKind, String)> {
    files.files.iter().map(|(path, _)| below(path)).map(|path| (FileKind::of(&path), path)).collect()
}

struct Loader<'f> {
    files: &'f RuleFiles,
    kinds: Vec<(FileKind, String)>,
    findings: &'f RefCell<Vec<Finding>>,
}

type Parsed<'f> = Vec<(usize, DeTable<'f>)>;

impl<'f> Loader<'f> {
    fn source(&self, file: usize) -> Source<'f> {
        Source::new(file, self.findings)
    }

    fn load(&self) -> Option<RuleSet> {
        let (vocabulary, causes) = self.vocabulary();
        let calendar_tables = self.parse(FileKind::Calendar);
        let calendar_files: Vec<_> = calendar_tables
            .iter()
            .filter_map(|(file, root)| calendars::read(&self.source(*file), *file, root))
            .collect();
        let calendars = calendars::unite(&calendar_files, |file| self.source(file));
        let pack_tables = self.parse(FileKind::Pack);
        if pack_tables.is_empty() {
            let message = "this folder has no rule pack (a `.toml` file with a `[pack]` table)".to_owned();
            let span = self.source(0).span(0..0);
            self.findings.borrow_mut().push(Finding { code: Code::NoPack, span: Some(span), message, help: None });
        }
        self.packs(vocabulary, calendars, &pack_tables).map(|rules| RuleSet { causes, ..rules })
    }

    fn vocabulary(&self) -> (Vocabulary, Causes) {
        let (mut vocabulary, mut causes) = (Vocabulary::built_in_only(), Causes::default());
        let tables = self.parse(FileKind::Vocabulary);
        for (file, root) in &tables {
            words::read(&self.source(*file), root, &mut vocabulary, &mut causes);
        }
        (vocabulary, causes)
    }

    /// The TOML of all files of a kind. A file with a syntax error is reported and read as far as it goes.
    fn parse(&self, kind: FileKind) -> Parsed<'f> {
        let numbers = (0..self.files.files.len()).filter(|file| self.kinds[*file].0 == kind);
        numbers.map(|file| (file, parse(&self.source(file), self.files.text(file)))).collect()
    }

    fn packs(&self, vocabulary: Vocabulary, calendars: Vec<Calendar>, tables: &Parsed<'f>) -> Option<RuleSet> {
        let sources: Vec<Source<'f>> = tables.iter().map(|(file, _)| self.source(*file)).collect();
        let mut packs: Vec<PackDraft> = Vec::new();
        let mut entries: Vec<(usize, usize, usize, &Node<'f>)> = Vec::new();
        for ((file, root), source) in tables.iter().zip(&sources) {
            let Some((draft, rules)) = pack::read(source, *file, root, &vocabulary, &calendars) else { continue };
            if packs.iter().any(|other| other.id == draft.id) {
                source.error(Code::NameTaken, 0..0, format!("two packs are called `{}`", draft.id));
            }
            entries.extend(rules.iter().enumerate().map(|(number, node)| (packs.len(), number + 1, *file, node)));
            packs.push(draft);
        }
        let mut drafts = self.drafts(&vocabulary, &packs, &entries);
        start::resolve(&mut drafts, |file| self.source(file));
        let order = start::order(&drafts);
        let position = |draft: usize| RuleIndex(order.iter().position(|other| *other == draft).unwrap_or(0));
        let mut rules = Vec::with_capacity(order.len());
        for draft in &order {
            let (pack_number, number, file, node) = entries[*draft];
            let source = self.source(file);
            let scope = Scope {
                vocabulary: &vocabulary,
                start_kinds: start::start_kinds(&drafts, *draft),
                numbered: node.get_ref().as_table().is_some_and(|table| table.contains_key("sequence_from")),
            };
            let around = Surroundings {
                vocabulary: &vocabulary,
                calendars: &calendars,
                pack: &packs[pack_number],
                pack_number,
                number,
                place: self.files.place(&source.span(node.span())),
                id: drafts[*draft].id.clone(),
            };
            // A rule whose start cannot be read is still read to its end, so that all its errors show at once.
            let from = start::finish(&drafts[*draft], position);
            let usable = from.is_some();
            let from = from.unwrap_or(super::From::Each(vec![]));
            let rule = rule::rule(&source, &around, &scope, from, node);
            rules.push(rule.filter(|_| usable));
        }
        let rules: Vec<_> = rules.into_iter().collect::<Option<_>>()?;
        Some(self.assemble(vocabulary, calendars, packs, rules))
    }

    /// Ids and starts of all rules, before anything else of them is read.
    fn drafts(
        &self,
        vocabulary: &Vocabulary,
        packs: &[PackDraft],
        entries: &[(usize, usize, usize, &Node<'f>)],
    ) -> Vec<Draft> {
        let mut drafts: Vec<Draft> = Vec::new();
        for (pack, number, file, node) in entries {
            let source = self.source(*file);
            let table = node.get_ref().as_table();
            let id_node = table.and_then(|table| table.get("id"));
            if id_node.is_none() {
                source.error(Code::MissingKey, node.span(), "a rule needs `id`");
            }
            let id: Arc<str> =
                id_node.and_then(|node| source.id(node)).map_or_else(|| number.to_string().into(), Arc::from);
            let pack = packs[*pack].id.clone();
            if let Some(node) = id_node.filter(|_| drafts.iter().any(|draft| draft.id == id && draft.pack == pack)) {
                source.error(Code::NameTaken, node.span(), format!("two rules of this pack are called `{id}`"));
            }
            let from_node = table.and_then(|table| table.get("from"));
            if from_node.is_none() {
                source.error(Code::MissingKey, node.span(), "a rule needs `from`, which starts the clock");
            }
            let from = from_node.and_then(|node| rule::from(&source, vocabulary, node));
            drafts.push(Draft { file: *file, pack, id, from, due_of: None });
        }
        drafts
    }

    fn assemble(
        &self,
        vocabulary: Vocabulary,
        calendars: Vec<Calendar>,
        packs: Vec<PackDraft>,
        rules: Vec<super::Rule>,
    ) -> RuleSet {
        let of_pack = |number: usize| {
            rules
                .iter()
                .enumerate()
                .filter(|(_, rule)| rule.pack == number)
                .map(|(index, _)| RuleIndex(index))
                .collect()
        };
        let packs = packs.into_iter().enumerate().map(|(number, draft)| Pack {
            id: draft.id,
            title: draft.title,
            source: draft.source,
            revise_by: draft.revise_by,
            calendars: draft.calendars,
            calendar: draft.calendar,
            rules: of_pack(number),
            file: self.files.files[draft.file].0.clone(),
        });
        let packs = packs.collect();
        let templates: HashMap<String, String> = self
            .kinds
            .iter()
            .zip(&self.files.files)
            .filter(|((kind, _), _)| *kind == FileKind::Message)
            .map(|((_, path), (_, text))| (path.trim_start_matches("messages/").to_owned(), text.clone()))
            .collect();
        RuleSet { vocabulary, causes: Causes::default(), calendars, packs, rules, templates }
    }
}

/// The TOML of one text, read as far as it goes.
pub(crate) fn parse<'i>(source: &Source<'_>, text: &'i str) -> DeTable<'i> {
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        source.error(Code::Syntax, error.span().unwrap_or(0..0), error.message().to_owned());
    }
    root.into_inner()
}
