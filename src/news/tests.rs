use super::*;
use crate::{
    config,
    git::ConfigEntry,
    intake::{look::Look, record},
    ledger::{record::Record, state::State},
    time::Timestamp,
    watch::Watch,
};
use std::fmt::Write;

/// A watch over several polls: what was news is known at the next.
struct Watcher {
    watch: Watch,
    backfill: usize,
    most: usize,
    state: State,
}

impl Watcher {
    fn new(event: EventKind) -> Self {
        let key = |name: &str, value: &str| ConfigEntry {
            scope: "local".to_owned(),
            origin: "file:.git/config".to_owned(),
            section: "watch".to_owned(),
            subsection: Some("w".to_owned()),
            name: name.to_owned(),
            value: Some(value.to_owned()),
        };
        let watch = config::read(&[key("remote", "../upstream")]).unwrap().watches.remove(0);
        Self { watch: Watch { event, ..watch }, backfill: 0, most: MOST, state: State::default() }
    }

    /// What the poll would record, one line each.
    fn sees(&mut self, sight: &Sight) -> String {
        let known = self.state.watches.get(&self.watch.name).cloned().unwrap_or_default();
        let rules = Rules {
            watch: &self.watch.name,
            event: self.watch.event,
            filter: &self.watch.filter,
            branch: Some("main"),
            backfill: self.backfill,
        };
        let mut said = String::new();
        match news(sight, rules, &known) {
            Err(disbelief) => write!(said, "{disbelief:?}").unwrap(),
            Ok(news) => {
                for one in portion(news, sight, self.most).0 {
                    writeln!(said, "{}", describe(&one)).unwrap();
                    self.record(sight, one);
                }
            }
        }
        said.trim().replace('\n', "; ")
    }

    fn record(&mut self, sight: &Sight, one: News) {
        let look = Look { sight: sight.clone(), ..Look::default() };
        let at: Timestamp = "2026-11-22T18:55:54Z".parse().unwrap();
        self.state.fold(&Record::new(at, record::body(&BTreeMap::new(), &self.watch, &look, one, at)));
    }
}

fn describe(news: &News) -> String {
    match news {
        News::Primed { reason, entries } => {
            let keys: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
            format!("{reason:?} {}", keys.join(" ")).trim().to_owned()
        }
        News::Changed { change, key, previous, .. } => {
            format!("{} {key}{}", change.as_str(), previous.as_ref().map(|it| format!(" was {it}")).unwrap_or_default())
        }
        News::Skipped { key, reason, .. } => format!("skipped {key}: {reason}"),
        News::Gap { oldest } => format!("gap before {oldest}"),
    }
}

/// A feed's window, oldest first.
fn feed(keys: &str) -> Sight {
    let entries = keys.split_whitespace().map(|key| Entry { key: key.to_owned(), ..Entry::default() }).collect();
    Sight { entries, is_window: true, source: "feed".to_owned(), ..Sight::default() }
}

/// Tags as `name=commit`.
fn tags(text: &str) -> BTreeMap<String, String> {
    text.split_whitespace()
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(tag, sha)| (tag.to_owned(), sha.to_owned()))
        .collect()
}

fn refs(text: &str) -> Sight {
    let tags = tags(text);
    let entries = oldest_first(tags.iter().map(|(tag, sha)| tag_entry(tag, sha)).collect(), false);
    Sight { entries, tags: Some(tags), source: "remote".to_owned(), ..Sight::default() }
}

fn log(head: &str, keys: &str) -> Sight {
    Sight { head: Some(head.to_owned()), ..feed(keys) }
}

#[track_caller]
fn case(watcher: &mut Watcher, sight: &Sight, expected: &str) {
    assert_eq!(watcher.sees(sight), expected);
}

#[test]
fn a_feed_primes_once_and_then_tells_each_release_once() {
    let mut watcher = Watcher::new(EventKind::Release);
    case(&mut watcher, &feed("v1 v2"), "FirstSight v1 v2");
    case(&mut watcher, &feed("v1 v2"), "");
    case(&mut watcher, &feed("v1 v2 v3"), "new v3");
    case(&mut watcher, &feed("v3 v2"), "");
    case(&mut watcher, &feed(""), "Vanished");
    case(&mut watcher, &feed("v3 v1.9"), "new v1.9");
}

