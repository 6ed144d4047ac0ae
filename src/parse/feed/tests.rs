use super::*;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

const RELEASE: EventKind = EventKind::Release;

fn url() -> Url {
    "https://forge.example/o/r/feed.atom?token=secret".parse().unwrap()
}

fn read_text(text: &str) -> Result<FeedDocument, FeedError> {
    parse(text.as_bytes(), &url(), RELEASE)
}

fn atom(entries: &str) -> String {
    format!("<?xml version=\"1.0\"?><feed xmlns=\"http://www.w3.org/2005/Atom\"><id>f</id>{entries}</feed>")
}

fn rss(items: &str) -> String {
    format!("<rss version=\"2.0\"><channel><title>t</title>{items}</channel></rss>")
}

fn keys(document: &FeedDocument) -> Vec<&str> {
    document.entries.iter().map(|entry| entry.key.as_str()).collect()
}

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/feeds");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| !file.to_string_lossy().ends_with(".expected.json"));
    files.sort();
    assert!(files.len() > 20);
    files
}

/// Commits or releases: the file's name says it, as the URL would.
fn event_of(file: &Path) -> EventKind {
    if file.to_string_lossy().contains("commits") { EventKind::Branch } else { EventKind::Release }
}

/// Each sample stands beside what is read from it; `UPDATE=1` writes that anew.
#[test]
fn samples_of_every_forge_are_read_as_expected() {
    for file in fixtures() {
        let url = "https://forge.example/owner/tool/feed".parse().unwrap();
        let found = match parse(&fs::read(&file).unwrap(), &url, event_of(&file)) {
            Ok(found) => serde_json::json!({
                "next": found.next, "entries": found.entries, "unusable": found.unusable,
            }),
            Err(error) => serde_json::json!({ "error": error.to_string(), "hint": error.hint() }),
        };
        let found = serde_json::to_string_pretty(&found).unwrap() + "\n";
        let beside = PathBuf::from(format!("{}.expected.json", file.display()));
        if env::var_os("UPDATE").is_some() {
            fs::write(&beside, &found).unwrap();
        }
        let expected = fs::read_to_string(&beside).unwrap_or_default();
        assert!(found == expected, "{}: read anew with UPDATE=1 and look at the difference\n{found}", file.display());
    }
}

/// A document cut anywhere is an error or has all of its entries.
#[test]
fn cut_and_damaged_samples_are_errors_never_panics_or_losses() {
    let mut seed = 0x2545_f491_u32;
    let mut random = move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as usize
    };
    for file in fixtures() {
        let (whole, event) = (fs::read(&file).unwrap(), event_of(&file));
        let expected = parse(&whole, &url(), event).map(|found| found.entries.len() + found.unusable.len());
        for end in (0..whole.len()).step_by(97) {
            if let (Ok(found), Ok(expected)) = (parse(&whole[..end], &url(), event), &expected) {
                let count = found.entries.len() + found.unusable.len();
                assert_eq!(count, *expected, "{} cut at {end}", file.display());
            }
        }
        for _ in 0..40 {
            let mut damaged = whole.clone();
            for _ in 0..=random() % 4 {
                let at = random() % damaged.len().max(1);
                if let Some(byte) = damaged.get_mut(at) {
                    *byte ^= 1 << (random() % 8);
                }
            }
            let _ = parse(&damaged, &url(), event);
        }
    }
}

