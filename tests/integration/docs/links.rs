//! Every relative link leads to a file, and to a heading of it.

use super::{file, pages, read};
use std::collections::BTreeSet;
use std::path::Path;

/// The targets of inline links, `[text](target)`, outside code.
fn links(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut links = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        }
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("``");
        if !fenced {
            let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
            links.extend(targets.map(|(target, _)| target.to_owned()));
        }
    }
    links
}

/// The anchors of a page's headings, as mdBook and forges make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut fenced = false;
    let mut anchors = BTreeSet::new();
    for line in text.lines() {
        fenced ^= line.starts_with("```");
        let heading = line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#') && !fenced);
        if let Some(heading) = heading {
            let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect();
            anchors.insert(anchor);
        }
    }
    anchors
}

#[test]
fn relative_links_lead_to_files_and_headings() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = read(&page);
        let folder = Path::new(&page).parent().unwrap();
        for link in links(&text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if path.is_empty() { file(&page) } else { file(folder.join(path)) };
            // the book is rendered by itself: what lies outside it would be a dead link there
            let leaves =
                page.starts_with("docs/") && !target.canonicalize().is_ok_and(|it| it.starts_with(file("docs")));
            let text = std::fs::read_to_string(&target);
            let missing = !anchor.is_empty() && !text.as_deref().is_ok_and(|text| anchors(text).contains(anchor));
            if text.is_err() || missing || leaves {
                broken.push(format!("{page}: {link}"));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn every_page_is_in_the_summary() {
    let summary = read("docs/SUMMARY.md");
    let listed: BTreeSet<String> = links(&summary).into_iter().map(|link| format!("docs/{link}")).collect();
    let there: BTreeSet<String> =
        pages().into_iter().filter(|page| page.starts_with("docs/") && page != "docs/SUMMARY.md").collect();
    assert_eq!(listed, there);
}

#[test]
fn links_in_code_are_no_links() {
    assert_eq!(links("a [b](c#d) `[x](y)` [`e`](f.md)\n```\n[g](h)\n```\n[i](j)"), ["c#d", "f.md", "j"]);
    assert_eq!(
        anchors("# `watch.*`: what, where\n## A b_c-d"),
        ["watch-what-where", "a-b_c-d"].map(str::to_owned).into()
    );
}
