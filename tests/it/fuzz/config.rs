//! The configuration: whatever stands in the file or the variables, it is taken or refused, and no value is repeated.

use std::path::Path;

use fristvakt::config::Config;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::cases;
use super::edit::{edited, edits};

const EXAMPLE: &str = include_str!("../../../systemd/fristvakt.toml");

const FULL: &str = r#"
database = "sqlite:///var/lib/fristvakt/fristvakt.db"
mode = "live"
[email]
host = "127.0.0.1"
port = 25
security = "none"
from = "fristvakt@blafjell.example"
from_name = "Fristvakt"
reply_to = "bti@blafjell.example"
hello_name = "fristvakt.blafjell.example"
connections = 4
timeouts = { connect = 10, command = 60, data = 600 }
[[webhook]]
name = "samspill"
url = "https://samspill.example/varsel"
secret_files = ["samspill"]
tenants = ["blafjell"]
kinds = ["reminder"]
roles = ["leader", "contact:x"]
[log]
level = "info"
format = "json"
"#;

/// A value that somebody wrote where it does not belong.
const SECRET: &str = "hemmelig-8e6f";

fn take(text: &str, variables: &[(String, String)]) {
    let path = Path::new("/etc/fristvakt/fristvakt.toml");
    match Config::parse(text, Some(path), variables) {
        Ok(config) => {
            let _ = config.location();
            if let Some(Err(error)) = config.email.as_ref().map(|email| email.load()) {
                assert!(!error.to_string().contains(SECRET), "{error}");
            }
        }
        Err(error) => {
            let error = error.to_string();
            assert!(error.contains("/etc/fristvakt") || error.contains("FRISTVAKT_"), "{error}");
            assert!(!error.contains(SECRET), "{error}");
        }
    }
}

/// The text with the secret in the place of one line's value.
fn told(text: &str, place: &Index, form: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let place = place.index(lines.len());
    let line = |(number, line): (usize, &&str)| match line.split_once('=').filter(|_| number == place) {
        Some((key, _)) => format!("{key}= {}", form.replace('_', SECRET)),
        None => (*line).to_owned(),
    };
    lines.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn any_text_is_a_configuration_or_an_error(text in any::<String>()) {
        take(&text, &[]);
    }

    #[test]
    fn an_edited_configuration_is_used_or_refused(example in select(&[EXAMPLE, FULL]), edits in edits()) {
        take(&edited(example, &edits), &[]);
    }

    #[test]
    fn no_error_repeats_a_value(
        place in any::<Index>(), form in select(&["\"_\"", "_", "[\"_\"]", "{ a = \"_\" }", "\"_", "'''_"]),
    ) {
        take(&told(FULL, &place, form), &[]);
    }

    #[test]
    fn any_variables_are_taken_or_refused(
        variables in vec(
            (
                prop_oneof![
                    "(database|mode|rules|email__(host|port|from|connections|timeouts__data)|log__level|webhook__url|email|__)",
                    any::<String>(),
                ],
                prop_oneof![any::<String>(), "[0-9]{1,30}", "[\\[\\]{}\"a=1, ]{0,12}", Just(SECRET.to_owned())],
            ),
            0..4,
        ),
    ) {
        take(FULL, &variables);
    }
}

#[test]
fn the_unedited_configuration_is_used() {
    assert!(Config::parse(FULL, None, &[]).unwrap().email.unwrap().load().is_ok());
}
