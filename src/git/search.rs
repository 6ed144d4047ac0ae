//! Words looked for in the files of a commit that is here.

use super::{Git, GitError, LOCAL, checked_sha, finish};
use crate::child::Exit;

impl Git {
    /// The files of a commit below these paths that have one of the words in them, by their paths from the top.
    ///
    /// Words and paths count as they are written: no patterns. Nothing is fetched for the answer.
    ///
    /// # Errors
    /// If the commit or its files are not here, or Git cannot be asked.
    pub fn files_with(&self, commit: &str, words: &[&str], paths: &[&str]) -> Result<Vec<String>, GitError> {
        let task = "grep";
        checked_sha(commit)?;
        let mut command = self.local_command()?;
        command.args([task, "--files-with-matches", "--fixed-strings", "--full-name", "--null", "--no-color"]);
        command.args(words.iter().flat_map(|word| ["-e", word])).args([commit, "--"]);
        command.args(paths.iter().map(|path| format!(":(top,literal){path}")));
        let finished = finish(command, task, LOCAL)?;
        if finished.exit == Exit::Code(1) && finished.stderr.lossy().trim().is_empty() {
            return Ok(Vec::new());
        }
        let output = self.taken(finished, task)?;
        // Each as `<commit>:<path>`.
        let names = output.split(|&byte| byte == 0).filter(|name| !name.is_empty());
        Ok(names
            .map(|name| {
                let name = String::from_utf8_lossy(name);
                name.split_once(':').map_or_else(|| name.to_string(), |(_, path)| path.to_owned())
            })
            .collect())
    }
}
