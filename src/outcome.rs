//! What happened in all: the exit status.

use crate::workspace::Failure;
use std::process::ExitCode;

/// How a command ended. There is one test per row of the manual's table.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Outcome {
    /// Everything that was asked for was done; nothing new is success.
    #[default]
    Done,
    /// At least one watch or dispatch failed; the rest was finished.
    SomeFailed,
    /// The command line or the configuration is wrong; nothing was done.
    Wrong,
    /// Something waits for a person, and `patch status --exit-code` was to tell.
    PersonWanted,
    /// Another run holds the lock (`EX_TEMPFAIL` of sysexits.h).
    Busy,
    /// A signal ended it.
    Interrupted(i32),
}

impl Outcome {
    /// Done, or if `failed` not all of it.
    #[must_use]
    pub fn failed_if(failed: bool) -> Self {
        if failed { Self::SomeFailed } else { Self::Done }
    }

    /// What both are together: `later`, unless that went well.
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        if later == Self::Done { self } else { later }
    }

    /// The exit status.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::SomeFailed => 1,
            Self::Wrong => 2,
            Self::PersonWanted => 10,
            Self::Busy => 75,
            // As shells tell a program that a signal ended.
            Self::Interrupted(signal) => 128_u8.saturating_add(u8::try_from(signal).unwrap_or(u8::MAX)),
        }
    }
}

impl From<&Failure> for Outcome {
    fn from(failure: &Failure) -> Self {
        match failure {
            // Git itself fails a command only before it has begun: there is no repository to work in.
            Failure::Configuration(_) | Failure::Usage(..) | Failure::Git(_) => Self::Wrong,
            Failure::Place(_)
            | Failure::Ledger(_)
            | Failure::Outlived(_)
            | Failure::Carry(..)
            | Failure::Refused(..) => Self::SomeFailed,
            Failure::Busy(_) => Self::Busy,
            Failure::Interrupted(signal) => Self::Interrupted(*signal),
        }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome.code())
    }
}
