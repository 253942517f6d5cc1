//! A load: the lines of one file or one request, read and checked as a whole before anything is done with them.

use std::collections::HashMap;

use super::{Checker, FactError, Known, Line};
use crate::case::shown;
use crate::fact::Fact;
use crate::rules::RuleSet;

/// How many versions of one record a load may hold. A history has a few; thousands are one id for everything.
const MAX_VERSIONS: usize = 1000;

/// Lines of one load, and what is wrong with it, by line.
#[derive(Debug)]
pub struct LoadedLines {
    /// The lines that could be read.
    pub lines: Vec<Line>,
    /// What is wrong, by line: at most as many errors as were asked for.
    pub errors: Vec<FactError>,
    most_errors: usize,
}

impl LoadedLines {
    /// Reads lines; with `most_errors` of them wrong, it reads no further. `seen` is told how many lines there were
    /// whenever another one was read.
    pub fn read(
        lines: impl Iterator<Item = Result<Line, FactError>>,
        most_errors: usize,
        mut seen: impl FnMut(usize),
    ) -> Self {
        let mut loaded = Self { lines: vec![], errors: vec![], most_errors };
        for line in lines {
            match line {
                Ok(line) => loaded.lines.push(line),
                Err(error) => loaded.errors.push(error),
            }
            seen(loaded.lines.len() + loaded.errors.len());
            if loaded.is_hopeless() {
                break;
            }
        }
        loaded
    }

    /// Lines that are read already.
    #[must_use]
    pub fn of(lines: Vec<Line>) -> Self {
        Self { lines, errors: vec![], most_errors: usize::MAX }
    }

    /// Whether there are as many errors as were asked for; there may be more.
    #[must_use]
    pub fn is_hopeless(&self) -> bool {
        self.errors.len() >= self.most_errors
    }

    /// The facts of the lines.
    pub fn facts(&self) -> impl Iterator<Item = &Fact> + Clone {
        self.lines.iter().map(|line| &line.fact)
    }

    /// Holds all lines to some municipalities.
    ///
    /// # Errors
    /// The lines of others.
    pub fn confine(&self, is_allowed: impl Fn(&str) -> bool) -> Result<(), Vec<FactError>> {
        let foreign = self.lines.iter().filter(|line| !is_allowed(line.fact.tenant()));
        let foreign: Vec<FactError> = foreign.map(foreign_line).take(self.most_errors).collect();
        if foreign.is_empty() { Ok(()) } else { Err(foreign) }
    }

    /// Checks every line against the rules' words and what is known, the load's own records among it.
    pub fn check(&mut self, rules: &RuleSet, known: &Known) {
        let mut found: Vec<FactError> = self.repeated();
        let checker = Checker::new(rules, known);
        let room = self.most_errors.saturating_sub(self.errors.len());
        found.extend(self.lines.iter().flat_map(|line| checker.check(line)).take(room));
        self.errors.append(&mut found);
        self.errors.sort_by_key(|error| error.line);
        self.errors.truncate(self.most_errors);
    }

    /// The facts, where nothing is wrong.
    ///
    /// # Errors
    /// What is wrong, by line.
    pub fn into_facts(self) -> Result<Vec<Fact>, Vec<FactError>> {
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        Ok(self.lines.into_iter().map(|line| line.fact).collect())
    }

    /// The lines at which a record has too many versions.
    fn repeated(&self) -> Vec<FactError> {
        if self.lines.len() <= MAX_VERSIONS {
            return vec![];
        }
        let mut versions: HashMap<(&str, &str, &str, &str), usize> = HashMap::new();
        let mut found = vec![];
        for line in &self.lines {
            let count = versions.entry(record(&line.fact)).or_default();
            *count += 1;
            if *count == MAX_VERSIONS + 1 {
                let text = format!("more than {MAX_VERSIONS} lines with this id; each record has an id of its own");
                found.push(FactError::of_field(line.number, "id", text));
            }
        }
        found
    }
}

/// What names a record: type, tenant, case and id.
fn record(fact: &Fact) -> (&str, &str, &str, &str) {
    match fact {
        Fact::Tenant(fact) => ("tenant", &fact.id, "", ""),
        Fact::Unit(fact) => ("unit", &fact.tenant, "", &fact.id),
        Fact::Person(fact) => ("person", &fact.tenant, "", &fact.id),
        Fact::Case(fact) => ("case", &fact.tenant, "", &fact.id),
        Fact::Event(fact) => ("event", &fact.tenant, &fact.case, &fact.id),
    }
}

fn foreign_line(line: &Line) -> FactError {
    let field = if matches!(line.fact, Fact::Tenant(_)) { "id" } else { "tenant" };
    let text = format!("{} is none of the municipalities of this token", shown(line.fact.tenant()));
    FactError::of_field(line.number, field, text)
}
