//! A rendered message as bytes for the wire.
//!
//! The same message is the same bytes at every attempt but for the possible-repeat mark, and has the same Message-ID
//! always: mail systems show a repeat once. Bodies are quoted-printable, so nothing depends on 8BITMIME.

use lettre::Address as MailAddress;
use lettre::message::header::{ContentDisposition, ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, Message, MultiPart, SinglePart};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::calendar::CalendarPart;
use super::settings::Smtp;
use crate::calendar::Instant;
use crate::delivery::Failure;
use crate::delivery::message::{Rendered, ReportFile, reorders};
use crate::language::Language;
use crate::obligation::ObligationKey;
use crate::organisation::Address;

/// A message on its way to one recipient.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The message's id: the same at every attempt.
    pub id: Uuid,
    /// The one recipient.
    pub to: &'a Address,
    /// The language that it is in.
    pub language: Language,
    /// What it says.
    pub rendered: &'a Rendered,
    /// The obligation, where it speaks of one alone: its messages form one thread.
    ///
    /// A message about several belongs to none of their threads. `References` is read as one line of descent (RFC 5256,
    /// and so Thunderbird, Apple Mail, IMAP servers): naming several threads would make one of them, for good.
    pub obligation: Option<&'a ObligationKey>,
    /// The calendar entries that it brings and takes back.
    pub calendar: &'a [CalendarPart],
    /// Reports beside the text.
    pub files: &'a [ReportFile],
    /// When it is dated.
    pub at: Instant,
}

/// A message ready for [`super::Session`].
#[derive(Clone)]
pub struct Composed {
    /// The message's id in mail systems, `<…>`.
    pub message_id: String,
    /// Header and body in 7-bit lines that end in CRLF.
    pub bytes: Vec<u8>,
    pub(super) from: MailAddress,
    pub(super) to: MailAddress,
}

/// Hides the recipient and the text: neither may reach a log.
impl std::fmt::Debug for Composed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Composed({}, {} bytes)", self.message_id, self.bytes.len())
    }
}

/// The message as bytes.
///
/// # Errors
/// [`FailureClass::Address`](crate::delivery::FailureClass) where the recipient's address is none that mail can go to.
pub fn compose(smtp: &Smtp, outgoing: &Outgoing<'_>) -> Result<Composed, Failure> {
    let to = envelope_address(outgoing.to)?;
    let domain = smtp.from.domain();
    let message_id = format!("<{}@{domain}>", outgoing.id);
    let mut builder = Message::builder()
        .date(outgoing.at.into())
        .message_id(Some(message_id.clone()))
        .from(Mailbox::new(display_name(&smtp.from_name), smtp.from.clone()))
        .to(Mailbox::new(None, to.clone()))
        .subject(line(&outgoing.rendered.subject))
        .raw_header(header("Auto-Submitted", "auto-generated"))
        // Exchange heeds this one instead, and would answer every reminder of somebody who is away.
        .raw_header(header("X-Auto-Response-Suppress", "OOF, AutoReply"))
        .raw_header(header("List-Id", &format!("<fristvakt.{domain}>")))
        .raw_header(header("Content-Language", outgoing.language.code()));
    if let Some(address) = &smtp.reply_to {
        builder = builder.reply_to(Mailbox::new(None, address.clone()));
    }
    if let Some(obligation) = outgoing.obligation {
        let thread = thread_id(obligation, domain);
        builder = builder.in_reply_to(thread.clone()).references(thread);
    }
    let body = MultiPart::alternative()
        .boundary(format!("fristvakt-{}", outgoing.id.simple()))
        .singlepart(part(ContentType::TEXT_PLAIN, &outgoing.rendered.text)?)
        .singlepart(part(ContentType::TEXT_HTML, &outgoing.rendered.html)?);
    let body = with_files(body, outgoing, domain)?;
    let message = builder.multipart(body).map_err(|_| Failure::channel("compose"))?;
    Ok(Composed { message_id, bytes: message.formatted(), from: smtp.from.clone(), to })
}

/// The text with calendar entries and reports beside it, where there are any.
fn with_files(text: MultiPart, outgoing: &Outgoing<'_>, domain: &str) -> Result<MultiPart, Failure> {
    if outgoing.calendar.is_empty() && outgoing.files.is_empty() {
        return Ok(text);
    }
    let mut mixed = MultiPart::mixed().boundary(format!("fristvakt-files-{}", outgoing.id.simple())).multipart(text);
    for entry in outgoing.calendar {
        mixed = mixed.singlepart(entry.part(domain, outgoing.at)?);
    }
    for file in outgoing.files {
        let content_type = ContentType::parse(file.media_type).map_err(|_| Failure::channel("compose"))?;
        let body = Body::new_with_encoding(file.bytes.clone(), ContentTransferEncoding::Base64);
        let part = SinglePart::builder()
            .header(content_type)
            .header(ContentDisposition::attachment(&line(&file.name)))
            .body(body.map_err(|_| Failure::channel("compose"))?);
        mixed = mixed.singlepart(part);
    }
    Ok(mixed)
}

/// The id that all mails about an obligation refer to. It says nothing of what it was made from.
#[must_use]
pub fn thread_id(obligation: &ObligationKey, domain: &str) -> String {
    let ObligationKey { tenant, case, rule, start } = obligation;
    let digest = Sha256::digest(format!("{tenant}\0{case}\0{rule}\0{start}"));
    let name: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("<thread.{name}@{domain}>")
}

fn part(content_type: ContentType, text: &str) -> Result<SinglePart, Failure> {
    let body = Body::new_with_encoding(clean(text), ContentTransferEncoding::QuotedPrintable)
        .map_err(|_| Failure::channel("compose"))?;
    Ok(SinglePart::builder().content_type(content_type).body(body))
}

/// Text whose only control characters are line feeds and tabs: a carriage return of its own would reach the wire.
fn clean(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars().filter(|char| !char.is_control() || matches!(char, '\n' | '\t')).collect()
}

/// One line without control characters, and without the marks that reorder what a reader sees. What looks like an encoded
/// word would be decoded by the reader's program, into whatever it says.
fn line(text: &str) -> String {
    let text = text.chars().filter(|char| !reorders(*char));
    let text: String = text.map(|char| if char.is_control() { ' ' } else { char }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace("=?", "= ?")
}

/// A name beside an address; none if nothing is left of it.
fn display_name(text: &str) -> Option<String> {
    const LONGEST: usize = 78;
    let name: String = line(text).chars().take(LONGEST).collect();
    (!name.is_empty()).then_some(name)
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// The address as relays take it: the domain in ASCII, and no letters before it that need SMTPUTF8.
fn envelope_address(address: &Address) -> Result<MailAddress, Failure> {
    let unusable = || Failure::address("address");
    let (user, domain) = address.expose().rsplit_once('@').ok_or_else(unusable)?;
    if !user.is_ascii() {
        return Err(Failure::address("address smtputf8"));
    }
    let domain = ascii_domain(domain).ok_or_else(unusable)?;
    MailAddress::new(user, domain).map_err(|_| unusable())
}

/// `blåfjell.example` as `xn--blfjell-fxa.example`.
fn ascii_domain(domain: &str) -> Option<String> {
    if domain.is_ascii() {
        return Some(domain.to_owned());
    }
    // A URL's host ends where other characters begin, and would be taken for the whole.
    if !domain.chars().all(|char| char.is_alphanumeric() || matches!(char, '-' | '.')) {
        return None;
    }
    reqwest::Url::parse(&format!("http://{domain}/")).ok()?.host_str().map(str::to_owned)
}