#[test]
fn the_first_release_ever_is_a_signal() {
    let mut watcher = Watcher::new(EventKind::Release);
    case(&mut watcher, &feed(""), "FirstSight");
    case(&mut watcher, &feed(""), "");
    case(&mut watcher, &feed("v1"), "new v1");
    let mut watcher = Watcher::new(EventKind::Release);
    case(&mut watcher, &refs(""), "FirstSight");
    case(&mut watcher, &refs("v1=a"), "new v1");
}

#[test]
fn backfill_takes_the_newest_that_pass_the_filter() {
    let mut watcher = Watcher::new(EventKind::Release);
    watcher.backfill = 2;
    case(&mut watcher, &feed("v1 v2 v3 v4-rc1"), "FirstSight v1 v4-rc1; new v2; new v3");
    case(&mut watcher, &feed("v1 v2 v3 v4-rc1"), "");
}

#[test]
fn what_the_filter_passes_over_is_known_and_stays_so() {
    let mut watcher = Watcher::new(EventKind::Release);
    case(&mut watcher, &feed("v1"), "FirstSight v1");
    case(&mut watcher, &feed("v1 v2-rc1 v2"), "skipped v2-rc1: prerelease; new v2");
    watcher.watch.filter.prerelease = true;
    case(&mut watcher, &feed("v1 v2-rc1 v2"), "");
}

#[test]
fn refs_tell_moved_and_vanished_tags() {
    let mut watcher = Watcher::new(EventKind::Release);
    case(&mut watcher, &refs("v1=a v2=b v10=c"), "FirstSight v1 v2 v10");
    case(&mut watcher, &refs("v1=a v2=x v10=c v11=d"), "moved v2@x was b; new v11");
    case(&mut watcher, &refs("v1=a v2=b v10=c v11=d"), "moved v2@b was x");
    case(&mut watcher, &refs("v1=a v2=x v10=c v11=d"), "skipped v2: repeated");
    case(&mut watcher, &refs("v1=a v10=c v11=d"), "gone v2@gone-x was x");
    case(&mut watcher, &refs("v1=a v10=c v11=d"), "");
    case(&mut watcher, &refs("v1=a v2=x v10=c v11=d"), "skipped v2: repeated");
    case(&mut watcher, &refs(""), "Vanished");
}

#[test]
fn a_tag_called_like_an_alarm_does_not_silence_it() {
    let mut watcher = Watcher::new(EventKind::Release);
    case(&mut watcher, &refs("v1=a v2=c v1@b=z v2@gone=z"), "FirstSight v1@b v1 v2 v2@gone");
    case(&mut watcher, &refs("v1=b v1@b=z v2@gone=z"), "moved v1@b@alarm was a; gone v2@gone-c was c");
    case(&mut watcher, &refs("v1=b v1@b=z v2@gone=z"), "");
}

#[test]
fn refs_that_are_all_gone_beside_a_feed_are_not_believed() {
    let mut watcher = Watcher::new(EventKind::Release);
    let both = |text: &str| Sight { tags: Some(tags(text)), ..feed("v1 v2") };
    case(&mut watcher, &both("v1=a v2=b"), "FirstSight v1 v2");
    case(&mut watcher, &both(""), "Vanished");
    case(&mut watcher, &both("v1=a v2=c"), "moved v2@c was b");
}

#[test]
fn refs_beside_a_feed_add_commits_and_fill_an_overflow() {
    let both = |keys: &str, text: &str| Sight { tags: Some(tags(text)), ..feed(keys) };
    let mut watcher = Watcher::new(EventKind::Release);
    case(&mut watcher, &feed("v1 v2"), "FirstSight v1 v2");
    case(&mut watcher, &both("v1 v2", "v1=a v2=b"), "Commits v1 v2");
    case(&mut watcher, &both("v1 v2", "v1=a v2=c"), "moved v2@c was b");
    case(&mut watcher, &both("v5 v6", "v1=a v2=c v3=d v4=e v5=f v6=g"), "new v3; new v4; new v5; new v6");
    // A tag without a release is no entry of the feed.
    case(&mut watcher, &both("v5 v6", "v1=a v2=c v3=d v4=e v5=f v6=g v7=h"), "");
}

