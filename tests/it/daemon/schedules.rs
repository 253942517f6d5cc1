//! What is sent on a schedule: once a period, to whom it belongs, whatever happens in between.

use std::collections::BTreeMap;

use fristvakt::language::Language;
use fristvakt::report::{Brief, Period, Report, Request};
use fristvakt::store::MessageFilter;
use mail_parser::{MessageParser, MimeHeaders};
use serde_json::Value;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{FACTS, Installation, instant, without_relay};
use crate::hostile::Relay;

/// Reports as they come without a word about them, but for the lists.
const ON: &str = "reports.enabled = true\nreports.lists = \"off\"\n";

/// Only the coordinator's lists.
const LISTS: &str = "reports.weekly = \"off\"\nreports.monthly = \"off\"\nreports.quarterly = \"off\"\n";

/// A case of a unit beside the school, whose leader is somebody else; and one that is address-protected.
const MORE: &str = r#"{"type":"unit","tenant":"k","id":"barnehage","parent":"oppvekst","leader":"styrer"}
{"type":"person","tenant":"k","id":"styrer","email":"styrer@k.example","unit":"barnehage"}
{"type":"unit","tenant":"k","id":"sfo","parent":"skole","leader":"rektor"}
{"type":"case","tenant":"k","id":"S-3","ref":"3ABC","unit":"barnehage","stafettholder":"larer"}
{"type":"event","tenant":"k","case":"S-3","id":"e1","kind":"concern_raised","on":"2026-03-02"}
{"type":"case","tenant":"k","id":"S-4","ref":"4HID","unit":"sfo","stafettholder":"larer","protected":true}
{"type":"event","tenant":"k","case":"S-4","id":"e1","kind":"concern_raised","on":"2026-03-02"}
"#;

impl Installation {
    /// Reports so far: recipient and text.
    fn reports(&self) -> Vec<(String, String)> {
        let is_report = |text: &str| text.contains("oversikten for") || text.contains("bør noen i");
        self.mails().into_iter().filter(|(_, text)| is_report(text)).collect()
    }

    /// The files beside the texts whose names begin like this, by name.
    fn files(&self, beginning: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        for mail in std::fs::read_dir(self.folder.path().join("mail")).unwrap() {
            let bytes = std::fs::read(mail.unwrap().path()).unwrap();
            let Some(mail) = MessageParser::default().parse(&bytes) else { continue };
            for part in mail.attachments() {
                let name = part.attachment_name().unwrap_or_default();
                if name.starts_with(beginning) {
                    files.insert(name.to_owned(), part.contents().to_vec());
                }
            }
        }
        files
    }

