//! Reaching the house: the lock decides. Free: open it here. Held: speak to the server through its control socket.
//! Held and nobody answers: busy, exit 6.

use crate::base::frames::{self, Frame, Line};
use crate::base::link::{Step, TrialRecord};
use crate::base::provider::Phrase;
use crate::base::{Build, By, Error, Result, clock, limits, run};
use crate::house::House;
use crate::house::ask::{Answer, Ask, Streams};
use crate::house::wire::{self, Call};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

pub(super) fn answer(data: &Path, phrase: &Phrase, ask: Ask, io: &dyn Streams, build: Build) -> Result<Answer> {
    let since = Instant::now();
    loop {
        if let Some(house) = House::open_if_free(data, phrase, build, clock::now())? {
            return house.answer(&me(), clock::now(), ask, io);
        }
        if let Some(line) = connect(data)? {
            return call(&line, ask, io);
        }
        if since.elapsed() >= limits::BUSY_WAIT {
            return Err(busy());
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// What the door says of itself; `None` where nobody serves.
pub(super) fn door(data: &Path) -> Result<Option<serde_json::Value>> {
    let Some(line) = connect(data)? else { return Ok(None) };
    let cut = |e| Error::io(say!("サーバーとの接続が切れました。", "The server went away before it answered."), e);
    line.send(Frame::Door, b"").map_err(cut)?;
    let answer = line.receive(&mut || {}).map_err(cut)?;
    match answer {
        Some((Frame::Done, payload)) => frames::from_json(&payload).map(Some),
        Some((Frame::Failed, payload)) => Err(frames::error_from(&payload)),
        _ => Ok(None),
    }
}

/// Until the door's trial has ended; each of its steps is told as it ends.
pub(super) fn trial(data: &Path, id: &str, tell: &mut dyn FnMut(&Step)) -> Result<TrialRecord> {
    let cut = |e| {
        Error::io(say!("サーバーとの接続が切れました。", "The server went away before it answered."), e)
            .hint(say!("結果は hakobu update history で確認できます。", "hakobu update history says how it ended."))
    };
    let line = connect(data)?.ok_or_else(busy)?;
    line.send_json(Frame::Await, &id).map_err(cut)?;
    loop {
        match line.receive(&mut || {}).map_err(cut)? {
            Some((Frame::Progress, payload)) => tell(&frames::from_json(&payload)?),
            Some((Frame::Done, payload)) => return frames::from_json(&payload),
            Some((Frame::Failed, payload)) => return Err(frames::error_from(&payload)),
            Some(_) => return Err(Error::bug("the door spoke out of turn")),
            None => return Err(cut(std::io::ErrorKind::UnexpectedEof.into())),
        }
    }
}

/// Whoever types, by the account's name.
pub(super) fn me() -> By {
    By::Cli(run::account(rustix::process::getuid().as_raw()))
}

fn connect(data: &Path) -> Result<Option<Line>> {
    let Some(socket) = run::noted_socket(data) else { return Ok(None) };
    let Ok(stream) = UnixStream::connect(socket) else { return Ok(None) };
    let cannot = |e| Error::io(say!("制御ソケットを使えません。", "Cannot use the control socket."), e);
    let owner = std::fs::metadata(data).map_err(cannot)?.uid();
    let server = rustix::net::sockopt::socket_peercred(&stream).map_err(|e| cannot(e.into()))?.uid;
    if server.as_raw() != owner && !server.is_root() {
        return Err(Error::denied(say!(
            "制御ソケットの相手が、データフォルダーの所有者ではありません。",
            "Whoever answers the control socket does not own the data folder."
        )));
    }
    stream.set_read_timeout(Some(limits::PROGRESS_EVERY)).map_err(cannot)?;
    Ok(Some(Line::new(stream)))
}

fn call(line: &Line, ask: Ask, io: &dyn Streams) -> Result<Answer> {
    let cut = |e| {
        Error::io(say!("サーバーとの接続が切れました。", "The server went away before it answered."), e).hint(say!(
            "もう一度実行する前に、hakobu status で状態を確認してください。",
            "Look at hakobu status before you try again."
        ))
    };
    line.send_json(Frame::Ask, &Call { version: wire::VERSION, ask }).map_err(cut)?;
    let mut files = Lent { io, inputs: HashMap::new(), outputs: HashMap::new(), failed: None };
    let mut told_to_stop = false;
    loop {
        let mut idle = || {
            if io.progress().stopped() && !told_to_stop {
                told_to_stop = true;
                // A server that cannot be told has gone, which the next read says.
                line.send(Frame::Stop, b"").ok();
            }
        };
        let received = line.receive(&mut idle).map_err(cut)?;
        idle();
        let (frame, payload) = received.ok_or_else(|| cut(std::io::ErrorKind::UnexpectedEof.into()))?;
        match frame {
            Frame::Want => files.answer_want(line, &payload)?,
            Frame::Output => files.write(&payload)?,
            Frame::Progress => {
                let (done, total) = frames::from_json(&payload)?;
                io.progress().tell(done, total);
            }
            Frame::Done => {
                files.flush()?;
                return frames::from_json(&payload);
            }
            Frame::Failed => return Err(files.failed.unwrap_or_else(|| frames::error_from(&payload))),
            Frame::Ask | Frame::Chunk | Frame::Stop | Frame::Lost | Frame::Peer | Frame::Door | Frame::Await => {
                return Err(Error::bug("the server spoke out of turn"));
            }
        }
    }
}

/// The files of one call, opened when the server first names them.
struct Lent<'a> {
    io: &'a dyn Streams,
    inputs: HashMap<String, Box<dyn Read + Send + 'a>>,
    outputs: HashMap<String, Box<dyn Write + Send + 'a>>,
    failed: Option<Error>,
}

impl Lent<'_> {
    fn answer_want(&mut self, line: &Line, name: &[u8]) -> Result<()> {
        let name = String::from_utf8_lossy(name).into_owned();
        let sent = match self.chunk(&name) {
            Ok(bytes) => line.send(Frame::Chunk, &bytes),
            Err(e) => {
                self.failed = Some(e);
                line.send(Frame::Lost, b"")
            }
        };
        // A server that stopped reading has an answer for us, or has gone: the next read tells.
        sent.or(Ok(()))
    }

    fn chunk(&mut self, name: &str) -> Result<Vec<u8>> {
        let input = match self.inputs.entry(name.to_owned()) {
            std::collections::hash_map::Entry::Occupied(open) => open.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => place.insert(self.io.input(name)?),
        };
        let mut bytes = Vec::new();
        input
            .by_ref()
            .take(limits::WIRE_CHUNK as u64)
            .read_to_end(&mut bytes)
            .map_err(|e| Error::io(say!("ファイルを読めません。", "Cannot read the file."), e))?;
        Ok(bytes)
    }

    fn write(&mut self, payload: &[u8]) -> Result<()> {
        let (name, bytes) =
            frames::split_output(payload).ok_or_else(|| Error::bug("an output frame that cannot be read"))?;
        let output = match self.outputs.entry(name.to_owned()) {
            std::collections::hash_map::Entry::Occupied(open) => open.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => place.insert(self.io.output(name)?),
        };
        output.write_all(bytes).map_err(cannot_write)
    }

    fn flush(&mut self) -> Result<()> {
        self.outputs.values_mut().try_for_each(|o| o.flush()).map_err(cannot_write)
    }
}

fn cannot_write(e: std::io::Error) -> Error {
    Error::io(say!("書き出せません。", "Cannot write the output."), e)
}

fn busy() -> Error {
    Error::later(say!(
        "このデータフォルダーは使用中で、応答がありません。",
        "This data folder is in use, and whoever uses it does not answer."
    ))
    .hint(say!("少し待ってから、もう一度実行してください。", "Wait a little, then try again."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Kind, Progress};
    use crate::house::ask::house::HouseAsk;
    use crate::worker::control::Control;
    use std::io::Cursor;
    use std::sync::Mutex;

    /// Files and screen in memory; `stop_after` progress lines it asks to stop.
    #[derive(Default)]
    struct Desk {
        input: Vec<u8>,
        output: Mutex<Vec<u8>>,
        told: Mutex<Vec<(u64, u64)>>,
        stop: bool,
    }

    struct Into<'a>(&'a Desk);

    impl Write for Into<'_> {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.output.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Streams for Desk {
        fn input(&self, _name: &str) -> Result<Box<dyn Read + Send + '_>> {
            Ok(Box::new(Cursor::new(&self.input)))
        }
        fn output(&self, _name: &str) -> Result<Box<dyn Write + Send + '_>> {
            Ok(Box::new(Into(self)))
        }
        fn progress(&self) -> &dyn Progress {
            self
        }
    }

    impl Progress for Desk {
        fn tell(&self, done: u64, total: u64) {
            self.told.lock().unwrap().push((done, total));
        }
        fn stopped(&self) -> bool {
            self.stop
        }
    }

    fn over_a_socket(desk: &Desk, answer: Box<crate::worker::control::Answerer>) -> Result<Answer> {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("s");
        let control = Control::listen(&socket, answer).unwrap();
        std::fs::write(dir.path().join(run::NOTE), socket.as_os_str().as_encoded_bytes()).unwrap();
        let line = connect(dir.path()).unwrap().unwrap();
        let outcome = call(&line, Ask::House(HouseAsk::Status), desk);
        control.stop();
        assert!(!socket.exists(), "the socket is gone");
        outcome
    }

    #[test]
    fn files_go_both_ways_and_progress_is_told() {
        let desk = Desk { input: b"line\n".repeat(200_000), ..Desk::default() };
        let outcome = over_a_socket(
            &desk,
            Box::new(|by, _ask, io| {
                io.progress().tell(1, 2);
                let mut out = io.output("file")?;
                let n = std::io::copy(&mut io.input("file")?, &mut out).map_err(cannot_write)?;
                out.flush().map_err(cannot_write)?;
                Ok(Answer::of(serde_json::json!({"bytes": n, "by": by.to_string()}))?.but(Kind::Stopped))
            }),
        );
        let answer = outcome.unwrap();
        assert_eq!((answer.value["bytes"].as_u64(), answer.exit), (Some(1_000_000), 3));
        assert_eq!(answer.value["by"], me().to_string());
        assert!(*desk.output.lock().unwrap() == desk.input);
        assert_eq!(*desk.told.lock().unwrap(), [(1, 2)]);
    }

    #[test]
    fn a_server_that_answers_before_the_input_is_read_does_not_block_the_caller() {
        let desk = Desk { input: vec![0; 10_000_000], ..Desk::default() };
        let outcome = over_a_socket(
            &desk,
            Box::new(|_, _, io| {
                io.input("file")?.read_exact(&mut [0u8; 10]).map_err(cannot_write)?;
                Err(Error::refused(say!("だめ", "No.")))
            }),
        );
        assert_eq!(outcome.unwrap_err().kind(), Kind::Refused);
    }

    #[test]
    fn a_stop_reaches_the_server_and_its_answer_still_comes_back() {
        let desk = Desk { stop: true, ..Desk::default() };
        let outcome = over_a_socket(
            &desk,
            Box::new(|_, _, io| {
                while !io.progress().stopped() {
                    std::thread::yield_now();
                }
                Ok(Answer::of(1)?.but(Kind::Stopped))
            }),
        );
        assert_eq!(outcome.unwrap().exit, 3);
    }

    #[test]
    fn a_panic_while_answering_is_an_error_of_ours_and_not_the_end_of_the_server() {
        let outcome = over_a_socket(&Desk::default(), Box::new(|_, _, _| panic!("on purpose")));
        assert_eq!(outcome.unwrap_err().kind(), Kind::Bug);
    }
}
