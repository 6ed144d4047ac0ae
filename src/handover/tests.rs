use super::*;

/// The usual place: a pipe on standard input, GNU patch on PATH.
const PIPE: Facts = Facts { stdin_is_terminal: false, another_patch: true, operand_exists: false };
const TERMINAL: Facts = Facts { stdin_is_terminal: true, ..PIPE };

#[track_caller]
fn case(facts: Facts, call: &str, expected: &Decision) {
    let mut words = call.split(' ').map(OsString::from);
    let argv0 = words.next().unwrap();
    let args: Vec<OsString> = words.collect();
    assert_eq!(&decide(&argv0, &args, facts), expected, "{call}");
}

#[track_caller]
fn ours(facts: Facts, call: &str) {
    case(facts, call, &Decision::Ours);
}

#[track_caller]
fn handed_over(facts: Facts, call: &str) {
    case(facts, call, &Decision::HandOver);
}

#[test]
fn our_commands_are_ours() {
    ours(PIPE, "patch poll");
    ours(PIPE, "/root/.cargo/bin/patch poll --json");
    ours(PIPE, "patch watch add https://example.org/r");
    ours(PIPE, "patch help");
    ours(PIPE, "patch help poll");
    ours(PIPE, "patch poll --help");
    ours(TERMINAL, "patch poll");
}

#[test]
fn our_global_options_may_come_first() {
    ours(PIPE, "patch -C dir poll");
    ours(PIPE, "patch -Cdir poll");
    ours(PIPE, "patch -C=dir poll");
    ours(PIPE, "patch -qC dir poll");
    ours(PIPE, "patch -q poll");
    ours(PIPE, "patch --quiet --color never poll");
    ours(PIPE, "patch --color=never poll");
    // here `poll` is a value, and no command follows
    handed_over(PIPE, "patch -C poll");
    handed_over(PIPE, "patch --color poll");
    handed_over(PIPE, "patch -qC poll");
    handed_over(PIPE, "patch -C poll -p1");
}

#[test]
fn whatever_else_there_is_belongs_to_the_patch_utility() {
    handed_over(PIPE, "patch");
    handed_over(PIPE, "patch -p1");
    handed_over(PIPE, "patch -p1 poll");
    handed_over(PIPE, "patch --dry-run -i x.diff");
    handed_over(PIPE, "patch --quiet -p1");
    handed_over(PIPE, "patch --json poll");
    handed_over(PIPE, "patch -- poll");
    handed_over(PIPE, "patch - poll");
    handed_over(PIPE, "patch original.c x.diff");
    handed_over(PIPE, "patch ./poll");
    handed_over(PIPE, "patch Poll");
    handed_over(PIPE, "patch pol");
    handed_over(TERMINAL, "patch -p1 -i x.diff");
    // quilt, dpkg-source
    handed_over(PIPE, "patch -d . -p1 --backup --prefix=.pc/a/ -E");
    handed_over(PIPE, "patch -t -F 0 -N -p1 -u -V never -E -b -B .pc/a/ --reject-file=-");
}

#[test]
fn without_arguments_a_terminal_gets_our_help() {
    ours(TERMINAL, "patch");
    handed_over(PIPE, "patch");
}

#[test]
fn questions_about_the_program_are_ours_only_without_another_patch() {
    let alone = Facts { another_patch: false, ..PIPE };
    for option in ["--help", "--version", "-h", "-v"] {
        handed_over(PIPE, &format!("patch {option}"));
        handed_over(TERMINAL, &format!("patch {option}"));
        ours(alone, &format!("patch {option}"));
    }
    handed_over(alone, "patch -p1");
}

#[test]
fn any_other_name_is_ours_alone() {
    ours(PIPE, "patch-moi -p1");
    ours(PIPE, "patch-moi");
    ours(PIPE, "/usr/local/bin/patch-moi --version");
    ours(TERMINAL, "patch-moi stauts");
    ours(PIPE, "/patch/moi x");
}

