//! As little HTTP as a load needs: one connection that is kept, one request at a time.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

/// A connection that is kept.
pub struct Connection {
    stream: TcpStream,
    authorization: String,
    request: Vec<u8>,
    answer: Vec<u8>,
}

/// A request without what a connection adds.
pub struct Request {
    head: String,
    body: String,
}

/// Reads `path`.
pub fn get(path: &str) -> Request {
    Request { head: format!("GET {path} HTTP/1.1\r\n"), body: String::new() }
}

/// Posts the JSON `body` to `path` under `key`.
pub fn post(path: &str, key: &str, body: &str) -> Request {
    let head = format!(
        "POST {path} HTTP/1.1\r\nidempotency-key: {key}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n",
        body.len()
    );
    Request { head, body: body.into() }
}

impl Connection {
    /// A connection to `address` for whoever has `token`.
    pub fn open(address: SocketAddr, token: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("it is a TCP socket");
        let authorization = format!("host: localhost\r\nauthorization: Bearer {token}\r\n\r\n");
        Self { stream, authorization, request: Vec::new(), answer: Vec::new() }
    }

    /// Status and body of the answer.
    pub fn ask(&mut self, request: &Request) -> (u16, &[u8]) {
        self.request.clear();
        for part in [&request.head, &self.authorization, &request.body] {
            self.request.extend_from_slice(part.as_bytes());
        }
        self.stream.write_all(&self.request).expect("the server reads");
        self.answer.clear();
        let head = loop {
            self.read();
            let end = self.answer.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                break end + 4;
            }
        };
        let text = std::str::from_utf8(&self.answer[..head]).expect("a head is text");
        let status = text[9..12].parse().expect("a status line");
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |length| length.parse().expect("a length"));
        while self.answer.len() < head + length {
            self.read();
        }
        (status, &self.answer[head..])
    }

    fn read(&mut self) {
        let mut part = [0; 4096];
        let count = self.stream.read(&mut part).expect("the server answers");
        assert!(count > 0, "the server closed the connection");
        self.answer.extend_from_slice(&part[..count]);
    }
}
