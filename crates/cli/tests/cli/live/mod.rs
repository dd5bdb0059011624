//! A real server in a folder of its own, and operators' scripts with their whole printed outcome.

mod access;
mod contract;
mod jobs;
mod lost;
mod money;
mod plant;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use leasehold_units::{Day, Zone};
use rustix::process::{Pid, Signal, kill_process};

use crate::run::Folder;

/// How long a server may take to start.
const START_MAX: Duration = Duration::from_secs(60);

/// A server, and the folder that it and its clients run in.
pub struct Server {
    pub folder: Folder,
    pub url: String,
    process: Child,
}

impl Server {
    /// A server of the example site in the empty folder `name`, and its operator logged in.
    pub fn start(name: &str) -> Self {
        Self::start_with(name, &[])
    }

    /// The same with more options.
    pub fn start_with(name: &str, options: &[&str]) -> Self {
        Self::start_in(Folder::new(name), options)
    }

    /// A server of the site `site`, given as text.
    pub fn of_site(name: &str, site: &str) -> Self {
        let folder = Folder::new(name);
        folder.write(OWN_SITE, site);
        Self::start_in(folder, &[])
    }

    /// A server of the example site that listens at `address`.
    pub fn at(name: &str, address: &str) -> Self {
        Self::start_at(Folder::new(name), address, &[])
    }

    fn start_in(folder: Folder, options: &[&str]) -> Self {
        Self::start_at(folder, "127.0.0.1:0", options)
    }

    fn start_at(folder: Folder, address: &str, options: &[&str]) -> Self {
        let (process, url) = serve(&folder, address, options);
        let server = Self { folder, url, process };
        server.login();
        server
    }

    fn login(&self) {
        let url = &self.url;
        let login =
            format!("login {url} --token-file leasehold-data/operator.token --context operator");
        self.folder.stdout(&login);
    }

    /// The same with the example's lease signed and its tenant logged in as `guest`.
    pub fn with_guest(name: &str) -> Self {
        let server = Self::start(name);
        server.folder.stdout(&format!("lease sign {}", example("leases/guest.toml")));
        server.folder.stdout("token create ops --role party_admin --party guest --save-as guest");
        server
    }

