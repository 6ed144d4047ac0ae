//! An id is made of watch, key and type, and of nothing else.

use crate::{one_in, watcher};
use patch_moi::{
    entry::Entry,
    event::{Change, Occurrence, event, event_id},
    ledger::state::key_of,
    watch::{EventKind, WatchName},
};
use proptest::prelude::*;

/// Keys, those among them that look like parts of an id.
pub fn any_key() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[a-z0-9.:@-]{0,12}", "(patch:|w:|:|upstream\\.(release|update)|v1){0,6}",]
}

fn any_name() -> impl Strategy<Value = WatchName> {
    "[A-Za-z0-9_][A-Za-z0-9_-]{0,5}(\\.[a-z0-9_-]{1,3}){0,2}"
        .prop_filter_map("no watch's name", |name| name.parse().ok())
}

fn any_event() -> impl Strategy<Value = EventKind> {
    prop_oneof![Just(EventKind::Release), Just(EventKind::Branch)]
}

prop_compose! {
    fn any_entry(key: String)(
        entry_id in any::<Option<String>>(),
        title in any::<Option<String>>(),
        url in any::<Option<String>>(),
        author in any::<Option<String>>(),
        published in proptest::option::of(0..4_000_000_000_u32),
        raw in proptest::option::of(any::<String>()),
    ) -> Entry {
        let published_at = published.map(watcher::at);
        Entry { key: key.clone(), entry_id, title, url, author, published_at, raw: raw.map(Into::into), ..Entry::default() }
    }
}

proptest! {
    #![proptest_config(one_in(1))]

    #[test]
    fn ids_tell_watch_key_and_type_apart(
        names in [any_name(), any_name()],
        keys in [any_key(), any_key()],
        events in [any_event(), any_event()],
    ) {
        let id = |at: usize| event_id(&names[at], &keys[at], events[at]);
        let is_same = (&names[0], &keys[0], events[0]) == (&names[1], &keys[1], events[1]);
        prop_assert_eq!(id(0) == id(1), is_same);
        // What can be read back cannot be shared.
        let first = id(0);
        prop_assert_eq!(key_of(&names[0], &first), &keys[0]);
        prop_assert!(id(0).ends_with(events[0].event_type()));
    }

    #[test]
    fn no_title_date_or_id_of_a_feed_is_part_of_an_id(
        key in any_key(),
        entries in any_key().prop_flat_map(|key| [any_entry(key.clone()), any_entry(key)]),
        payload in "[a-z]{1,5}=[a-z]{0,5}",
        minutes in [any::<u16>(), any::<u16>()],
    ) {
        let payload = payload.as_str();
        let watches = [watcher::watch("w", &[("payload", payload)]), watcher::watch("w", &[("retries", "7")])];
        let id = |at: usize| {
            let told = Occurrence {
                entry: &entries[at],
                key: &key,
                change: [Change::New, Change::Moved][at],
                previous: None,
                branch: None,
                at: watcher::at(u32::from(minutes[at])),
            };
            event(&watches[at], None, told).id
        };
        prop_assert_eq!(id(0), id(1));
        prop_assert_eq!(id(0), format!("patch:w:{key}:upstream.release"));
    }

    #[test]
    fn an_event_is_the_same_bytes_after_any_number_of_readings(entry in any_key().prop_flat_map(any_entry)) {
        let watch = watcher::watch("w", &[]);
        let told =
            Occurrence { entry: &entry, key: &entry.key, change: Change::New, previous: None, branch: None, at: watcher::at(0) };
        let made = event(&watch, None, told);
        let document = made.document();
        prop_assert_eq!(document.matches('\n').count(), 1);
        let read: patch_moi::event::Event = serde_json::from_str(&document).unwrap();
        prop_assert_eq!(&read, &made);
        prop_assert_eq!(read.document(), document);
    }
}
