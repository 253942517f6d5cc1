//! Where messages go: as fast as possible, or after a delay. Everything is on this machine.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A mail server that takes everything.
pub(crate) struct MailSink {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    process: Option<Child>,
}

impl MailSink {
    /// Debian postfix' sink where there is one.
    pub(crate) fn start(delay: Duration) -> Self {
        Self::postfix().unwrap_or_else(|| Self::own(delay))
    }

    fn postfix() -> Option<Self> {
        let port = free_port();
        let mut command = Command::new(Path::new("/usr/sbin/smtp-sink"));
        command.args(["-u", "root", &format!("inet:127.0.0.1:{port}"), "1000"]);
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let sink = Self { name: "smtp-sink", port, process: Some(process) };
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(5) {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(sink);
            }
            std::thread::yield_now();
        }
        None
    }

    /// A sink of our own, a thread a connection, which waits before it says that it took a mail.
    pub(crate) fn own(delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                std::thread::spawn(move || drop(converse(&stream, delay)));
            }
        });
        Self { name: "the bench's own sink", port, process: None }
    }
}

impl Drop for MailSink {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).map_or(0, |address| address.port())
}

fn converse(stream: &TcpStream, delay: Duration) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut write = stream;
    let mut lines = BufReader::new(stream).lines();
    write.write_all(b"220 sink\r\n")?;
    while let Some(line) = lines.next().transpose()? {
        match line.split(' ').next().unwrap_or_default() {
            "DATA" => {
                write.write_all(b"354 go on\r\n")?;
                while lines.next().transpose()?.is_some_and(|line| line != ".") {}
                std::thread::sleep(delay);
                write.write_all(b"250 taken\r\n")?;
            }
            "QUIT" => return write.write_all(b"221 bye\r\n"),
            _ => write.write_all(b"250 ok\r\n")?,
        }
    }
    Ok(())
}

/// The fastest plain sender there is.
pub(crate) struct Source;

impl Source {
    /// How long `smtp-source` takes for as many mails of the same size.
    pub(crate) fn send(messages: usize, connections: usize, port: u16) -> Option<Duration> {
        let mut command = Command::new("/usr/sbin/smtp-source");
        command.args(["-d", "-s", &connections.to_string(), "-m", &messages.to_string(), "-l", "4000"]);
        command.args(["-f", "fristvakt@k.example", "-t", "p1@k.example", &format!("inet:127.0.0.1:{port}")]);
        let begun = Instant::now();
        let status = command.stdout(Stdio::null()).status().ok()?;
        status.success().then(|| begun.elapsed())
    }
}

/// A web server that takes everything.
pub(crate) struct HttpSink {
    pub(crate) url: String,
}

impl HttpSink {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                std::thread::spawn(move || drop(answer(&stream)));
            }
        });
        Self { url }
    }

    /// As many requests as a plain loop sends, one after the other.
    pub(crate) async fn bare_loop(&self, requests: usize) {
        const BODY: &str = r#"{"type":"notice.reminder","timestamp":"2026-03-11T07:00:00Z","data":{"tenant":"k","reference":"R1","rule":"T1","due_on":"2026-03-16","days":5,"role":"responsible","purpose":"reminder"}}"#;
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        for _ in 0..requests {
            let request = client.post(&self.url).header("content-type", "application/json").body(BODY);
            let _ = request.send().await.expect("answered").bytes().await;
        }
    }
}

fn answer(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut write = stream;
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if line == "\r\n" {
                break;
            }
        }
        reader.read_exact(&mut vec![0; length])?;
        write.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
    }
}