#[test]
fn tags_beside_an_overflowed_feed_are_taken_only_if_they_are_called_like_its_releases() {
    let both = |keys: &str, all: &str| Sight { tags: Some(tags(all)), ..feed(keys) };
    let mut watcher = Watcher::new(EventKind::Release);
    case(&mut watcher, &both("v1 v2", "v1=a v2=b"), "FirstSight v1 v2");
    let all = "v1=a v2=b nightly-1=x nightly-2=y v3=c v4=d v5=e";
    case(&mut watcher, &both("v4 v5", all), "gap before v4; new v3; new v4; new v5");
    case(&mut watcher, &both("v4 v5", all), "");
}

#[test]
fn a_branch_under_another_url_goes_on_if_git_knows_its_history() {
    let head = |sha: &str, source: &str, descends| Sight {
        entries: vec![Entry { key: sha.to_owned(), sha: Some(sha.to_owned()), ..Entry::default() }],
        head: Some(sha.to_owned()),
        descends,
        source: source.to_owned(),
        ..Sight::default()
    };
    let mut watcher = Watcher::new(EventKind::Branch);
    let known = |watcher: &Watcher| watcher.state.watches.values().next().cloned().unwrap_or_default();
    case(&mut watcher, &head("a", "/up branch main", None), "FirstSight a");
    let renamed = head("b", "file:///up branch main", Some(true));
    assert!(needs_ancestry(&renamed, &known(&watcher)));
    case(&mut watcher, &renamed, "MetAgain; new b");
    let other = head("c", "file:///up branch next", Some(true));
    assert!(!needs_ancestry(&other, &known(&watcher)), "another branch is another history");
    case(&mut watcher, &head("c", "/other branch main", Some(false)), "SourceChanged c");
}

#[test]
fn an_overflow_that_nobody_can_fill_is_a_gap() {
    let mut watcher = Watcher::new(EventKind::Release);
    case(&mut watcher, &feed("v1 v2"), "FirstSight v1 v2");
    case(&mut watcher, &feed("v8 v9"), "gap before v8; new v8; new v9");
    case(&mut watcher, &feed("v8 v9"), "");
}

#[test]
fn a_watch_that_looks_elsewhere_is_primed_again_only_if_nothing_there_is_known() {
    let elsewhere = |keys: &str, source: &str| Sight { source: source.to_owned(), ..feed(keys) };
    let mut watcher = Watcher::new(EventKind::Release);
    case(&mut watcher, &feed("v1 v2"), "FirstSight v1 v2");
    case(&mut watcher, &elsewhere("v2 v3", "b"), "MetAgain v2; new v3");
    case(&mut watcher, &elsewhere("r7 r8", "b"), "gap before r7; new r7; new r8");
    case(&mut watcher, &elsewhere("x1 x2", "c"), "SourceChanged x1 x2");
}

#[test]
fn another_repository_is_primed_even_if_it_has_tags_of_the_same_names() {
    let at = |source: &str, sight: Sight| Sight { source: source.to_owned(), ..sight };
    let mut watcher = Watcher::new(EventKind::Release);
    case(&mut watcher, &at("a", refs("v1=a v2=b")), "FirstSight v1 v2");
    case(&mut watcher, &at("b", refs("v1=x w1=y")), "SourceChanged v1 w1");
    case(&mut watcher, &at("b", refs("v1=x w1=y w2=z")), "new w2");
    case(&mut watcher, &at("b", refs("v1=z w1=y w2=z")), "moved v1@z was x");
    // a mirror has the same commits: the watch goes on
    case(&mut watcher, &at("c", refs("v1=z w1=y w2=z w3=z")), "MetAgain v1 w1 w2; new w3");
}

#[test]
fn refs_that_join_a_feed_bring_no_old_tags_as_news() {
    let mut watcher = Watcher::new(EventKind::Release);
    case(&mut watcher, &feed("v3 v4"), "FirstSight v3 v4");
    let beside = |keys: &str, all: &str| Sight { tags: Some(tags(all)), source: "both".to_owned(), ..feed(keys) };
    let all = "v1=a v2=b v3=c v4=d";
    case(&mut watcher, &beside("v3 v4", all), "MetAgain v1 v2 v3 v4");
    case(&mut watcher, &beside("v7", &format!("{all} v5=e v6=f v7=g")), "new v5; new v6; new v7");
}

