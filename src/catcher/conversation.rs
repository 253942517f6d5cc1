//! One SMTP conversation with the catcher (RFC 5321, the part that a client needs).

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::Shelf;

/// The longest command or text line, with its CRLF.
const LONGEST_LINE: usize = 1000;
/// The largest mail.
const LARGEST: usize = 10 * 1024 * 1024;

type Reply = &'static str;

/// What the client has said so far.
#[derive(Debug, Default)]
struct Conversation {
    greeted: bool,
    sender: Option<String>,
    recipients: Vec<String>,
}

/// What a command leads to.
enum Turn {
    Reply(Reply),
    Data,
    Quit,
}

/// What one line turned out to be.
enum Line {
    Text(Vec<u8>),
    Bad(Reply),
}

/// Talks until the client leaves, or until the catcher stops and no mail is under way.
pub(super) async fn hold(stream: TcpStream, shelf: Arc<Shelf>, stop: CancellationToken) {
    let mut stream = BufReader::new(stream);
    // A client that breaks off has said what it thinks of us.
    let _ = converse(&mut stream, &shelf, &stop).await;
}

async fn converse(stream: &mut BufReader<TcpStream>, shelf: &Shelf, stop: &CancellationToken) -> io::Result<()> {
    let mut conversation = Conversation::default();
    say(stream, "220 catcher.localhost ESMTP fristvakt mail catcher").await?;
    loop {
        let idle = conversation.sender.is_none();
        let line = tokio::select! {
            biased;
            line = read_line(stream) => line?,
            () = stop.cancelled(), if idle => return say(stream, "421 4.3.2 The catcher is stopping").await,
        };
        let turn = match line {
            None => return Ok(()),
            Some(Line::Bad(reply)) => Turn::Reply(reply),
            Some(Line::Text(line)) => conversation.answer(&line),
        };
        match turn {
            Turn::Reply(reply) => say(stream, reply).await?,
            Turn::Quit => return say(stream, "221 2.0.0 Bye").await,
            Turn::Data => {
                say(stream, "354 End with <CRLF>.<CRLF>").await?;
                let Some(mail) = read_mail(stream).await? else { return Ok(()) };
                let reply = conversation.keep(shelf, mail).await;
                say(stream, reply).await?;
            }
        }
    }
}

impl Conversation {
    fn answer(&mut self, line: &[u8]) -> Turn {
        let Ok(line) = std::str::from_utf8(line) else { return Turn::Reply("500 5.5.2 Commands are ASCII") };
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        Turn::Reply(match verb.to_ascii_uppercase().as_str() {
            "EHLO" if rest.trim().is_empty() => "501 5.5.4 EHLO needs a name",
            "EHLO" => {
                *self = Self { greeted: true, ..Self::default() };
                "250-catcher.localhost\r\n250-SIZE 10485760\r\n250 ENHANCEDSTATUSCODES"
            }
            "HELO" => {
                *self = Self { greeted: true, ..Self::default() };
                "250 catcher.localhost"
            }
            "MAIL" => self.mail(rest),
            "RCPT" => self.rcpt(rest),
            "DATA" if self.recipients.is_empty() => "503 5.5.1 RCPT first",
            "DATA" if !rest.is_empty() => "501 5.5.4 DATA takes no argument",
            "DATA" => return Turn::Data,
            "RSET" => {
                *self = Self { greeted: self.greeted, ..Self::default() };
                "250 2.0.0 OK"
            }
            "NOOP" => "250 2.0.0 OK",
            "QUIT" => return Turn::Quit,
            _ => "500 5.5.1 Unknown command",
        })
    }

    fn mail(&mut self, rest: &str) -> Reply {
        if !self.greeted {
            return "503 5.5.1 EHLO first";
        }
        if self.sender.is_some() {
            return "503 5.5.1 A mail is under way";
        }
        match path(rest, "FROM:") {
            Some((sender, "")) => self.sender = Some(sender.to_owned()),
            Some((sender, parameters)) if parameters.to_ascii_uppercase().trim_start().starts_with("SIZE=") => {
                self.sender = Some(sender.to_owned());
            }
            Some(_) => return "555 5.5.4 Unknown parameter",
            None => return "501 5.1.7 MAIL FROM:<address>",
        }
        "250 2.1.0 OK"
    }

