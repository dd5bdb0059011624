//! Where jobs and scrubs leave their marks: which party was on a node, and whether it was scrubbed before.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// A folder outside of the project's, so that jobs of any user reach it. Gone when dropped.
pub struct Yard {
    folder: PathBuf,
}

impl Yard {
    pub fn new(nodes: &[String]) -> Self {
        let name = format!("leasehold-day-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(folder.join("marks")).unwrap();
        let own = folder.display();
        for node in nodes {
            // Jobs write here, and they are not root's.
            write(&folder.join("marks").join(node), "", 0o666);
        }
        let scrub = format!("echo scrubbed $LEASEHOLD_TO_PARTY >>{own}/marks/$LEASEHOLD_NODE\n");
        write(&folder.join("scrub"), &scrub, 0o755);
        let conf = format!("state {own}/state\nscrub sh {own}/scrub\nscrub_seconds_max 60\n");
        write(&folder.join("conf"), &conf, 0o644);
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/slurm/prolog");
        let ours = fs::canonicalize(ours).unwrap();
        let prolog =
            format!("#!/bin/sh\nLEASEHOLD_TURNOVER_CONF={own}/conf exec sh '{}'\n", ours.display());
        write(&folder.join("prolog"), &prolog, 0o755);
        Self { folder }
    }

    /// What Slurm is to run before a job.
    pub fn prolog(&self) -> PathBuf {
        self.folder.join("prolog")
    }

    /// What a job of `party` does for so many seconds.
    pub fn work(&self, party: &str, seconds: u32) -> String {
        let marks = self.folder.join("marks");
        let marks = marks.display();
        format!("echo ran {party} >>{marks}/$SLURMD_NODENAME; exec sleep {seconds}")
    }

    /// Whoever ran on a node came after a scrub for it, or after itself. Says how often a node was scrubbed.
    pub fn assert_scrubbed(&self) -> usize {
        let mut scrubs = 0;
        for entry in fs::read_dir(self.folder.join("marks")).unwrap().flatten() {
            let text = fs::read_to_string(entry.path()).unwrap();
            let mut clean_for = "";
            for line in text.lines() {
                match line.split_once(' ') {
                    Some(("scrubbed", party)) => {
                        clean_for = party;
                        scrubs += 1;
                    }
                    Some(("ran", party)) => assert_eq!(party, clean_for, "{entry:?}: {text}"),
                    _ => panic!("{entry:?}: {line:?}"),
                }
            }
        }
        scrubs
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}