#[test]
fn another_branch_is_not_a_rewritten_one() {
    let mut watcher = Watcher::new(EventKind::Branch);
    case(&mut watcher, &log("c", "a b c"), "FirstSight a b c");
    let other = Sight { source: "other".to_owned(), ..log("d", "a b d") };
    case(&mut watcher, &other, "MetAgain a b; new d");
    case(&mut watcher, &other, "");
}

#[test]
fn a_branch_tells_its_commits_and_its_rewriting() {
    let mut watcher = Watcher::new(EventKind::Branch);
    case(&mut watcher, &log("b", "a b"), "FirstSight a b");
    case(&mut watcher, &log("d", "a b c d"), "new c; new d");
    case(&mut watcher, &log("f", "c e f"), "new e; rewritten f was d");
    case(&mut watcher, &log("c", "b c"), "rewritten c@f was f");
    case(&mut watcher, &log("f", "c e f"), "skipped f: repeated");
    case(&mut watcher, &log("c", "b c"), "skipped c: repeated");
    case(&mut watcher, &log("z", "y z"), "gap before y; new y; new z");
    let told = Sight { descends: Some(false), ..log("n", "m n") };
    case(&mut watcher, &told, "new m; rewritten n was z");
}

#[test]
fn commits_that_are_left_for_the_next_look_make_no_branch_a_rewritten_one() {
    let mut watcher = Watcher { most: 3, ..Watcher::new(EventKind::Branch) };
    case(&mut watcher, &log("a", "a"), "FirstSight a");
    case(&mut watcher, &log("f", "b c d e f"), "gap before b; new b; new c; Commits");
    case(&mut watcher, &log("f", "b c d e f"), "new d; new e; new f");
    case(&mut watcher, &log("f", "b c d e f"), "");
    // Behind a commit that was known, the old head is missing: that is told, if only later.
    case(&mut watcher, &log("m", "b j k l m"), "new j; new k; new l");
    case(&mut watcher, &log("m", "b j k l m"), "rewritten m was f");
    // What is known for the first time comes before all commits.
    let lost = |label: &str| Unusable { label: label.to_owned(), reason: "no link".to_owned() };
    let sight = Sight { unusable: vec![lost("x"), lost("y")], ..log("b", "a b") };
    let mut watcher = Watcher { most: 1, ..Watcher::new(EventKind::Branch) };
    case(&mut watcher, &sight, "skipped unusable:x: unusable");
    case(&mut watcher, &sight, "skipped unusable:y: unusable");
    case(&mut watcher, &sight, "FirstSight a b");
}

#[test]
fn a_branch_among_refs_asks_git_and_may_vanish() {
    let head = |sha: &str, descends| Sight {
        entries: vec![Entry { key: sha.to_owned(), sha: Some(sha.to_owned()), ..Entry::default() }],
        head: Some(sha.to_owned()),
        descends,
        source: "remote".to_owned(),
        ..Sight::default()
    };
    let mut watcher = Watcher::new(EventKind::Branch);
    let missing = Sight { source: "remote".to_owned(), ..Sight::default() };
    case(&mut watcher, &missing, "MissingBranch");
    case(&mut watcher, &head("a", None), "FirstSight a");
    case(&mut watcher, &head("b", Some(true)), "new b");
    case(&mut watcher, &head("c", None), "new c");
    case(&mut watcher, &head("d", Some(false)), "rewritten d was c");
    case(&mut watcher, &head("a", Some(false)), "rewritten a@d was d");
    case(&mut watcher, &missing, "gone main@gone-a was a");
    case(&mut watcher, &missing, "MissingBranch");
    case(&mut watcher, &head("a", None), "");
}

#[test]
fn an_entry_without_identity_is_told_once() {
    let lost = Unusable { label: "x".to_owned(), reason: "no link".to_owned() };
    let sight = Sight { unusable: vec![lost], ..feed("v1") };
    let mut watcher = Watcher::new(EventKind::Release);
    case(&mut watcher, &sight, "skipped unusable:x: unusable; FirstSight v1");
    case(&mut watcher, &sight, "");
}
