//! The way to a PostgreSQL server: encrypted, to the right one.

use std::fs;

use leasehold_storage::{StoreError, open};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

use crate::cluster;
use crate::fixture::{LEAD, of_everything};

/// An authority of the test's own.
fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let key = KeyPair::generate().expect("ring makes keys");
    let mut params = CertificateParams::new(Vec::new()).expect("it has no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, key).expect("ring signs")
}

#[test]
fn a_server_is_believed_by_its_certificate_and_name() {
    let settings = ["fsync=off", "listen_addresses=127.0.0.1"];
    let Some(cluster) = cluster::start(&settings) else { return };
    let (ours, other) = (authority(), authority());
    let key = KeyPair::generate().expect("ring makes keys");
    let params = CertificateParams::new(vec!["localhost".into()]).expect("it is a name");
    let certificate = params.signed_by(&key, &ours).expect("ring signs");
    cluster.write_file("server.crt", &certificate.pem());
    cluster.write_file("server.key", &key.serialize_pem());
    cluster.psql("postgres", "ALTER SYSTEM SET ssl = on");
    cluster.psql("postgres", "SELECT pg_reload_conf()");
    let folder = TempDir::new().expect("the system has a folder for temporary files");
    let (right, wrong) = (folder.path().join("right.pem"), folder.path().join("wrong.pem"));
    fs::write(&right, ours.pem()).expect("there is room");
    fs::write(&wrong, other.pem()).expect("there is room");
    let database = cluster.fresh().split('/').nth(3).map(str::to_owned).expect("it has a name");
    let database = database.split('?').next().expect("there is a first part");
    let url = |host: &str, root: &std::path::Path| {
        let (port, root) = (cluster.port(), root.display());
        format!(
            "postgresql://leasehold@{host}:{port}/{database}?sslmode=verify-full&sslrootcert={root}"
        )
    };
    cluster.psql_until("postgres", "SHOW ssl", "on");
    let mut store = open(&url("localhost", &right), LEAD).expect("it is the right server");
    store.append(&of_everything(1)).expect("there is room");
    let encrypted = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                     WHERE application_name = 'leasehold'";
    assert_eq!(cluster.psql("postgres", encrypted).trim(), "t");
    for url in [url("localhost", &wrong), url("127.0.0.1", &right)] {
        let told = open(&url, LEAD).err().expect("it is not who it should be");
        assert!(matches!(told, StoreError::Unreachable { .. }), "{told}");
        assert!(told.to_string().contains("certificate"), "{told}");
    }
}
