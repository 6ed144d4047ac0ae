//! Conflict markers that were left in a file that somebody resolved. Pure.
//!
//! A file may hold such lines by right: a heading is underlined, a document shows a conflict. So a
//! line counts only if none of the merged versions has it; and a `=======`, which has no words of
//! its own, only if it stands where none of them has one.

use std::collections::HashSet;

/// The versions of a conflicted file, and how Git left it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sides<'a> {
    /// In the patch's parent; empty if it had none.
    pub base: &'a [u8],
    /// In what was carried so far.
    pub ours: &'a [u8],
    /// In the patch.
    pub theirs: &'a [u8],
    /// As Git left it, with markers.
    pub marked: &'a [u8],
}

impl Sides<'_> {
    /// The first line of `result`, from 1, that is a marker of this conflict.
    #[must_use]
    pub fn left_in(&self, result: &[u8]) -> Option<usize> {
        let known: HashSet<&[u8]> = self.versions().into_iter().flat_map(lines).collect();
        let size = marker_size(self.marked, &known)?;
        let separators = |text: &[u8]| lines(text).filter(|line| is_separator(line, size)).count();
        let [base, ours, theirs] = self.versions().map(separators);
        let most = ours.max(theirs).max((ours + theirs).saturating_sub(base));
        let too_many = separators(result) > most;
        let places: HashSet<Place> = self.versions().into_iter().flat_map(|text| places(text, size)).collect();
        let result: Vec<&[u8]> = lines(result).collect();
        (0..result.len())
            .find(|&at| {
                let line = result[at];
                if is_separator(line, size) {
                    let (before, after) = place(&result, at);
                    return !places.contains(&before) && (too_many || !places.contains(&after));
                }
                b"<>|".iter().any(|&sign| is_marker(line, sign, size)) && !known.contains(line)
            })
            .map(|at| at + 1)
    }

    fn versions(&self) -> [&[u8]; 3] {
        [self.base, self.ours, self.theirs]
    }
}

/// The lines, without their ends of either kind.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// How long the markers are: seven signs, unless the attribute `conflict-marker-size` says otherwise.
///
/// `None` where Git left no marker.
fn marker_size(marked: &[u8], known: &HashSet<&[u8]>) -> Option<usize> {
    lines(marked).filter(|line| !known.contains(line)).find_map(|line| {
        let size = line.iter().take_while(|&&byte| byte == b'<').count();
        (size > 0 && line.get(size) == Some(&b' ')).then_some(size)
    })
}

/// `size` times `sign`, and nothing or a space and words behind it.
fn is_marker(line: &[u8], sign: u8, size: usize) -> bool {
    let run = line.iter().take_while(|&&byte| byte == sign).count();
    run == size && matches!(line.get(size), None | Some(b' '))
}

fn is_separator(line: &[u8], size: usize) -> bool {
    line.len() == size && is_marker(line, b'=', size)
}

/// A line next to a separator.
#[derive(Eq, Hash, PartialEq)]
enum Place {
    Behind(Vec<u8>),
    Before(Vec<u8>),
    /// At the beginning or the end of the file.
    Edge(bool),
}

fn place(lines: &[&[u8]], at: usize) -> (Place, Place) {
    let before = at.checked_sub(1).map_or(Place::Edge(true), |before| Place::Behind(lines[before].to_vec()));
    let after = lines.get(at + 1).map_or(Place::Edge(false), |after| Place::Before(after.to_vec()));
    (before, after)
}

fn places(text: &[u8], size: usize) -> Vec<Place> {
    let lines: Vec<&[u8]> = lines(text).collect();
    let separators = (0..lines.len()).filter(|&at| is_separator(lines[at], size));
    separators.flat_map(|at| <[Place; 2]>::from(place(&lines, at))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKED: &str = "a\n<<<<<<< 1234\nx\n=======\ny\n>>>>>>> 5678\nb\n";

    #[track_caller]
    fn case(versions: [&str; 3], marked: &str, result: &str, line: Option<usize>) {
        let [base, ours, theirs] = versions.map(str::as_bytes);
        let sides = Sides { base, ours, theirs, marked: marked.as_bytes() };
        assert_eq!(sides.left_in(result.as_bytes()), line, "{result:?}");
    }

    #[test]
    fn markers_are_found() {
        let versions = ["a\nb\n", "a\nx\nb\n", "a\ny\nb\n"];
        case(versions, MARKED, "a\nx\ny\nb\n", None);
        case(versions, MARKED, MARKED, Some(2));
        case(versions, MARKED, "a\nx\n=======\ny\nb\n", Some(3));
        case(versions, MARKED, "a\nx\ny\n>>>>>>> 5678\nb\n", Some(4));
        case(versions, MARKED, "a\nx\n||||||| other words\nb\n", Some(3));
        case(versions, MARKED, "a\r\n<<<<<<<\r\nb\r\n", Some(2));
        case(versions, MARKED, "", None);
        case(versions, MARKED, "a <<<<<<< 1234\n<<<<<<<x\n<<<<<<<< 1234\n========\n", None);
    }

    #[test]
    fn lines_that_a_version_has_stay() {
        let shown = "<<<<<<< HEAD\n=======\n>>>>>>> topic\n";
        let versions = [shown, &format!("{shown}x\n"), &format!("{shown}y\n")];
        let marked = format!("{shown}<<<<<<< 1234\nx\n=======\ny\n>>>>>>> 5678\n");
        case(versions, &marked, &format!("{shown}x\ny\n"), None);
        case(versions, &marked, &format!("{shown}x\n=======\ny\n"), Some(5));
        case(versions, &marked, &marked, Some(4));
    }

    #[test]
    fn headings_are_not_separators() {
        let (one, two) = ("Changes\n=======\n\none\n", "Changes\n=======\n\ntwo\n");
        let marked = "Changes\n=======\n\n<<<<<<< 1\none\n=======\ntwo\n>>>>>>> 2\n";
        case(["Changes\n=======\n\n", one, two], marked, "Changes\n=======\n\none\ntwo\n", None);
        case(["Changes\n=======\n\n", one, two], marked, "Changes\n=======\n\none\n=======\ntwo\n", Some(5));
        // Both sides have added one of their own.
        let (one, two) = ("Changes\n=======\n\nFoobars\n=======\n\n", "Changes\n=======\n\nQuxbars\n=======\n\n");
        let both = format!("{one}Quxbars\n=======\n\n");
        case(["Changes\n=======\n\n", one, two], marked, &both, None);
        // It was retitled.
        case(["", one, two], marked, "History\n=======\n\none\n", None);
    }

    #[test]
    fn the_size_is_the_files_own() {
        let marked = "<<<<<<<<<< 1\nx\n==========\ny\n>>>>>>>>>> 2\n";
        case(["", "x\n", "y\n"], marked, "x\n==========\ny\n", Some(2));
        case(["", "x\n", "y\n"], marked, "x\n=======\n<<<<<<< x\ny\n", None);
    }

    #[test]
    fn without_markers_nothing_is_left() {
        case(["a\n", "b\n", ""], "b\n", "<<<<<<< x\n", None);
    }
}
