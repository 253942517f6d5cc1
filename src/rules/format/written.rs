//! Where everything of a rules folder is written: for findings about rules that loaded without an error.
//!
//! The rules themselves carry no places, for the engine has no use for them. Paths are words: `["rule", "sokndal",
//! "concern-decision", "within"]`, `["ladder", "sokndal", "standard", "2"]`, `["pack", "sokndal", "revise_by"]`,
//! `["calendar", "norway", "closed", "0"]`, `["events", "concern_raised"]`.

use std::cell::RefCell;
use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::reader::{Node, Source};
use super::{FileKind, parse};
use crate::rules::diagnostics::{RuleFiles, SourceSpan};

/// What stands where in the files of a folder.
#[derive(Debug, Default)]
pub struct Written {
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    span: SourceSpan,
    /// The value, where it is a text.
    text: Option<String>,
}

impl Written {
    /// Reads the places of a folder's vocabulary, calendars and packs.
    #[must_use]
    pub fn read(files: &RuleFiles, below: impl Fn(&str) -> String) -> Self {
        let mut written = Self::default();
        let unused = RefCell::new(vec![]);
        for (number, (path, text)) in files.files.iter().enumerate() {
            let source = Source::new(number, &unused);
            match FileKind::of(&below(path)) {
                FileKind::Vocabulary => written.table(&source, "", &parse(&source, text)),
                FileKind::Calendar => written.calendar(&source, &parse(&source, text)),
                FileKind::Pack => written.pack(&source, &parse(&source, text)),
                FileKind::Test | FileKind::Message | FileKind::Other => {}
            }
        }
        written
    }

    /// The place of a path, or of the nearest thing around it.
    #[must_use]
    pub fn place(&self, path: &[&str]) -> Option<SourceSpan> {
        let known = (1..=path.len()).rev().find_map(|length| self.entries.get(&path[..length].join("/")));
        known.map(|entry| entry.span.clone())
    }

    /// Whether there is something at exactly this path.
    #[must_use]
    pub fn has(&self, path: &[&str]) -> bool {
        self.entries.contains_key(&path.join("/"))
    }

    /// The text at a path, where there is one.
    #[must_use]
    pub fn text(&self, path: &[&str]) -> Option<&str> {
        self.entries.get(&path.join("/"))?.text.as_deref()
    }

    /// The names directly below a path.
    pub fn names(&self, path: &[&str]) -> impl Iterator<Item = &str> {
        let prefix = format!("{}/", path.join("/"));
        let below = self.entries.keys().filter_map(move |key| key.strip_prefix(prefix.as_str()));
        below.filter(|name| !name.contains('/'))
    }

    fn calendar(&mut self, source: &Source<'_>, root: &DeTable<'_>) {
        if let Some((id, node)) = named(root) {
            let path = format!("calendar/{id}");
            self.add(source, &path, node, node.span());
            self.table(source, &path, root);
        }
    }

    fn pack(&mut self, source: &Source<'_>, root: &DeTable<'_>) {
        let header = root.get("pack").and_then(|node| node.get_ref().as_table());
        let Some((header, (id, node))) = header.and_then(|header| Some((header, named(header)?))) else { return };
        self.add(source, &format!("pack/{id}"), node, node.span());
        self.table(source, &format!("pack/{id}"), header);
        if let Some(ladders) = root.get("ladder").and_then(|node| node.get_ref().as_table()) {
            self.table(source, &format!("ladder/{id}"), ladders);
        }
        let rules = root.get("rule").and_then(|node| node.get_ref().as_array());
        for rule in rules.into_iter().flat_map(|rules| rules.iter()).filter_map(|node| node.get_ref().as_table()) {
            let Some((rule_id, node)) = named(rule) else { continue };
            let path = format!("rule/{id}/{rule_id}");
            self.add(source, &path, node, node.span());
            self.table(source, &path, rule);
        }
    }

    fn table(&mut self, source: &Source<'_>, path: &str, table: &DeTable<'_>) {
        for (key, node) in table {
            let name = key.get_ref();
            let below = if path.is_empty() { name.to_string() } else { format!("{path}/{name}") };
            // A table or list may go on for many lines; its key is where people look for it.
            let is_value = !matches!(node.get_ref(), DeValue::Table(_) | DeValue::Array(_));
            self.add(source, &below, node, if is_value { node.span() } else { key.span() });
            self.inside(source, &below, node);
        }
    }

    fn inside(&mut self, source: &Source<'_>, path: &str, node: &Node<'_>) {
        match node.get_ref() {
            DeValue::Table(table) => self.table(source, path, table),
            DeValue::Array(list) => {
                for (number, node) in list.iter().enumerate() {
                    let below = format!("{path}/{number}");
                    self.add(source, &below, node, node.span());
                    self.inside(source, &below, node);
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, source: &Source<'_>, path: &str, node: &Node<'_>, range: std::ops::Range<usize>) {
        let text = node.get_ref().as_str().map(str::to_owned);
        self.entries.insert(path.to_owned(), Entry { span: source.span(range), text });
    }
}

/// The `id` of a table.
fn named<'a, 'i>(table: &'a DeTable<'i>) -> Option<(&'a str, &'a Node<'i>)> {
    let node = table.get("id")?;
    Some((node.get_ref().as_str()?, node))
}