    fn report_recipients(&self) -> Vec<String> {
        let mut recipients: Vec<String> = self.reports().into_iter().map(|(to, _)| to).collect();
        recipients.sort();
        recipients
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_leader_gets_the_week_of_their_own_units_on_monday_morning_once() {
    let here = Installation::configured(&format!("{FACTS}{MORE}"), ON).await;
    here.tick("2026-03-17T08:00:00+01:00").await;
    for early in ["2026-03-20T08:00:00+01:00", "2026-03-22T12:00:00+01:00", "2026-03-23T07:59:59+01:00"] {
        here.tick(early).await;
        assert_eq!(here.report_recipients(), Vec::<String>::new(), "{early}");
    }
    here.tick("2026-03-23T08:00:00+01:00").await;
    assert_eq!(here.report_recipients(), ["rektor@k.example", "sjef@k.example", "styrer@k.example"]);
    let of = |whose: &str| here.reports().into_iter().find(|(to, _)| to.starts_with(whose)).unwrap().1;
    insta::assert_snapshot!("weekly-report", of("rektor"));
    assert!(of("rektor").contains("7F3K") && of("rektor").contains("9QX2") && !of("rektor").contains("3ABC"));
    assert!(of("styrer").contains("3ABC") && !of("styrer").contains("7F3K"));
    assert!(of("sjef").contains("3ABC") && of("sjef").contains("7F3K"), "their own units and all below");
    assert!(here.reports().iter().all(|(_, text)| !text.contains("4HID")), "of a protected case nothing leaves");
    for later in ["2026-03-23T08:00:01+01:00", "2026-03-24T08:00:00+01:00", "2026-03-29T12:00:00+02:00"] {
        here.tick(later).await;
        assert_eq!(here.reports().len(), 3, "{later}");
    }
    here.tick("2026-03-30T08:00:00+02:00").await;
    assert_eq!(here.reports().len(), 6, "and again a week later");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_sends_nothing_again_and_a_missed_slot_is_made_up_once_for_the_latest_period() {
    let here = Installation::configured(FACTS, ON).await;
    here.tick("2026-03-17T08:00:00+01:00").await;
    // Down from then until after Easter: two weeks, a month and a quarter have ended, and Monday was a holiday.
    let here = here.restarted_with(ON).await;
    here.tick("2026-04-06T08:00:00+02:00").await;
    assert_eq!(here.report_recipients(), Vec::<String>::new(), "Easter Monday");
    here.tick("2026-04-07T08:00:00+02:00").await;
    let told = ["koord@k.example", "koord@k.example", "rektor@k.example", "sjef@k.example"];
    assert_eq!(here.report_recipients(), told);
    let texts: Vec<String> = here.reports().into_iter().map(|(_, text)| text).collect();
    let about = |what: &str| texts.iter().filter(|text| text.contains(what)).count();
    assert_eq!((about("uke 14 i 2026 (30. mars"), about("uke 13")), (2, 0), "{texts:?}");
    assert_eq!((about("mars 2026 (1. mars"), about("1. kvartal 2026")), (1, 1), "{texts:?}");
    let here = here.restarted_with(ON).await;
    here.tick("2026-04-07T08:10:00+02:00").await;
    here.tick("2026-04-08T08:00:00+02:00").await;
    assert_eq!(here.report_recipients(), told);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_month_that_was_missed_is_made_up_and_of_the_weeks_the_latest() {
    let here = Installation::configured(FACTS, ON).await;
    here.tick("2026-03-17T08:00:00+01:00").await;
    let here = here.restarted_with(ON).await;
    here.tick("2026-06-03T08:00:00+02:00").await;
    let [coordinator, leaders] = ["koord@k.example", "rektor@k.example"].map(|whose| {
        let of = here.reports().into_iter().filter(|(to, _)| to == whose);
        let period = |text: String| text.lines().find(|line| line.contains("oversikten")).unwrap().to_owned();
        let mut periods: Vec<String> = of.map(|(_, text)| period(text)).collect();
        periods.sort();
        periods
    });
    assert_eq!(
        coordinator,
        [
            "Dette er oversikten for Kommune, 1. kvartal 2026 (1. januar – 31. mars 2026).",
            "Dette er oversikten for Kommune, april 2026 (1. april – 30. april 2026).",
            "Dette er oversikten for Kommune, mai 2026 (1. mai – 31. mai 2026).",
            "Dette er oversikten for Kommune, mars 2026 (1. mars – 31. mars 2026).",
        ]
    );
    assert_eq!(leaders, ["Dette er oversikten for enhetene dine, uke 22 i 2026 (25. mai – 31. mai 2026)."]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_and_its_files_say_what_the_report_says() {
    let here = Installation::configured(&format!("{FACTS}{MORE}"), "reports.attach = [\"html\", \"xlsx\"]\n").await;
    here.tick("2026-03-17T08:00:00+01:00").await;
    here.tick("2026-04-07T08:00:00+02:00").await;
    let period = Period::new("2026-03-01".parse().unwrap(), "2026-03-31".parse().unwrap()).unwrap();
    let rules = here.daemon.rules();
    let request = Request { tenant: Some("k".to_owned()), protected: false, ..Request::of(period) };
    let report = Report::read(&here.daemon.store, &rules.set, &request, here.clock.now(), |_| {}).await.unwrap();
    let Brief { sentence, lines } = Brief::of(Language::Nb, &report.figures().total);
    let (_, text) = here.reports().into_iter().find(|(_, text)| text.contains("mars 2026 (1. mars")).unwrap();
    assert!(text.contains(&sentence), "{sentence}: {text}");
    assert!(lines.iter().all(|line| text.contains(line)), "{lines:?}: {text}");
    let files = here.files("avvik-2026-03");
    assert_eq!(files.keys().collect::<Vec<_>>(), ["avvik-2026-03.html", "avvik-2026-03.xlsx"]);
    let page = String::from_utf8(files["avvik-2026-03.html"].clone()).unwrap();
    assert!(page.contains(&report.summary().sentence), "{page}");
    assert_eq!(["7F3K", "9QX2", "3ABC"].map(|reference| page.contains(reference)), [true; 3]);
    assert!(files["avvik-2026-03.xlsx"].starts_with(b"PK"));
    assert!(!page.contains("4HID"), "of a protected case nothing leaves");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_is_too_large_for_a_mail_is_not_attached_and_the_mail_says_so() {
    let here = Installation::configured(FACTS, "reports.attach = [\"html\"]\nreports.attach_at_most = 0\n").await;
    here.tick("2026-03-17T08:00:00+01:00").await;
    here.tick("2026-03-23T08:00:00+01:00").await;
    assert!(here.files("avvik").is_empty());
    assert!(here.reports().iter().all(|(_, text)| text.contains("Rapporten er for stor til å legges ved.")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_day_of_a_year_is_a_holiday_and_its_reports_come_on_the_next_working_day() {
    let here = Installation::configured(FACTS, ON).await;
    here.tick("2026-12-30T08:00:00+01:00").await;
    here.tick("2027-01-01T12:00:00+01:00").await;
    assert_eq!(here.reports(), []);
    // 1 January 2027 is a Friday.
    here.tick("2027-01-04T08:00:00+01:00").await;
    let to_coordinator = here.reports().into_iter().filter(|(to, _)| to == "koord@k.example");
    let mut periods: Vec<String> = to_coordinator
        .map(|(_, text)| text.lines().find(|line| line.contains("oversikten")).unwrap().to_owned())
        .collect();
    periods.sort();
    assert_eq!(
        periods,
        [
            "Dette er oversikten for Kommune, 2026 (1. januar – 31. desember 2026).",
            "Dette er oversikten for Kommune, 4. kvartal 2026 (1. oktober – 31. desember 2026).",
            "Dette er oversikten for Kommune, desember 2026 (1. desember – 31. desember 2026).",
        ]
    );
    let weekly = here.reports().into_iter().find(|(to, _)| to == "rektor@k.example").unwrap().1;
    assert!(weekly.contains("uke 53 i 2026 (28. desember 2026 – 3. januar 2027)"), "{weekly}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_was_down_gets_the_same_report_of_the_same_period_later() {
    let (here, port) = without_relay(FACTS, ON).await;
    here.tick("2026-03-17T08:00:00+01:00").await;
    here.tick("2026-03-23T08:00:00+01:00").await;
    let relay = Relay::on(port).await;
    here.tick("2026-03-25T09:00:00+01:00").await;
    let reports = relay.accepted().into_iter().filter(|mail| mail.text.contains("Subject: Oversikt for uke 12 i 2026"));
    let mut sent: Vec<(String, String)> = reports.map(|mail| (mail.message_id, mail.recipient)).collect();
    sent.sort();
    let messages = here.daemon.store.list_messages(&MessageFilter::default()).await.unwrap();
    let of_week = messages.into_iter().filter(|message| {
        message.tries > 0 && message.subject.as_deref().is_some_and(|subject| subject.contains(":2026-W12:"))
    });
    let mut made: Vec<(String, String)> = of_week
        .map(|message| (format!("{}@k.example", message.id), format!("{}@k.example", message.recipient)))
        .collect();
    made.sort();
    assert_eq!((sent.len(), sent), (2, made), "the messages that failed before, to both leaders");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_mailed_where_there_is_something_on_them() {
    let holder = r#"{"type":"event","tenant":"k","case":"S-1","id":"e5","kind":"cooperation_agreed","on":"2026-03-24"}
{"type":"case","tenant":"k","id":"S-1","ref":"7F3K","unit":"skole","initiator":"larer"}"#;
    let here = Installation::configured(FACTS, LISTS).await;
    here.tick("2026-03-03T08:00:00+01:00").await;
    here.tick("2026-03-09T08:00:00+01:00").await;
    here.tick("2026-03-16T08:00:00+01:00").await;
    assert_eq!(here.reports(), [], "there is nothing on any list");
    here.import(&format!("{FACTS}{holder}\n")).await;
    here.tick("2026-03-30T08:00:00+02:00").await;
    let [(to, text)] = here.reports().try_into().unwrap();
    assert_eq!(to, "koord@k.example");
    insta::assert_snapshot!("lists-mail", text);
    here.tick("2026-03-30T09:00:00+02:00").await;
    here.tick("2026-03-31T08:00:00+02:00").await;
    assert_eq!(here.reports().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_reported_of_what_lies_before_going_live_or_in_shadow() {
    let facts = FACTS.replace(r#""go_live":"2026-01-01""#, r#""go_live":"2026-03-23""#);
    let here = Installation::configured(&facts, ON).await;
    here.tick("2026-03-17T08:00:00+01:00").await;
    here.tick("2026-03-23T08:00:00+01:00").await;
    assert_eq!(here.reports(), []);
    let here = Installation::configured(FACTS, &format!("mode = \"shadow\"\n{ON}")).await;
    here.tick("2026-03-17T08:00:00+01:00").await;
    here.tick("2026-03-23T08:00:00+01:00").await;
    here.tick("2026-04-07T08:00:00+02:00").await;
    assert_eq!(here.mails(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_wrong_neither_repeats_a_report_nor_keeps_the_next_from_coming() {
    let here = Installation::configured(FACTS, ON).await;
    here.tick("2026-03-17T08:00:00+01:00").await;
    here.tick("2026-03-23T08:00:00+01:00").await;
    assert_eq!(here.report_recipients(), ["rektor@k.example", "sjef@k.example"]);
    here.tick("2027-06-14T03:00:00+02:00").await;
    here.tick("2026-03-23T09:00:00+01:00").await;
    here.tick("2026-03-24T08:00:00+01:00").await;
    assert_eq!(here.reports().len(), 2);
    here.tick("2026-03-30T08:00:00+02:00").await;
    assert_eq!(here.reports().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_hears_once_that_a_report_can_be_read_and_nothing_of_what_it_says() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(204)).mount(&server).await;
    let secrets = tempfile::tempdir().unwrap();
    let extra = format!("{ON}{}", super::delivery::webhook(&server, secrets.path(), "kinds = [\"report\"]"));
    let here = Installation::configured(FACTS, &extra).await;
    here.tick("2026-03-17T08:00:00+01:00").await;
    here.tick("2026-03-23T08:00:00+01:00").await;
    here.tick("2026-03-24T08:00:00+01:00").await;
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 1);
    let body: Value = serde_json::from_slice(&requests[0].body).unwrap();
    let expected = serde_json::json!({
        "type": "report.ready",
        "timestamp": "2026-03-23T07:00:00Z",
        "data": { "tenant": "k", "report": "weekly", "period": "2026-W12", "from": "2026-03-16", "to": "2026-03-22",
                  "path": "/v1/reports/deviations?tenant=k&from=2026-03-16&to=2026-03-22" }
    });
    assert_eq!(body, expected);
    assert_eq!(here.clock.now(), instant("2026-03-24T08:00:00+01:00"));
}
