use super::*;
use crate::watch::EventKind;

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

fn told(repository: Option<Repository>) -> String {
    repository.map_or("none".to_owned(), |found| format!("{} {}", found.provider, found.full_name()))
}

#[test]
fn feeds_tell_their_repository() {
    #[track_caller]
    fn case(feed: &str, expected: &str) {
        assert_eq!(told(repository_of_feed(&url(feed))), expected, "{feed}");
    }
    case("https://github.com/o/r/releases.atom", "github o/r");
    case("https://github.com/o/r/tags.atom?after=v1", "github o/r");
    case("https://github.com/o/r/commits.atom", "github o/r");
    case("https://github.com/o/r/commits/feature/x.atom", "github o/r");
    case("https://github.company.example/o/r/releases.atom", "github o/r");
    case("https://code.example/o/r/commits/main.atom", "github o/r");
    case("https://gitlab.com/g/sub/r/-/tags?format=atom", "gitlab g/sub/r");
    case("https://code.example/g/r/-/releases.atom?feed_token=x", "gitlab g/r");
    case("https://code.example/g/r/commits/main?format=atom", "gitlab g/r");
    case("https://codeberg.org/o/r/tags.atom", "gitea o/r");
    case("https://codeberg.org/o/r.rss", "gitea o/r");
    case("https://code.example/o/r/releases.rss", "gitea o/r");
    case("https://code.example/o/r/releases.atom", "gitea o/r");
    case("https://code.example/git/o/r/releases.rss", "gitea o/r");
    case("https://code.example/o/r/atom/branch/a/b", "gitea o/r");
    case("https://git.sr.ht/~o/r/refs/rss.xml", "sourcehut ~o/r");
    case("https://code.example/~o/r/log/main/rss.xml", "sourcehut ~o/r");
    case("https://code.example/pub/r.git/atom/?h=main", "cgit pub/r");
    case("https://code.example/r/atom/src/a.c?h=main", "cgit r");
    case("https://code.example/gitweb.cgi?p=pub/r.git;a=rss", "gitweb pub/r");
    case("https://www.kernel.org/feeds/kdist.xml", "kernel linux");
    case("https://sourceforge.net/projects/p/rss?limit=200", "sourceforge p");
    case("https://github.com/o/r", "none");
    case("https://github.com/atom/atom/", "none");
    case("https://blog.example/feed.xml", "none");
    case("https://blog.example/releases.atom", "none");
}

#[test]
fn remotes_tell_their_repository() {
    #[track_caller]
    fn case(remote: &str, expected: &str) {
        assert_eq!(told(repository_of_remote(remote)), expected, "{remote}");
    }
    case("https://github.com/o/r.git", "github o/r");
    case("https://token@github.com/o/r/", "github o/r");
    case("git@github.com:o/r.git", "github o/r");
    case("ssh://git@ssh.github.com:443/o/r.git", "github o/r");
    case("git@gitlab.com:g/sub/r.git", "gitlab g/sub/r");
    case("https://codeberg.org/o/r", "gitea o/r");
    case("git@git.sr.ht:~o/r", "sourcehut ~o/r");
    case("git://git.kernel.org/pub/scm/linux.git", "cgit pub/scm/linux");
    case("https://git.code.sf.net/p/proj/code", "sourceforge proj");
    case("https://bitbucket.org/o/r.git", "git o/r");
    case("https://code.example/deep/o/r.git", "git deep/o/r");
    case("[code.example:2222]:o/r.git", "git o/r");
    case("host:r.git", "git r");
    case("/srv/git/r.git", "git r");
    case("/srv/git/r/.git", "git r");
    case("../r", "git r");
    case("file:///srv/git/r.git/", "git r");
    case("./a:b/r", "git r");
    case("", "none");
    case("..", "none");
    case("/", "none");
    case("ext::ssh host", "none");
    case("https://code.example/.git", "none");
}

#[test]
fn a_feed_and_a_remote_are_recognised_as_one_repository() {
    #[track_caller]
    fn case(feed: &str, remote: &str, expected: bool) {
        assert_eq!(same_repository(&url(feed), remote), expected, "{feed} {remote}");
    }
    let hub = "https://www.github.com/Heron/Quill/releases.atom";
    case(hub, "https://github.com/heron/quill.git", true);
    case(hub, "git@github.com:heron/quill", true);
    case(hub, "ssh://git@ssh.github.com:443/heron/quill.git", true);
    case(hub, "https://github.com/heron/quill-docs", false);
    case(hub, "https://gitlab.com/heron/quill", false);
    case(hub, "/srv/heron/quill", false);
    case(hub, "upstream", false);
    case("https://gitlab.com/g/s/r/-/tags?format=atom", "git@gitlab.com:g/s/r.git", true);
    case("https://gitlab.com/g/s/r/-/tags?format=atom", "git@gitlab.com:s/r.git", false);
    case("https://cgit.example/pub/r.git/atom/?h=main", "git://cgit.example/pub/r.git", true);
    case("https://cgit.example/pub/r.git/atom/?h=main", "git://cgit.example/pub/R.git", false);
    case("https://web.example/?p=r.git;a=atom", "https://web.example/r.git", true);
    case("https://sourceforge.net/projects/p/rss", "git://git.code.sf.net/p/p/code", true);
    case("https://blog.example/feed.xml", "https://blog.example/feed.xml", false);
}

