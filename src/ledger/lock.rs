//! Advisory locks (flock(2)) as values: dropping one releases it.

use super::LedgerError;
use crate::private;
use fs2::FileExt;
use rustix::io::Errno;
use std::{
    fs::File,
    io::{self, Seek, Write},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Sender},
    },
    thread,
    time::{Duration, Instant},
};

/// How long the file system may take to answer at all: a local one takes microseconds, and one on a
/// network may never.
const ANSWER: Duration = Duration::from_secs(10);

/// A lock that is held until the value is dropped, or the process ends however it ends.
///
/// The file is never deleted: a second process could lock the deleted file while a third locks a
/// new one. The descriptor is closed on exec, so that no child holds the lock on but by [`Lock::input`].
#[derive(Debug)]
#[must_use = "a lock that is not kept is released at once"]
pub struct Lock {
    file: Arc<File>,
}

/// How an attempt to lock ended without the lock.
#[derive(Debug)]
pub enum LockError {
    /// Another process holds it.
    Held,
    /// The file system has no locks.
    Unsupported,
    /// The file system did not answer within this time.
    Unanswered(Duration),
    /// The file cannot be made or locked at all.
    Io(io::Error),
}

impl LockError {
    /// The same of the lock file at `path`.
    #[must_use]
    pub fn at(self, path: PathBuf) -> LedgerError {
        match self {
            Self::Held => LedgerError::Locked(path),
            Self::Unsupported => LedgerError::NoLocks(path),
            Self::Unanswered(after) => LedgerError::Unanswered { path, after },
            Self::Io(error) => LedgerError::Io { action: "cannot lock", path, error },
        }
    }
}

impl From<io::Error> for LockError {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS) => Self::Unsupported,
            _ => Self::Io(error),
        }
    }
}

impl Lock {
    /// Locks `path`, made if missing, waiting at most `wait` for another holder, and 10 s more for a
    /// file system that does not answer.
    ///
    /// # Errors
    /// [`LockError::Held`] when the wait is over; the others tell what is wrong with the file or its
    /// file system.
    pub fn acquire(path: &Path, wait: Duration) -> Result<Self, LockError> {
        let file = Arc::new(private::open_lock(path)?);
        let deadline = Instant::now() + wait;
        loop {
            let asked = Arc::clone(&file);
            let answer = within(ANSWER, move || FileExt::try_lock_exclusive(&*asked))?;
            match answer.ok_or(LockError::Unanswered(ANSWER))? {
                Ok(()) => return Ok(Self { file }),
                // An answer that was cut short says nothing of the lock.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.raw_os_error() == fs2::lock_contended_error().raw_os_error() => {}
                Err(error) => return Err(error.into()),
            }
            let now = Instant::now();
            if now >= deadline {
                return Err(LockError::Held);
            }
            // flock(2) has no time-out, and a blocked call could only be left by a signal.
            thread::sleep((deadline - now).min(Duration::from_millis(20)));
        }
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// The thread that makes the calls which may never return, one after the other; made when it is needed.
static CALLER: Mutex<Option<Sender<Job>>> = Mutex::new(None);

/// What `work` gives in that thread; `None` if it takes longer than `limit`.
///
/// A call that never returns, as of flock(2) on a server that is gone, keeps the thread, and the next
/// call gets another. It keeps nobody from ending the process, and a lock that it takes after all
/// goes with it.
fn within<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> io::Result<Option<T>> {
    let (sender, answer) = mpsc::channel();
    let caller = || CALLER.lock().unwrap_or_else(PoisonError::into_inner);
    let jobs = match &mut *caller() {
        Some(jobs) => jobs.clone(),
        none => none.insert(start()?).clone(),
    };
    // The thread lives as long as somebody may send it anything.
    let _ = jobs.send(Box::new(move || drop(sender.send(work()))));
    let answer = answer.recv_timeout(limit).ok();
    if answer.is_none() {
        *caller() = None;
    }
    Ok(answer)
}

fn start() -> io::Result<Sender<Job>> {
    let (sender, jobs) = mpsc::channel::<Job>();
    thread::Builder::new().name("lock".to_owned()).spawn(move || jobs.into_iter().for_each(|job| job()))?;
    Ok(sender)
}

impl Lock {
    /// The locked file with `content` in it, for a child's standard input.
    ///
    /// flock(2) belongs to the open file: if this process is killed, the child holds the lock on
    /// until it ends. While this value lives, dropping it releases the lock for both.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn input(&self, content: &[u8]) -> io::Result<File> {
        let mut file = &*self.file;
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(content)?;
        file.rewind()?;
        file.try_clone()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file releases the lock as well, unless a child has it; there is nobody to tell
        // of an error, or of an answer that never comes.
        let file = Arc::clone(&self.file);
        let _ = within(ANSWER, move || FileExt::unlock(&*file));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_exclusive_until_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let first = Lock::acquire(&path, Duration::ZERO).unwrap();
        assert!(matches!(Lock::acquire(&path, Duration::ZERO), Err(LockError::Held)));
        drop(first);
        assert!(Lock::acquire(&path, Duration::ZERO).is_ok());
    }

    #[test]
    fn what_is_handed_on_holds_the_lock_until_it_is_dropped_here() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let lock = Lock::acquire(&path, Duration::ZERO).unwrap();
        let mut input = lock.input(b"event").unwrap();
        let mut content = String::new();
        io::Read::read_to_string(&mut input, &mut content).unwrap();
        assert_eq!(content, "event");
        assert!(matches!(Lock::acquire(&path, Duration::ZERO), Err(LockError::Held)));
        drop(lock);
        assert!(Lock::acquire(&path, Duration::ZERO).is_ok());
    }

    #[test]
    fn a_lock_that_cannot_be_made_is_not_a_held_one() {
        let path = Path::new("/proc/no/such/lock");
        assert!(matches!(Lock::acquire(path, Duration::ZERO), Err(LockError::Io(_))));
    }

    #[test]
    fn a_file_system_without_locks_is_its_own_error() {
        #[track_caller]
        fn case(errno: Errno, unsupported: bool) {
            let error = LockError::from(io::Error::from(errno));
            assert_eq!(matches!(error, LockError::Unsupported), unsupported, "{error:?}");
        }
        case(Errno::NOLCK, true);
        case(Errno::OPNOTSUPP, true);
        case(Errno::NOSYS, true);
        case(Errno::IO, false);
        case(Errno::ACCESS, false);
    }

    #[test]
    fn what_takes_too_long_is_left_to_itself() {
        let (sender, never) = mpsc::channel::<()>();
        assert_eq!(within(Duration::ZERO, move || never.recv().is_ok()).unwrap(), None);
        drop(sender);
        assert_eq!(within(ANSWER, || 1).unwrap(), Some(1));
    }
}