#[test]
fn documents_that_are_no_feed_say_what_they_are() {
    #[track_caller]
    fn case(text: &str, expected: &str) {
        assert_eq!(read_text(text).unwrap_err().to_string(), expected, "{text}");
    }
    let html = "the document is an HTML page, not a feed";
    let short = "the document is cut short";
    case("", "the document is empty");
    case(" \n\t", "the document is empty");
    case("<!DOCTYPE html><p>Sign in", html);
    case("\u{feff}\n<HTML><body>", html);
    case("<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'/>", html);
    case("<head><title>x</title>", html);
    case("rate limit exceeded", "the document is not a feed but plain text");
    case("<opml version='2.0'/>", "the document is not a feed but XML with the root element `opml`");
    case("{\"message\": \"Not Found\"}", "the document is not a feed but other JSON");
    case("[1]", "the document is not a feed but other JSON");
    case("{\"version\": \"https://jsonfeed.org/version/1\", \"items\": [", short);
    case("{\"version\": x}", "the feed is malformed: expected value at line 1 column 13");
    case("<feed", short);
    case("<?xml version='1.0'?>", short);
    case(&atom("").replace("</feed>", ""), short);
    // All entries are there, but nobody knows: the rest of the document is not.
    case(&rss("").replace("</rss>", ""), short);
    case(&rss("").replace("</channel></rss>", "</channel></rs"), short);
    case("<rss version='2.0'/>", "the feed is malformed: unable to parse feed: no root element");
    assert!(matches!(read_text(&atom("<entry><id>a</entry>")), Err(FeedError::Malformed { .. })));
    let page = "<html><link rel=alternate type=application/atom+xml href=/o/r/releases.atom></html>";
    let hint = read_text(page).unwrap_err().hint();
    assert_eq!(hint.as_deref(), Some("the page names its feed: https://forge.example/o/r/releases.atom"));
}

#[test]
fn slips_that_fail_a_parser_are_mended() {
    #[track_caller]
    fn case(document: &[u8]) {
        let found = parse(document, &url(), RELEASE).unwrap();
        assert_eq!(keys(&found), ["1.0"], "{}", String::from_utf8_lossy(document));
        assert!(found.unusable.is_empty(), "{:?}", found.unusable);
    }
    let entry = "<entry><id>1.0</id><title>R & D</title></entry>";
    let item = "<item><guid>1.0</guid><title>t</title></item>";
    case(atom(entry).as_bytes());
    case(&[b"Warning: {x}\n".as_slice(), atom(entry).as_bytes()].concat());
    case(&atom(entry).replace("R & D", "R \u{b} &#0; D").into_bytes());
    case(
        &atom(entry)
            .into_bytes()
            .iter()
            .flat_map(|byte| if *byte == b'D' { vec![0xff, 0x01] } else { vec![*byte] })
            .collect::<Vec<u8>>(),
    );
    case(atom(entry).replace("<title>", "<title type='text/markdown'>").as_bytes());
    case(atom(entry).replace("<title>", "<content type='image/png'/><title>").as_bytes());
    case(atom(entry).replace("<entry>", "<entry xml:base='http://['>").as_bytes());
    case(atom(entry).replace("http://www.w3.org/2005/Atom", "https://www.w3.org/2005/Atom").as_bytes());
    case(atom(entry).replace("http://www.w3.org/2005/Atom", "http://purl.org/atom/ns#").as_bytes());
    case(rss(item).replace(" version=\"2.0\"", "").as_bytes());
    case(rss(item).replace("2.0", "0.93").as_bytes());
    case(rss(item).replace("<rss", "<rss xmlns='http://backend.userland.com/rss2'").as_bytes());
    let declaration = format!("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"{}?>", " ".repeat(60));
    let latin = declaration + &rss(item).replace("<title>t", "<title>\u{fc}");
    case(&latin.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect::<Vec<u8>>());
    case(&atom(entry).encode_utf16().flat_map(|unit| [0xff_fe, unit].map(u16::to_be_bytes)[1]).collect::<Vec<u8>>());
    case(br#"{"version": "https://jsonfeed.org/version/1", "items": [{"id": "1.0", "title": null, "tags": null}]}"#);
}

#[test]
fn a_number_is_an_id_in_a_json_feed() {
    let text = r#"{"version": "https://jsonfeed.org/version/1.1", "next_url": "/p2", "items": [
        {"id": 7, "url": "/a"}, {"url": "/b", "date_published": "2026-05-01T10:00:00"}, 3]}"#;
    let found = read_text(text).unwrap();
    assert_eq!(keys(&found), ["7", "https://forge.example/b"]);
    assert_eq!(found.entries[0].url.as_deref(), Some("https://forge.example/a"));
    assert_eq!(found.entries[1].published_at.unwrap().to_string(), "2026-05-01T10:00:00.000Z");
    assert_eq!(found.next.as_deref(), Some("https://forge.example/p2"));
    assert_eq!(found.unusable.len(), 1);
}

