//! Slow clients, in time that is an argument.

use crate::base::limits;
use crate::door::front::paced::{Paced, Pulse};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, sleep};

const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

fn pair() -> (DuplexStream, Paced<DuplexStream>, Arc<Pulse>) {
    let (client, server) = duplex(64 << 10);
    let pulse = Arc::new(Pulse::default());
    (client, Paced::http1(server, Arc::clone(&pulse), limits::KEEP_ALIVE), pulse)
}

#[tokio::test(start_paused = true)]
async fn one_who_says_nothing_or_a_letter_a_second_is_not_waited_for() {
    for trickle in [false, true] {
        let (mut client, mut paced, _) = pair();
        let began = Instant::now();
        let writing = tokio::spawn(async move {
            for letter in HEAD.iter().cycle().take(if trickle { 1000 } else { 0 }) {
                if client.write_all(&[if *letter == b'\n' { b' ' } else { *letter }]).await.is_err() {
                    return;
                }
                sleep(Duration::from_secs(1)).await;
            }
            sleep(Duration::from_secs(3600)).await;
        });
        assert_eq!(paced.next_head().await.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
        assert_eq!(began.elapsed().as_secs(), limits::HEAD_TIME.as_secs(), "trickle: {trickle}");
        writing.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_hears_of_a_form_before_its_body_has_begun_to_come() {
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n";
    for (sent, slow) in [(0, true), (limits::BODY_FIRST as usize - 1, true), (limits::BODY_FIRST as usize, false)] {
        let (mut client, mut paced, pulse) = pair();
        client.write_all(&[&head[..], &vec![b'a'; sent]].concat()).await.unwrap();
        let began = Instant::now();
        paced.next_head().await.unwrap();
        assert_eq!(began.elapsed() >= limits::BODY_GRACE, slow, "{sent}");
        assert_eq!(pulse.slow.load(Ordering::Acquire), slow, "{sent}");
    }
    // Who waits to be asked is asked.
    let (mut client, mut paced, pulse) = pair();
    client.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n").await.unwrap();
    let began = Instant::now();
    paced.next_head().await.unwrap();
    assert!(began.elapsed().is_zero() && !pulse.slow.load(Ordering::Acquire));
}

#[tokio::test(start_paused = true)]
async fn a_kept_connection_rests_longer_than_a_head_may_take_but_not_for_ever() {
    let (mut client, mut paced, _) = pair();
    client.write_all(HEAD).await.unwrap();
    let mut head = vec![0; HEAD.len()];
    paced.read_exact(&mut head).await.unwrap();
    let began = Instant::now();
    assert!(paced.read(&mut head).await.is_err());
    assert_eq!(began.elapsed().as_secs(), limits::KEEP_ALIVE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn while_it_is_our_turn_the_client_may_wait_as_long_as_he_likes() {
    let (mut client, mut paced, pulse) = pair();
    client.write_all(HEAD).await.unwrap();
    let mut head = vec![0; HEAD.len()];
    paced.read_exact(&mut head).await.unwrap();
    pulse.active.store(1, Ordering::Release);
    let waited = tokio::time::timeout(limits::KEEP_ALIVE * 4, paced.read(&mut head)).await;
    assert!(waited.is_err(), "nothing ended it");
}

#[tokio::test(start_paused = true)]
async fn heads_are_handed_on_one_by_one_and_bodies_by_their_length() {
    let (mut client, mut paced, _) = pair();
    let post = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
    client.write_all(&[post, &b"abc"[..], HEAD].concat()).await.unwrap();
    let mut room = [0u8; 500];
    let mut parts = Vec::new();
    for _ in 0..3 {
        let n = paced.read(&mut room).await.unwrap();
        parts.push(room[..n].to_vec());
    }
    assert_eq!(parts, [post.to_vec(), b"abc".to_vec(), HEAD.to_vec()]);
}

#[tokio::test(start_paused = true)]
async fn a_reader_who_takes_nothing_ends_the_connection() {
    let (_client, server) = duplex(1 << 10);
    let mut paced = Paced::http1(server, Arc::default(), limits::KEEP_ALIVE);
    let began = Instant::now();
    let ended = paced.write_all(&[0; 4 << 10]).await.unwrap_err();
    assert_eq!((ended.kind(), began.elapsed()), (std::io::ErrorKind::TimedOut, limits::WRITE_STALL));
}

#[tokio::test(start_paused = true)]
async fn a_reader_who_takes_a_little_now_and_then_is_served() {
    let (mut client, server) = duplex(1 << 10);
    let mut paced = Paced::http1(server, Arc::default(), limits::KEEP_ALIVE);
    let reading = tokio::spawn(async move {
        let mut room = [0u8; 1 << 10];
        let mut read = 0;
        while read < 8 << 10 {
            sleep(limits::WRITE_STALL / 2).await;
            read += client.read(&mut room).await.unwrap();
        }
        read
    });
    paced.write_all(&[0; 8 << 10]).await.unwrap();
    assert_eq!(reading.await.unwrap(), 8 << 10);
}
