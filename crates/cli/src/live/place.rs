//! Which server is asked, and with which token: what the command line says, else the environment, else the
//! context in use, else the server that runs on this machine.

use std::path::Path;

use super::client::{Client, Reach};
use super::contexts::{Context, Contexts};
use super::unix;
use crate::arguments::Common;
use crate::failure::Failure;
use crate::{files, output};

/// Where `serve` listens if nothing is said.
pub const DEFAULT_URL: &str = "http://127.0.0.1:7070";

/// Where `serve` leaves the first operator's token if nothing is said.
const FIRST_TOKEN: &str = "leasehold-data/operator.token";

/// Who asks which server.
///
/// # Errors
/// Where nothing says which.
pub fn client(common: &Common) -> Result<Client, Failure> {
    let contexts = Contexts::load()?;
    let from_environment = if common.context.is_none() { environment(&contexts)? } else { None };
    if let Some(context) = from_environment {
        return Client::new(context, common);
    }
    match name(common, &contexts) {
        Some(name) => Client::new(contexts.named(&name)?.clone(), common),
        None => Client::new(on_this_machine(common)?, common),
    }
}

/// The context in use, as the command line, the environment or the file names it.
pub fn name(common: &Common, contexts: &Contexts) -> Option<String> {
    common.context.clone().or_else(|| set("LEASEHOLD_CONTEXT")).or_else(|| contexts.current.clone())
}

/// What the environment says. A token of a context goes to no other server than its own.
fn environment(contexts: &Contexts) -> Result<Option<Context>, Failure> {
    let (url, file) = (set("LEASEHOLD_URL"), set("LEASEHOLD_TOKEN_FILE"));
    if url.is_none() && file.is_none() {
        return Ok(None);
    }
    let name = set("LEASEHOLD_CONTEXT").or_else(|| contexts.current.clone());
    let kept = name.map(|name| contexts.named(&name)).transpose()?;
    let url = url.as_deref().or(kept.map(|kept| kept.url.as_str())).unwrap_or(DEFAULT_URL);
    let url = tidy(url)?;
    let kept = kept.filter(|kept| kept.url == url);
    let token = match (file, kept) {
        (Some(file), _) => token_in(Path::new(&file))?,
        (None, Some(kept)) => kept.token.clone(),
        (None, None) => {
            let message = format!("LEASEHOLD_URL names {url}, and nothing a token for it");
            return Err(Failure::impossible(message).with_hint(format!(
                "set LEASEHOLD_TOKEN_FILE too, or unset it and `leasehold login {url}`"
            )));
        }
    };
    let ca_file = set("LEASEHOLD_CA_FILE").map(Into::into).or_else(|| kept?.ca_file.clone());
    let insecure_http = kept.is_some_and(|kept| kept.insecure_http);
    Ok(Some(Context { url, token, ca_file, insecure_http }))
}

/// The server that a newcomer has just started here.
fn on_this_machine(common: &Common) -> Result<Context, Failure> {
    let nobody = |message: &str, hint: &str| Failure::impossible(message).with_hint(hint);
    let path = Path::new(FIRST_TOKEN);
    if !path.exists() {
        return Err(nobody(
            "nothing says which server to ask",
            "`leasehold login URL` keeps one; `leasehold serve DIR` starts one",
        ));
    }
    let token = token_in(path)?;
    let context = Context { url: DEFAULT_URL.into(), token, ca_file: None, insecure_http: false };
    if !Client::new(context.clone(), common)?.is_there() {
        return Err(nobody(
            &format!("no server answers at {DEFAULT_URL}"),
            "`leasehold serve` starts it; one that is elsewhere is named by `leasehold login URL`",
        ));
    }
    let line = format!(
        "asking {DEFAULT_URL} as its operator, by {FIRST_TOKEN}; `leasehold login` keeps another"
    );
    output::narrate(common, &line);
    Ok(context)
}

/// The token in the file at `path`.
///
/// # Errors
/// Where it cannot be read, or is no token.
pub fn token_in(path: &Path) -> Result<String, Failure> {
    token(&files::read(path)?).ok_or_else(|| {
        Failure::impossible(format!("{}: expected a token, on a line of its own", path.display()))
    })
}

/// The token that `text` is.
pub fn token(text: &str) -> Option<String> {
    let text = text.trim();
    let visible = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    visible.then(|| text.to_owned())
}

/// A server's address without a slash at the end.
///
/// # Errors
/// Where it is none.
pub fn tidy(url: &str) -> Result<String, Failure> {
    let wrong = || {
        Failure::impossible(format!("{url:?} is no address of a server"))
            .with_hint(
                "write it like https://leasehold.example, http://127.0.0.1:7070 or unix:/run/leasehold.sock",
            )
    };
    if let Some(path) = unix::path(url) {
        let path = std::path::absolute(path).map_err(|_| wrong())?;
        return Ok(format!("unix:{}", path.display()));
    }
    let parsed: ureq::http::Uri = url.parse().map_err(|_| wrong())?;
    let known = matches!(parsed.scheme_str(), Some("http" | "https"));
    let bare = parsed.query().is_none() && parsed.host().is_some();
    let no_user = parsed.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    if !(known && bare && no_user) {
        return Err(wrong());
    }
    Ok(url.trim_end_matches('/').to_owned())
}

/// How far it is to `url`.
pub fn reach(url: &str) -> Reach {
    if unix::path(url).is_some() {
        return Reach::Here;
    }
    let Ok(parsed) = url.parse::<ureq::http::Uri>() else { return Reach::Far };
    let host = parsed.host().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if loopback || host == "localhost" { Reach::Here } else { Reach::Far }
}

fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_tidied_or_refused() {
        assert_eq!(tidy("http://127.0.0.1:7070/").ok().as_deref(), Some("http://127.0.0.1:7070"));
        assert_eq!(tidy("unix:/run/it.sock").ok().as_deref(), Some("unix:/run/it.sock"));
        let wrong =
            ["127.0.0.1:7070", "ftp://a", "https://me:secret@a", "https://a?b=c", "", "unix:"];
        for wrong in wrong {
            assert!(tidy(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_this_machine_is_here() {
        for here in ["http://127.0.0.1:1", "http://localhost", "http://[::1]:7070", "unix:/a"] {
            assert_eq!(reach(here), Reach::Here, "{here}");
        }
        for far in ["http://10.0.0.1", "http://localhost.example", "http://127.0.0.1.example"] {
            assert_eq!(reach(far), Reach::Far, "{far}");
        }
    }
}
