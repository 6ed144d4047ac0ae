//! Documents that cost a reader the most for what they weigh; each stays just below the limit of a
//! document, ten MiB.

const LIMIT: usize = 10 << 20;

/// The names of all of them.
pub const NAMES: [&str; 26] = [
    "crowd",
    "fields",
    "enclosures",
    "groups",
    "contents",
    "thumbnails",
    "media",
    "empty",
    "text",
    "entries",
    "bare",
    "categories",
    "links",
    "authors",
    "attributes",
    "laughs",
    "quadratic",
    "references",
    "cdata",
    "utf16",
    "utf32",
    "utf7",
    "nuls",
    "json",
    "escapes",
    "arrays",
];

fn atom(inside: &str) -> String {
    format!("<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>t</title><id>i</id>{inside}</feed>")
}

/// As many of `piece` as fit, `#` in it being a number.
fn filled(piece: &str, most: usize, room: usize) -> String {
    let mut text = String::new();
    for number in 0..most {
        let next = piece.replace('#', &format!("{number:06}"));
        if text.len() + next.len() > room {
            break;
        }
        text += &next;
    }
    text
}

/// The document of that name.
pub fn of(name: &str) -> Option<Vec<u8>> {
    let room = LIMIT - 1000;
    let entry = |inside: &str| format!("<entry><id>t/v#</id><title>v#</title>{inside}</entry>");
    let text = match name {
        "text" => atom(&entry(&format!("<content>{}</content>", "x".repeat(room))).replace('#', "1")),
        "entries" => atom(&filled(&entry(&format!("<content>{}</content>", "x".repeat(950))), 9_999, room)),
        "bare" => atom(&filled(&entry(&format!("<content>{} & </content>", "<b/>x".repeat(6))), 9_999, room)),
        "categories" => atom(&entry(&filled("<category term=''/>", 99_980, room)).replace('#', "1")),
        "links" => {
            atom(&entry(&filled("<link href='http://a.example/releases/tag/#'/>", 99_980, room)).replace('#', "1"))
        }
        "authors" => atom(&entry(&filled("<author><name>n</name></author>", 49_980, room)).replace('#', "1")),
        "attributes" => {
            let wide: Vec<String> = (0..199).map(|n| format!(" a{n}='{}'", "y".repeat(40))).collect();
            let wide = wide.concat();
            atom(&entry(&filled(&format!("<category{wide}/>"), 99_980, room)).replace('#', "1"))
        }
        "laughs" => {
            let mut entities = "<!ENTITY l0 'ha'>".to_owned();
            for n in 1..30 {
                let ten = format!("&l{};", n - 1).repeat(10);
                entities.push_str(&["<!ENTITY l", &n.to_string(), " '", &ten, "'>"].concat());
            }
            format!("<!DOCTYPE feed [{entities}]>{}", atom(&entry("<content>&l29;</content>").replace('#', "1")))
        }
        "quadratic" => {
            let entity = format!("<!DOCTYPE feed [<!ENTITY a '{}'>]>", "a".repeat(LIMIT / 2));
            format!(
                "{entity}{}",
                atom(&entry(&format!("<content>{}</content>", "&a;".repeat(1_000_000))).replace('#', "1"))
            )
        }
        "references" => atom(&entry(&format!("<content>{}</content>", "&#120;".repeat(room / 6))).replace('#', "1")),
        "cdata" => atom(&entry(&format!("<content>{}</content>", "<![CDATA[x]]>".repeat(room / 13))).replace('#', "1")),
        "utf16" => {
            let text = atom(&filled(&entry(&format!("<content>{}</content>", "\u{fc}".repeat(400))), 9_999, room / 2));
            return Some([0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect());
        }
        "utf32" => {
            let text = atom(&entry(&"x".repeat(room / 4 - 1000)).replace('#', "1"));
            return Some(text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect());
        }
        "utf7" => format!(
            "<?xml version='1.0' encoding='UTF-7'?>{}",
            atom(&entry(&"+ADw-b+AD4-".repeat(room / 11)).replace('#', "1"))
        ),
        "nuls" => {
            return Some(
                atom(&entry(&format!("<content>{}</content>", "\0\u{1}".repeat(room / 2))).replace('#', "1"))
                    .into_bytes(),
            );
        }
        "json" => json(&filled(&format!("{{\"id\":\"v#\",\"content_text\":\"{}\"}},", "x".repeat(900)), 9_999, room)),
        "escapes" => json(&format!("{{\"id\":\"v1\",\"content_text\":\"{}\"}},", "\\u0041".repeat(room / 6))),
        "crowd" => json(&filled(
            &format!("{{\"id\":\"v#\",\"authors\":[{}]}},", ["{\"name\":\"a\"}"; 32].join(",")),
            9_999,
            room,
        )),
        "fields" => json(&filled(
            "{\"id\":\"v#\",\"url\":\"\",\"external_url\":\"\",\"title\":\"\",\"summary\":\"\",\"content_html\":\"\",\"author\":{\"name\":\"\"}},",
            9_999,
            room,
        )),
        "arrays" => json(&format!("{{\"id\":\"v1\",\"x\":{}", "[".repeat(room))),
        "enclosures" => rss(&filled("<enclosure url='h:x' length='1' type='a/b'/>", 99_980, room)),
        "groups" => rss(&filled("<m:group></m:group>", 99_980, room)),
        "contents" => rss(&filled("<m:content url='h:x'/>", 99_980, room)),
        "thumbnails" => rss(&filled("<m:thumbnail url='h:x'/>", 99_980, room)),
        "media" => rss(&filled("<m:group><m:content url='h:x'/></m:group>", 49_980, room)),
        "empty" => rss(&filled("</item><item><link>h:#</link>", 9_990, room)),
        _ => return None,
    };
    Some(text.into_bytes())
}

fn rss(inside: &str) -> String {
    format!(
        "<rss version='2.0' xmlns:m='http://search.yahoo.com/mrss/'><channel><title>t</title><link>h:x</link>\
         <description>d</description><item><title>v1</title><link>http://a.example/v1</link>{inside}</item></channel></rss>"
    )
}

fn json(items: &str) -> String {
    let items = items.trim_end_matches(',');
    format!("{{\"version\":\"https://jsonfeed.org/version/1.1\",\"title\":\"t\",\"items\":[{items}]}}")
}

/// A feed with a duration that the parser's arithmetic overflows on, as it is and mended.
pub const PANIC: &str = "<rss version=\"2.0\" xmlns:itunes=\"http://www.itunes.com/dtds/podcast-1.0.dtd\"><channel><title>t</title>\
    <link>https://a.example/</link><description>d</description><item><title>v2</title><link>https://a.example/v2</link>\
    <itunes:duration>99999999999999999999999:99:99</itunes:duration></item></channel></rss>";
