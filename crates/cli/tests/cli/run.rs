//! A folder to run the binary in, and its whole outcome as one text.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder of its own for one test, empty at first.
pub struct Folder(PathBuf);

impl Folder {
    /// The empty folder `name`, of one test only.
    pub fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        // A run before this one may have left it.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("the build folder can be written");
        Self(path)
    }

    /// Where `name` lies in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes the file `name`, with the folders that it lies in.
    pub fn write(&self, name: &str, text: &str) -> &Self {
        let path = self.0.join(name);
        let folder = path.parent().expect("a file lies in a folder");
        std::fs::create_dir_all(folder).expect("the build folder can be written");
        std::fs::write(path, text).expect("the build folder can be written");
        self
    }

    /// The text of the file `name`.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).expect("the file is there")
    }

    /// Names of everything in the folder, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).expect("the folder is there");
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.expect("the folder can be read").file_name().to_string_lossy().into_owned()
        };
        let mut names: Vec<String> = entries.map(name).collect();
        names.sort();
        names
    }

    /// Runs the binary in the folder with these arguments, parted by spaces.
    pub fn run(&self, arguments: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_leasehold"))
            .args(arguments.split_whitespace())
            .current_dir(&self.0)
            .env("NO_COLOR", "1")
            .env("COLUMNS", "100")
            // Nothing of whoever runs the tests, and nothing left for them.
            .env("XDG_CONFIG_HOME", self.0.join("config"))
            .env_remove("LEASEHOLD_URL")
            .env_remove("LEASEHOLD_TOKEN_FILE")
            .env_remove("LEASEHOLD_CONTEXT")
            .env_remove("LEASEHOLD_DATABASE")
            .stdin(std::process::Stdio::null())
            .output()
            .expect("the binary starts")
    }

    /// Exit status, stdout and stderr of such a run.
    pub fn outcome(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        let code = output.status.code().expect("nobody killed it");
        let mut text = format!("exit {code}\n");
        for (name, bytes) in [("stdout", output.stdout), ("stderr", output.stderr)] {
            if !bytes.is_empty() {
                let printed = String::from_utf8(bytes).expect("it prints text");
                text.push_str(&format!("--- {name}\n{printed}"));
            }
        }
        text
    }

    /// What such a run prints on stdout, where it must succeed.
    pub fn stdout(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`leasehold {arguments}` failed:\n{errors}");
        String::from_utf8(output.stdout).expect("it prints text")
    }
}

/// The example of the model deal, from wherever the tests run.
pub fn example() -> String {
    format!("{}/../../examples/colossus-1", env!("CARGO_MANIFEST_DIR"))
}
