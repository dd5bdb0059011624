//! The socket: who may speak, and lines in and out.

use super::Event;
use crate::local::clock;
use crate::local::wire::LINE_BYTES_MAX;
use rustix::fs::Mode;
use rustix::process::getuid;
use serde::Serialize;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::Sender;
use std::time::Duration;

/// A server that does not read for so long is cut off; it is told all again when it comes back.
const WRITE_PATIENCE: Duration = Duration::from_secs(5);

/// Listens in a thread. The caller holds the lock of the directory, so an old socket is nobody's.
pub(crate) fn listen(path: &Path, events: Sender<Event>) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // The mode must hold from the first moment on, not from a later change of it.
    let before = rustix::process::umask(Mode::RWXG | Mode::RWXO | Mode::XUSR);
    let listener = UnixListener::bind(path);
    rustix::process::umask(before);
    let listener = listener?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    std::thread::spawn(move || {
        for (number, stream) in (0..).zip(listener.incoming()) {
            if let Ok(stream) = stream {
                let _ = welcome(number, stream, &events);
            } else {
                // Out of file handles: others must end first.
                clock::pause(Duration::from_millis(50));
            }
        }
    });
    Ok(())
}

fn welcome(number: u64, stream: UnixStream, events: &Sender<Event>) -> io::Result<()> {
    let peer = rustix::net::sockopt::socket_peercred(&stream)?;
    if peer.uid != getuid() && !peer.uid.is_root() {
        return Ok(());
    }
    stream.set_write_timeout(Some(WRITE_PATIENCE))?;
    let writer = stream.try_clone()?;
    let events = events.clone();
    std::thread::spawn(move || {
        let _ = events.send(Event::Connected(number, writer));
        let mut reader = BufReader::new(stream);
        while let Ok(Some(line)) = read_line(&mut reader) {
            if events.send(Event::Said(number, line)).is_err() {
                break;
            }
        }
        let _ = events.send(Event::Gone(number));
    });
    Ok(())
}

/// Reads a line; `None` at the end.
pub(crate) fn read_line<T: serde::de::DeserializeOwned>(
    reader: &mut impl BufRead,
) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    reader.take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    if line.last() != Some(&b'\n') {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&line)?))
}

/// Writes a line.
pub(crate) fn write_line<T: Serialize>(writer: &mut impl Write, line: &T) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    writer.write_all(&text)
}
