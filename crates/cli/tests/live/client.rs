//! A client that asks again under the same key until it is answered.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// How long an answer may take before the client asks again.
const PATIENCE: Duration = Duration::from_secs(2);

/// Speaks HTTP with whichever of the servers answers.
pub struct Client {
    ports: Vec<u16>,
    token: String,
    stream: Option<BufReader<TcpStream>>,
}

impl Client {
    pub fn new(ports: &[u16], token: &str) -> Self {
        Self { ports: ports.to_vec(), token: token.to_owned(), stream: None }
    }

    /// An answer with its status; nothing where the connection was cut, or there was none.
    pub fn try_ask(&mut self, line: &str, key: &str, body: &str) -> Option<(u16, Value)> {
        let answer = self.exchange(line, key, body);
        if answer.is_none() {
            self.stream = None;
            self.ports.rotate_left(1);
        }
        answer
    }

    fn exchange(&mut self, line: &str, key: &str, body: &str) -> Option<(u16, Value)> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(("127.0.0.1", self.ports[0])).ok()?;
            stream.set_read_timeout(Some(PATIENCE)).ok()?;
            stream.set_nodelay(true).ok()?;
            self.stream = Some(BufReader::new(stream));
        }
        let stream = self.stream.as_mut()?;
        let text = format!(
            "{line} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\nidempotency-key: {key}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        stream.get_mut().write_all(text.as_bytes()).ok()?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            (stream.read_line(&mut head).ok()? > 0).then_some(())?;
        }
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
        let mut body = vec![0; length.parse().ok()?];
        stream.read_exact(&mut body).ok()?;
        Some((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }

    /// The answer, however often it takes to ask.
    pub fn ask(&mut self, line: &str, key: &str, body: &str) -> Value {
        let until = std::time::Instant::now() + Duration::from_secs(120);
        loop {
            match self.try_ask(line, key, body) {
                Some((200..300, answer)) => return answer,
                Some((503, _)) | None => {}
                Some((status, answer)) => panic!("{line} is answered {status}: {answer}"),
            }
            assert!(std::time::Instant::now() < until, "{line} is never answered");
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
}
