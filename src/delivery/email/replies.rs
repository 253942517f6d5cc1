//! Replies as they come off the wire, made into what the mail library reads: whole, plain, and one for each question.
//!
//! Three things go wrong without this. A reply that a server sends too early lies in the library's buffer and is read
//! as the answer to the next command, in the worst case to the next mail. A reply with an `ø` in Latin-1, or of three
//! digits and nothing more (both happen, and the second is right: RFC 5321 § 4.2), counts as none, so that a mail that
//! was taken goes out again every hour. And a line without an end fills the memory.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::wire::Wire;

/// The longest reply, all its lines together.
const LONGEST: usize = 64 * 1024;
/// More lines than any server has extensions. The library reads a reply anew with every line that comes.
const MOST_LINES: usize = 100;
/// How much of a line the library gets: what RFC 5321 (§ 4.5.3.1.5) allows. No more is of any use.
const LONGEST_LINE: usize = 510;

/// A connection that gives one whole reply for each command.
#[derive(Debug)]
pub(super) struct Replies<S = Wire> {
    wire: S,
    /// What came, and is not yet made into lines.
    raw: Vec<u8>,
    /// Lines that the library has not read yet.
    lines: Vec<u8>,
    /// How much came of this reply, in bytes and in lines.
    length: usize,
    count: usize,
    /// Whether the whole reply was handed on. It is the library's turn then.
    answered: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Replies<S> {
    /// Over a connection on which the server speaks first.
    pub(super) fn of(wire: S) -> Self {
        Self { wire, raw: vec![], lines: vec![], length: 0, count: 0, answered: false }
    }

    /// Before a command: nothing may have come that no command asked for.
    fn ask(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if self.raw.is_empty()
            && let Poll::Ready(received) = self.receive(context)
            && received? == 0
        {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        if self.raw.starts_with(b"421") {
            // It is not a reply but a farewell, and may come at any time (§ 3.8).
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        if !self.raw.is_empty() || !self.lines.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a reply that nothing asked for"));
        }
        (self.answered, self.length, self.count) = (false, 0, 0);
        Ok(())
    }

    /// Reads what there is; 0 at the end of the connection.
    fn receive(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut bytes = [0; 1024];
        let mut buffer = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut self.wire).poll_read(context, &mut buffer))?;
        self.raw.extend_from_slice(buffer.filled());
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Makes the next line of the reply ready, if it is there.
    fn next_line(&mut self) -> io::Result<bool> {
        let end = self.raw.iter().position(|byte| *byte == b'\n');
        if self.length + end.unwrap_or(self.raw.len()) > LONGEST || self.count == MOST_LINES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a reply without end"));
        }
        let Some(end) = end else { return Ok(false) };
        let line: Vec<u8> = self.raw.drain(..=end).collect();
        self.length += line.len();
        self.count += 1;
        let (line, is_last) = plain(&line);
        self.lines = line;
        self.answered = is_last;
        Ok(true)
    }
}

/// A line as the library wants it: ASCII, of bounded length, with a text after the code and CRLF at its end. `true`
/// where no other line of the reply follows; that is also so where it is none.
fn plain(line: &[u8]) -> (Vec<u8>, bool) {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let shown = |byte: &u8| if byte.is_ascii_graphic() || *byte == b' ' { *byte } else { b'?' };
    let mut plain: Vec<u8> = line.iter().take(LONGEST_LINE).map(shown).collect();
    let is_code = plain.len() >= 3 && plain[..3].iter().all(u8::is_ascii_digit);
    if is_code && plain.len() == 3 {
        plain.push(b' ');
    }
    let goes_on = is_code && plain[3] == b'-';
    plain.extend_from_slice(b"\r\n");
    (plain, !goes_on)
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Replies<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.lines.is_empty() && (this.answered || !this.next_line()?) {
            if ready!(this.receive(context))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        let now = this.lines.len().min(buffer.remaining());
        buffer.put_slice(&this.lines[..now]);
        this.lines.drain(..now);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Replies<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.answered {
            this.ask(context)?;
        }
        Pin::new(&mut this.wire).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_shutdown(context)
    }
}

impl AsyncTokioStream for Replies<Wire> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.wire.peer_addr()
    }
}
