//! Who is answered by the door itself, and how.

use super::world::{World, connect, exchange, receive, say};
use crate::base::link::Surface;
use crate::door::front::{Rate, Speaks};
use std::io::{Read, Write};
use std::net::SocketAddr;

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a.example\r\n\r\n")
}

#[test]
fn what_is_not_public_is_not_there_on_the_public_side() {
    let mut world = World::plain();
    for (path, public, admin) in [
        ("/", 404, 200),
        ("/admin", 404, 200),
        ("/nothing", 404, 200),
        ("/p", 200, 200),
        ("/u/SECRETTOKEN", 200, 200),
        ("/u/SECRETTOKEN/", 404, 200),
    ] {
        assert_eq!(world.public(get(path)).status, public, "{path}");
        assert_eq!(world.admin(get(path)).status, admin, "{path}");
    }
    let post = "POST /admin HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(world.public(post).status, 404);
    assert_eq!(world.heard().iter().filter(|h| h.all("hakobu-surface") == ["public"]).count(), 2);
    let lines = world.lines();
    assert!(lines.iter().all(|l| !l.path.contains("SECRET")), "{lines:?}");
}

#[test]
fn pages_of_the_doors_own_speak_the_readers_language_and_name_the_request() {
    let world = World::plain();
    let ask = |lines: &str| world.public(format!("GET /none HTTP/1.1\r\nHost: a\r\n{lines}\r\n"));
    let ja = ask("");
    assert!(ja.text().contains("ページが見つかりません") && ja.text().contains(ja.header("x-request-id").unwrap()));
    assert!(ja.header("content-security-policy").unwrap().contains("style-src 'sha256-"));
    assert!(ask("Accept-Language: en-US,en;q=0.9\r\n").text().contains("There is no such page"));
    let json = ask("Accept: application/json\r\nAccept-Language: en\r\n");
    let said: serde_json::Value = serde_json::from_slice(&json.body).unwrap();
    assert_eq!((&said["error"]["kind"], json.header("content-type")), (&"missing".into(), Some("application/json")));
}

#[test]
fn health_is_the_doors_own_and_readiness_the_workers() {
    let world = World::held(|_| {});
    assert_eq!(world.public("GET /healthz HTTP/1.0\r\n\r\n").text(), "ok\n");
    let ready = world.admin(get("/readyz"));
    assert_eq!((ready.status, ready.text()), (503, "ng\n"));
    assert!(ready.header("retry-after").is_some());
    world.worker("w", |_, out| say(out, "ready"));
    assert_eq!(world.public(get("/readyz")).text(), "ready");
}

#[test]
fn within_a_switch_readiness_waits_for_the_next_worker() {
    let world = World::held(|_| {});
    world.gate.hold_for_a_switch();
    std::thread::scope(|s| {
        let asked = s.spawn(|| world.public(get("/readyz")));
        while world.gate.waiting() == 0 {
            std::thread::yield_now();
        }
        world.worker("w", |_, out| say(out, "ready"));
        assert_eq!(asked.join().unwrap().text(), "ready");
    });
}

#[test]
fn while_nobody_will_answer_a_calm_page_is_shown_at_once() {
    let world = World::held(|_| {});
    world.gate.shut();
    let answer = world.public(get("/p"));
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
    assert!(answer.text().contains("ただいま準備しています"));
}

#[test]
fn an_address_has_only_so_many_connections_but_the_machine_itself_gets_in() {
    let world = World::with(|s| s.bounds.per_address = 3, |_, out| say(out, "hello"));
    let held: Vec<_> = (0..3)
        .map(|_| {
            let mut client = world.connect(Surface::Public);
            assert_eq!(exchange(&mut client, get("/p").as_bytes()).status, 200);
            client
        })
        .collect();
    let mut fourth = world.connect(Surface::Public);
    let answer = receive(&mut fourth, false);
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("5")));
    for _ in 0..10 {
        assert_eq!(world.admin(get("/p")).status, 200);
    }
    drop(held);
}

#[test]
fn when_all_places_are_taken_the_next_one_is_told_so() {
    let world = World::with(|s| s.bounds.connections = 2, |_, out| say(out, "hello"));
    let _held: Vec<_> = (0..2)
        .map(|_| {
            let mut client = world.connect(Surface::Public);
            assert_eq!(exchange(&mut client, get("/p").as_bytes()).status, 200);
            client
        })
        .collect();
    assert_eq!(receive(&mut world.connect(Surface::Public), false).status, 503);
}

