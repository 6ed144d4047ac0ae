//! The channels: can anything ever get there by their rules?

use super::{Finding, Scene};
use crate::{
    channel::{Channel, Promote},
    config::Config,
    watch::{Target, Watch},
};

const CHECK: &str = "channels";

/// Each channel, as far as its rule depends on what its watch does.
pub fn check(scene: &Scene) -> Vec<Finding> {
    let Ok(config) = &scene.config else { return Vec::new() };
    config.channels.iter().map(|channel| told(config, channel)).collect()
}

fn told(config: &Config, channel: &Channel) -> Finding {
    let (name, rule) = (&channel.name, channel.promote);
    let watch = config.watches.iter().find(|watch| watch.name == channel.watch);
    match watch.filter(|watch| rule == Promote::Verified && is_never_verified(watch)) {
        Some(watch) => {
            let found = format!(
                "`{name}` takes what is verified, and `{}` has nothing to verify candidates with: only those come there \
                 that were verified elsewhere, or approved by a person",
                watch.name
            );
            Finding::warning(CHECK, found).fix(format!("git config watch.{}.verify COMMAND", watch.name))
        }
        None => Finding::ok(CHECK, format!("`{name}` is {}, promoted to when: {rule}", channel.reference)),
    }
}

/// Whether this machine makes the candidates, and does not verify them. A workflow on the forge has its own
/// configuration.
fn is_never_verified(watch: &Watch) -> bool {
    watch.verify.is_empty() && watch.dispatch.contains(&Target::Carry)
}
