//! The document: one file that asks nobody for anything.

use super::Page;
use askama::Template;

/// The style, as it stands in the document.
const STYLE: &str = include_str!("style.css");

/// The filter, as it stands in the document. Without it everything is shown.
const SCRIPT: &str = include_str!("filter.js");

/// The SHA-256 of style and script, which a browser compares before it takes them: nothing else that
/// gets into the document can be one.
const STYLE_HASH: &str = "sha256-WRI1gA27PdY2SWaaUvjFodepmlsdee7CvjeBxSgs0SQ=";
const SCRIPT_HASH: &str = "sha256-ZrO2jzTfmzzcIdpHdnZePM4U6b4eBQEJtZy5CH7H31o=";

/// How every page of ours begins.
const MARK: &str = "<!doctype html>\n<!-- made by `patch report`, which may replace it -->\n";

#[derive(Template)]
#[template(path = "report.html", config = "src/page/askama.toml")]
struct Document<'a> {
    mark: &'static str,
    style: &'static str,
    script: &'static str,
    style_hash: &'static str,
    script_hash: &'static str,
    version: &'static str,
    page: &'a Page,
}

/// The page as HTML.
///
/// # Panics
/// Never: writing to a string cannot fail, and nothing in the template can.
#[must_use]
pub fn document(page: &Page) -> String {
    let document = Document {
        mark: MARK,
        style: STYLE,
        script: SCRIPT,
        style_hash: STYLE_HASH,
        script_hash: SCRIPT_HASH,
        version: env!("CARGO_PKG_VERSION"),
        page,
    };
    document.render().expect("a string takes all text")
}

/// Whether a file is a page of ours, by how it begins.
#[must_use]
pub fn is_ours(begin: &[u8]) -> bool {
    begin.starts_with(MARK.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine, prelude::BASE64_STANDARD};
    use ring::digest::{SHA256, digest};
    use std::collections::BTreeMap;

    #[test]
    fn the_policy_names_exactly_our_style_and_script() {
        #[track_caller]
        fn case(text: &str, expected: &str) {
            let hash = format!("sha256-{}", BASE64_STANDARD.encode(digest(&SHA256, text.as_bytes())));
            assert_eq!(hash, expected, "the hash in src/page/html.rs is of another text");
        }
        case(STYLE, STYLE_HASH);
        case(SCRIPT, SCRIPT_HASH);
    }

    /// The colours of the style by name: of `:root`, or of its second mention, for a dark screen.
    fn colours(scheme: usize) -> BTreeMap<&'static str, [f64; 3]> {
        let block = STYLE.split(":root {").nth(scheme + 1).unwrap().split('}').next().unwrap();
        let lines = block.lines().filter_map(|line| line.trim().strip_prefix("--")?.split_once(": #"));
        let part = |digits: &str, at| f64::from(u8::from_str_radix(&digits[at..at + 2], 16).unwrap()) / 255.0;
        lines.map(|(name, digits)| (name, [0, 2, 4].map(|at| part(digits, at)))).collect()
    }

    /// The relative luminance of WCAG 2.
    fn luminance(colour: [f64; 3]) -> f64 {
        let linear = |part: f64| if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) };
        let [red, green, blue] = colour.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn every_text_can_be_read_on_what_is_behind_it() {
        let pairs = [
            ("text", "page"),
            ("text", "card"),
            ("faint", "page"),
            ("faint", "card"),
            ("link", "page"),
            ("link", "card"),
            ("good", "good-behind"),
            ("wait", "wait-behind"),
            ("bad", "bad-behind"),
            ("calm", "calm-behind"),
            // in diffs
            ("good", "page"),
            ("bad", "page"),
            ("hunk", "page"),
        ];
        for scheme in [0, 1] {
            let colours = colours(scheme);
            assert_eq!(colours.len(), 16, "{colours:?}");
            for (text, behind) in pairs {
                let contrast = contrast(colours[text], colours[behind]);
                assert!(contrast >= 4.5, "{text} on {behind}, scheme {scheme}: {contrast:.2}");
            }
            for behind in ["page", "card"] {
                // The frames of what can be operated need less (WCAG 1.4.11).
                let contrast = contrast(colours["edge"], colours[behind]);
                assert!(contrast >= 3.0, "edge on {behind}, scheme {scheme}: {contrast:.2}");
            }
        }
        assert!((contrast([1.0; 3], [0.0; 3]) - 21.0).abs() < 0.01);
    }
}