#[test]
fn every_page_of_a_repository_leads_to_its_feeds() {
    #[track_caller]
    fn case(page: &str, branch: Option<&str>, event: EventKind, expected: &[&str]) {
        let found: Vec<String> = feed_candidates(&url(page), event, branch).into_iter().map(String::from).collect();
        assert_eq!(found, expected, "{page}");
    }
    let release = EventKind::Release;
    for page in ["", ".git", "/", "/releases", "/tree/main/src?tab=readme#usage", "/commits/main/"] {
        let page = format!("https://github.com/o/r{page}");
        case(&page, None, release, &["https://github.com/o/r/releases.atom"]);
    }
    case("ssh://git@github.com/o/r.git", None, release, &["https://github.com/o/r/releases.atom"]);
    case("https://user:secret@github.com/o/r", None, release, &["https://github.com/o/r/releases.atom"]);
    case("https://gitlab.com/g/s/r/-/tree/main", None, release, &["https://gitlab.com/g/s/r/-/tags?format=atom"]);
    case("https://gitlab.com/g/s/r/tree/main", None, release, &["https://gitlab.com/g/s/r/-/tags?format=atom"]);
    case("https://gitlab.gnome.org/g/r", None, release, &["https://gitlab.gnome.org/g/r/-/tags?format=atom"]);
    case(
        "https://code.example:8443/g/r/-/issues",
        None,
        release,
        &["https://code.example:8443/g/r/-/tags?format=atom"],
    );
    case("https://codeberg.org/o/r/src/branch/main", None, release, &["https://codeberg.org/o/r/tags.atom"]);
    case("https://git.sr.ht/~o/r/tree", None, release, &["https://git.sr.ht/~o/r/refs/rss.xml"]);
    case("https://code.example/~o/r", None, release, &["https://code.example/~o/r/refs/rss.xml"]);
    case(
        "https://sourceforge.net/projects/p/files/",
        None,
        release,
        &["https://sourceforge.net/projects/p/rss?limit=200"],
    );
    case("https://www.kernel.org/", None, release, &["https://www.kernel.org/feeds/kdist.xml"]);
    case(
        "http://code.example/o/r.git",
        None,
        release,
        &[
            "http://code.example/o/r/-/tags?format=atom",
            "http://code.example/o/r/tags.atom",
            "http://code.example/o/r/releases.atom",
        ],
    );
    for none in [
        "https://github.com/o",
        "https://github.com/o/r/releases.atom",
        "https://bitbucket.org/o/r",
        "https://git.kernel.org/pub/scm/linux.git/",
        "https://code.example/cgit/r.git/log/",
        "https://code.example/gitweb.cgi?p=r.git;a=summary",
        "ssh://git@code.example/o/r.git",
        "https://code.example/",
    ] {
        case(none, None, release, &[]);
    }
    let branch = EventKind::Branch;
    let main = Some("a/b c");
    case("https://github.com/o/r", None, branch, &["https://github.com/o/r/commits.atom"]);
    case("https://github.com/o/r", main, branch, &["https://github.com/o/r/commits/a/b%20c.atom"]);
    case("https://gitlab.com/o/r", None, branch, &["https://gitlab.com/o/r/-/commits/HEAD?format=atom"]);
    case("https://gitlab.com/o/r", main, branch, &["https://gitlab.com/o/r/-/commits/a/b%20c?format=atom"]);
    case("https://codeberg.org/o/r", None, branch, &[]);
    case("https://codeberg.org/o/r", main, branch, &["https://codeberg.org/o/r/atom/branch/a/b%20c"]);
    case("https://git.sr.ht/~o/r", None, branch, &["https://git.sr.ht/~o/r/log/rss.xml"]);
    case("https://git.sr.ht/~o/r", Some("x"), branch, &["https://git.sr.ht/~o/r/log/x/rss.xml"]);
    case("https://git.zx2c4.com/r.git/log/", main, branch, &["https://git.zx2c4.com/r.git/atom/?h=a%2Fb+c"]);
    case("https://git.zx2c4.com/r", None, branch, &["https://git.zx2c4.com/r/atom/"]);
    let web = "https://code.example/gitweb.cgi?p=pub/r.git;a=summary";
    case(web, None, branch, &["https://code.example/gitweb.cgi?p=pub/r.git;a=atom"]);
    case(web, Some("a;b#c"), branch, &["https://code.example/gitweb.cgi?p=pub/r.git;a=atom;h=refs/heads/a%3Bb%23c"]);
    case(
        "https://code.example/o/r",
        Some("x"),
        branch,
        &[
            "https://code.example/o/r/-/commits/x?format=atom",
            "https://code.example/o/r/atom/branch/x",
            "https://code.example/o/r/commits/x.atom",
            "https://code.example/o/r/atom/?h=x",
        ],
    );
}

