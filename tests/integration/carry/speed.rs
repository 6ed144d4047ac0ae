//! A measurement, not a test: `cargo test --release --test integration -- --ignored --nocapture carry::speed`.

use super::{Stream, World};
use std::io::Write;
use std::time::{Duration, Instant};

/// A tree of so many files, with a stack of 250 patches, each to a file of its own.
fn world(files: usize) -> World {
    let world = World::new();
    let base = world.git("fork", &["rev-parse", "HEAD"]);
    let path = |number: usize| format!("d{}/e{}/f{number}", number % 10, number / 10 % 10);
    let content = |number: usize, change: &str| {
        let line = |line: usize| format!("{number} {line}{}\n", if line == 30 { change } else { "" });
        (1..=60).map(line).collect::<Vec<_>>().concat()
    };
    let all: Vec<(String, String)> = (0..files).map(|number| (path(number), content(number, ""))).collect();
    let mut tree = Stream::new("main", &base);
    tree.commit("main", "Tree", all.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    tree.import(&world, "upstream");
    world.git("upstream", &["tag", "v1.1"]);
    world.git("fork", &["fetch", "--quiet", "upstream"]);
    let mut stack = Stream::new("main", "refs/remotes/upstream/main");
    for number in 0..250 {
        let (path, text) = (path(number), content(number, " patched"));
        stack.commit("main", &format!("Patch {number}"), [(path.as_str(), text.as_str())]);
    }
    stack.import(&world, "fork");
    let mut upstream = Stream::new("main", &world.git("upstream", &["rev-parse", "v1.1"]));
    for number in 0..200 {
        let (path, text) = (path(number), format!("upstream\n{}", content(number, "")));
        upstream.commit("main", &format!("Upstream {number}"), [(path.as_str(), text.as_str())]);
    }
    upstream.import(&world, "upstream");
    world.git("upstream", &["tag", "v2"]);
    world.git("fork", &["fetch", "--quiet", "--tags", "upstream"]);
    world.git("fork", &["reset", "--quiet", "--hard"]);
    world
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

#[test]
#[ignore = "a measurement; its result is for people"]
fn carry_against_rebase() {
    for files in [500, 5_000, 20_000] {
        let world = world(files);
        let mut best = [Duration::MAX; 2];
        for _ in 0..3 {
            let carried = timed(|| {
                let told = world.carry(&["--onto", "v2", "--stack", "main"]);
                assert_eq!(told.outcome(), "changed: 250 patches carried onto v2");
            });
            let tree = world.git("fork", &["rev-parse", "patch-moi/candidate/upstream/v2^{tree}"]);
            world.git("fork", &["branch", "--quiet", "-D", "patch-moi/candidate/upstream/v2"]);
            world.git("fork", &["checkout", "--quiet", "-B", "rebased", "main"]);
            let rebased = timed(|| drop(world.git("fork", &["rebase", "--quiet", "v2"])));
            assert_eq!(world.git("fork", &["rev-parse", "HEAD^{tree}"]), tree);
            best = [best[0].min(carried), best[1].min(rebased)];
        }
        let [carried, rebased] = best.map(|time| time.as_millis());
        let line = format!("250 patches over {files} files: patch carry {carried} ms, git rebase {rebased} ms");
        writeln!(std::io::stderr(), "{line}").unwrap();
    }
}
