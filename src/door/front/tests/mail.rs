//! Connections that bring mail, against a worker that says what the test wants.

use super::world::World;
use crate::base::link::Surface;
use crate::base::run;
use crate::base::seal::Key;
use crate::door::front::{Certificate, FrontSettings, Listening, Speaks};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;

fn smtp(settings: &mut FrontSettings) {
    let here: SocketAddr = ([127, 0, 0, 1], 0).into();
    settings.listening.push(Listening::bind(here, Surface::Public, Speaks::Smtp).unwrap());
}

/// A worker whose mail socket is answered by this, connection after connection, and a gate that is open to it.
fn worker(world: &World, script: impl Fn(usize, &str, &mut BufReader<UnixStream>) + Send + 'static) {
    let pages = world.folder.path().join("w.p");
    let listener = UnixListener::bind(run::mail_beside(&pages)).unwrap();
    std::thread::spawn(move || {
        for (n, stream) in listener.incoming().enumerate() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut intro = String::new();
            stream.read_line(&mut intro).unwrap();
            script(n, &intro, &mut stream);
        }
    });
    world.gate.open(pages, "/nowhere".into(), super::world::routes());
}

fn connect(world: &World) -> TcpStream {
    super::world::connect(world.address(Surface::Public, Speaks::Smtp))
}

fn all(mut client: impl Read) -> String {
    let mut said = String::new();
    client.read_to_string(&mut said).unwrap();
    said
}

fn line(from: &mut impl BufRead) -> String {
    let mut line = String::new();
    from.read_line(&mut line).unwrap();
    line
}

#[test]
fn while_there_is_no_worker_everybody_is_told_to_come_back() {
    let world = World::held(smtp);
    assert!(all(connect(&world)).starts_with("421 4.3.2 "));
    world.gate.shut();
    assert!(all(connect(&world)).starts_with("421 4.3.2 "));
    world.gate.open(world.folder.path().join("gone.p"), "/nowhere".into(), super::world::routes());
    assert!(all(connect(&world)).starts_with("421 4.3.2 "), "nor is one waited for that does not listen");
}

#[test]
fn bytes_go_both_ways_behind_a_line_that_says_whose_they_are() {
    let world = World::held(smtp);
    worker(&world, |_, intro, stream| {
        assert_eq!(intro, "from 127.0.0.1 tls plain\n");
        stream.get_mut().write_all(b"220 hello\r\n").unwrap();
        let heard = line(stream);
        let answer = format!("250 {}\r\n221 bye\r\n\x04not for anybody", heard.trim());
        stream.get_mut().write_all(answer.as_bytes()).unwrap();
    });
    let mut client = connect(&world);
    client.write_all(b"from 192.0.2.9 tls on\r\n").unwrap();
    assert_eq!(all(client), "220 hello\r\n250 from 192.0.2.9 tls on\r\n221 bye\r\n");
}

#[test]
fn a_worker_that_goes_in_the_middle_has_not_kept_anything() {
    let world = World::held(smtp);
    worker(&world, |_, _, stream| stream.get_mut().write_all(b"220 hello\r\n").unwrap());
    assert!(all(connect(&world)).starts_with("220 hello\r\n421 4.3.2 "));
}

#[test]
fn one_address_has_its_places_and_pages_have_others() {
    let world = World::held(|s| {
        smtp(s);
        s.bounds.mail_per_address = 1;
    });
    worker(&world, |_, _, stream| {
        stream.get_mut().write_all(b"220 hello\r\n").unwrap();
        line(stream);
        stream.get_mut().write_all(b"221 bye\r\n\x04").unwrap();
    });
    let mut first = BufReader::new(connect(&world));
    assert_eq!(line(&mut first), "220 hello\r\n");
    assert_eq!(all(connect(&world)), "421 4.7.0 Too many connections\r\n");
    first.get_mut().write_all(b"QUIT\r\n").unwrap();
    assert_eq!(all(first), "221 bye\r\n");
}

#[test]
fn tls_begins_where_the_worker_says_so_and_the_conversation_anew_inside() {
    let kept = tempfile::tempdir().unwrap();
    let folder = kept.path().to_owned();
    let world = World::held(|s| {
        smtp(s);
        let (seal, names) = (Key::new([7; 32]), vec!["localhost".to_owned()]);
        s.certificate = Some(Certificate::OfOurs { folder, seal, names, authority: None });
    });
    worker(&world, |n, intro, stream| {
        let said: &[u8] = match n {
            0 => {
                assert_eq!(intro, "from 127.0.0.1 tls offered\n");
                stream.get_mut().write_all(b"220 hello\r\n").unwrap();
                line(stream);
                b"220 begin\r\n\x16"
            }
            _ => {
                assert_eq!(intro, "from 127.0.0.1 tls on\n");
                assert_eq!(line(stream), "EHLO inside\r\n", "nothing that was said in plain comes in");
                b"250 inside\r\n\x04"
            }
        };
        stream.get_mut().write_all(said).unwrap();
    });
    let mut client = BufReader::new(connect(&world));
    assert_eq!(line(&mut client), "220 hello\r\n");
    client.get_mut().write_all(b"STARTTLS\r\nMAIL FROM:<injected@example.jp>\r\n").unwrap();
    assert_eq!(line(&mut client), "220 begin\r\n");
    let mut roots = RootCertStore::empty();
    let shown = world.front.as_ref().unwrap().certificates().shown().unwrap();
    roots.add(CertificateDer::from(shown)).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(builder.with_root_certificates(roots).with_no_client_auth());
    let connection = ClientConnection::new(config, ServerName::try_from("localhost").unwrap()).unwrap();
    let mut inside = StreamOwned::new(connection, client.into_inner());
    inside.write_all(b"EHLO inside\r\n").unwrap();
    assert_eq!(all(inside), "250 inside\r\n");
}
