//! Lists over HTTP: the rows of the commands, page by page, of what a token opens.

use std::collections::HashSet;

use fristvakt::store::{DeviationFilter, ObligationFilter};
use serde_json::{Value, json};

use super::facts::facts_of;
use super::{BRINGS, OF_K, OF_L_AND_M, READS, Site, TOKEN};
use crate::daemon::{FACTS, Installation};
use crate::servers::postgres;

/// Three municipalities, with obligations that stand differently and deviations.
async fn three() -> Site {
    three_on(Installation::with(FACTS).await).await
}

/// Two more municipalities than an installation has.
async fn three_on(installation: Installation) -> Site {
    let site = Site::on(installation).await;
    for tenant in ["l", "m"] {
        assert_eq!(site.bring("", BRINGS, facts_of(tenant)).await.0, 200);
    }
    let decided = r#"{"type":"event","tenant":"l","case":"S-2","id":"e2","kind":"decision_made","on":"2026-03-12"}"#;
    assert_eq!(site.bring("", BRINGS, decided).await.0, 200);
    for now in ["2026-03-02T09:00:00+01:00", "2026-03-17T08:00:00+01:00", "2026-03-18T12:00:00+01:00"] {
        site.installation.tick(now).await;
    }
    site
}

fn items(answer: &Value) -> Vec<Value> {
    answer["items"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
}

/// A row's place in the order of pages.
fn key(row: &Value) -> (String, String, String, String, i64) {
    let text = |name: &str| row[name].as_str().unwrap().to_owned();
    (text("tenant"), text("case"), text("rule"), text("start"), row["number"].as_i64().unwrap_or(0))
}

impl Site {
    /// The rows of all pages.
    async fn walk(&self, path: &str, query: &str, token: &str, limit: usize) -> Vec<Value> {
        let (mut rows, mut after) = (vec![], String::new());
        loop {
            let (status, answer) = self.json(&format!("{path}?limit={limit}{query}{after}"), token).await;
            assert_eq!(status, 200, "{answer}");
            let page = items(&answer);
            assert!(page.len() <= limit && (!page.is_empty() || rows.is_empty()), "{answer}");
            rows.extend(page);
            match answer["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return rows,
            }
        }
    }

    async fn stored_obligations(&self, filter: ObligationFilter) -> Vec<Value> {
        let now = self.installation.clock().now();
        let rows = self.installation.daemon().store.list_obligations(&filter, now).await.unwrap();
        sorted(rows.iter().map(|row| serde_json::to_value(row).unwrap()))
    }
}

fn sorted(rows: impl Iterator<Item = Value>) -> Vec<Value> {
    let mut rows: Vec<Value> = rows.collect();
    rows.sort_by_key(key);
    rows
}

#[tokio::test]
async fn every_row_comes_once_in_one_order_however_long_the_pages_are() {
    walk_all(&three().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_gives_the_same_rows_in_the_same_order_as_a_file() {
    let Some(database) = postgres::database() else { return };
    let (file, server) = (three().await, three_on(Installation::on_server(&database.url(), FACTS).await).await);
    walk_all(&server).await;
    for asked in [
        "obligations?limit=1000",
        "obligations?case=7F3K",
        "obligations?case=S-2&tenant=l&open=true",
        "obligations?status=overdue&due_by=2026-03-16",
        "deviations?from=2026-03-17&to=2026-03-17&open=true",
        "deviations?case=9QX2&unit=skole",
        "cases/7F3K?tenant=k&language=en",
        "cases/S-2?tenant=l",
        "cases/S-2",
        "cases/none?tenant=m",
    ] {
        let path = format!("/v1/{asked}");
        let [mut one, mut other] = [file.json(&path, READS).await, server.json(&path, READS).await];
        // Nothing left the one without a relay.
        for answer in [&mut one.1, &mut other.1] {
            without_what_was_sent(answer);
        }
        assert_eq!(one, other, "{asked}");
    }
    // Case by case, page by page.
    for limit in [1, 2, 1000] {
        let rows = server.walk("/v1/obligations", "&case=S-1", READS, limit).await;
        assert_eq!(rows.len(), file.walk("/v1/obligations", "&case=7F3K", READS, limit).await.len());
        assert!(rows.len() > 2 && rows.iter().all(|row| row["case"] == "S-1"), "{rows:?}");
    }
}

/// What depends on whether a relay took mails.
fn without_what_was_sent(answer: &mut Value) {
    if let Some(object) = answer.as_object_mut() {
        object.retain(|name, _| {
            !["notices_sent", "escalated_at", "escalated_to", "told", "next", "unsent"].contains(&name.as_str())
        });
        object.values_mut().for_each(without_what_was_sent);
    }
    if let Some(values) = answer.as_array_mut() {
        values.iter_mut().for_each(without_what_was_sent);
    }
}

async fn walk_all(site: &Site) {
    let obligations = site.stored_obligations(ObligationFilter::default()).await;
    let (status, all) = site.json("/v1/deviations", READS).await;
    let deviations = items(&all);
    assert!(status == 200 && obligations.len() > 5 && deviations.len() > 2, "{} {all}", obligations.len());
    for limit in [1, 2, 3, 7, obligations.len() - 1, obligations.len(), obligations.len() + 1, 1000] {
        assert_eq!(site.walk("/v1/obligations", "", READS, limit).await, obligations, "limit {limit}");
        assert_eq!(site.walk("/v1/deviations", "", READS, limit).await, deviations, "limit {limit}");
    }
    let keys: HashSet<_> = deviations.iter().map(key).collect();
    assert_eq!(keys.len(), deviations.len());
    assert_eq!(sorted(deviations.iter().cloned()), deviations);
}

#[tokio::test]
async fn pages_go_on_where_they_ended_whatever_is_planned_meanwhile() {
    let site = three().await;
    let (_, first) = site.json("/v1/obligations?limit=4", READS).await;
    let before = site.stored_obligations(ObligationFilter::default()).await;
    let seen: HashSet<_> = items(&first).iter().map(key).collect();
    // Due dates move and statuses change: by due date, rows would come twice or never.
    let paused = r#"{"type":"event","tenant":"k","case":"S-1","id":"e5","kind":"decision_made","on":"2026-03-16"}"#;
    site.bring("", BRINGS, paused).await;
    site.installation.tick("2026-03-18T13:00:00+01:00").await;
    let query = format!("&after={}", first["next"].as_str().unwrap());
    let rest = site.json(&format!("/v1/obligations?limit=1000{query}"), READS).await.1;
    let rest: Vec<_> = items(&rest).iter().map(key).collect();
    assert!(rest.iter().all(|key| !seen.contains(key)));
    let after = site.stored_obligations(ObligationFilter::default()).await;
    assert_ne!(before, after, "something was planned meanwhile");
    let unseen: HashSet<_> = before.iter().map(key).filter(|key| !seen.contains(key)).collect();
    assert!(rest.into_iter().collect::<HashSet<_>>().is_superset(&unseen));
}

#[tokio::test]
async fn filters_are_those_of_the_commands() {
    let site = three().await;
    let text = |text: &str| Some(text.to_owned());
    let least = ObligationFilter::default;
    let day = |text: &str| Some(text.parse().unwrap());
    let cases = [
        ("tenant=k", ObligationFilter { tenant: text("k"), ..least() }),
        ("tenant=k&case=S-1", ObligationFilter { tenant: text("k"), case: text("S-1"), ..least() }),
        ("case=9QX2", ObligationFilter { case: text("9QX2"), ..least() }),
        ("unit=skole", ObligationFilter { unit: text("skole"), ..least() }),
        ("unit=nowhere", ObligationFilter { unit: text("nowhere"), ..least() }),
        ("status=overdue", ObligationFilter { status: text("overdue"), ..least() }),
        ("status=met", ObligationFilter { status: text("met"), ..least() }),
        ("open=true", ObligationFilter { open: true, ..least() }),
        ("open=false", least()),
        ("due_by=2026-03-16", ObligationFilter { due_by: day("2026-03-16"), ..least() }),
        ("due_by=2026-03-15", ObligationFilter { due_by: day("2026-03-15"), ..least() }),
    ];
    let mut lengths = HashSet::new();
    for (query, filter) in cases {
        let found = site.walk("/v1/obligations", &format!("&{query}"), READS, 3).await;
        lengths.insert(found.len());
        assert_eq!(found, site.stored_obligations(filter).await, "{query}");
    }
    assert!(lengths.len() > 4 && lengths.contains(&0), "the filters differ: {lengths:?}");
}

#[tokio::test]
async fn deviations_are_those_of_the_register_with_days_late() {
    let site = three().await;
    let all = site.walk("/v1/deviations", "", READS, 2).await;
    let rows = site.installation.daemon().store.list_deviations(&DeviationFilter::default()).await.unwrap();
    let rows: Vec<Value> = sorted(rows.iter().map(|row| serde_json::to_value(row).unwrap()));
    let without_days = |row: &Value| {
        let mut row = row.clone();
        assert!(row.as_object_mut().unwrap().remove("days_late").unwrap().is_i64());
        row
    };
    assert_eq!(all.iter().map(without_days).collect::<Vec<_>>(), rows);
    assert!(all.iter().any(|row| row["days_late"] == 2), "{all:?}");
    for (query, expected) in [
        ("&open=true", all.len()),
        ("&from=2026-03-18", all.len()),
        ("&to=2026-03-16", 0),
        ("&to=2026-03-17", all.len()),
        ("&case=7F3K&tenant=m", all.iter().filter(|row| row["tenant"] == "m" && row["case"] == "S-1").count()),
        ("&unit=nowhere", 0),
    ] {
        assert_eq!(site.walk("/v1/deviations", query, READS, 5).await.len(), expected, "{query}");
    }
}

#[tokio::test]
async fn a_token_reads_its_own_municipalities_alone() {
    let site = three().await;
    for path in ["/v1/obligations", "/v1/deviations"] {
        let all = site.walk(path, "", READS, 4).await;
        let of = |tenants: &[&str]| -> Vec<Value> {
            let is_of = |row: &&Value| tenants.contains(&row["tenant"].as_str().unwrap());
            all.iter().filter(is_of).cloned().collect()
        };
        assert!(!of(&["k"]).is_empty() && !of(&["l", "m"]).is_empty());
        assert_eq!(site.walk(path, "", OF_K, 2).await, of(&["k"]));
        assert_eq!(site.walk(path, "", OF_L_AND_M, 2).await, of(&["l", "m"]));
        assert_eq!(site.walk(path, "&tenant=m", OF_L_AND_M, 2).await, of(&["m"]));
        // One that there is and one that there is not: the same words.
        let answers = [
            site.json(&format!("{path}?tenant=l"), OF_K).await,
            site.json(&format!("{path}?tenant=nowhere"), OF_K).await,
        ];
        assert_eq!(answers[0], answers[1]);
        assert_eq!((answers[0].0, answers[0].1["code"].as_str().unwrap()), (403, "tenant_not_allowed"));
        // The place where somebody else's page ended opens nothing.
        let (_, first) = site.json(&format!("{path}?limit=1&tenant=m"), READS).await;
        let next = first["next"].as_str().unwrap();
        let (_, page) = site.json(&format!("{path}?after={next}"), OF_K).await;
        assert_eq!(items(&page), Vec::<Value>::new(), "what is of `m` comes after `k`");
        assert_eq!(site.json(path, TOKEN).await.1["code"], "scope_missing");
        assert_eq!(site.json(path, BRINGS).await.1["code"], "scope_missing");
    }
}

#[tokio::test]
async fn a_query_that_is_not_understood_is_refused_with_what_is_wrong() {
    let site = three().await;
    let cases = [
        ("obligations?limit=0", "limit: choose 1 to 1000"),
        ("obligations?limit=1001", "limit: choose 1 to 1000"),
        ("obligations?limit=-1", "limit: invalid digit"),
        ("obligations?limit=1&limit=2", "duplicate field `limit`"),
        ("obligations?after=nonsense", "no `next` of an earlier page"),
        ("obligations?after=e30", "no `next` of an earlier page"),
        ("obligations?status=late", "unknown variant `late`"),
        ("obligations?open=yes", "not `true` or `false`"),
        ("obligations?due_by=2026-02-30", "due_by: "),
        ("obligations?tennant=k", "unknown field `tennant`"),
        ("obligations?from=2026-01-01", "unknown field `from`"),
        ("deviations?due_by=2026-01-01", "unknown field `due_by`"),
        ("deviations?from=yesterday", "from: "),
        ("deviations?limit=99999999999999999999", "limit: "),
        ("cases/S-1?now=2026-01-01T00:00:00Z", "unknown field `now`"),
        ("cases/S-1?language=sv", "unknown variant `sv`"),
    ];
    for (asked, expected) in cases {
        let (status, answer) = site.json(&format!("/v1/{asked}"), READS).await;
        assert_eq!((status, answer["code"].as_str().unwrap()), (400, "query_wrong"), "{asked}");
        assert!(answer["detail"].as_str().unwrap().contains(expected), "{asked}: {answer}");
    }
    assert_eq!(site.json("/v1/obligations?after=", READS).await, site.json("/v1/obligations", READS).await);
    let (status, answer) = site.json("/v1/obligations?tenant=nowhere", READS).await;
    assert_eq!((status, answer), (200, json!({ "items": [], "next": null })), "none there, as the command says");
}
