//! How connections end by themselves, in time that is an argument.

use super::world::{Log, routes};
use crate::base::limits;
use crate::base::link::Surface;
use crate::door::front::access::Access;
use crate::door::front::connection::{self, Port};
use crate::door::front::paced::{Paced, Pulse};
use crate::door::front::serve::Line;
use crate::door::front::state::State;
use crate::door::front::{Certificates, FrontSettings, Outlet, Speaks};
use crate::door::gate::Gate;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::Instant;

/// A connection of the public side, and the folder that its bodies would lie in.
fn line(speaks: Speaks) -> (Line, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let settings = FrontSettings::new(Vec::new(), folder.path().join("spool"));
    let gate = Gate::new();
    gate.open("/nowhere".into(), "/nowhere".into(), routes());
    let outlet = Arc::new(Log::default()) as Arc<dyn Outlet>;
    let (access, _thread) = Access::start(outlet).unwrap();
    let certificates = Certificates::open(None).unwrap();
    let state = Arc::new(State::new(&settings, gate, access, certificates, 1_000).unwrap());
    let port = Port { surface: Surface::Public, speaks };
    (Line { state, port, peer: [192, 0, 2, 7].into(), pulse: Arc::new(Pulse::default()) }, folder)
}

fn http1() -> (DuplexStream, tokio::task::JoinHandle<std::io::Result<()>>, tempfile::TempDir) {
    let (line, folder) = line(Speaks::Http);
    let (client, server) = duplex(64 << 10);
    let paced = Paced::http1(server, Arc::clone(&line.pulse), limits::KEEP_ALIVE);
    (client, tokio::spawn(connection::speak_http1(line, paced)), folder)
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stops_coming_or_trickles_is_answered_408_and_the_connection_ends() {
    for trickle in [false, true] {
        let (mut client, serving, _folder) = http1();
        client.write_all(b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\nhe").await.unwrap();
        let (mut reading, mut writing) = tokio::io::split(client);
        let began = Instant::now();
        let slow = tokio::spawn(async move {
            while trickle && writing.write_all(b"l").await.is_ok() {
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            }
            writing
        });
        let mut answer = Vec::new();
        reading.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("connection: close\r\n"), "{answer}");
        let took = began.elapsed();
        assert!(took >= limits::BODY_GRACE && took < limits::BODY_GRACE * 2, "{took:?}");
        slow.abort();
        drop(reading);
        serving.await.unwrap().ok();
    }
}

/// Two ends with a wire between them, which takes what is said to somebody who has gone, as a network does.
fn wire() -> (DuplexStream, DuplexStream) {
    let ((client, near), (far, server)) = (duplex(64 << 10), duplex(64 << 10));
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (tokio::io::split(near), tokio::io::split(far));
    tokio::spawn(async move {
        let mut room = [0u8; 4 << 10];
        while let Ok(n @ 1..) = from_client.read(&mut room).await {
            to_server.write_all(&room[..n]).await.ok();
        }
    });
    tokio::spawn(async move {
        tokio::io::copy(&mut from_server, &mut to_client).await.ok();
        to_client.shutdown().await.ok();
    });
    (client, server)
}

#[tokio::test(start_paused = true)]
async fn a_resting_http2_connection_is_told_goodbye_and_one_that_is_used_goes_on() {
    let (line, _folder) = line(Speaks::Https);
    let (client, server) = wire();
    let paced = Paced::http2(server, Arc::clone(&line.pulse), limits::KEEP_ALIVE);
    let serving = tokio::spawn(connection::speak_http2(line, paced));
    let made = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(client)).await;
    let (mut asking, talking) = made.unwrap();
    let talking = tokio::spawn(talking);
    for _ in 0..3 {
        let request = Request::get("https://a/healthz").body(Full::<Bytes>::default()).unwrap();
        let answer = asking.send_request(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(&answer.into_body().collect().await.unwrap().to_bytes()[..], b"ok\n");
        tokio::time::sleep(limits::KEEP_ALIVE * 2 / 3).await;
        assert!(!asking.is_closed(), "it rested less than it may");
    }
    let began = Instant::now();
    // An end without an error is a goodbye: a connection that was cut off would be one.
    talking.await.unwrap().unwrap();
    serving.await.unwrap().unwrap();
    let rested = began.elapsed() + limits::KEEP_ALIVE * 2 / 3;
    assert!(
        rested >= limits::KEEP_ALIVE && rested <= limits::KEEP_ALIVE + 2 * limits::KEEP_ALIVE_CROWDED,
        "{rested:?}"
    );
    assert!(asking.is_closed());
}