#[test]
fn a_parser_that_panics_is_an_error() {
    let long = "<itunes:duration>99999999999999999999999</itunes:duration>";
    let text = rss(&format!("<item><guid>1.0</guid>{long}</item>"))
        .replace("<rss", "<rss xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd'");
    assert_eq!(read_text(&text), Err(FeedError::Panicked));
}

#[test]
fn made_up_ids_are_never_an_identity() {
    let found = read_text(&rss("<item><title>News of the week</title></item><item/>")).unwrap();
    assert!(found.entries.is_empty());
    assert_eq!(found.unusable[0].label, "News of the week");
    assert_eq!(found.unusable[1].label, "an entry without id, link and title");
    let found = read_text(&atom("<entry><id> \n </id><title>Prose only here</title></entry>")).unwrap();
    assert_eq!((found.entries.len(), found.unusable.len()), (0, 1));
}

#[test]
fn the_first_of_a_key_wins_and_others_are_told() {
    let link = "https://forge.example/o/r/releases/tag/v1";
    let text = rss(&format!(
        "<item><title>a</title><link>{link}</link></item><item><title>b</title><link>{link}</link></item>\
         <item><guid>https://one.example/1.0</guid></item><item><guid>https://one.example/1.0</guid></item>\
         <item><guid>https://two.example/1.0</guid></item>"
    ));
    let found = read_text(&text).unwrap();
    assert_eq!(keys(&found), ["v1", "1.0"]);
    assert_eq!(found.entries[0].title.as_deref(), Some("a"));
    let [other] = &found.unusable[..] else { panic!("{:?}", found.unusable) };
    assert_eq!(
        (other.label.as_str(), other.reason.as_str()),
        ("https://two.example/1.0", "an earlier entry has the same key")
    );
}

#[test]
fn entries_the_parser_drops_are_told() {
    let rdf = "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/'>\
               <item><title>x</title></item><item><link>https://one.example/1.0</link></item></rdf:RDF>";
    let found = read_text(rdf).unwrap();
    assert_eq!(keys(&found), ["1.0"]);
    assert_eq!(found.unusable[0].label, "1 of 2 entries");
    let none = rdf.replace("<link>https://one.example/1.0</link>", "");
    assert!(matches!(read_text(&none), Err(FeedError::Malformed { .. })));
}

#[test]
fn fields_are_cleaned() {
    let text = atom(
        "<link rel='next' href='?page=2'/><entry><id> 1.0 </id><title type='html'>\n a &amp;lt;b&amp;gt;\u{9}\n c </title>\
         <link rel='edit' href='https://forge.example/edit'/><link href=''/><link href='../1.0'/>\
         <link rel='enclosure' href='javascript:x'/><author><name> \n Ann </name></author><author><name>Bob</name></author>\
         <updated>2026-05-01 10:00:00</updated><published>1970-01-01T00:00:00Z</published></entry>",
    );
    let found = read_text(&text).unwrap();
    let entry = &found.entries[0];
    assert_eq!(entry.entry_id.as_deref(), Some("1.0"));
    assert_eq!(entry.title.as_deref(), Some("a <b> c"));
    assert_eq!(entry.author.as_deref(), Some("Ann"));
    assert_eq!(entry.published_at.unwrap().to_string(), "2026-05-01T10:00:00.000Z");
    assert_eq!(found.next.as_deref(), Some("https://forge.example/o/r/feed.atom?page=2"));
    assert!(!serde_json::to_string(entry).unwrap().contains("secret"));
}

