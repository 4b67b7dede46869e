use crate::world::Home;
use std::time::{Duration, Instant};

#[test]
fn while_a_server_runs_a_command_acts_through_it_under_its_own_name() {
    let home = Home::ready();
    let server = home.serve();
    assert_eq!(home.ask(&["status"]).ok().json()["serving"], true);
    home.ask(&["audit", "export", "-o", "audit.jsonl"]).ok();
    let audit = std::fs::read_to_string(home.path("audit.jsonl")).unwrap();
    let last: serde_json::Value = serde_json::from_str(audit.lines().last().unwrap()).unwrap();
    assert!(last["by"].as_str().unwrap().starts_with("cli:"), "{last}");
    assert_eq!(home.setup(&[]).ok().json()["created"], false);
    let began = Instant::now();
    assert_eq!(server.end(), 0);
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(home.ask(&["status"]).ok().json()["serving"], false);
}

#[test]
fn a_server_that_was_killed_leaves_nothing_in_the_way() {
    let home = Home::ready();
    home.serve().kill();
    assert_eq!(home.ask(&["status"]).ok().json()["serving"], false);
    assert_eq!(home.serve().end(), 0);
}

#[test]
fn a_lock_that_is_held_without_an_answer_is_busy() {
    let home = Home::ready();
    let held = std::fs::File::open(home.path("D/house.lock")).unwrap();
    held.try_lock().unwrap();
    let said = home.ask(&["status"]);
    assert_eq!((said.exit, said.error()["kind"].as_str()), (6, Some("later")));
    assert_eq!(home.ask(&["serve"]).exit, 6);
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let home = Home::ready();
    let _server = home.serve();
    assert_eq!(home.ask(&["serve", "--listen", "127.0.0.1:0"]).exit, 6);
}

#[test]
fn an_address_that_is_taken_or_none_is_named() {
    let home = Home::ready();
    assert_eq!(home.ask(&["serve", "--listen", "news.example.jp"]).exit, 8);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = home.ask(&["serve", "--listen", &address]);
    assert!(said.error()["message"].as_str().unwrap().contains(&address));
}

#[test]
fn ready_is_told_to_whoever_started_the_service() {
    let home = Home::ready();
    let path = home.path("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut child =
        home.command(&["serve", "--data", "D", "--listen", "127.0.0.1:0"]).env("NOTIFY_SOCKET", &path).spawn().unwrap();
    let mut buffer = [0u8; 64];
    let n = socket.recv(&mut buffer).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(&buffer[..n], b"READY=1");
}
