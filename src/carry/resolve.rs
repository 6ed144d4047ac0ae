//! Who is asked about a conflict, in this order: a person, a recorded resolution, the watch's program.

use super::{
    id::TreeId,
    pick::{Conflict, Picked, Resolution, Resolve, ResolvedBy},
    report::ResolverReport,
    rerere::Rerere,
    resolver::Resolver,
    resume::Resumed,
};
use crate::workspace::Failure;
use std::mem;

/// All who may know how a conflict is to be resolved.
#[derive(Debug, Default)]
pub struct Resolvers<'a> {
    resumed: Option<Resumed<'a>>,
    rerere: Option<Rerere<'a>>,
    resolver: Option<Resolver<'a>>,
    /// What the program has resolved, to be recorded if it proves right.
    tried: Vec<(Conflict, TreeId)>,
}

impl<'a> Resolvers<'a> {
    /// These; each may be missing.
    #[must_use]
    pub fn new(resumed: Option<Resumed<'a>>, rerere: Option<Rerere<'a>>, resolver: Option<Resolver<'a>>) -> Self {
        Self { resumed, rerere, resolver, tried: Vec::new() }
    }

    /// Makes sure that what a person has decided went into the run.
    ///
    /// # Errors
    /// As [`Resumed::check_used`].
    pub fn check_used(&self) -> Result<(), Failure> {
        self.resumed.as_ref().map_or(Ok(()), Resumed::check_used)
    }

    /// What the program did, conflict by conflict.
    #[must_use]
    pub fn reports(&mut self) -> Vec<ResolverReport> {
        self.resolver.as_mut().map(|resolver| mem::take(&mut resolver.reports)).unwrap_or_default()
    }

    /// Records what the program has resolved: the candidate has passed whatever it had to.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn record(&mut self) -> Result<(), Failure> {
        let Some(rerere) = &self.rerere else { return Ok(()) };
        self.tried.drain(..).try_for_each(|(conflict, tree)| rerere.record(&conflict, &tree))
    }

    /// Asks a person only: the candidate with the resolutions of the others did not pass. What the program
    /// did so far is nobody's resolution.
    pub fn only_a_person(&mut self) {
        self.rerere = None;
        self.resolver = None;
        self.tried.clear();
    }

    fn asked(&mut self) -> impl Iterator<Item = &mut dyn Resolve> {
        let resumed = self.resumed.as_mut().map(|it| it as &mut dyn Resolve);
        let rerere = self.rerere.as_mut().map(|it| it as &mut dyn Resolve);
        let resolver = self.resolver.as_mut().map(|it| it as &mut dyn Resolve);
        resumed.into_iter().chain(rerere).chain(resolver)
    }
}

impl Resolve for Resolvers<'_> {
    fn resolve(&mut self, conflict: &Conflict, before: &[Picked]) -> Result<Option<Resolution>, Failure> {
        let mut found = None;
        for one in self.asked() {
            found = one.resolve(conflict, before)?;
            if found.is_some() {
                break;
            }
        }
        match (&found, &self.rerere) {
            // A person is believed before the checks: what they find may be in another patch.
            (Some(Resolution { tree, by: ResolvedBy::Hand }), Some(rerere)) => rerere.record(conflict, tree)?,
            (Some(Resolution { tree, by: ResolvedBy::Resolver }), _) => {
                self.tried.push((conflict.clone(), tree.clone()));
            }
            _ => {}
        }
        Ok(found)
    }
}
