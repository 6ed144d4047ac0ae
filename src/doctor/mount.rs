//! The kind of file system that a directory is on, from the kernel's table of mounts.
//!
//! statfs(2) tells it as a number, for every kind of FUSE the same; and it asks the server, which
//! may be what is wrong.

use std::path::Path;

/// The kinds of file system whose locks and renames depend on a server.
const NETWORK: [&str; 14] = [
    "9p",
    "afs",
    "ceph",
    "cifs",
    "fuse",
    "fuseblk",
    "gfs2",
    "glusterfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "ocfs2",
    "smb3",
];

/// The kind, if it is one whose locks depend on a server; `mounts` is `/proc/self/mountinfo`.
pub fn network<'a>(mounts: &'a str, path: &Path) -> Option<&'a str> {
    let (_, kind) = mounts
        .lines()
        .filter_map(mount)
        .filter(|(point, _)| path.starts_with(point))
        // Of those of one length the last is on top.
        .max_by_key(|(point, _)| point.len())?;
    let base = kind.split('.').next().unwrap_or(kind);
    NETWORK.contains(&base).then_some(kind)
}

/// Mount point and kind of a line: `proc_pid_mountinfo(5)`.
fn mount(line: &str) -> Option<(String, &str)> {
    let (before, after) = line.split_once(" - ")?;
    let point = before.split(' ').nth(4)?;
    let unescaped = point.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\");
    Some((unescaped, after.split(' ').next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 254:0 / / rw,relatime - ext4 /dev/root rw
30 22 0:40 / /home rw shared:1 - nfs4 server:/home rw,vers=4.2
31 30 254:9 / /home/ann/local rw - xfs /dev/vdb rw
32 22 0:41 / /mnt/with\\040space rw - fuse.sshfs host: rw
33 22 0:42 / /over rw - ext4 /dev/vdc rw
34 33 0:43 / /over rw - cifs //server/share rw
nonsense
";

    #[test]
    fn the_innermost_mount_tells() {
        #[track_caller]
        fn case(path: &str, expected: Option<&str>) {
            assert_eq!(network(MOUNTS, Path::new(path)), expected, "{path}");
        }
        case("/var/lib/patch", None);
        case("/home/ann/.local/state", Some("nfs4"));
        case("/home/ann/local/state", None);
        case("/homes", None);
        case("/mnt/with space/x", Some("fuse.sshfs"));
        case("/over/x", Some("cifs"));
        assert_eq!(network("", Path::new("/")), None);
    }
}
