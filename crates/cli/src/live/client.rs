//! One request at a time. A command carries a key of its own, so that it can be repeated until its answer is
//! there and is still carried out once.

use std::cell::Cell;
use std::io::Read as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use ureq::http::{Method, Request, Response, StatusCode};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use super::contexts::Context;
use super::{place, unix};
use crate::arguments::Common;
use crate::failure::Failure;
use crate::{files, output};

/// For one answer, from the name look-up to the last byte; the server gives up before.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// How long a server is looked for that nothing was heard of yet.
const LOOK_FOR: Duration = Duration::from_secs(1);

/// How long a server that was lost is waited for.
const WAIT_FOR: Duration = Duration::from_secs(30);

/// The longest answer that is read, in bytes.
const BYTES_MAX: u64 = 1 << 30;

/// How far it is to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// On this machine: nobody can listen on the way.
    Here,
    /// On another one.
    Far,
}

/// Somebody who asks a server.
pub struct Client {
    agent: Agent,
    context: Context,
    verbose: bool,
    /// Whether the server ever answered.
    heard: Cell<bool>,
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Ask {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    headers: Vec<(&'static str, String)>,
    body: Option<Value>,
}

impl Ask {
    /// Reads what is at `path`, under /api/v1.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path.into(), None)
    }

    /// Posts `body` to `path`.
    pub fn post(path: impl Into<String>, body: Value) -> Self {
        Self::new(Method::POST, path.into(), Some(body))
    }

    /// Posts nothing to `path`.
    pub fn do_at(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path.into(), None)
    }

    /// Deletes what is at `path`.
    pub fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path.into(), None)
    }

    const fn new(method: Method, path: String, body: Option<Value>) -> Self {
        Self { method, path, query: Vec::new(), headers: Vec::new(), body }
    }

    /// With `name=value`, if there is a value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.query.extend(value.map(|value| (name, value.to_string())));
        self
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Whether only to say what would follow.
    #[must_use]
    pub fn dry_run(self, dry_run: bool) -> Self {
        self.with("dry_run", dry_run.then_some(true))
    }

    fn is_command(&self) -> bool {
        self.method != Method::GET
    }
}

/// A name as a part of a path.
pub fn segment(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let coded =
        |byte: u8| if plain(byte) { char::from(byte).into() } else { format!("%{byte:02X}") };
    let text: String = name.bytes().map(coded).collect();
    // A client on the way would take these for the folder itself or the one above.
    if matches!(name, "." | "..") { text.replace('.', "%2E") } else { text }
}

