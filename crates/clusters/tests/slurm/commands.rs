//! Real processes in place of Slurm's commands.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use leasehold_clusters::slurm::cluster::Cluster;
use leasehold_clusters::slurm::command::word;
use leasehold_clusters::slurm::watch::Watch;
use leasehold_clusters::slurm::{Program, Slurm, SlurmError, SystemSlurm};
use leasehold_units::{Instant, Seconds};

/// A directory in which `squeue` is the script `body`.
fn with_squeue(body: &str) -> (tempfile::TempDir, SystemSlurm) {
    with(&[("squeue", body)])
}

/// A directory of such scripts.
fn with(scripts: &[(&str, &str)]) -> (tempfile::TempDir, SystemSlurm) {
    let directory = tempfile::tempdir().expect("a temporary folder");
    for (name, body) in scripts {
        let path = directory.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
    }
    let slurm = system(directory.path());
    (directory, slurm)
}

fn system(binaries: &Path) -> SystemSlurm {
    let conf = Some("cluster.conf".into());
    SystemSlurm { binaries: Some(binaries.into()), conf, limit: Seconds::new(30) }
}

fn ask(slurm: &SystemSlurm, arguments: &[&str], stdin: Option<&str>) -> Result<String, SlurmError> {
    let arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
    slurm.run(Program::Squeue, &arguments, stdin)
}

#[test]
fn arguments_arrive_as_they_are_and_no_shell_sees_them() {
    let (_directory, slurm) = with_squeue("for word; do echo \"<$word>\"; done");
    let answer = ask(&slurm, &["a b", "$(id)", "'", "", ";x"], None);
    assert_eq!(answer, Ok("<a b>\n<$(id)>\n<'>\n<>\n<;x>\n".into()));
}

#[test]
fn instants_are_asked_for_as_seconds_and_words_in_english() {
    let (_directory, slurm) = with_squeue("echo $SLURM_TIME_FORMAT $TZ $LC_ALL $SLURM_CONF");
    assert_eq!(ask(&slurm, &[], None), Ok("%s UTC C cluster.conf\n".into()));
}

#[test]
fn standard_input_is_handed_over() {
    let (_directory, slurm) = with_squeue("cat");
    assert_eq!(ask(&slurm, &[], Some("two\nlines")), Ok("two\nlines".into()));
    assert_eq!(ask(&slurm, &[], None), Ok(String::new()));
}

#[test]
fn a_command_that_does_not_end_is_killed() {
    let (_directory, mut slurm) = with_squeue("exec sleep 3600");
    slurm.limit = Seconds::ZERO;
    let error = ask(&slurm, &["-h"], None).expect_err("it never ends");
    assert_eq!((error.code(), error.may_pass()), ("slurm_timed_out", true));
    assert_eq!(error.to_string(), "`squeue -h` did not end within 0 s");
}

#[test]
fn output_without_end_is_not_kept() {
    let (_directory, slurm) = with_squeue("head -c 134217729 /dev/zero");
    assert_eq!(ask(&slurm, &[], None).expect_err("too much").code(), "slurm_too_much_output");
}

#[test]
fn a_failure_speaks_in_slurms_words() {
    let (_directory, slurm) = with_squeue("echo 'Invalid job id specified' >&2; exit 1");
    let error = ask(&slurm, &["-j", "9"], None).expect_err("refused");
    assert_eq!(error.to_string(), "`squeue -j 9`: refused: Invalid job id specified");
    // sacctmgr says on standard output why it did nothing.
    let (_directory, slurm) = with_squeue("echo ' Nothing new added.'; exit 1");
    let error = ask(&slurm, &[], None).expect_err("refused");
    assert_eq!(error.to_string(), "`squeue`: refused: Nothing new added.");
}

#[test]
fn what_is_not_installed_says_so() {
    let directory = tempfile::tempdir().expect("a temporary folder");
    let error = ask(&system(directory.path()), &[], None).expect_err("nothing there");
    assert_eq!(error.code(), "slurm_not_installed");
    assert!(error.advice().contains("slurm.toml"));
}

/// Commands as ROCm's spur 0.8 answers, by its sources; `version` is what they say that they are.
fn foreign(version: &str) -> (tempfile::TempDir, Cluster) {
    let scontrol = format!(
        "case \"$*\" in --version) echo '{version}';; 'show config') \
         echo ClusterName=spur; echo SlurmctldAddr=http://localhost:6817; echo Version=0.8.0;; \
         *) echo \"error: unexpected argument '--oneliner' found\" >&2; exit 2;; esac"
    );
    let squeue = "echo \"error: unexpected argument '--array' found\" >&2; echo 'Usage: squeue [OPTIONS]' >&2; exit 2";
    let (directory, slurm) = with(&[("scontrol", &scontrol), ("squeue", squeue)]);
    (directory, Cluster::new(Box::new(slurm)))
}

#[test]
fn another_program_with_slurms_names_is_refused_with_the_command_that_it_lacks() {
    let (_directory, cluster) = foreign("spur 0.8.0 (4cc3da8)");
    let error = cluster.greet().expect_err("not Slurm");
    assert_eq!(
        error.to_string(),
        "`scontrol --version` says \"spur 0.8.0 (4cc3da8)\": that is not Slurm 22.05 or later"
    );
    assert!(error.advice().contains("`binaries` in slurm.toml"), "{}", error.advice());
    // One that says that it is Slurm is asked, and lacks what it lacks.
    let (_directory, cluster) = foreign("slurm 25.05.1");
    let error = cluster.greet().expect_err("no such field").to_string();
    assert!(error.starts_with("`scontrol show config`, line 1, field SLURM_VERSION"), "{error}");
    let mut watch = Watch::default();
    let error = cluster.look(&mut watch, Instant::from_unix(0), None, &|_| 8);
    let error = error.expect_err("no such option").to_string();
    assert!(error.starts_with("`squeue --noheader --array"), "{error}");
    let words = "refused: error: unexpected argument '--array' found; Usage: squeue [OPTIONS]";
    assert!(error.ends_with(words), "{error}");
}

#[test]
fn names_that_slurm_would_split_are_refused() {
    for fine in ["lab", "lab-2026.a_b", "leasehold_lab@hall-a", "leasehold_own+hall-a"] {
        assert_eq!(word(fine), Ok(fine));
    }
    for odd in ["", "-rf", "+x", "a,b", "a=b", "a b", "a'b", "a\"b", "a\nb", "ä", "a[1-2]", "a|b"]
    {
        assert_eq!(word(odd).expect_err("refused").code(), "slurm_unsafe_word", "{odd}");
    }
}