#[test]
fn requests_are_counted_by_address_but_by_token_where_a_token_is() {
    let slow = |burst| Rate { per_second: 1, burst };
    let world = World::with(
        |s| {
            s.bounds.address_rate = slow(5);
            s.bounds.token_rate = slow(2);
        },
        |_, out| say(out, "hello"),
    );
    let mut client = world.connect(Surface::Public);
    let mut ask = |path: &str| exchange(&mut client, get(path).as_bytes());
    for token in 0..40 {
        assert_eq!(ask(&format!("/u/t{token}")).status, 200);
    }
    let of_one: Vec<u16> = (0..3).map(|_| ask("/u/one").status).collect();
    assert_eq!(of_one, [200, 200, 429]);
    let of_address: Vec<u16> = (0..6).map(|_| ask("/p").status).collect();
    assert_eq!(of_address, [200, 200, 200, 200, 200, 429]);
    assert!(ask("/none").header("retry-after").is_some(), "what is not there is counted too");
}

#[test]
fn the_word_of_a_trusted_proxy_counts_and_nobody_elses() {
    let trusted = World::with(|s| s.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()], |_, out| say(out, "hello"));
    let forged =
        "GET /p HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6, 192.0.2.7\r\nX-Forwarded-Proto: https\r\n\r\n";
    trusted.public(forged);
    assert_eq!(trusted.heard()[0].all("hakobu-from"), ["192.0.2.7"]);
    assert_eq!(trusted.heard()[0].all("hakobu-scheme"), ["https"]);
    let other = World::with(|s| s.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()], |_, out| say(out, "hello"));
    other.public(forged);
    assert_eq!(other.heard()[0].all("hakobu-from"), ["127.0.0.1"]);
    assert_eq!(other.heard()[0].all("hakobu-scheme"), ["http"]);
}

#[test]
fn a_proxy_header_is_read_from_a_trusted_proxy_and_from_nobody_else() {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend([192, 0, 2, 7, 10, 0, 0, 1, 0x30, 0x39, 0, 80]);
    let request = [header, get("/p").into_bytes()].concat();
    let set = |net: &'static str, on: bool| {
        World::with(
            move |s| {
                s.trusted_proxies = vec![net.parse().unwrap()];
                s.proxy_protocol = on;
            },
            |_, out| say(out, "hello"),
        )
    };
    let trusted = set("127.0.0.0/8", true);
    assert_eq!(trusted.public(&request).status, 200);
    assert_eq!(trusted.heard()[0].all("hakobu-from"), ["192.0.2.7"]);
    assert_eq!(trusted.public(get("/p")).status, 0, "a proxy that does not send it is not believed to be one");
    for world in [set("10.0.0.0/8", true), set("127.0.0.0/8", false)] {
        assert_ne!(world.public(&request).status, 200);
        assert!(world.heard().is_empty());
    }
}

#[test]
fn ipv6_is_listened_on_too() {
    let Ok(six) = std::net::TcpListener::bind("[::1]:0") else { return };
    let world = World::with(
        |s| {
            let surface = Surface::Public;
            s.listening = vec![crate::door::front::Listening { socket: six, surface, speaks: Speaks::Http }];
        },
        |_, out| say(out, "hello"),
    );
    let to: SocketAddr = world.address(Surface::Public, Speaks::Http);
    assert_eq!(exchange(&mut connect(to), get("/p").as_bytes()).status, 200);
    assert_eq!(world.heard()[0].all("hakobu-from"), ["::1"]);
}

#[test]
fn stopping_finishes_what_is_under_way_and_ends_what_rests() {
    let mut world = World::plain();
    let mut resting = world.connect(Surface::Public);
    assert_eq!(exchange(&mut resting, get("/p").as_bytes()).status, 200);
    world.gate.hold();
    let mut waiting = world.connect(Surface::Public);
    waiting.write_all(get("/p").as_bytes()).unwrap();
    while world.gate.waiting() == 0 {
        std::thread::yield_now();
    }
    let front = world.front.take().unwrap();
    let stopping = std::thread::spawn(move || front.stop(std::time::Duration::from_secs(10)));
    assert_eq!(resting.read(&mut [0u8; 1]).unwrap(), 0, "the one that rests ends at once");
    world.worker("second", |_, out| say(out, "still answered"));
    assert_eq!(receive(&mut waiting, false).text(), "still answered");
    drop((waiting, resting));
    assert!(stopping.join().unwrap());
}
