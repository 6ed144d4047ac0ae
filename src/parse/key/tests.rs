use super::*;

const SHA: &str = "3419342fdf47bd0659734dfe1bd5bcd7bf7904a9";

/// An entry's id, link and title; an empty text is one that is not shown.
#[derive(Clone, Copy)]
struct Row(&'static str, &'static str, &'static str);

impl Row {
    fn identity(self, event: EventKind) -> Result<Identity, &'static str> {
        let some = |text: &'static str| Some(text).filter(|text| !text.is_empty());
        let links: Vec<Url> = self.1.split_whitespace().map(|link| link.parse().unwrap()).collect();
        identity(&Shown { id: some(self.0), links: &links, title: some(self.2) }, event)
    }
}

#[test]
fn releases_of_every_forge_are_known_by_their_tag() {
    #[track_caller]
    fn case(row: Row, tag: &str) {
        let identity = row.identity(EventKind::Release).unwrap();
        assert_eq!((identity.key.as_str(), identity.tag.as_deref()), (tag, Some(tag)));
        assert!(identity.sure);
    }
    let hub = "https://hub.example/o/r/releases/tag/v1.2.3";
    case(Row("tag:hub.example,2008:Repository/7/v1.2.3", hub, "The big one"), "v1.2.3");
    case(Row("tag:hub.example,2008:Repository/7/other", "https://hub.example/o/r/releases/tag/a%2Fb", ""), "a/b");
    case(Row("tag:hub.example,2008:Repository/7/tool/v1%25", "", ""), "tool/v1%25");
    case(Row("tag:hub.example,2008:Repository/7/nightly", "https://hub.example/o/r", "1.0"), "nightly");
    case(Row("", hub, ""), "v1.2.3");
    case(Row(hub, "", ""), "v1.2.3");
    case(Row("https://lab.example/a/b/-/tags/v1.0", "https://lab.example/a/b/-/tags/v1.0", "v1.0"), "v1.0");
    case(Row("https://lab.example/a/b/-/releases/R_1", "", "Prose"), "R_1");
    case(Row("5: https://tea.example/o/r/releases/tag/v1.0", "", "pre-release"), "v1.0");
    case(Row("5: x", "https://tea.example/o/r/src/tag/v1.0", "v1.0"), "v1.0");
    case(Row("https://hut.example/~o/r/refs/a/1.0", "https://hut.example/~o/r/refs/a/1.0", "1.0"), "a/1.0");
    case(Row("", "https://cgit.example/r/tag/?h=v1.0", ""), "v1.0");
    case(Row("", "https://web.example/?p=r.git;a=shortlog;h=refs/tags/v1.0", ""), "v1.0");
    case(Row("", "https://blog.example/post https://hub.example/o/r/releases/tag/v9", ""), "v9");
}

#[test]
fn other_releases_are_known_by_what_they_publish() {
    #[track_caller]
    fn case(row: Row, key: &str, has_tag: bool, sure: bool) {
        let identity = row.identity(EventKind::Release).unwrap();
        assert_eq!((identity.key.as_str(), identity.sure), (key, sure));
        assert_eq!(identity.tag.as_deref(), has_tag.then_some(key));
    }
    let kernel = "https://www.kernel.org/";
    case(Row("kernel.org,mainline,7.1-rc3,2026-05-10", kernel, "7.1-rc3: mainline"), "7.1-rc3", true, true);
    case(Row("kernel.org,linux-next,next-20260508,2026-05-08", kernel, ""), "next-20260508", false, true);
    let file = "https://forge.example/projects/p/files/p/1.0/p-1.0.tgz/download";
    case(Row(file, file, "/p/1.0/p-1.0.tgz"), "p/1.0/p-1.0.tgz", false, true);
    // Registries: a guid with a tail, no guid at all, prose in the title.
    case(Row("https://reg.example/tool/1.2.3", "", "New version of tool: 1.2.3"), "1.2.3", true, false);
    case(Row("https://reg.example/tool/1.2.3/", "", ""), "1.2.3", true, false);
    case(Row("https://reg.example/changes#v1.2.3", "", ""), "v1.2.3", true, false);
    case(Row("", "https://reg.example/project/tool/1.2.3/", "1.2.3"), "1.2.3", true, false);
    case(Row("", "https://reg.example/project/tool/1.2.3/", "A new tool is out"), "1.2.3", true, false);
    case(Row("", "", "tool 1.2.3"), "1.2.3", true, false);
    // Whole ids and links, where nothing looks like a version.
    case(Row("urn:uuid:4f1c", "https://blog.example/tool-1.2", "1.2"), "urn:uuid:4f1c", false, true);
    case(Row("1.2.3", "", ""), "1.2.3", true, true);
    case(Row("https://blog.example/?p=48213", "", "Tool 1.2"), "https://blog.example/?p=48213", false, true);
    case(Row("https://blog.example/48213", "", ""), "https://blog.example/48213", false, true);
    case(
        Row("", "https://blog.example/whats-new-in-1.2", "What is new in 1.2"),
        "https://blog.example/whats-new-in-1.2",
        false,
        false,
    );
}

