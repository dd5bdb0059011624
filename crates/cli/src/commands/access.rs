//! `login`, `context`, `whoami`: which server is asked, and as whom.

use std::io::{BufRead as _, IsTerminal as _};

use serde_json::{Value, json};

use crate::arguments::{self, Common};
use crate::failure::Failure;
use crate::live::columns::{self, Width, text};
use crate::live::contexts::{Context, Contexts};
use crate::live::{Ask, Client, place, print};
use crate::output;

/// Keeps a server and a token for it, once the server takes the token.
pub fn login(asked: &arguments::Login, common: &Common) -> Result<(), Failure> {
    let url = place::tidy(&asked.url)?;
    let ca_file = asked
        .ca_file
        .as_ref()
        .map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone()));
    let mut context =
        Context { url, token: String::new(), ca_file, insecure_http: asked.insecure_http };
    // What is wrong with the server is told before anybody types a token.
    let client = Client::new(context.clone(), common)?;
    client.try_bytes(&Ask::get("/session"))?.err();
    context.token = match &asked.token_file {
        Some(path) => place::token_in(path)?,
        None => typed(&context.url)?,
    };
    let session = Client::new(context.clone(), common)?.json(&Ask::get("/session"))?;
    let name = common.context.clone().unwrap_or_else(|| suggested(&session));
    keep(&name, context, common)?;
    output::narrate(
        common,
        &format!("logged in as {}; context {name} is in use now", who(&session)),
    );
    Ok(())
}

/// Keeps `context` as `name` and uses it from now on.
pub fn keep(name: &str, context: Context, common: &Common) -> Result<(), Failure> {
    let mut contexts = Contexts::load()?;
    if let Some(kept) = contexts.contexts.get(name)
        && kept.url != context.url
        && common.context.is_none()
    {
        let message = format!("context {name} is of another server, {}", kept.url);
        let hint =
            "name another one by --context, or forget that one by `leasehold context remove`";
        return Err(Failure::impossible(message).with_hint(hint));
    }
    contexts.contexts.insert(name.to_owned(), context);
    contexts.current = Some(name.to_owned());
    contexts.save().map(|_| ())
}

/// Lists, chooses or forgets contexts.
pub fn context(asked: &arguments::Context, common: &Common) -> Result<(), Failure> {
    let mut contexts = Contexts::load()?;
    match asked {
        arguments::Context::List => list(&contexts, common),
        arguments::Context::Use(named) => {
            let url = contexts.named(&named.name)?.url.clone();
            contexts.current = Some(named.name.clone());
            contexts.save()?;
            output::narrate(common, &format!("commands ask {url} now"));
            Ok(())
        }
        arguments::Context::Remove(named) => {
            contexts.named(&named.name)?;
            contexts.contexts.remove(&named.name);
            contexts.current = contexts.current.take().filter(|current| *current != named.name);
            contexts.save()?;
            let line =
                "forgotten here; the token itself still counts until `leasehold token revoke`";
            output::narrate(common, line);
            Ok(())
        }
    }
}

fn list(contexts: &Contexts, common: &Common) -> Result<(), Failure> {
    let current = place::name(common, contexts);
    let rows = contexts.contexts.iter().map(|(name, context)| {
        let mark = if current.as_ref() == Some(name) { "*" } else { "" };
        json!({ "in_use": current.as_ref() == Some(name), "mark": mark, "name": name, "url": context.url })
    });
    let mut rows: Vec<Value> = rows.collect();
    let columns = [text("", "mark"), text("name", "name"), text("server", "url")];
    let printed = match common.output {
        arguments::Format::Table | arguments::Format::Wide => {
            columns::table(&columns, &rows, Width::Wide)
        }
        arguments::Format::Csv => {
            columns::csv(&[text("", "in_use"), text("", "name"), text("", "url")], &rows)
        }
        _ => {
            rows.iter_mut()
                .filter_map(Value::as_object_mut)
                .for_each(|row| drop(row.remove("mark")));
            print::structured(&json!({ "contexts": rows }), common)
        }
    };
    output::stdout(printed.as_bytes())
}

/// Who the server takes one for.
pub fn whoami(common: &Common) -> Result<(), Failure> {
    let client = crate::live::client(common)?;
    let columns = [
        text("name", "name"),
        text("role", "role"),
        text("party", "party"),
        text("good for", "scopes"),
        text("until", "expires"),
        text("id", "id"),
        text("may", "rights"),
    ];
    let url = client.context().url.clone();
    let watch = arguments::Watch { watch: false };
    print::show(
        &client,
        &Ask::get("/session"),
        &columns,
        |_| format!("server    {url}\n"),
        watch,
        common,
    )
}

/// A token from a pipe, or typed unseen.
fn typed(url: &str) -> Result<String, Failure> {
    let text = if std::io::stdin().is_terminal() {
        rpassword::prompt_password(format!("Token for {url} (it is not shown): "))
    } else {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map(|_| line)
    };
    let text =
        text.map_err(|error| Failure::impossible(format!("cannot read the token: {error}")))?;
    place::token(&text).ok_or_else(|| {
        Failure::impossible("no token was given").with_hint(
            "name its file by --token-file; the first operator's is in the server's data directory, operator.token",
        )
    })
}

/// A name for a context: the party, or the role of those who have none.
fn suggested(session: &Value) -> String {
    let name = session["party"].as_str().or_else(|| session["role"].as_str());
    name.unwrap_or("default").to_owned()
}

fn who(session: &Value) -> String {
    let text = |key: &str| session[key].as_str().unwrap_or_default();
    match session["party"].as_str() {
        Some(party) => format!("{} ({} of {party})", text("name"), text("role")),
        None => format!("{} ({})", text("name"), text("role")),
    }
}
