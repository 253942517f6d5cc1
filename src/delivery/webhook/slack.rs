//! Slack: a message for an incoming webhook, `text` for notifications and `blocks` for the channel.
//!
//! `&`, `<` and `>` are escaped everywhere: nothing becomes a mention (`<!channel>`) or a link. What comes from facts
//! and rules stands in `plain_text`, which knows no other markup; the one link is ours.

use serde_json::{Value, json};

use super::payload::{WebhookEvent, test_words};

/// The event as a message.
pub(super) fn message(event: &WebhookEvent) -> String {
    let text = event.chat();
    let mut lines = vec![text.when.as_str(), &text.due, &text.whom];
    lines.extend(text.repeat.as_deref());
    let mut blocks = vec![title(&text.title), section(&lines.join("\n"))];
    if let Some((open, url)) = &text.link {
        let link = format!("<{}|{}>", escaped_url(url), escaped(open));
        blocks.push(json!({ "type": "section", "text": { "type": "mrkdwn", "text": link, "verbatim": true } }));
    }
    blocks.push(json!({ "type": "context", "elements": [plain_text(&text.footer)] }));
    json!({
        "text": escaped(&format!("{}. {}", text.title, text.when)),
        "mrkdwn": false,
        "link_names": false,
        "unfurl_links": false,
        "unfurl_media": false,
        "blocks": blocks,
    })
    .to_string()
}

/// A message that is about nothing.
pub(super) fn test_message() -> String {
    json!({ "text": test_words(), "mrkdwn": false, "blocks": [section(&test_words())] }).to_string()
}

/// A heading where it is short enough for one; Slack refuses the whole message otherwise.
fn title(text: &str) -> Value {
    const LONGEST: usize = 150;
    match escaped(text).chars().count() {
        0..=LONGEST => json!({ "type": "header", "text": plain_text(text) }),
        _ => section(text),
    }
}

fn section(text: &str) -> Value {
    json!({ "type": "section", "text": plain_text(text) })
}

fn plain_text(text: &str) -> Value {
    json!({ "type": "plain_text", "text": escaped(text), "emoji": false })
}

/// The three characters that have a meaning in every text.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// An address inside `<…|…>`: what would end it is percent-encoded.
fn escaped_url(url: &str) -> String {
    url.replace('<', "%3C").replace('>', "%3E").replace('|', "%7C").replace('&', "&amp;")
}
