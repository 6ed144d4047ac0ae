//! Carry: the patch stack of a fork, taken to a new upstream point.
//!
//! Everything is done on Git's objects: nothing here touches the checkout, the index, HEAD, a
//! branch, the stash or the recorded resolutions of the user. What is made is new objects, and a ref
//! under `patch.refPrefix` at the very end; a run that is killed before it has left nothing that
//! anybody could see.
//!
//! Read the modules in this order, which is the order the data takes:
//!
//! - [`id`] and [`path`]: what Git calls things.
//! - [`coprocess`], [`merge`], [`commit`], [`repository`]: Git's long-lived helpers, merges of trees, raw
//!   commits.
//! - [`upstream`], [`onto`]: the upstream point, fetched if missing.
//! - [`stack`]: which patches there are.
//! - [`plan`]: the two together, and what the results will be called. `--dry-run` ends here.
//! - [`landed`]: which patches upstream has.
//! - [`pick`]: one patch after the other, in memory, to a fate each.
//! - [`worktree`], [`conflicted`], [`markers`]: a conflict laid out in files, and whether it was resolved.
//! - [`resolve`]: who is asked about a conflict: a person ([`resume`]), a recorded resolution
//!   ([`rerere`]), the watch's program ([`resolver`]).
//! - [`intervention`]: what is left where nobody knew.
//! - [`candidate`], [`proof`], [`notes`]: the new commits, proven against the old, and their refs.
//! - [`verify`]: the commands that the candidate must pass. [`publish`], [`tag`]: to the fork, by lease.
//! - [`run`], [`report`]: all of it in order, and what is told of it.

pub mod candidate;
pub mod commit;
pub mod conflicted;
pub mod coprocess;
pub mod id;
pub mod intervention;
pub mod landed;
pub mod markers;
pub mod merge;
pub mod notes;
pub mod onto;
pub mod path;
pub mod pick;
pub mod plan;
pub mod proof;
pub mod publish;
pub mod report;
pub mod repository;
pub mod rerere;
pub mod resolve;
pub mod resolver;
pub mod resume;
pub mod run;
pub mod stack;
pub mod tag;
pub mod upstream;
pub mod verify;
pub mod worktree;