#[test]
fn hostile_documents_end_quickly() {
    let open = |name: &str| format!("<{name}>").repeat(100_000) + &format!("</{name}>").repeat(100_000);
    for name in ["x", "media:group", "itunes:category text=''"] {
        assert!(matches!(read_text(&atom(&open(name))), Err(FeedError::Malformed { .. })), "{name}");
    }
    assert!(read_text(&("{\"version\":".to_owned() + &"[".repeat(100_000))).is_err());
    let mut bomb = "<!DOCTYPE feed [<!ENTITY a0 \"lol\">".to_owned();
    for level in 1..30 {
        let _ = write!(bomb, "<!ENTITY a{level} \"{}\">", format!("&a{};", level - 1).repeat(10));
    }
    let bomb =
        bomb + "]>" + &atom("<entry><id>1.0</id><title>&a29;</title></entry>").replace("<?xml version=\"1.0\"?>", "");
    assert_eq!(read_text(&bomb).unwrap().entries[0].title.as_deref(), Some("&a29;"));
    let wide = (0..100_000).fold(String::new(), |wide, at| wide + "a" + &at.to_string() + "='' ");
    let wide = atom(&format!("<entry {wide}/>"));
    assert!(matches!(read_text(&wide), Err(FeedError::Malformed { .. })));
}

#[test]
fn nesting_up_to_the_limit_does_not_end_the_stack() {
    let depth = scan::DEEPEST - 2;
    let namespaces = "xmlns:media='http://search.yahoo.com/mrss/'";
    let groups = "<media:group>".repeat(depth) + &"</media:group>".repeat(depth);
    let text = atom(&format!("<entry><id>1.0</id>{groups}</entry>")).replace("<feed", &format!("<feed {namespaces}"));
    assert_eq!(keys(&read_text(&text).unwrap()), ["1.0"]);
    let depth = scan::DEEPEST - 3;
    let categories = "<itunes:category text='x'>".repeat(depth) + &"</itunes:category>".repeat(depth);
    let text = rss(&format!("{categories}<item><guid>1.0</guid></item>"))
        .replace("<rss", "<rss xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd'");
    assert_eq!(keys(&read_text(&text).unwrap()), ["1.0"]);
}

#[test]
fn more_entries_than_the_limit_are_refused() {
    #[track_caller]
    fn case(start: &str, entry: &str, end: &str) {
        let document = |count: usize| {
            let entries = (0..count).map(|at| entry.replace('#', &at.to_string()));
            let entries = entries.collect::<Vec<_>>().join(if entry.starts_with('{') { "," } else { "" });
            read_text(&format!("{start}{entries}{end}"))
        };
        assert_eq!(document(MOST).unwrap().entries.len(), MOST);
        assert_eq!(document(MOST + 1), Err(FeedError::TooMany { count: MOST + 1 }));
        assert_eq!(document(100_000), Err(FeedError::TooMany { count: 100_000 }));
    }
    case("<feed xmlns='http://www.w3.org/2005/Atom'>", "<entry><id>1.#</id></entry>", "</feed>");
    case("<rss version='2.0'><channel>", "<item><guid>1.#</guid></item>", "</channel></rss>");
    case(r#"{"version": "https://jsonfeed.org/version/1", "items": ["#, r#"{"id":"1.#"}"#, "]}");
}

#[test]
fn more_elements_than_the_limit_are_refused() {
    let document = |count: usize| atom(&format!("<entry><id>1.0</id>{}</entry>", "<x/>".repeat(count)));
    // Beside these are the feed, its id, the entry and its id.
    assert_eq!(keys(&read_text(&document(MOST_ELEMENTS - 4)).unwrap()), ["1.0"]);
    assert!(matches!(read_text(&document(MOST_ELEMENTS - 3)), Err(FeedError::Malformed { .. })));
    // Bad XML is not read for its entries either.
    let open = document(MOST_ELEMENTS).replace("</id><x/>", "</id><x>");
    assert!(matches!(read_text(&open), Err(FeedError::Malformed { detail }) if detail.contains("elements")));
}
