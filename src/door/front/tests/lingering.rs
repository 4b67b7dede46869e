//! A front that another one follows, on the same sockets.

use super::world::{Bell, World, exchange, receive, say};
use crate::base::link::Surface;
use crate::door::front::Listening;
use std::io::{Read, Write};
use std::sync::Arc;

const GET: &[u8] = b"GET /p HTTP/1.1\r\nHost: a.example\r\n\r\n";

/// Another front on the sockets of this one, with a worker that says "next".
fn follows(world: &World) -> World {
    let same = world.front.as_ref().unwrap().listening().iter().map(|one| Listening {
        socket: one.socket.try_clone().unwrap(),
        surface: one.surface,
        speaks: one.speaks,
    });
    let same: Vec<Listening> = same.collect();
    World::with(move |settings| settings.listening = same, |_, out| say(out, "next"))
}

#[test]
fn who_is_here_is_answered_once_more_and_who_comes_is_taken_by_the_next_one() {
    let mut world = World::plain();
    let mut rests = world.connect(Surface::Public);
    assert_eq!(exchange(&mut rests, GET).header("connection"), None);
    let next = follows(&world);
    world.front.as_mut().unwrap().linger();
    assert!(world.front.as_ref().unwrap().listening().is_empty());
    let last = exchange(&mut rests, GET);
    assert_eq!((last.status, last.text(), last.header("connection")), (200, "hello", Some("close")));
    assert_eq!(rests.read(&mut [0]).unwrap(), 0, "and then it ends");
    // The last one that the first front took may still come before.
    let answers: Vec<_> = (0..1_000).map(|_| next.public(GET)).take_while(|a| a.text() != "next").collect();
    assert!(answers.len() < 1_000 && answers.iter().all(|a| a.status == 200));
    assert_eq!(next.public(GET).text(), "next");
}

#[test]
fn what_is_under_way_is_answered() {
    let (came, may_answer) = (Arc::new(Bell::default()), Arc::new(Bell::default()));
    let (coming, answering) = (Arc::clone(&came), Arc::clone(&may_answer));
    let mut world = World::with(
        |_| {},
        move |_, out| {
            coming.ring();
            answering.wait();
            say(out, "at last")
        },
    );
    let mut client = world.connect(Surface::Public);
    client.write_all(GET).unwrap();
    came.wait();
    world.front.as_mut().unwrap().linger();
    assert_eq!(world.front.as_ref().unwrap().figures().connections, 1);
    may_answer.ring();
    let answer = receive(&mut client, false);
    assert_eq!((answer.status, answer.text(), answer.header("connection")), (200, "at last", Some("close")));
}