impl Client {
    /// Somebody who asks the server of `context`.
    ///
    /// # Errors
    /// Where the token would go over the network without TLS, or the certificates cannot be read.
    pub fn new(context: Context, common: &Common) -> Result<Self, Failure> {
        let reach = place::reach(&context.url);
        if reach == Reach::Far && context.url.starts_with("http://") && !context.insecure_http {
            let message = format!("{} has no TLS: the token could be read on the way", context.url);
            return Err(Failure::impossible(message).with_hint(
                "use https://; or, on a network that you trust, `leasehold login --insecure-http`",
            ));
        }
        let mut config = Agent::config_builder()
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .user_agent(concat!("leasehold/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(Duration::from_secs(10)))
            .tls_config(tls(&context)?);
        if reach == Reach::Here {
            config = config.proxy(None);
        }
        let agent = match unix::path(&context.url) {
            Some(path) => unix::agent(config.build(), path),
            None => config.build().into(),
        };
        let verbose = common.verbose;
        Ok(Self { agent, context, verbose, heard: Cell::new(false) })
    }

    /// The server and the token.
    pub const fn context(&self) -> &Context {
        &self.context
    }

    /// What addresses at the server begin with: to whom the connection leads is settled apart from it.
    fn base(&self) -> &str {
        if unix::path(&self.context.url).is_some() { "http://localhost" } else { &self.context.url }
    }

    /// The answer of the server, as JSON.
    ///
    /// # Errors
    /// Where it refuses, or cannot be reached.
    pub fn json(&self, ask: &Ask) -> Result<Value, Failure> {
        let bytes = self.bytes(ask)?;
        serde_json::from_slice(&bytes).map_err(|_| self.not_leasehold())
    }

    /// The answer of the server, byte for byte.
    ///
    /// # Errors
    /// Where it refuses, or cannot be reached.
    pub fn bytes(&self, ask: &Ask) -> Result<Vec<u8>, Failure> {
        self.try_bytes(ask)?.map_err(|problem| self.refused(&problem))
    }

    /// The answer, or the problem that the server answered with.
    ///
    /// # Errors
    /// Where it cannot be reached.
    pub fn try_bytes(&self, ask: &Ask) -> Result<Result<Vec<u8>, Problem>, Failure> {
        let key = ask.is_command().then(key).transpose()?;
        if let (true, Some(key)) = (self.verbose, &key) {
            self.say(&format!("Idempotency-Key: {key}"));
        }
        let mut lost_since: Option<Instant> = None;
        let mut pause = Duration::from_millis(50);
        loop {
            let tried = self.once(ask, key.as_deref());
            let again = match &tried {
                Ok(answer) => matches!(answer.status.as_u16(), 429 | 503),
                Err(error) => is_lost(error),
            };
            self.heard.set(self.heard.get() || tried.is_ok());
            let limit = if self.heard.get() { WAIT_FOR } else { LOOK_FOR };
            let since = lost_since.get_or_insert_with(Instant::now).elapsed();
            if !again || since + pause > limit {
                return tried.map_err(|error| self.unreachable(&error)).map(Answer::judged);
            }
            // Nothing tells when a server is back; it is asked less and less often.
            std::thread::park_timeout(pause);
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    fn once(&self, ask: &Ask, key: Option<&str>) -> Result<Answer, ureq::Error> {
        let request = self.request(ask, key)?;
        let request =
            self.agent.configure_request(request).timeout_global(Some(ANSWER_MAX)).build();
        let mut response = self.agent.run(request)?;
        let status = response.status();
        let bytes = response.body_mut().with_config().limit(BYTES_MAX).read_to_vec()?;
        if self.verbose {
            self.say(&format!("{} {} {}", ask.method, ask.path, status.as_u16()));
        }
        Ok(Answer { status, bytes })
    }

    /// The beginning of an answer that has no end.
    ///
    /// # Errors
    /// Where the server refuses, or cannot be reached.
    pub fn stream(&self, ask: &Ask) -> Result<Response<Body>, Failure> {
        let request = self.request(ask, None).map_err(|error| self.unreachable(&error))?;
        // It says every 15 s that it lives.
        let alive = Some(Duration::from_secs(60));
        let request = self.agent.configure_request(request).timeout_per_read(alive).build();
        let mut response = self.agent.run(request).map_err(|error| self.unreachable(&error))?;
        self.heard.set(true);
        let status = response.status();
        if status == StatusCode::OK {
            return Ok(response);
        }
        let mut bytes = Vec::new();
        // What cannot be read of it tells nothing more.
        let _ = response.body_mut().as_reader().take(1 << 20).read_to_end(&mut bytes);
        Err(self.refused(&Problem::read(status, &bytes)))
    }

    /// Whether the server answers at all.
    pub fn is_there(&self) -> bool {
        let asked = self.agent.get(format!("{}/healthz", self.base()));
        let asked = asked.config().timeout_global(Some(Duration::from_secs(2))).build().call();
        let there = asked.is_ok_and(|answer| answer.status() == StatusCode::OK);
        self.heard.set(there);
        there
    }

    fn request(&self, ask: &Ask, key: Option<&str>) -> Result<Request<Vec<u8>>, ureq::Error> {
        let mut url = format!("{}/api/v1{}", self.base(), ask.path);
        if !ask.query.is_empty() {
            let query =
                form_urlencoded::Serializer::new(String::new()).extend_pairs(&ask.query).finish();
            url = format!("{url}?{query}");
        }
        let mut request = Request::builder()
            .method(ask.method.clone())
            .uri(url)
            .header("authorization", format!("Bearer {}", self.context.token));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        let body = match &ask.body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                serde_json::to_vec(body).expect("made of plain values")
            }
            None => Vec::new(),
        };
        Ok(request.body(body)?)
    }

    fn say(&self, line: &str) {
        output::error_line(line);
    }

    /// A refusal as a failure of the command.
    pub fn refused(&self, problem: &Problem) -> Failure {
        if problem.detail.starts_with("error[") {
            // Laid out with its places already, as `check` does it.
            let problems = format!("{}\n", problem.detail.trim_end());
            let summary = problem.hint.clone().unwrap_or_else(|| "the server refuses this".into());
            return Failure::Refused { problems, summary };
        }
        let failure = Failure::impossible(problem.detail.clone());
        if problem.status == StatusCode::UNAUTHORIZED {
            let url = &self.context.url;
            return failure.with_hint(format!("`leasehold login {url}` keeps another token"));
        }
        match &problem.hint {
            Some(hint) => failure.with_hint(hint.clone()),
            None => failure,
        }
    }

    fn unreachable(&self, error: &ureq::Error) -> Failure {
        let url = &self.context.url;
        let hint = match error {
            ureq::Error::Rustls(_) | ureq::Error::Tls(_) => {
                "`leasehold login URL --ca-file FILE` names the certificates that its own is signed by"
            }
            _ if self.heard.get() => "it was there a moment ago; ask again when it is back",
            _ if place::reach(url) == Reach::Here => {
                "`leasehold serve DIR` starts it; one that is elsewhere is named by `leasehold login URL`"
            }
            _ => {
                "check the address, and whether the server runs; `leasehold context list` says who is asked"
            }
        };
        let message = match error {
            ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                format!("no server answers at {url}")
            }
            ureq::Error::Io(error) => format!("the connection to {url} is lost: {error}"),
            error => format!("cannot ask {url}: {error}"),
        };
        Failure::impossible(message).with_hint(hint)
    }

    fn not_leasehold(&self) -> Failure {
        let message = format!("{} does not answer as leasehold does", self.context.url);
        Failure::impossible(message)
            .with_hint("check the address; `leasehold login URL` names another")
    }
}

/// What came back.
struct Answer {
    status: StatusCode,
    bytes: Vec<u8>,
}

impl Answer {
    fn judged(self) -> Result<Vec<u8>, Problem> {
        if self.status.is_success() {
            return Ok(self.bytes);
        }
        Err(Problem::read(self.status, &self.bytes))
    }
}

/// A refusal (RFC 9457).
#[derive(Debug)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    detail: String,
    hint: Option<String>,
}

