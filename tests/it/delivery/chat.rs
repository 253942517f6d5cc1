//! What chats show of a notice, and what their answers mean.

use fristvakt::delivery::webhook::{Webhook, WebhookEvent, WebhookSettings};
use fristvakt::delivery::{Accepted, Failure, FailureClass};
use fristvakt::language::Language;
use fristvakt::notice::Role;
use fristvakt::obligation::Closing;
use fristvakt::register::Happening;
use serde_json::Value;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::samples::{ID, at};
use super::webhook::{deviation, event};

/// A webhook of a chat, whose address stands in a file.
fn chat(format: &str, url: &str) -> Webhook {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    std::fs::write(&file, format!("{url}\n")).unwrap();
    let text = format!("name = \"prat\"\nurl_file = {file:?}\nformat = \"{format}\"\nallow_insecure_loopback = true");
    toml::from_str::<WebhookSettings>(&text).unwrap().load().unwrap().0
}

/// What a chat that gives `answer` was sent, and what became of it.
async fn sent(format: &str, event: &WebhookEvent, answer: ResponseTemplate) -> (Result<Accepted, Failure>, Request) {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(answer).mount(&server).await;
    let outcome = chat(format, &format!("{}/hemmelig/sti?sig=hemmelig", server.uri())).send(ID, event, at()).await;
    (outcome, server.received_requests().await.unwrap().remove(0))
}

async fn body(format: &str, event: &WebhookEvent) -> Value {
    let (outcome, request) = sent(format, event, ResponseTemplate::new(200)).await;
    assert_eq!(outcome, Ok(Accepted { code: 200 }));
    assert_eq!(request.headers["webhook-id"], ID.to_string());
    assert!(!request.headers.contains_key("webhook-signature"));
    serde_json::from_slice(&request.body).unwrap()
}

fn pretty(body: &Value) -> String {
    serde_json::to_string_pretty(body).unwrap()
}

#[tokio::test]
async fn a_teams_card_reads_well_in_every_language() {
    for (language, notice) in
        [(Language::Nb, "Ta en beslutning"), (Language::Nn, "Ta ei avgjerd"), (Language::En, "Make a decision")]
    {
        let event = WebhookEvent { language, notice: notice.into(), ..event() };
        insta::assert_snapshot!(format!("teams-{}", language.code()), pretty(&body("teams", &event).await));
    }
}

#[tokio::test]
async fn a_slack_message_reads_well_in_every_language() {
    for (language, notice) in
        [(Language::Nb, "Ta en beslutning"), (Language::Nn, "Ta ei avgjerd"), (Language::En, "Make a decision")]
    {
        let event = WebhookEvent { language, notice: notice.into(), ..event() };
        insta::assert_snapshot!(format!("slack-{}", language.code()), pretty(&body("slack", &event).await));
    }
}

/// Everything that may be missing or rare: a deviation to a contact, a possible repeat, no link.
#[tokio::test]
async fn a_deviation_that_may_be_a_repeat_says_so() {
    let event = WebhookEvent {
        role: Role::Contact("barnevern".into()),
        possible_repeat: true,
        link: Some("javascript:alert(1)".to_owned()),
        ..deviation(Happening::Opened)
    };
    for format in ["teams", "slack"] {
        let body = pretty(&body(format, &event).await);
        assert!(!body.contains("barnevern") && !body.contains("javascript"), "{body}");
        insta::assert_snapshot!(format!("{format}-deviation"), body);
    }
}

/// How each thing that happens to a deviation reads, in each language: title, how it stands, whom it is about.
#[tokio::test]
async fn what_happens_to_a_deviation_reads_well_in_every_language() {
    let happened = [
        Happening::Opened,
        Happening::Closed(Closing::MetLate),
        Happening::Closed(Closing::Explained),
        Happening::Closed(Closing::Withdrawn),
        Happening::Reopened,
    ];
    let mut lines = String::new();
    for language in Language::ALL {
        for happening in happened {
            let event = WebhookEvent { language, ..deviation(happening) };
            let body = body("teams", &event).await;
            let text = |block: &Value| block["inlines"][0]["text"].as_str().unwrap().to_owned();
            let blocks = body["attachments"][0]["content"]["body"].as_array().unwrap();
            let colour = blocks[1]["inlines"][0]["color"].as_str().unwrap();
            let texts: Vec<String> = [0, 1, 3].map(|place| text(&blocks[place])).to_vec();
            lines.push_str(&format!("{} {colour}: {}\n", language.code(), texts.join(" ")));
        }
    }
    insta::assert_snapshot!(lines);
}

/// What rules and facts might hold, by mistake or in bad faith.
const EVIL: &str = "Se <!channel> <https://ondt.example|her> & [her](https://ondt.example) *nå* @channel <at>Kari</at> \
                    {{DATE(2026-01-01T00:00:00Z)}}\n\u{202e}baklengs\u{0}";

