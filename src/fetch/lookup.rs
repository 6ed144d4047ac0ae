//! Looking up a host, where a thread for it may not be to be had.

use crate::panic::contained;
use std::{io, panic::AssertUnwindSafe};
use ureq::{
    Error,
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

/// The system's own look-up, as ureq does it.
#[derive(Debug, Default)]
pub(super) struct Lookup(DefaultResolver);

impl Resolver for Lookup {
    /// ureq starts a thread for each look-up that has a time limit, and panics where there is none to
    /// be had (`RLIMIT_NPROC`, a full cgroup): that is no mistake of ours, and over by the next poll.
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        contained(AssertUnwindSafe(|| self.0.resolve(uri, config, timeout)))
            .unwrap_or_else(|_| Err(Error::Io(io::Error::other("no thread can be started to look up the host"))))
    }
}
