//! Clients at once, each of which asks again as soon as it is answered.

use std::net::SocketAddr;
use std::time::{Duration, Instant as Clock};

use super::http::{self, Connection, Request};

/// Whom the clients ask, and as whom.
pub struct Load<'a> {
    /// The server.
    pub address: SocketAddr,
    /// Theirs.
    pub token: &'a str,
}

/// What a client asks in a turn.
type Asks<'a> = &'a (dyn Fn(usize, usize) -> Request + Sync);

/// A job that waits, but for the first, which takes the GPUs.
pub fn submission(client: usize, turn: usize, gpus: u32) -> Request {
    let job = format!(
        r#"{{"name":"train-{client}","gpus":{gpus},"time_limit_seconds":3600,"command":["sleep","3600"]}}"#
    );
    http::post("/api/v1/jobs", &format!("load-{client}-{turn}"), &job)
}

impl Load<'_> {
    /// How long each answer took, of as many as there were in `time`.
    pub fn run(&self, clients: usize, time: Duration, asks: Asks<'_>) -> Vec<Duration> {
        let clock = Clock::now();
        self.clients(clients, &|_| clock.elapsed() < time, asks)
    }

    /// The same of `turns` of each client.
    pub fn times(&self, clients: usize, turns: usize, asks: Asks<'_>) -> Vec<Duration> {
        self.clients(clients, &|turn| turn < turns, asks)
    }

    fn clients(
        &self,
        clients: usize,
        goes_on: &(dyn Fn(usize) -> bool + Sync),
        asks: Asks<'_>,
    ) -> Vec<Duration> {
        std::thread::scope(|scope| {
            let clients: Vec<_> = (0..clients)
                .map(|client| scope.spawn(move || self.client(client, goes_on, asks)))
                .collect();
            clients.into_iter().flat_map(|client| client.join().expect("a client ends")).collect()
        })
    }

    fn client(
        &self,
        client: usize,
        goes_on: &(dyn Fn(usize) -> bool + Sync),
        asks: Asks<'_>,
    ) -> Vec<Duration> {
        let mut connection = Connection::open(self.address, self.token);
        let mut waits = Vec::new();
        while goes_on(waits.len()) {
            let request = asks(client, waits.len());
            let asked = Clock::now();
            let (status, body) = connection.ask(&request);
            waits.push(asked.elapsed());
            let is_done = (200..300).contains(&status);
            assert!(is_done, "answered {status}: {}", String::from_utf8_lossy(body));
        }
        waits
    }
}
