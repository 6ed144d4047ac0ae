//! Review: what became of each signal, read from Git.
//!
//! Read the modules in this order, which is the order the data takes:
//!
//! - [`state`]: the states that a signal goes through, and what each is judged by.
//! - [`attestation`]: what a candidate went through, beside it in Git.
//! - [`forks`]: what the forks have, each asked once.
//! - [`refs`]: which of the fork's refs and of ours belong to which signal.
//! - [`objects`]: what the refs hold, fetched where it is not here.
//! - [`stacks`]: the branches where a candidate lands.
//! - [`landing`]: whether the stack has a candidate, asked of Git.
//! - [`looked`]: what was looked for in vain, so that it is not asked again.
//! - [`order`]: which of two signals is newer.
//! - [`judge`]: the state of a signal, from all of these: pure.
//! - [`sync`]: all of it in order, and what is recorded.
//! - [`waiting`]: who has to act next, for those who show it.

pub mod attestation;
pub mod forks;
pub mod judge;
pub mod landing;
pub mod looked;
pub mod objects;
pub mod order;
pub mod refs;
pub mod stacks;
pub mod state;
pub mod sync;
pub mod waiting;
