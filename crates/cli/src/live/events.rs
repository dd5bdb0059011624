//! What happens, as the server tells it: server-sent events.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use super::{Ask, Client};
use crate::arguments::Common;

/// Something that happened.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// What kind; none for what is told.
    pub kind: String,
    /// Its number for whoever listens.
    pub id: String,
    /// What, in JSON.
    pub data: String,
}

/// Events from what a server sends.
pub struct Events<R: Read>(BufReader<R>);

impl<R: Read> Events<R> {
    /// Events of `from`.
    pub fn of(from: R) -> Self {
        Self(BufReader::new(from))
    }
}

impl<R: Read> Iterator for Events<R> {
    type Item = std::io::Result<Event>;

    /// The next event; nothing where the server has no more to say.
    fn next(&mut self) -> Option<Self::Item> {
        let mut event = Event::default();
        let mut line = String::new();
        loop {
            line.clear();
            match self.0.read_line(&mut line) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
            let text = line.trim_end_matches(['\r', '\n']);
            if text.is_empty() {
                if event != Event::default() {
                    return Some(Ok(event));
                }
                continue;
            }
            let (name, value) = text.split_once(':').unwrap_or((text, ""));
            let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
            match name {
                "event" => event.kind = value,
                "id" => event.id = value,
                "data" => event.data = value,
                _ => {}
            }
        }
    }
}

/// Waits until something happens.
pub struct Knocks(Receiver<()>);

/// Knocks whenever something happens; where events may not be read, never.
pub fn knocks(client: &Client) -> Knocks {
    let (sender, receiver) = sync_channel(1);
    let context = client.context().clone();
    let common = Common::silent();
    // It ends with the program; nothing waits for it.
    std::thread::spawn(move || {
        let Ok(client) = Client::new(context, &common) else { return };
        loop {
            let Ok(response) = client.stream(&Ask::get("/events")) else { return };
            for event in Events::of(response.into_body().into_reader()) {
                if event.is_err() {
                    break;
                }
                // One knock is as good as two.
                let _ = sender.try_send(());
            }
        }
    });
    Knocks(receiver)
}

impl Knocks {
    /// Waits for a knock, `longest` at most.
    pub fn wait(&self, longest: Duration) {
        if self.0.recv_timeout(longest) == Err(RecvTimeoutError::Disconnected) {
            // Nobody knocks any more: what is left is to look now and then.
            std::thread::park_timeout(longest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_parted_by_empty_lines_and_comments_are_not_told() {
        let sent = ": alive\n\nid: 7\ndata: {\"a\":1}\n\nevent: reset\r\nid: 9\r\ndata: {}\r\n\r\n";
        let events: Result<Vec<_>, _> = Events::of(sent.as_bytes()).collect();
        let event = |kind: &str, id: &str, data: &str| Event {
            kind: kind.into(),
            id: id.into(),
            data: data.into(),
        };
        assert_eq!(
            events.expect("in memory"),
            [event("", "7", "{\"a\":1}"), event("reset", "9", "{}")]
        );
    }
}
