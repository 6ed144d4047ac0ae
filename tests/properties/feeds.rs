//! The same releases served again, in another order, under other titles and dates, as another kind
//! of feed: no news.

use crate::{
    one_in,
    watcher::{Watcher, new_keys, watch},
};
use patch_moi::{
    news::{Sight, oldest_first},
    parse::{self, key::is_tag_name},
    watch::EventKind,
};
use proptest::{collection::btree_set, prelude::*, sample::SizeRange};
use std::{collections::BTreeSet, fmt::Write};

const URL: &str = "https://hub.example/o/r/releases.atom";

/// Names that Git takes for tags, the odd ones among them.
pub fn any_tags(count: impl Into<SizeRange>) -> impl Strategy<Value = BTreeSet<String>> {
    let tag = prop_oneof![
        4 => "(v|tool-|rust/v)?[0-9]{1,2}\\.[0-9]{1,2}(\\.[0-9])?(-rc[0-9])?",
        2 => "[!-~]{1,12}",
        1 => any::<String>(),
        1 => "(v1|V1|é|e\u{301}|\\+|%2f|%|@|#|&|<|>|'|\"|=|releases|/tag/|/){1,5}",
    ];
    // What a URL cannot end in a forge does not show: white space around it, a slash.
    let usual = |tag: &String| is_tag_name(tag) && tag.trim() == tag && !tag.chars().any(char::is_whitespace);
    btree_set(tag.prop_filter("no tag", usual), count)
}

/// What a feed says of a release besides: title, date, author, text.
#[derive(Clone, Debug)]
struct Words {
    title: String,
    date: u32,
    author: String,
    content: String,
}

fn any_words() -> impl Strategy<Value = Words> {
    let text = prop_oneof![any::<String>(), "[a-z<>&;\"' 0-9.]{0,20}", "v[0-9]\\.[0-9]"];
    (text.clone(), any::<u32>(), "[a-z @<>()]{0,8}", text).prop_map(|(title, date, author, content)| Words {
        title,
        date,
        author,
        content,
    })
}

/// What XML allows of `text`, marks escaped.
fn escaped(text: &str) -> String {
    let allowed = text.chars().filter(|c| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}'));
    allowed.fold(String::new(), |mut text, c| {
        match c {
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '&' => text.push_str("&amp;"),
            '"' => text.push_str("&quot;"),
            c => text.push(c),
        }
        text
    })
}

fn link(tag: &str) -> String {
    let encoded = tag.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'/') {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").unwrap();
        }
        text
    });
    format!("https://hub.example/o/r/releases/tag/{encoded}")
}

fn date(words: &Words) -> String {
    let seconds = i64::from(words.date);
    chrono::DateTime::from_timestamp(seconds, 0).unwrap().to_rfc3339()
}

type Release = (String, Words);

fn atom(releases: &[Release]) -> String {
    let entries = releases.iter().fold(String::new(), |mut text, (tag, words)| {
        let (link, id) = (link(tag), escaped(tag));
        let (title, author, content) = (escaped(&words.title), escaped(&words.author), escaped(&words.content));
        write!(
            text,
            "<entry><id>tag:hub.example,2008:Repository/7/{id}</id><updated>{0}</updated>\
             <link rel=\"alternate\" type=\"text/html\" href=\"{link}\"/><title type=\"html\">{title}</title>\
             <content type=\"html\">{content}</content><author><name>{author}</name></author></entry>",
            date(words)
        )
        .unwrap();
        text
    });
    format!("<?xml version=\"1.0\"?><feed xmlns=\"http://www.w3.org/2005/Atom\"><id>x</id>{entries}</feed>")
}

fn rss(releases: &[Release]) -> String {
    let items = releases.iter().fold(String::new(), |mut text, (tag, words)| {
        let link = link(tag);
        write!(
            text,
            "<item><title>{}</title><link>{link}</link><description>{}</description><guid>7: {link}</guid>\
             <pubDate>{}</pubDate></item>",
            escaped(&words.title),
            escaped(&words.content),
            date(words)
        )
        .unwrap();
        text
    });
    format!("<rss version=\"2.0\"><channel><title>r</title><link>https://hub.example/</link>{items}</channel></rss>")
}

