//! Which patches upstream has. A patch that is taken for landed and is not is lost, so that each proof
//! is one of content, never of likeness alone.
//!
//! Two proofs are made here, and [`super::pick`] asks for them only where a patch changes nothing or
//! conflicts: one that applies and changes something is never dropped, whatever upstream once had.

mod patch_id;
mod reverse;
mod twin;

pub use patch_id::{Direction, PatchId, patch_ids, range_patch_id};
pub use reverse::reversed;
pub use twin::{Twins, twins};
