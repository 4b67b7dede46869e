//! What the worker gets, and what comes back.

use super::world::{Bell, World, exchange, one_chunk, receive, say};
use crate::base::link::Surface;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const GET: &str = "GET /p HTTP/1.1\r\nHost: a.example\r\n\r\n";

#[test]
fn a_request_goes_through_and_connections_are_kept_on_both_sides() {
    let mut world = World::plain();
    let mut client = world.connect(Surface::Public);
    for _ in 0..3 {
        let answer = exchange(&mut client, GET.as_bytes());
        assert_eq!((answer.status, answer.text()), (200, "hello"));
        assert_eq!(answer.header("x-request-id").map(str::len), Some(16));
    }
    let heard = world.heard();
    assert!(heard.iter().all(|h| h.connection == 0), "one connection to the worker");
    assert_eq!(heard[0].all("hakobu-surface"), ["public"]);
    assert_eq!(heard[0].all("hakobu-scheme"), ["http"]);
    assert_eq!(heard[0].all("hakobu-from"), ["127.0.0.1"]);
    assert_eq!(heard[0].all("host"), ["a.example"]);
    let ids: std::collections::HashSet<_> = heard.iter().map(|h| h.all("hakobu-request")[0].to_owned()).collect();
    assert_eq!(ids.len(), 3);
    drop(client);
    let lines = world.lines();
    assert_eq!(lines.len(), 3);
    assert_eq!((lines[0].status, lines[0].bytes, lines[0].path.as_str()), (200, 5, "/p"));
}