#[test]
fn every_candidate_is_a_feed_of_the_repository_it_was_made_for() {
    for page in
        ["https://github.com/o/r", "https://gitlab.com/o/r", "https://codeberg.org/o/r", "https://code.example/o/r"]
    {
        for event in [EventKind::Release, EventKind::Branch] {
            for feed in feed_candidates(&url(page), event, Some("main")) {
                assert!(looks_like_feed(&feed), "{feed}");
                assert!(same_repository(&feed, page), "{feed}");
            }
        }
    }
}

#[test]
fn feeds_are_told_from_pages() {
    #[track_caller]
    fn case(text: &str, expected: bool) {
        assert_eq!(looks_like_feed(&url(text)), expected, "{text}");
    }
    case("https://github.com/o/r/releases.atom", true);
    case("https://gitlab.com/o/r/-/tags?format=atom", true);
    case("https://code.example/?p=r.git;a=atom", true);
    case("https://code.example/r/atom/", true);
    case("https://blog.example/feed/", true);
    case("https://blog.example/?feed=rss2", true);
    case("https://blog.example/index.xml", true);
    case("https://sourceforge.net/projects/p/rss", true);
    case("https://github.com/atom/atom", false);
    case("https://github.com/o/feed", false);
    case("https://gitlab.com/o/rss/", false);
    case("https://code.example/o/r", false);
    case("https://code.example/?p=r.git;a=summary", false);
    case("ssh://code.example/o/r.atom", false);
}

#[test]
fn older_pages_are_asked_for_as_each_forge_wants() {
    #[track_caller]
    fn case(feed: &str, expected: Option<&str>) {
        let found = previous_page(&url(feed), "tool/v1+x").map(String::from);
        assert_eq!(found.as_deref(), expected, "{feed}");
    }
    let after = Some("https://github.com/o/r/releases.atom?after=tool%2Fv1%2Bx");
    case("https://github.com/o/r/releases.atom", after);
    case("https://github.com/o/r/releases.atom?after=v2", after);
    case("https://github.com/o/r/commits/main.atom", None);
    let tags = "https://gitlab.com/o/r/-/tags?format=atom&feed_token=s";
    case(tags, Some("https://gitlab.com/o/r/-/tags?format=atom&feed_token=s&page=2"));
    case(&format!("{tags}&page=2"), Some("https://gitlab.com/o/r/-/tags?format=atom&feed_token=s&page=3"));
    case(&format!("{tags}&page=4294967295"), None);
    let commits = "https://gitlab.com/o/r/-/commits/main?format=atom";
    case(commits, Some("https://gitlab.com/o/r/-/commits/main?format=atom&offset=40"));
    case(
        &format!("{commits}&limit=10&offset=10"),
        Some("https://gitlab.com/o/r/-/commits/main?format=atom&limit=10&offset=20"),
    );
    case("https://codeberg.org/o/r/tags.atom", None);
    case("https://blog.example/feed.xml", None);
}

#[test]
fn names_are_suggested_for_watches() {
    #[track_caller]
    fn case(text: &str, expected: &str) {
        assert_eq!(suggested_name(text).map_or("none".to_owned(), String::from), expected, "{text}");
    }
    case("https://github.com/o/quill/releases", "quill");
    case("https://github.com/o/quill/releases.atom", "quill");
    case("https://github.com/o/.github", "github");
    case("https://gitlab.com/g/s/quill.git", "quill");
    case("git@github.com:o/quill.js.git", "quill.js");
    case("/srv/git/a b..c.git", "a-b.c");
    case("https://code.example/gitweb.cgi?p=pub/quill.git;a=summary", "quill");
    case("https://www.blog.example/feed.xml", "blog.example");
    case("https://www.kernel.org/feeds/kdist.xml", "linux");
    case("https://github.com/", "none");
    case("", "none");
}

#[test]
fn providers_are_spelt_alike_everywhere() {
    for provider in [Provider::Github, Provider::Gitweb, Provider::Sourceforge, Provider::Git] {
        assert_eq!(serde_json::to_value(provider).unwrap(), provider.as_str());
    }
}

#[test]
fn one_repository_has_many_urls() {
    #[track_caller]
    fn case(one: &str, other: &str, expected: bool) {
        assert_eq!(same_remote(one, other), expected, "{one} {other}");
    }
    case("https://github.com/o/r.git", "git@github.com:O/r", true);
    case("https://git.example:8443/o/r", "ssh://git@git.example/o/r.git", true);
    case("https://github.com/me/r.git", "https://github.com/o/r.git", false);
    case("https://git.example/o/r", "https://git.other/o/r", false);
    case("/srv/a/r.git", "/srv/b/r.git", false);
}
