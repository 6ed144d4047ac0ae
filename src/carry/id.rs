//! Object ids as types: a tree cannot stand where a commit is meant.

use crate::parse::refs::is_sha;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

macro_rules! object_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// 40 lower-case hex digits, or 64 in a repository with SHA-256; made only by [`FromStr`].
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The hex digits.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The first ten digits, for people.
            #[must_use]
            pub fn short(&self) -> &str {
                &self.0[..10]
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                if is_sha(text) { Ok(Self(text.to_owned())) } else { Err("it is not an object id".to_owned()) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

object_id! {
    /// The id of a commit.
    CommitId
}
/// A line for each commit, the id behind `prefix`: as `--stdin` of Git's commands takes them.
pub fn lines<'a>(prefix: &str, commits: impl IntoIterator<Item = &'a CommitId>) -> String {
    commits.into_iter().fold(String::new(), |lines, commit| lines + prefix + commit.as_str() + "\n")
}

object_id! {
    /// The id of a tree.
    TreeId
}
object_id! {
    /// The id of any object: a blob, or a submodule's commit.
    ObjectId
}