impl Problem {
    fn read(status: StatusCode, bytes: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let text = |key: &str| body[key].as_str().map(str::to_owned);
        let mut detail = text("detail").unwrap_or_else(|| format!("the server answers {status}"));
        for field in body["errors"].as_array().into_iter().flatten() {
            let (at, what) = (field["pointer"].as_str(), field["detail"].as_str());
            if let (Some(at), Some(what)) = (at, what)
                && what != detail
            {
                detail.push_str(&format!("\n  {at}: {what}"));
            }
        }
        Self { status, detail, hint: text("hint") }
    }
}

/// Whether a command may or may not have been carried out, or the server was not there: then it is worth
/// asking again.
fn is_lost(error: &ureq::Error) -> bool {
    matches!(
        error,
        ureq::Error::Io(_)
            | ureq::Error::ConnectionFailed
            | ureq::Error::Timeout(_)
            | ureq::Error::Protocol(_)
    )
}

/// A name for a command that no other has.
fn key() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failure::impossible(format!("the system gives no random numbers: {error}"))
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn tls(context: &Context) -> Result<TlsConfig, Failure> {
    let roots = match &context.ca_file {
        None => RootCerts::WebPki,
        Some(path) => {
            let wrong = |what: String| Failure::impossible(format!("{}: {what}", path.display()));
            let items: Result<Vec<PemItem<'static>>, _> =
                parse_pem(files::read(path)?.as_bytes()).collect();
            let items = items.map_err(|error| wrong(error.to_string()))?;
            let roots: Vec<_> = items
                .into_iter()
                .filter_map(|item| match item {
                    PemItem::Certificate(certificate) => Some(certificate),
                    _ => None,
                })
                .collect();
            if roots.is_empty() {
                return Err(wrong("expected certificates in PEM, and there is none".into()));
            }
            RootCerts::new_with_certs(&roots)
        }
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(TlsConfig::builder().unversioned_rustls_crypto_provider(provider).root_certs(roots).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_part_of_a_path() {
        let cases = [
            ("a-03-07-5", "a-03-07-5"),
            ("a/../b", "a%2F..%2Fb"),
            ("..", "%2E%2E"),
            ("é?#", "%C3%A9%3F%23"),
        ];
        for (name, coded) in cases {
            assert_eq!(segment(name), coded);
        }
    }

    #[test]
    fn fields_that_are_wrong_are_told() {
        let body = br##"{"detail":"wrong","hint":"mend it","code":"c","errors":[{"pointer":"#/gpus","detail":"too many"}]}"##;
        let problem = Problem::read(StatusCode::BAD_REQUEST, body);
        assert_eq!(problem.detail, "wrong\n  #/gpus: too many");
        let problem = Problem::read(StatusCode::BAD_GATEWAY, b"<html>");
        assert_eq!(problem.detail, "the server answers 502 Bad Gateway");
    }
}