    /// Runs each line and gives what is printed, without what differs from run to run.
    pub fn session(&self, script: &str) -> String {
        let mut text = String::new();
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let output = self.folder.run(line);
            text.push_str(&format!("$ leasehold {line}\n"));
            text.push_str(&String::from_utf8_lossy(&output.stdout));
            text.push_str(&String::from_utf8_lossy(&output.stderr));
            let code = output.status.code().expect("nobody killed it");
            if code != 0 {
                text.push_str(&format!("exit {code}\n"));
            }
        }
        self.stable(&text)
    }

    /// A command that goes on, with its output piped.
    pub fn spawn(&self, arguments: &str) -> Child {
        Command::new(env!("CARGO_BIN_EXE_leasehold"))
            .args(arguments.split_whitespace())
            .current_dir(self.folder.path(""))
            .env("XDG_CONFIG_HOME", self.folder.path("config"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts")
    }

    /// Runs a command again and again until it prints `text`.
    pub fn until(&self, command: &str, text: &str) {
        let deadline = Instant::now() + START_MAX;
        while !self.folder.stdout(command).contains(text) {
            assert!(Instant::now() < deadline, "`leasehold {command}` never says {text:?}");
        }
    }

    /// `text` without what differs from run to run.
    pub fn stable(&self, text: &str) -> String {
        let text = text
            .replace(&self.url, "http://SERVER")
            .replace(&self.folder.path("").display().to_string(), "FOLDER/")
            .replace(&next_month(), "NEXT-MONTH");
        // A job may run across the end of a second.
        let used = |text: String, name: &str| {
            let forms = (0..10).map(|seconds| format!("{name}: {seconds}"));
            forms.fold(text, |text, form| text.replace(&form, &format!("{name}: N")))
        };
        let text = used(used(text, "_gpu_seconds"), "_gpu_seconds\"");
        let text = masked(&text, "lab-dddd-", "lab-YEAR-");
        let text = masked(&text, "dddd-dd-ddTdd:dd:ddZ", "yyyy-mm-ddThh:mm:ssZ");
        let text = masked(&text, &"h".repeat(64), "HASH");
        masked(&text, "tok_hhhhhhhhhhhhhhhh", "tok_0123456789abcdef")
    }

    /// Ends the server without a word.
    pub fn stop(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it was started here");
    }

    /// Ends the server without a word, and starts another at the same address.
    pub fn kill_and_start_again(&mut self) {
        self.stop();
        let address = self.url.trim_start_matches("http://").to_owned();
        (self.process, _) = serve(&self.folder, &address, &[]);
    }
}

impl Drop for Server {
    /// Its agent and what runs there outlive the server, so that they are ended by themselves.
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let directory = self.folder.path("leasehold-data").display().to_string();
        for what in ["cmdline", "environ"] {
            for pid in processes_with(what, &directory).into_iter().filter_map(Pid::from_raw) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

/// A file of the example site.
pub fn example(name: &str) -> String {
    format!("{}/../../examples/one-machine/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A site in the folder itself, instead of the example.
const OWN_SITE: &str = "own-site.toml";

fn serve(folder: &Folder, address: &str, options: &[&str]) -> (Child, String) {
    let data = folder.path("leasehold-data");
    let own = folder.path(OWN_SITE);
    let site = if own.exists() { own.display().to_string() } else { example("site.toml") };
    let mut process = Command::new(env!("CARGO_BIN_EXE_leasehold"))
        .args(["serve", &site, "--listen", address, "--data"])
        .arg(&data)
        .args(options)
        .env("LEASEHOLD_LOG", "error")
        .env_remove("LEASEHOLD_DATABASE")
        .current_dir(folder.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let lines = BufReader::new(process.stderr.take().expect("it is piped")).lines();
    let (told, heard) = mpsc::channel();
    std::thread::spawn(move || {
        // Read to its end, so that the server never waits for a reader.
        for line in lines.map_while(Result::ok) {
            let url = line.strip_prefix("serving on ").and_then(|rest| rest.split(';').next());
            if let Some(url) = url {
                let _ = told.send(url.to_owned());
            }
        }
    });
    let url = heard.recv_timeout(START_MAX).expect("the server serves");
    (process, url)
}

fn processes_with(what: &str, text: &str) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").expect("Linux").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let has = |pid: &i32| {
        let bytes = std::fs::read(Path::new("/proc").join(pid.to_string()).join(what));
        bytes.is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(text))
    };
    pids.filter(|pid| u32::try_from(*pid) != Ok(std::process::id())).filter(has).collect()
}

/// `text` with everything that looks like `mask` (`d` a digit, `h` one of sixteen) replaced.
fn masked(text: &str, mask: &str, by: &str) -> String {
    let fits = |at: &str| {
        at.len() >= mask.len()
            && at.bytes().zip(mask.bytes()).all(|(byte, mask)| match mask {
                b'd' => byte.is_ascii_digit(),
                b'h' => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
                mask => byte == mask,
            })
    };
    let (mut rest, mut out) = (text, String::new());
    while let Some(first) = rest.chars().next() {
        if fits(rest) {
            out.push_str(by);
            rest = &rest[mask.len()..];
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

/// The mode of a file, without what kind of file it is.
pub fn mode(path: &PathBuf) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).expect("the file is there").permissions().mode() & 0o777
}

/// Today, by the clock of this machine.
pub fn today() -> Day {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seconds = i64::try_from(since.expect("after 1970").as_secs()).expect("in range");
    Zone::utc().day_of(leasehold_units::Instant::from_unix(seconds))
}

fn next_month() -> String {
    leasehold_units::Month::of(today()).next().first_day().to_string()
}
