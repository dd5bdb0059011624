//! Where a PostgreSQL server is, how we are let in, and whether the way there is encrypted.

use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::StoreError;

const CONNECT: Duration = Duration::from_secs(3);
/// How long sent bytes may stay without an acknowledgement before the connection counts as dead.
const UNACKNOWLEDGED: Duration = Duration::from_secs(4);

/// A server's address, ready to connect to. Its `Debug` has no password.
pub struct Address {
    pub config: Config,
    /// Nothing where the way stays inside this machine, or was said to be plain.
    pub tls: Option<MakeRustlsConnect>,
    /// For messages.
    pub place: String,
}

/// Reads a `postgres://` address, with `PGPASSWORD` and `PGPASSFILE` (or `~/.pgpass`) where it names
/// no password.
pub fn read(url: &str) -> Result<Address, StoreError> {
    let (plain, mode, root) = own_options(url)?;
    let parsed: Result<Config, _> = plain.parse();
    // What the parser says may quote the address, and with it a password.
    let mut config = parsed.map_err(|_| {
        refused("the address", "it is no postgresql://USER@HOST:PORT/DATABASE?OPTION=VALUE address")
    })?;
    let place = label(&config);
    if config.get_password().is_none()
        && let Some(password) = password_of_environment(&config)?
    {
        config.password(password);
    }
    let tls = encryption(&mut config, &place, mode.as_deref(), root.as_deref())?;
    config.connect_timeout(CONNECT).tcp_user_timeout(UNACKNOWLEDGED);
    config.keepalives(true).keepalives_idle(Duration::from_secs(1));
    config.keepalives_interval(Duration::from_secs(1)).keepalives_retries(3);
    config.application_name("leasehold");
    Ok(Address { config, tls, place })
}

/// The options that are ours to understand, taken out of the address.
fn own_options(url: &str) -> Result<(String, Option<String>, Option<PathBuf>), StoreError> {
    let Some((base, query)) = url.split_once('?') else { return Ok((url.into(), None, None)) };
    let (mut mode, mut root) = (None, None);
    let mut rest = Vec::new();
    for option in query.split('&').filter(|option| !option.is_empty()) {
        match option.split_once('=') {
            Some(("sslmode", value)) => mode = Some(value.to_owned()),
            Some(("sslrootcert", value)) => root = Some(PathBuf::from(value)),
            _ => rest.push(option),
        }
    }
    if let Some(mode) = &mode
        && !["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
            .contains(&mode.as_str())
    {
        let why = format!("it is {mode:?}; say disable, require or verify-full");
        return Err(refused("sslmode", &why));
    }
    let url = if rest.is_empty() { base.into() } else { format!("{base}?{}", rest.join("&")) };
    Ok((url, mode, root))
}

fn encryption(
    config: &mut Config,
    place: &str,
    mode: Option<&str>,
    root: Option<&Path>,
) -> Result<Option<MakeRustlsConnect>, StoreError> {
    let unix = config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)))
        && config.get_hostaddrs().is_empty();
    let near = config.get_hosts().iter().all(is_near)
        && config.get_hostaddrs().iter().all(IpAddr::is_loopback);
    let encrypted = match mode {
        _ if unix => false,
        Some("disable") => false,
        Some("require" | "verify-ca" | "verify-full") => true,
        _ => !near,
    };
    if encrypted {
        config.ssl_mode(SslMode::Require);
        return tls(root).map(Some);
    }
    if !near && config.get_password().is_some() {
        let why = "sslmode=disable would send the password over the network unencrypted; use \
                   sslmode=verify-full";
        return Err(refused(place, why));
    }
    config.ssl_mode(SslMode::Disable);
    Ok(None)
}

fn is_near(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    }
}

