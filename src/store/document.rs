//! A case's facts as one document, and how new lines join the versions that are already there.

use serde::{Deserialize, Serialize};

use crate::case::CaseRef;
use crate::fact::{CaseFact, EventFact};

/// Everything recorded about one case, in the order in which it came.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Document {
    /// The versions of the case record.
    pub(super) records: Vec<CaseFact>,
    /// The versions of all events.
    pub(super) events: Vec<EventFact>,
}

impl Document {
    /// The newest reference of the case; a derived one where no record gives any.
    pub(super) fn reference(&self, tenant: &str, case: &str) -> String {
        match self.records.last().and_then(|record| record.reference.as_deref()) {
            Some(reference) => reference.to_owned(),
            None => CaseRef::derived(tenant, case).as_str().to_owned(),
        }
    }
}

/// What became of a record when a file's versions of it joined the stored ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joined {
    New,
    Changed,
    Unchanged,
}

/// Appends to `stored` what `file` adds.
///
/// Where the file's versions are the end of what is stored, or several of them lie inside it, nothing is new; else
/// what follows the longest overlap is appended, except a version that says when it was recorded and is already there:
/// that is a replay. So reading a file twice changes nothing, and a nightly snapshot in which a value has gone back to
/// what it once was is still a change.
pub(super) fn join<T: Clone + PartialEq>(stored: &mut Vec<T>, file: &[T], is_stamped: impl Fn(&T) -> bool) -> Joined {
    let mut versions: Vec<&T> = Vec::with_capacity(file.len());
    for version in file {
        if versions.last() != Some(&version) && !(is_stamped(version) && versions.contains(&version)) {
            versions.push(version);
        }
    }
    let is_run = |run: &[T]| run.iter().eq(versions.iter().copied());
    if versions.len() > 1 && stored.windows(versions.len()).any(is_run) {
        return Joined::Unchanged;
    }
    let overlap = (0..=versions.len().min(stored.len()))
        .rev()
        .find(|length| stored[stored.len() - length..].iter().eq(versions[..*length].iter().copied()))
        .unwrap_or(0);
    let is_new = |version: &&&T| !(is_stamped(version) && stored.contains(version));
    let added: Vec<T> = versions[overlap..].iter().filter(is_new).map(|version| (*version).clone()).collect();
    let outcome = match (added.is_empty(), stored.is_empty()) {
        (true, _) => Joined::Unchanged,
        (false, true) => Joined::New,
        (false, false) => Joined::Changed,
    };
    stored.extend(added);
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Versions are letters; a capital one says when it was recorded.
    fn joined(stored: &str, file: &str) -> (String, Joined) {
        let mut versions: Vec<char> = stored.chars().collect();
        let file: Vec<char> = file.chars().collect();
        let outcome = join(&mut versions, &file, |version| version.is_uppercase());
        (versions.into_iter().collect(), outcome)
    }

    #[test]
    fn lines_join_the_versions_that_are_there() {
        let cases = [
            ("", "a", "a", Joined::New),
            ("", "aab", "ab", Joined::New),
            ("a", "a", "a", Joined::Unchanged),
            ("ab", "ab", "ab", Joined::Unchanged),
            ("abc", "ab", "abc", Joined::Unchanged),
            ("abc", "bcd", "abcd", Joined::Changed),
            ("ab", "cd", "abcd", Joined::Changed),
            ("ab", "a", "aba", Joined::Changed),
            ("aba", "a", "aba", Joined::Unchanged),
            ("AB", "A", "AB", Joined::Unchanged),
            ("AB", "AC", "ABC", Joined::Changed),
            ("aB", "aB", "aB", Joined::Unchanged),
            ("", "ABA", "AB", Joined::New),
        ];
        for (stored, file, expected, outcome) in cases {
            assert_eq!(joined(stored, file), (expected.to_owned(), outcome), "{stored} + {file}");
        }
    }
}
