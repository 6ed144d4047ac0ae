//! From a watch to bytes: what upstream shows, asked politely and within limits.

pub mod echo;
pub mod error;
pub mod hosts;
pub mod http;
mod lookup;
pub mod network;
pub mod patience;
pub mod queue;
pub mod redirect;
pub mod retry;
pub mod shown;
pub mod stored;
pub mod validators;