#[tokio::test]
async fn nothing_in_a_slack_message_becomes_markup_or_a_mention() {
    let event = WebhookEvent {
        notice: EVIL.into(),
        tenant_name: EVIL.into(),
        link: Some("https://samspill.example/sak?a=1&b=<2>|x".to_owned()),
        ..event()
    };
    let body = body("slack", &event).await;
    let mut texts = vec![];
    collect(&body, &mut texts);
    let links: Vec<&String> = texts.iter().filter(|text| text.contains('<') || text.contains('>')).collect();
    assert_eq!(links, ["<https://samspill.example/sak?a=1&amp;b=%3C2%3E%7Cx|Åpne saken>"]);
    assert!(texts.iter().any(|text| text.contains("&lt;!channel&gt;")));
    assert!(texts.iter().all(|text| !text.contains(['\u{202e}', '\0'])));
    assert_eq!((&body["mrkdwn"], &body["link_names"]), (&Value::Bool(false), &Value::Bool(false)));
    let markdown: Vec<&Value> =
        body["blocks"].as_array().unwrap().iter().filter(|block| block["text"]["type"] == "mrkdwn").collect();
    assert_eq!(markdown.len(), 1, "the link alone");
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| collect(value, texts)),
        Value::Object(fields) => fields.values().for_each(|value| collect(value, texts)),
        _ => {}
    }
}

/// A `TextRun` knows no Markdown and no functions, so everything has to be one.
#[tokio::test]
async fn nothing_in_a_teams_card_becomes_markup_or_a_mention() {
    let event = WebhookEvent { notice: EVIL.into(), tenant_name: EVIL.into(), ..event() };
    let body = body("teams", &event).await;
    let card = &body["attachments"][0]["content"];
    for block in card["body"].as_array().unwrap() {
        assert_eq!(block["type"], "RichTextBlock");
        for run in block["inlines"].as_array().unwrap() {
            assert_eq!(run["type"], "TextRun");
            assert!(!run["text"].as_str().unwrap().contains(['\u{202e}', '\0', '\n']), "{run}");
        }
    }
    assert!(card.get("msteams").is_none(), "no mentions");
}

#[tokio::test]
async fn answers_of_chats_say_what_to_do_next() {
    use FailureClass::{Channel, Temporary};
    let connector = |code: &str| {
        format!(
            "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error {code} with ContextId tcid=0"
        )
    };
    let refused = |class, code: &str| Err(Failure::new(class, code));
    let cases = [
        ("slack", 200, "ok".to_owned(), Ok(Accepted { code: 200 })),
        ("slack", 400, "invalid_payload".to_owned(), refused(Temporary, "http 400")),
        ("slack", 403, "action_prohibited".to_owned(), refused(Channel, "http 403")),
        ("slack", 404, "channel_not_found".to_owned(), refused(Channel, "http 404")),
        ("slack", 410, "channel_is_archived".to_owned(), refused(Channel, "http 410")),
        ("slack", 500, "rollup_error".to_owned(), refused(Temporary, "http 500")),
        ("slack", 200, connector("429"), Ok(Accepted { code: 200 })),
        ("teams", 202, String::new(), Ok(Accepted { code: 202 })),
        ("teams", 200, "1".to_owned(), Ok(Accepted { code: 200 })),
        ("teams", 401, "{}".to_owned(), refused(Channel, "http 401")),
        ("teams", 413, String::new(), refused(Temporary, "http 413")),
        ("teams", 200, connector("429"), refused(Temporary, "teams 429")),
        ("teams", 200, connector("413"), refused(Temporary, "teams 413")),
        ("teams", 200, connector("403"), refused(Channel, "teams 403")),
        ("teams", 200, connector("never"), refused(Temporary, "teams 500")),
        ("teams", 200, "Webhook message delivery failed".to_owned(), refused(Temporary, "teams 500")),
    ];
    for (format, code, text, expected) in cases {
        let answer = ResponseTemplate::new(code).set_body_string(&text);
        assert_eq!(sent(format, &event(), answer).await.0, expected, "{format} {code} {text}");
    }
    let answer = ResponseTemplate::new(429).insert_header("retry-after", "30");
    let busy = sent("slack", &event(), answer).await.0.unwrap_err();
    assert_eq!((busy.class, busy.retry_after.unwrap().as_secs()), (Temporary, 30));
}

#[test]
fn the_address_of_a_chat_is_a_secret() {
    let url = "https://hooks.example/services/T0/hemmelig?sig=hemmelig";
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("url"), format!("{url}\n")).unwrap();
    for address in [format!("url = \"{url}\""), format!("url_file = {:?}", folder.path().join("url"))] {
        let text = format!("name = \"prat\"\nformat = \"slack\"\n{address}");
        let settings: WebhookSettings = toml::from_str(&text).unwrap();
        let (webhook, warnings) = settings.load().unwrap();
        assert_eq!(webhook.per_minute.map(std::num::NonZeroU32::get), Some(60), "chats take one post a second");
        let shown = format!("{settings:?} {settings:#?} {webhook:?} {webhook:#?}");
        assert!(!shown.contains("hemmelig") && shown.contains("https://hooks.example/…"), "{shown}");
        let warned = warnings.iter().any(|warning| warning.to_string().contains("name that with `url_file`"));
        assert_eq!(warned, address.starts_with("url ="), "{warnings:?}");
    }
}
