//! Asks a server over HTTP, a connection each time.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use crate::stage::PATIENCE;

/// Status and body of the answer; nothing where there is no server.
fn try_ask(port: u16, line: &str, token: &str, body: &str) -> Option<(u16, Value)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let length = body.len();
    // Another command has another key.
    let said: String = body.chars().filter(char::is_ascii_alphanumeric).collect();
    let key = format!("{}-{said}", line.replace(' ', "-"));
    write!(
        stream,
        "{line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    Some((status, serde_json::from_str(body).unwrap_or(Value::Null)))
}

/// The answer of a server that answers.
pub fn ask(port: u16, line: &str, token: &str, body: &str) -> Value {
    match try_ask(port, line, token, body) {
        Some((200..300, answer)) => answer,
        other => panic!("{line} is answered {other:?}"),
    }
}

/// Whether there is a server that takes this token.
pub fn answers(port: u16, token: &str) -> bool {
    matches!(try_ask(port, "GET /api/v1/cluster", token, ""), Some((200, _)))
}
