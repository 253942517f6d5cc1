//! The alerts and the dashboard that come along: they can be read, and ask for nothing that `/metrics` does not say.

use std::collections::{BTreeMap, BTreeSet};

use promql_parser::label::MatchOp;
use promql_parser::parser::{Expr, VectorSelector, parse};
use promql_parser::util::{ExprVisitor, walk_expr};
use serde_json::Value;

use crate::daemon::{FACTS, Installation};
use crate::web::Site;

const RULES: &str = include_str!("../../systemd/monitoring/fristvakt.rules.yml");
const DASHBOARD: &str = include_str!("../../systemd/monitoring/grafana.json");

/// The series of a real page: every name with the labels that it has.
type Series = BTreeMap<String, BTreeSet<String>>;

/// `/metrics` of an installation that has everything which can be configured, and something of everything.
async fn series() -> Series {
    let extra = "[[source]]\nname = \"fagsystem\"\nurl = \"sqlite:///nowhere/at/all.db\"\ntenants = [\"k\"]\n\
                 [source.query.case]\nsql = \"SELECT 1\"\nfull = true\n\
                 [dead_man]\nurl = \"http://127.0.0.1:1/\"\nallow_insecure_loopback = true\n\
                 [[webhook]]\nname = \"hook\"\nformat = \"slack\"\nurl = \"http://127.0.0.1:1/\"\n\
                 allow_insecure_loopback = true\n";
    let site = Site::on(Installation::configured(FACTS, extra).await).await;
    site.installation().tick("2026-03-10T12:00:00+01:00").await;
    site.installation().tick("2026-03-11T08:00:00+01:00").await;
    let mut series = Series::new();
    for line in site.metrics().await.lines().filter(|line| !line.starts_with('#')) {
        let (name, rest) = line.split_once(['{', ' ']).unwrap();
        let labels = if line.contains('{') { rest.split_once('}').unwrap().0 } else { "" };
        let labels = labels.split(',').filter_map(|label| Some(label.split_once('=')?.0.to_owned()));
        series.entry(name.to_owned()).or_default().extend(labels);
    }
    // Of a source that was never read to its end, these are absent.
    for name in ["fristvakt_source_lag_seconds", "fristvakt_source_last_success_timestamp_seconds"] {
        series.entry(name.to_owned()).or_default().insert("source".to_owned());
    }
    series
}

/// Every selector in an expression, and the labels that it groups by.
#[derive(Default)]
struct Asked {
    selectors: Vec<VectorSelector>,
    groups: Vec<String>,
}

impl ExprVisitor for Asked {
    type Error = String;

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, String> {
        match expr {
            Expr::VectorSelector(selector) => self.selectors.push(selector.clone()),
            Expr::MatrixSelector(matrix) => self.selectors.push(matrix.vs.clone()),
            Expr::Aggregate(aggregate) => {
                let labels = aggregate.modifier.iter().flat_map(|modifier| match modifier {
                    promql_parser::parser::LabelModifier::Include(labels)
                    | promql_parser::parser::LabelModifier::Exclude(labels) => labels.labels.clone(),
                });
                self.groups.extend(labels);
            }
            _ => {}
        }
        Ok(true)
    }
}

/// Labels that Prometheus adds.
const OF_THE_SCRAPE: [&str; 2] = ["instance", "job"];

/// Holds an expression against what there is; the labels that its result may have.
fn check(series: &Series, expression: &str) -> BTreeSet<String> {
    let parsed = parse(expression).unwrap_or_else(|problem| panic!("{expression}: {problem}"));
    let mut asked = Asked::default();
    walk_expr(&mut asked, &parsed).unwrap();
    assert!(!asked.selectors.is_empty(), "{expression} asks for nothing");
    let mut labels: BTreeSet<String> = OF_THE_SCRAPE.map(str::to_owned).into();
    for selector in asked.selectors {
        let name = selector.name.unwrap_or_else(|| panic!("{expression}: a selector without a name"));
        let known = series.get(&name).unwrap_or_else(|| panic!("{expression}: there is no {name} in\n{series:#?}"));
        labels.extend(known.iter().cloned());
        for matcher in selector.matchers.matchers {
            assert!(labels.contains(&matcher.name), "{expression}: {name} has no label {}", matcher.name);
            let states = ["gathering", "pending", "claimed", "committing", "held", "dead"];
            if matcher.name == "state" && matcher.op == MatchOp::Equal {
                assert!(states.contains(&matcher.value.as_str()), "{expression}: no such state");
            }
        }
    }
    for group in asked.groups {
        assert!(labels.contains(&group), "{expression}: no label {group}");
    }
    labels
}

#[tokio::test]
async fn every_alert_asks_for_what_there_is_and_says_what_to_do() {
    let series = series().await;
    let rules: Value = serde_saphyr::from_str(RULES).unwrap();
    let mut names = BTreeSet::new();
    for rule in rules["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap()) {
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no text in {rule}")).to_owned();
        let name = text(&rule["alert"]);
        assert!(name.starts_with("Fristvakt") && names.insert(name.clone()), "{name}");
        let labels = check(&series, &text(&rule["expr"]));
        assert!(["warning", "critical"].contains(&text(&rule["labels"]["severity"]).as_str()), "{name}");
        let annotations = [text(&rule["annotations"]["summary"]), text(&rule["annotations"]["description"])];
        for label in annotations.iter().flat_map(|text| text.split("$labels.").skip(1)) {
            let label: String = label.chars().take_while(|char| char.is_ascii_alphanumeric() || *char == '_').collect();
            assert!(labels.contains(&label), "{name} has no label {label}");
        }
        assert!(annotations[1].ends_with('.'), "{name} says what to do in sentences");
    }
    assert!(names.len() > 10, "{names:?}");
}

#[tokio::test]
async fn every_panel_asks_for_what_there_is_and_none_lies_on_another() {
    let series = series().await;
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        assert!(!panel["title"].as_str().unwrap().is_empty() && !panel["description"].as_str().unwrap().is_empty());
        let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24, "{panel}");
        for (x, y) in (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y))) {
            assert!(taken.insert((x, y)), "{} lies on another", panel["title"]);
        }
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty());
        for target in targets {
            let expression = target["expr"].as_str().unwrap().replace("$instance", "127.0.0.1:8080");
            let labels = check(&series, &expression);
            for label in target["legendFormat"].as_str().unwrap().split("{{").skip(1) {
                let label = label.split_once("}}").unwrap().0;
                assert!(labels.contains(label), "{expression}: the legend names {label}");
            }
        }
    }
    assert!(ids.len() > 10);
}

#[tokio::test]
async fn an_expression_that_asks_for_what_there_is_not_is_found() {
    let series = series().await;
    for wrong in [
        "fristvakt_nonsense > 0",
        "fristvakt_messages{stat=\"held\"} > 0",
        "fristvakt_messages{state=\"hold\"} > 0",
        "sum by (chanel) (fristvakt_messages)",
        "sum(fristvakt_messages",
        "1 + 1",
    ] {
        let found = std::panic::catch_unwind(|| check(&series, wrong));
        assert!(found.is_err(), "{wrong}");
    }
}
