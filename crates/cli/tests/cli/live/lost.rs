//! Connections that are lost: a command is carried out once, whatever is heard of it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};

use super::Server;

/// A way to `to` on which the answer to the first command is lost; gives its address.
fn way_that_loses_an_answer(to: &str) -> String {
    let to = to.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        let mut lost = false;
        for near in listener.incoming().map_while(Result::ok) {
            let far = TcpStream::connect(&to).expect("the server is there");
            // What is asked can be seen in its first bytes.
            let mut first = [0; 4];
            let (mut near, mut far) = (near, far);
            if near.read_exact(&mut first).is_err() {
                continue;
            }
            far.write_all(&first).expect("the server reads");
            let (mut up, mut down) =
                (near.try_clone().expect("open"), far.try_clone().expect("open"));
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut up, &mut down);
            });
            if !lost && &first == b"POST" {
                lost = true;
                // Its answer is awaited, so that it was carried out, and then nobody hears it.
                let mut answer = [0; 1_024];
                assert!(far.read(&mut answer).expect("an answer") > 0);
                let _ = near.shutdown(Shutdown::Both);
                continue;
            }
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut far, &mut near);
            });
        }
    });
    format!("http://{address}")
}

#[test]
fn a_command_whose_answer_is_lost_is_carried_out_once() {
    let server = Server::with_guest("live-lost");
    server.folder.stdout("token create again --role party_user --out token");
    let way = way_that_loses_an_answer(&server.url);
    server.folder.stdout(&format!("login {way} --token-file token --context way"));
    let submitted = server.folder.stdout("job submit --name once -- true");
    assert_eq!(submitted, "job 1 is submitted: once\n");
    server.folder.stdout("--context guest job wait 1 --timeout 60s");
    let jobs = server.folder.stdout("--context guest job list -o csv");
    assert_eq!(jobs.lines().count(), 2, "{jobs}");
}

#[test]
fn a_server_that_is_gone_for_a_while_is_waited_for() {
    let mut server = Server::with_guest("live-gone");
    server.folder.stdout("job submit -- sleep 3");
    let mut waiting = std::process::Command::new(env!("CARGO_BIN_EXE_leasehold"))
        .args(["job", "wait", "1", "--timeout", "60s", "--verbose"])
        .current_dir(server.folder.path(""))
        .env("XDG_CONFIG_HOME", server.folder.path("config"))
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut lines = BufReader::new(waiting.stderr.take().expect("it is piped")).lines();
    let first = lines.next().expect("it asks").expect("text");
    assert_eq!(first, "GET /jobs/1 200");
    server.kill_and_start_again();
    let last = lines.map_while(Result::ok).last();
    assert_eq!(last.as_deref(), Some("job 1 completed: exit status 0"));
    assert!(waiting.wait().expect("it was started here").success());
}