fn json(releases: &[Release]) -> String {
    let items: Vec<_> = releases
        .iter()
        .map(|(tag, words)| {
            serde_json::json!({
                "id": link(tag), "url": link(tag), "title": words.title, "content_text": words.content,
                "date_published": date(words), "authors": [{"name": words.author}],
            })
        })
        .collect();
    serde_json::json!({"version": "https://jsonfeed.org/version/1.1", "title": "r", "items": items}).to_string()
}

/// The releases as a feed of some kind, in some order, with some words about each.
fn served(tags: BTreeSet<String>) -> impl Strategy<Value = String> {
    let count = tags.len();
    let releases = Just(tags.into_iter().collect::<Vec<_>>()).prop_shuffle();
    let words = proptest::collection::vec(any_words(), count);
    (releases, words, 0..3_usize).prop_map(|(tags, words, kind)| {
        let releases: Vec<Release> = tags.into_iter().zip(words).collect();
        [atom, rss, json][kind](&releases)
    })
}

fn sight(document: &str, event: EventKind) -> Sight {
    let found = parse::feed::parse(document.as_bytes(), &URL.parse().unwrap(), event)
        .unwrap_or_else(|error| panic!("{error}: {document}"));
    assert_eq!(found.unusable, [], "{document}");
    let entries = found.entries;
    let head = (event == EventKind::Branch).then(|| entries[0].key.clone());
    let entries = if head.is_some() { entries.into_iter().rev().collect() } else { oldest_first(entries, true) };
    Sight { entries, head, is_window: true, source: URL.to_owned(), ..Sight::default() }
}

/// Releases, more of them, and documents that show the first, all, and all again.
fn any_story() -> impl Strategy<Value = (BTreeSet<String>, BTreeSet<String>, [String; 3])> {
    (any_tags(1..6), any_tags(0..6)).prop_flat_map(|(old, more)| {
        let new: BTreeSet<String> = more.difference(&old).cloned().collect();
        let all: BTreeSet<String> = old.union(&new).cloned().collect();
        let documents = [served(old.clone()).boxed(), served(all.clone()).boxed(), served(all).boxed()];
        (Just(old), Just(new), documents)
    })
}

proptest! {
    #![proptest_config(one_in(2))]

    #[test]
    fn releases_served_again_in_another_way_are_no_news((old, new, documents) in any_story()) {
        let mut watcher = Watcher::new(watch("w", &[("feed", URL), ("prerelease", "true")]));
        let first = watcher.sees(&sight(&documents[0], EventKind::Release)).unwrap();
        prop_assert_eq!(new_keys(&first).len(), 0, "the first sight is no news");
        prop_assert_eq!(&watcher.known().known.into_keys().collect::<BTreeSet<_>>(), &old);
        let second = watcher.sees(&sight(&documents[1], EventKind::Release)).unwrap();
        prop_assert_eq!(new_keys(&second).into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), new);
        watcher.restart_from_ledger();
        let third = watcher.sees(&sight(&documents[2], EventKind::Release)).unwrap();
        prop_assert_eq!(third, vec![]);
    }

    #[test]
    fn commits_under_other_titles_and_dates_are_no_news(
        commits in proptest::collection::vec("[1-9a-f]{40}", 1..6),
        words in [proptest::collection::vec(any_words(), 6), proptest::collection::vec(any_words(), 6)],
    ) {
        let unique: BTreeSet<&String> = commits.iter().collect();
        prop_assume!(unique.len() == commits.len());
        let document = |words: &[Words]| {
            let items: Vec<_> = commits.iter().zip(words).map(|(sha, words)| serde_json::json!({
                "id": format!("https://hub.example/o/r/commit/{sha}"), "title": words.title, "date_published": date(words),
            })).collect();
            serde_json::json!({"version": "https://jsonfeed.org/version/1.1", "title": "r", "items": items}).to_string()
        };
        let mut watcher = Watcher::new(watch("w", &[("feed", URL), ("event", "branch")]));
        watcher.sees(&sight(&document(&words[0]), EventKind::Branch)).unwrap();
        watcher.restart_from_index();
        let again = watcher.sees(&sight(&document(&words[1]), EventKind::Branch)).unwrap();
        prop_assert_eq!(again, vec![]);
    }
}