    fn rcpt(&mut self, rest: &str) -> Reply {
        if self.sender.is_none() {
            return "503 5.5.1 MAIL first";
        }
        match path(rest, "TO:") {
            Some((recipient, "")) if recipient.contains('@') => self.recipients.push(recipient.to_owned()),
            Some((_, "")) | None => return "501 5.1.3 RCPT TO:<address>",
            Some(_) => return "555 5.5.4 Unknown parameter",
        }
        "250 2.1.5 OK"
    }

    async fn keep(&mut self, shelf: &Shelf, mail: Result<Vec<u8>, Reply>) -> Reply {
        let recipients = std::mem::take(&mut self.recipients);
        self.sender = None;
        let mail = match mail {
            Ok(mail) => mail,
            Err(reply) => return reply,
        };
        for recipient in recipients {
            if shelf.keep(&recipient, &mail).await.is_err() {
                return "451 4.3.0 The mail could not be written to its folder";
            }
        }
        "250 2.0.0 Kept"
    }
}

/// `FROM:<a@b.example> SIZE=1` as address and the rest.
fn path<'a>(text: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let (head, tail) = text.split_at_checked(keyword.len())?;
    let (address, rest) = tail.strip_prefix('<')?.split_once('>')?;
    let plain =
        address.is_ascii() && !address.contains(|char: char| char.is_control() || char.is_whitespace() || char == '<');
    (head.eq_ignore_ascii_case(keyword) && plain).then_some((address, rest))
}

async fn say(stream: &mut BufReader<TcpStream>, reply: &str) -> io::Result<()> {
    stream.write_all(format!("{reply}\r\n").as_bytes()).await
}

/// The next line without its CRLF; `None` where the client is gone.
///
/// Cancelled only between lines or in the midst of one that is then of no interest: the catcher is stopping.
async fn read_line(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Line>> {
    let mut line = vec![];
    stream.take(LONGEST_LINE as u64).read_until(b'\n', &mut line).await?;
    if line.is_empty() {
        return Ok(None);
    }
    if !line.ends_with(b"\n") {
        let whole = line.len() < LONGEST_LINE;
        if !whole {
            // The rest of the line would be read as a command.
            while !line.ends_with(b"\n") {
                line.clear();
                if stream.take(LONGEST_LINE as u64).read_until(b'\n', &mut line).await? == 0 {
                    break;
                }
            }
        }
        return Ok(if whole { None } else { Some(Line::Bad("500 5.5.2 A line is longer than 998 characters")) });
    }
    Ok(Some(match line.strip_suffix(b"\r\n") {
        Some(text) if text.contains(&b'\r') => Line::Bad("500 5.5.2 A carriage return stands alone"),
        Some(text) if text.contains(&0) => Line::Bad("500 5.5.2 A line holds NUL"),
        Some(text) => Line::Text(text.to_vec()),
        None => Line::Bad("500 5.5.2 A line feed stands alone"),
    }))
}

/// The mail up to the dot, without dot-stuffing; or why it is refused. `None` where the client is gone.
async fn read_mail(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Result<Vec<u8>, Reply>>> {
    let mut mail = Vec::new();
    let mut refusal = None;
    loop {
        match read_line(stream).await? {
            None => return Ok(None),
            Some(Line::Bad(reply)) => refusal = refusal.or(Some(reply)),
            Some(Line::Text(line)) if line == b"." => return Ok(Some(refusal.map_or(Ok(mail), Err))),
            Some(Line::Text(line)) => {
                if !line.is_ascii() {
                    refusal = refusal.or(Some("554 5.6.3 8-bit text, and 8BITMIME is not offered"));
                }
                if mail.len() + line.len() > LARGEST {
                    refusal = refusal.or(Some("552 5.3.4 The mail is larger than 10 MB"));
                } else {
                    mail.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
                    mail.extend_from_slice(b"\r\n");
                }
            }
        }
    }
}
