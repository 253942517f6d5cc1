//! Teams: an adaptive card in the envelope that the workflow "Post to a channel when a webhook request is received" takes.
//!
//! Every text is a `TextRun`: unlike a `TextBlock` it knows neither Markdown nor `{{DATE(…)}}`, so that nothing that
//! stands in it becomes a link, a mention or another date. The card asks for nothing from outside.

use serde_json::{Value, json};

use super::payload::{WebhookEvent, test_words};

/// The event as a card.
pub(super) fn card(event: &WebhookEvent) -> String {
    let text = event.chat();
    let when = if text.overdue { "attention" } else { "default" };
    let mut body = vec![
        block(&text.title, &json!({ "size": "large", "weight": "bolder" })),
        block(&text.when, &json!({ "weight": "bolder", "color": when })),
        block(&text.due, &json!({})),
        block(&text.whom, &json!({})),
    ];
    body.extend(text.repeat.as_deref().map(|repeat| block(repeat, &json!({ "italic": true }))));
    body.push(block(&text.footer, &json!({ "size": "small", "isSubtle": true })));
    let mut content = json!({
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.4",
        "lang": event.language.code(),
        "fallbackText": text.title,
        "body": body,
    });
    if let Some((open, url)) = text.link {
        content["actions"] = json!([{ "type": "Action.OpenUrl", "title": open, "url": url }]);
    }
    let attachment = json!({ "contentType": "application/vnd.microsoft.card.adaptive", "content": content });
    json!({ "type": "message", "attachments": [attachment] }).to_string()
}

/// A card that is about nothing.
pub(super) fn test_card() -> String {
    let content = json!({
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.4",
        "fallbackText": test_words(),
        "body": [block(&test_words(), &json!({}))],
    });
    let attachment = json!({ "contentType": "application/vnd.microsoft.card.adaptive", "content": content });
    json!({ "type": "message", "attachments": [attachment] }).to_string()
}

/// A paragraph of one run of text.
fn block(text: &str, style: &Value) -> Value {
    let mut run = json!({ "type": "TextRun", "text": text });
    if let (Value::Object(run), Value::Object(style)) = (&mut run, style) {
        run.extend(style.clone());
    }
    json!({ "type": "RichTextBlock", "inlines": [run] })
}

/// The status that a connector of the older kind hides in an answer of 200: it says so in words.
///
/// "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ContextId …"; 500
/// where it names none.
pub(super) fn hidden_refusal(beginning: &[u8]) -> Option<u16> {
    let text = String::from_utf8_lossy(beginning);
    let said = text.trim_start().strip_prefix("Webhook message delivery failed")?;
    let code = said.split("HTTP error ").nth(1).and_then(|rest| rest.get(..3)?.parse().ok());
    Some(code.filter(|code| (300..600).contains(code)).unwrap_or(500))
}
