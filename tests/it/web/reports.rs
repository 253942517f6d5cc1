//! The report over HTTP: the same as by command, of what a token opens, and safe to show.

use reqwest::Method;
use serde_json::Value;

use super::facts::facts_of;
use super::{BRINGS, COORDINATOR, READS, REPORTS, REPORTS_L, Site};
use crate::daemon::{FACTS, Installation};

const MARCH: &str = "/v1/reports/deviations?from=2026-03-01&to=2026-03-31";

/// Two municipalities with deviations; one case of `k` is protected.
async fn two() -> Site {
    let site = Site::on(Installation::with(FACTS).await).await;
    assert_eq!(site.bring("", BRINGS, facts_of("l")).await.0, 200);
    let protected = r#"{"type":"case","tenant":"k","id":"S-9","ref":"ZZ8P","unit":"skole","stafettholder":"larer","protected":true}
{"type":"event","tenant":"k","case":"S-9","id":"e1","kind":"concern_raised","on":"2026-03-02"}"#;
    assert_eq!(site.bring("", BRINGS, protected).await.0, 200);
    for now in ["2026-03-02T09:00:00+01:00", "2026-03-17T08:00:00+01:00", "2026-03-18T12:00:00+01:00"] {
        site.installation.tick(now).await;
    }
    site
}

/// The references of the deviations that a report lists.
fn listed(report: &Value) -> Vec<String> {
    let lines = report["lines"].as_array().unwrap_or_else(|| panic!("{report}"));
    let mut listed: Vec<String> =
        lines.iter().map(|line| format!("{} {}", line["tenant"], line["ref"]).replace('"', "")).collect();
    listed.sort();
    listed.dedup();
    listed
}

#[tokio::test]
async fn a_token_gets_the_reports_of_its_municipalities_and_protected_cases_only_where_it_says_so() {
    let site = two().await;
    let of = async |more: &str, token: &str| {
        let (status, report) = site.json(&format!("{MARCH}&format=json{more}"), token).await;
        assert_eq!(status, 200, "{more}: {report}");
        listed(&report)
    };
    let l: Vec<String> = of("", REPORTS_L).await;
    assert!(!l.is_empty() && l.iter().all(|line| line.starts_with("l ")), "{l:?}");
    let all = of("", REPORTS).await;
    assert!(all.contains(&"k 7F3K".to_owned()) && all.iter().any(|line| line.starts_with("l ")), "{all:?}");
    assert!(!all.contains(&"k ZZ8P".to_owned()), "{all:?}");
    assert_eq!(of("", COORDINATOR).await, all, "a scope alone lists no protected case");
    assert!(of("&protected=true", COORDINATOR).await.contains(&"k ZZ8P".to_owned()));
    assert!(of("&tenant=k", REPORTS).await.iter().all(|line| line.starts_with("k ")));
    for (more, token, status, said) in [
        ("&protected=true", REPORTS, 403, "protected"),
        ("&tenant=k", REPORTS_L, 403, "does not open this municipality"),
        ("", READS, 403, "reports"),
        // Whoever may not see a municipality does not hear of its units.
        ("&unit=skole-k", REPORTS_L, 404, "there is no unit `skole-k`"),
        ("&tenant=nowhere", REPORTS, 404, "there is no municipality"),
        ("&open=true&closed=true", REPORTS, 400, "open, closed"),
        ("&kind=dutty", REPORTS, 400, "duty"),
        ("&level=may", REPORTS, 400, "must, should"),
        ("&format=pdf", REPORTS, 400, "html"),
        ("&unknown=1", REPORTS, 400, "unknown"),
    ] {
        let (answered, problem) = site.json(&format!("{MARCH}{more}"), token).await;
        assert_eq!(answered, status, "{more}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(said), "{more}: {problem}");
    }
    let (status, problem) = site.json("/v1/reports/deviations?from=2026-03-31&to=2026-03-01", REPORTS).await;
    assert_eq!(status, 400, "{problem}");
}

#[tokio::test]
async fn units_may_be_several_and_lists_narrow() {
    let site = two().await;
    let get = async |more: &str| site.json(&format!("{MARCH}&format=json&tenant=k{more}"), REPORTS).await.1;
    let all = get("").await;
    assert_eq!(get("&unit=skole&unit=oppvekst").await["figures"]["total"], all["figures"]["total"]);
    assert_eq!(listed(&get("&unit=skole").await), listed(&all));
    assert_eq!(listed(&get("&closed=true").await), Vec::<String>::new());
    assert_eq!(listed(&get("&open=true&rule=T1&kind=decision&level=must").await), listed(&all));
    assert_eq!(get("&hide_small=true").await["figures"]["total"]["opened"], "hidden");
    assert_eq!(get("&language=en").await["language"], "en");
    assert_eq!((&all["is_over"], &all["period_before"]), (&Value::Bool(false), &Value::Null));
}

#[tokio::test]
async fn each_form_is_whole_has_a_name_and_may_do_nothing_in_a_browser() {
    let site = two().await;
    for (format, media, how) in [
        ("html", "text/html; charset=utf-8", "inline; filename=\"avvik-k-2026-03-01-2026-03-31.html\""),
        (
            "xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "attachment; filename=\"avvik-k-2026-03-01-2026-03-31.xlsx\"",
        ),
        ("csv", "text/csv; charset=utf-8", "attachment; filename=\"avvik-k-2026-03-01-2026-03-31.csv\""),
        ("csv_rfc4180", "text/csv; charset=utf-8", "attachment; filename=\"avvik-k-2026-03-01-2026-03-31.csv\""),
        ("json", "application/json", "attachment; filename=\"avvik-k-2026-03-01-2026-03-31.json\""),
    ] {
        let response = site.ask(Method::GET, &format!("{MARCH}&tenant=k&format={format}"), Some(REPORTS)).await;
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!((header("content-type").as_str(), header("content-disposition").as_str()), (media, how));
        assert_eq!(
            (header("x-content-type-options").as_str(), header("cache-control").as_str()),
            ("nosniff", "no-store")
        );
        let policy = header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(policy.contains("style-src 'unsafe-inline'"), format == "html", "{policy}");
        assert_eq!(policy.contains("sandbox"), format == "html", "{policy}");
        assert!(!policy.contains("script"), "{policy}");
        let length: usize = header("content-length").parse().unwrap();
        let body = response.bytes().await.unwrap();
        assert_eq!(body.len(), length, "{format}");
        let (begins, ends): (&[u8], &[u8]) = match format {
            "html" => (b"<!DOCTYPE html>", b"</html>\n"),
            "xlsx" => (b"PK", b""),
            "csv" => (b"\xef\xbb\xbf", b"\n"),
            "json" => (b"{", b"}\n"),
            _ => (b"", b"\n"),
        };
        assert!(body.starts_with(begins) && body.ends_with(ends), "{format}: {} bytes", body.len());
    }
}

#[tokio::test]
async fn where_a_report_cannot_be_kept_it_is_refused_and_the_next_one_is_made() {
    let site = two().await;
    let folder = site.installation.daemon().journal_folder().to_owned();
    let away = folder.with_extension("away");
    std::fs::rename(&folder, &away).unwrap();
    let (status, problem) = site.json(MARCH, REPORTS).await;
    assert_eq!((status, &problem["code"]), (503, &"disk_unavailable".into()), "{problem}");
    std::fs::rename(&away, &folder).unwrap();
    assert_eq!(site.get(MARCH, Some(REPORTS)).await.0, 200);
}