/// Certificates are always verified, with the name of the host: an encrypted way to somebody else is
/// no protection.
fn tls(root: Option<&Path>) -> Result<MakeRustlsConnect, StoreError> {
    let mut roots = RootCertStore::empty();
    match root {
        Some(path) => {
            let name = format!("sslrootcert {}", path.display());
            let wrong = |error: &dyn std::fmt::Display| refused(&name, &error.to_string());
            let found = CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))?;
            for certificate in found {
                let certificate = certificate.map_err(|error| wrong(&error))?;
                roots.add(certificate).map_err(|error| wrong(&error))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        let why = "there is none, neither of the system nor in a file; name one with \
                   sslrootcert=FILE";
        return Err(refused("the certificate authority", why));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has the default protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn label(config: &Config) -> String {
    let user = config.get_user().map(|user| format!("{user}@")).unwrap_or_default();
    let database = config.get_dbname().unwrap_or_default();
    let mut hosts = Vec::new();
    let mut query = String::new();
    for (index, host) in config.get_hosts().iter().enumerate() {
        let ports = config.get_ports();
        let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
        match host {
            Host::Tcp(name) => hosts.push(format!("{name}:{port}")),
            Host::Unix(path) => query = format!("?host={}", path.display()),
        }
    }
    format!("postgresql://{user}{}/{database}{query}", hosts.join(","))
}

/// `PGPASSWORD`, else the line of the password file that fits.
fn password_of_environment(config: &Config) -> Result<Option<String>, StoreError> {
    if let Ok(password) = std::env::var("PGPASSWORD") {
        return Ok(Some(password));
    }
    let named = std::env::var_os("PGPASSFILE").map(PathBuf::from);
    let usual = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".pgpass"));
    let Some(path) = named.or_else(usual) else { return Ok(None) };
    let Ok(found) = std::fs::metadata(&path) else { return Ok(None) };
    if found.permissions().mode() & 0o077 != 0 {
        let name = format!("the password file {}", path.display());
        return Err(refused(&name, "others may read it; take their rights away with chmod 0600"));
    }
    let text = std::fs::read_to_string(&path)
        .map_err(|error| refused(&path.display().to_string(), &error.to_string()))?;
    Ok(text.lines().find_map(|line| password_of_line(line, config)))
}

/// `host:port:database:user:password`, `*` for any, `\` before `:` and `\`.
fn password_of_line(line: &str, config: &Config) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let fields = fields(line);
    let [host, port, database, user, password] = fields.as_slice() else { return None };
    let own_host = match config.get_hosts().first()? {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    };
    let own_port = config.get_ports().first().copied().unwrap_or(5432).to_string();
    let own_user = config.get_user().unwrap_or_default();
    let own_database = config.get_dbname().unwrap_or(own_user);
    let wanted =
        [(host, &*own_host), (port, &own_port), (database, own_database), (user, own_user)];
    let near = host == "localhost" && matches!(config.get_hosts().first(), Some(Host::Unix(_)));
    let fits = |(index, (field, own)): (usize, &(&String, &str))| {
        *field == "*" || field == own || (index == 0 && near)
    };
    wanted.iter().enumerate().all(fits).then(|| password.clone())
}

fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        let last = fields.last_mut().expect("there is one from the start");
        match character {
            '\\' => last.extend(characters.next()),
            ':' => fields.push(String::new()),
            other => last.push(other),
        }
    }
    fields
}

fn refused(what: &str, why: &str) -> StoreError {
    StoreError::Address { what: what.into(), why: why.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> String {
        read(url).err().expect("it is refused").to_string()
    }

    #[test]
    fn a_password_is_not_sent_unencrypted() {
        let told = refusal("postgres://anna:hidden@db.example/leases?sslmode=disable");
        assert!(told.contains("sslmode=verify-full"), "{told}");
        assert!(!told.contains("hidden"), "{told}");
        assert!(read("postgres://anna:hidden@127.0.0.1/leases").is_ok_and(|it| it.tls.is_none()));
        assert!(read("postgres://anna:hidden@localhost/leases").is_ok_and(|it| it.tls.is_none()));
    }

    #[test]
    fn the_password_is_in_no_message() {
        let address = read("postgres://anna:hidden@localhost:5433/leases").expect("it is right");
        assert_eq!(address.place, "postgresql://anna@localhost:5433/leases");
        assert!(!format!("{:?}", address.config).contains("hidden"));
        assert!(!refusal("postgres://anna:hidden@localhost:port/leases").contains("hidden"));
        assert!(!refusal("postgres://anna:hidden@localhost/leases?sslmode=no").contains("hidden"));
    }

    #[test]
    fn a_password_file_is_read_as_other_clients_do() {
        let config: Config = "postgres://anna@db.example:5433/leases".parse().expect("it is right");
        let found = |line| password_of_line(line, &config);
        assert_eq!(found("db.example:5433:leases:anna:a\\:b\\\\c"), Some("a:b\\c".into()));
        assert_eq!(found("*:*:*:anna:x"), Some("x".into()));
        assert_eq!(found("*:5432:*:anna:x"), None);
        assert_eq!(found("#*:*:*:anna:x"), None);
        assert_eq!(found("too:few"), None);
    }
}