#[test]
fn entries_without_identity_say_why() {
    #[track_caller]
    fn case(row: Row, event: EventKind, reason: &str) {
        assert_eq!(row.identity(event), Err(reason));
    }
    let no_ref = "no Git ref could have this name";
    case(Row("", "https://hub.example/o/r/releases/tag/a..b", ""), EventKind::Release, no_ref);
    case(Row("", "https://hub.example/o/r/releases/tag/-rf", ""), EventKind::Release, no_ref);
    case(Row("", "https://hub.example/o/r/releases/tag/a%20b", ""), EventKind::Release, no_ref);
    case(Row("", "https://hub.example/o/r/releases/tag/a%0Ab", ""), EventKind::Release, no_ref);
    case(Row("tag:hub.example,2008:Repository/7/x.lock", "", ""), EventKind::Release, no_ref);
    case(Row("", "https://hub.example/o/r/releases/tag/%FF", ""), EventKind::Release, "its tag is not UTF-8");
    case(Row("", "", "A title of prose"), EventKind::Release, "it has no id, link or version");
    case(Row("", "", "2026-05-01"), EventKind::Release, "it has no id, link or version");
    case(Row("a\u{1b}b", "", ""), EventKind::Release, "its key has control characters");
    let commit = "tag:hub.example,2008:Grit::Commit/3419342fdf47bd0659734dfe1bd5bcd7bf7904a9";
    case(Row(commit, "", ""), EventKind::Release, "it is a commit, and the watch is for releases");
    let no_commit = "neither its links nor its id show a commit";
    case(Row("https://lab.example/o/r/-/commit/69", "", ""), EventKind::Branch, no_commit);
    case(Row("", "https://hub.example/o/r/releases/tag/v1", SHA), EventKind::Branch, no_commit);
    let long = "k".repeat(LONGEST + 1);
    let shown = Shown { id: Some(&long), ..Shown::default() };
    assert_eq!(identity(&shown, EventKind::Release), Err("its key is too long"));
}

#[test]
fn commits_of_every_forge_are_known_by_their_sha() {
    #[track_caller]
    fn case(id: &str, link: &str) {
        let links: Vec<Url> = link.replace("SHA", SHA).split_whitespace().map(|link| link.parse().unwrap()).collect();
        let id = id.replace("SHA", SHA);
        let shown = Shown { id: Some(&id).filter(|id| !id.is_empty()).map(String::as_str), links: &links, title: None };
        let identity = identity(&shown, EventKind::Branch).unwrap();
        let expected = Identity { key: SHA.to_owned(), tag: None, sha: Some(SHA.to_owned()), sure: true };
        assert_eq!(identity, expected);
    }
    case("tag:hub.example,2008:Grit::Commit/SHA", "https://hub.example/o/r/commit/SHA");
    case("tag:hub.example,2008:Grit::Commit/SHA", "");
    case("https://lab.example/o/r/-/commit/SHA", "");
    case("SHA", "https://tea.example/o/r");
    case("urn:sha1:SHA", "");
    case("", "https://cgit.example/r/commit/?id=SHA");
    case("", "https://web.example/?p=r.git;a=commitdiff;h=SHA");
    case("https://web.example/?p=r.git;a=commitdiff;h=SHA", "");
    case("", "https://hut.example/~o/r/commit/SHA");
}

#[test]
fn versions_are_told_from_slugs_numbers_and_dates() {
    #[track_caller]
    fn case(text: &str, expected: bool) {
        assert_eq!(looks_like_version(text), expected, "{text:?}");
    }
    for version in [
        "1.2.3",
        "v7",
        "V1.0",
        "tool-1.2.3",
        "rust-v1.2.3",
        "release-7",
        "REL_16_2",
        "curl-8_10_0",
        "go1.22.1",
        "1.2b3",
        "2.0rc1",
        "1.0.dev4",
        "5.0.0.Beta2",
        "5.0.0.Final",
        "1.1.1w",
        "2026.05.01",
        "1.2.3-rc.1",
        "1.2.3-01",
        "v1.2.3+build.5",
        "1.2.3.post1",
        "7.1-rc3",
        "1.0~beta1",
    ] {
        case(version, true);
    }
    for other in [
        "",
        "v",
        "7",
        "48213",
        "2026-05-01",
        "whats-new-in-1.2",
        "tool-x-1.2",
        "1.2-is-out",
        "top-10-features",
        "nightly",
        "1.2.3 ",
        "1.2/3",
        "1..2",
        "1.2-",
        "1.2.tar.gz",
        "größe-1.2",
        "4f1c2e",
        "1.2.3-jre8",
    ] {
        case(other, false);
    }
}
