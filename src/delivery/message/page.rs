//! What a page in a mail may not do: load anything when it is read.
//!
//! A picture from a server tells that server who read the mail and when, and readers' programs block it anyway.

/// Elements and rules that load something, or run it.
const LOADING: [&str; 11] = [
    "<script",
    "<link",
    "<iframe",
    "<frame",
    "<object",
    "<embed",
    "<video",
    "<audio",
    "<base",
    "@import",
    "http-equiv=\"refresh",
];

/// Attributes and functions whose value is loaded, unless it brings everything along.
const LOADED: [&str; 6] = ["src=", "srcset=", "background=", "poster=", "url(", "xlink:href="];

/// The first thing in a page that loads something, if there is one.
pub(super) fn loads(html: &str) -> Option<&'static str> {
    let html = html.to_ascii_lowercase();
    let loading = LOADING.into_iter().find(|what| html.contains(what));
    loading.or_else(|| LOADED.into_iter().find(|what| html.split(what).skip(1).any(|value| !brings_along(value))))
}

fn brings_along(value: &str) -> bool {
    value.trim_start_matches(['"', '\'', ' ']).starts_with("data:")
}
