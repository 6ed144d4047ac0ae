//! A server that keeps no rule of HTTP: each connection is a script of bytes and pauses.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Connections served in all; one more is not taken.
const CONNECTIONS: usize = 2000;
/// How long one connection may last, however little was said in it.
const LONGEST: Duration = Duration::from_secs(120);
/// Bytes of a request that are read.
const HEAD: usize = 64 * 1024;

#[derive(Default)]
struct State {
    stopping: bool,
    asked: Vec<String>,
    open: Vec<TcpStream>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    stopped: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The server; dropping it ends its connections and its threads.
pub struct Hostile {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl Hostile {
    /// Listens on a free port of 127.0.0.1; each connection is handled by `script`, on a thread of
    /// its own, until that returns, fails or the server stops.
    pub fn start(script: impl Fn(&mut Talk) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::<Shared>::default();
        let ours = Arc::clone(&shared);
        let script = Arc::new(script);
        let acceptor = thread::spawn(move || {
            for stream in listener.incoming().take(CONNECTIONS) {
                let Ok(stream) = stream else { return };
                let mut state = ours.lock();
                if state.stopping {
                    return;
                }
                state.open.push(stream.try_clone().unwrap());
                drop(state);
                let (script, shared) = (Arc::clone(&script), Arc::clone(&ours));
                thread::spawn(move || {
                    stream.set_nodelay(true).unwrap();
                    stream.set_write_timeout(Some(LONGEST)).unwrap();
                    stream.set_read_timeout(Some(LONGEST)).unwrap();
                    // A client that hangs up is what these servers are made for.
                    let mut talk = Talk { stream, shared, until: Instant::now() + LONGEST };
                    let _ = script(&mut talk);
                    let _ = talk.stream.shutdown(Shutdown::Both);
                });
            }
        });
        Self { address, shared, acceptor: Some(acceptor) }
    }

    /// The URL of a path that starts with `/`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The paths that were asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.shared.lock().asked.clone()
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        {
            let mut state = self.shared.lock();
            state.stopping = true;
            for stream in &state.open {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        self.shared.stopped.notify_all();
        // Wakes the acceptor, which blocks until somebody comes.
        let woken = TcpStream::connect(self.address).is_ok();
        if let Some(acceptor) = self.acceptor.take().filter(|acceptor| woken || acceptor.is_finished()) {
            let _ = acceptor.join();
        }
    }
}

/// One connection, from the server's side. Every method fails once the server stops, the client has
/// left, or the connection has lasted two minutes.
pub struct Talk {
    stream: TcpStream,
    shared: Arc<Shared>,
    until: Instant,
}

impl Talk {
    /// Reads a request's head: its path, and its head in lower case.
    pub fn request(&mut self) -> io::Result<(String, String)> {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() > HEAD || self.stream.read(&mut byte)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            head.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        self.shared.lock().asked.push(path.clone());
        Ok((path, head.to_ascii_lowercase()))
    }

    /// Sends bytes.
    pub fn say(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        if Instant::now() > self.until || self.shared.lock().stopping {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.write_all(bytes.as_ref())
    }

    /// Sends an answer with this body and its length.
    pub fn answer(&mut self, head: &str, body: impl AsRef<[u8]>) -> io::Result<()> {
        let body = body.as_ref();
        self.say(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{head}\r\n", body.len()))?;
        self.say(body)
    }

    /// Sends the same bytes again and again.
    pub fn for_ever(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        loop {
            self.say(&bytes)?;
        }
    }

    /// Sends bytes one by one, ten a second, then starts again.
    pub fn drip(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        for byte in bytes.as_ref().iter().cycle() {
            self.say([*byte])?;
            self.pause(Duration::from_millis(100))?;
        }
        Ok(())
    }

    /// Says nothing for so long.
    pub fn pause(&mut self, time: Duration) -> io::Result<()> {
        let state = self.shared.lock();
        let (state, _) = self.shared.stopped.wait_timeout_while(state, time, |state| !state.stopping).unwrap();
        if state.stopping { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }

    /// Says nothing more, and keeps the connection until the client gives up.
    pub fn hold(&mut self) -> io::Result<()> {
        self.stream.read_to_end(&mut Vec::new()).map(drop)
    }
}