#[test]
fn a_slip_of_the_keyboard_on_a_terminal_gets_a_suggestion() {
    #[track_caller]
    fn suggests(word: &str, expected: &str) {
        case(TERMINAL, &format!("patch {word}"), &Decision::Suggest(expected.to_owned()));
        handed_over(PIPE, &format!("patch {word}"));
        handed_over(Facts { operand_exists: true, ..TERMINAL }, &format!("patch {word}"));
    }
    suggests("stauts", "status");
    suggests("pol", "poll");
    suggests("lgo", "log");
    suggests("reherase", "rehearse");
    suggests("wacth", "watch");
    for unknown in ["rebase", "install", "build all"] {
        case(TERMINAL, &format!("patch {unknown}"), &Decision::Unknown);
        handed_over(PIPE, &format!("patch {unknown}"));
    }
    case(TERMINAL, "patch watchs list", &Decision::Suggest("watch".to_owned()));
    handed_over(TERMINAL, "patch main.c");
    handed_over(TERMINAL, "patch l");
    handed_over(TERMINAL, "patch --stauts");
    handed_over(TERMINAL, "patch stauts x.diff");
}

#[test]
fn arguments_need_not_be_utf8() {
    let odd = OsStr::from_bytes(b"\xff.diff").to_owned();
    assert_eq!(decide(OsStr::new("patch"), std::slice::from_ref(&odd), TERMINAL), Decision::HandOver);
    let mut option = OsString::from("-C");
    option.push(&odd);
    assert_eq!(decide(OsStr::new("patch"), &[option, "poll".into()], PIPE), Decision::Ours);
}

const OWN: FileId = FileId { device: 1, inode: 1 };
const COPY: FileId = FileId { device: 1, inode: 2 };
const GNU: FileId = FileId { device: 1, inode: 3 };

/// `/own`, `/copy` and `/gnu` (and anything below) hold programs; nothing else does.
fn fake_program(path: &Path) -> Option<FileId> {
    let folder = path.parent()?.to_str()?;
    [("/own", OWN), ("/copy", COPY), ("/gnu", GNU), (".", GNU)]
        .into_iter()
        .find_map(|(known, id)| folder.starts_with(known).then_some(id))
}

#[test]
fn the_next_patch_is_the_first_after_ourselves() {
    #[track_caller]
    fn case(path: &str, visited: &[FileId], expected: Option<&str>) {
        let next = next_patch(OsStr::new(path), Some(OWN), visited, fake_program);
        assert_eq!(next.map(|(path, _)| path), expected.map(PathBuf::from));
    }
    case("/own:/none:/gnu", &[], Some("/gnu/patch"));
    case("/gnu:/gnu/2", &[], Some("/gnu/patch"));
    // what stands before us was passed over by whoever found us on PATH
    case("/copy:/own:/gnu", &[], Some("/gnu/patch"));
    // but may be all there is
    case("/gnu:/own", &[], Some("/gnu/patch"));
    case("/own:/own/link:/gnu", &[], Some("/gnu/patch"));
    case("/own", &[], None);
    case("", &[], Some("./patch"));
    case("/own::/gnu", &[], Some("./patch"));
    // two copies of this program
    case("/own:/copy:/gnu", &[], Some("/copy/patch"));
    case("/copy:/own:/gnu", &[COPY, OWN], Some("/gnu/patch"));
    case("/gnu:/copy:/own", &[COPY, OWN], Some("/gnu/patch"));
    case("/copy:/own", &[COPY, OWN], None);
}

#[test]
fn files_are_told_apart_without_knowing_our_own() {
    let next = next_patch(OsStr::new("/own:/gnu"), None, &[OWN], fake_program);
    assert_eq!(next, Some((PathBuf::from("/gnu/patch"), GNU)));
}

#[test]
fn a_file_reads_back_as_it_is_written() {
    assert_eq!(FileId::parse(&GNU.to_string()), Some(GNU));
    assert_eq!(FileId::parse("1"), None);
    assert_eq!(FileId::parse("1:x"), None);
}

#[test]
fn only_a_shell_asks_to_complete() {
    #[track_caller]
    fn case(variable: Option<&str>, args: &[&str], expected: bool) {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        assert_eq!(asks_to_complete(variable.map(OsStr::new), &args), expected);
    }
    case(Some("bash"), &[], true);
    case(Some("/usr/bin/fish"), &[], true);
    case(Some("zsh"), &["--", "patch", "po"], true);
    case(None, &[], false);
    case(Some(""), &[], false);
    case(Some("yes"), &[], false);
    case(Some("bash"), &["-p1"], false);
}
