//! A small HTTP/1.1 server on 127.0.0.1: the upstream of rehearsals and tests.
//!
//! It answers what a handler says, remembers what it was asked, and misbehaves on request
//! ([`Response::raw`], [`Response::hold`]). It is bounded in connections, header size, time and
//! memory, and takes no request bodies.

mod message;

pub use message::{Request, Response};

use message::HEAD;
use std::{
    collections::HashMap,
    io::{self, BufReader, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

/// Connections served at once; one more is closed unanswered.
const CONNECTIONS: usize = 64;
/// Requests remembered; later ones are answered but not kept.
const REMEMBERED: usize = 10_000;
/// How long a client may say nothing, or take nothing.
const IDLE: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
struct State {
    stopping: bool,
    open: HashMap<usize, TcpStream>,
    requests: Vec<Request>,
}

/// The server; dropping it ends its connections and its threads.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    acceptor: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on a free port of 127.0.0.1 and answers with `handler`, which may be called by
    /// several threads at once and must return for the server to stop.
    ///
    /// # Errors
    /// If there is no port or no thread to be had.
    pub fn start(handler: impl Fn(&Request) -> Response + Send + Sync + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        let acceptor =
            thread::Builder::new().name("loopback".to_owned()).spawn(move || accept(&listener, &shared, &handler))?;
        Ok(Self { address, state, acceptor: Some(acceptor) })
    }

    /// The URL of a path (and query) that starts with `/`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What was asked so far, in the order of the answers.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.state).requests.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        {
            let mut state = lock(&self.state);
            state.stopping = true;
            for stream in state.open.values() {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        // Wakes the acceptor, which blocks until somebody comes.
        let woken = TcpStream::connect(self.address).is_ok();
        if let Some(acceptor) = self.acceptor.take().filter(|acceptor| woken || acceptor.is_finished()) {
            let _ = acceptor.join();
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(listener: &TcpListener, state: &Mutex<State>, handler: &(impl Fn(&Request) -> Response + Sync)) {
    thread::scope(|scope| {
        for (number, stream) in listener.incoming().enumerate() {
            let mut open = lock(state);
            if open.stopping {
                return;
            }
            // Accepting fails for good when the process has no file descriptors left.
            let Ok(stream) = stream else { return };
            let Some(handle) = stream.try_clone().ok().filter(|_| open.open.len() < CONNECTIONS) else { continue };
            open.open.insert(number, handle);
            drop(open);
            let closing = Closing { state, number };
            let serving = thread::Builder::new().spawn_scoped(scope, move || {
                let closing = closing;
                // A client that breaks off or talks nonsense is its own problem.
                let _ = serve(&stream, closing.number, closing.state, handler);
            });
            drop(serving);
        }
    });
}

/// Forgets the connection when its thread ends, in a panic too.
struct Closing<'a> {
    state: &'a Mutex<State>,
    number: usize,
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        if let Some(stream) = lock(self.state).open.remove(&self.number) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn serve(
    stream: &TcpStream,
    number: usize,
    state: &Mutex<State>,
    handler: &impl Fn(&Request) -> Response,
) -> io::Result<()> {
    stream.set_read_timeout(Some(IDLE))?;
    stream.set_write_timeout(Some(IDLE))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = Request::read(&mut reader, number)? {
        let response = if request.has_body() { Response::new(413).close() } else { handler(&request) };
        let bytes = response.bytes(&request);
        let last = response.close || request.wants_close();
        {
            let mut state = lock(state);
            if state.requests.len() < REMEMBERED {
                state.requests.push(request);
            }
        }
        (&mut &*stream).write_all(&bytes)?;
        if response.hold {
            io::copy(&mut reader.by_ref().take(HEAD), &mut io::sink())?;
            return Ok(());
        }
        if last {
            return Ok(());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(server: &Server, request: &str) -> String {
        let mut stream = TcpStream::connect(server.address).unwrap();
        // The server may have hung up before the end.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    #[test]
    fn it_answers_and_remembers() {
        let server = Server::start(|request| {
            Response::new(200).header("X-Target", &request.target).body(request.header("x-a").unwrap_or("none"))
        })
        .unwrap();
        let two = "GET /a?b HTTP/1.1\r\nHost: x\r\nX-A:  1 \r\n\r\nHEAD / HTTP/1.1\r\nConnection: close\r\n\r\n";
        let expected = "HTTP/1.1 200 200\r\nX-Target: /a?b\r\nContent-Length: 1\r\n\r\n1\
            HTTP/1.1 200 200\r\nX-Target: /\r\nContent-Length: 4\r\n\r\n";
        assert_eq!(ask(&server, two), expected);
        let targets: Vec<_> = server.requests().into_iter().map(|r| (r.method, r.target, r.connection)).collect();
        assert_eq!(targets, [("GET".into(), "/a?b".into(), 0), ("HEAD".into(), "/".into(), 0)]);
    }

    #[test]
    fn what_it_does_not_take_it_does_not_answer() {
        let server = Server::start(|_| Response::new(200)).unwrap();
        assert_eq!(ask(&server, "nonsense\r\n\r\n"), "");
        assert_eq!(ask(&server, "GET / HTTP/1.1\r\nnonsense\r\n\r\n"), "");
        assert_eq!(ask(&server, &format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(40_000))), "");
        assert!(server.requests().is_empty());
        let post = "POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n";
        assert!(ask(&server, post).starts_with("HTTP/1.1 413 "));
    }

    #[test]
    fn it_survives_a_panicking_handler_and_stops_with_open_connections() {
        let server = Server::start(|request| match request.target.as_str() {
            "/panic" => panic!("the handler fails"),
            _ => Response::raw("partial").hold(),
        })
        .unwrap();
        assert_eq!(ask(&server, "GET /panic HTTP/1.1\r\n\r\n"), "");
        let mut held = TcpStream::connect(server.address).unwrap();
        held.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        held.read_exact(&mut [0; 7]).unwrap();
        let silent = TcpStream::connect(server.address).unwrap();
        drop(server);
        assert_eq!(held.read(&mut [0]).unwrap_or(0), 0);
        drop(silent);
    }
}
