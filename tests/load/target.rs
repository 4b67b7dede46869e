//! What a load asks for, and whether the answer is the right one.

use super::client::{Call, Reply};
use super::figures::Fault;
use super::plan::{Deed, Order};
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper::http::request::Builder;
use std::net::SocketAddr;

pub trait Target: Send + Sync {
    /// How many unsubscribe links there are.
    fn links(&self) -> u32 {
        0
    }

    fn call(&self, order: Order) -> Call;

    fn fault(&self, order: Order, reply: &Reply) -> Option<Fault>;
}

/// One page of any web server, whose whole text is known.
pub struct Page {
    pub to: SocketAddr,
    pub path: String,
    pub text: Bytes,
}

impl Target for Page {
    fn call(&self, _: Order) -> Call {
        Call { to: self.to, request: get(self.to, &self.path) }
    }

    fn fault(&self, _: Order, reply: &Reply) -> Option<Fault> {
        right(reply, 200, reply.body == self.text)
    }
}

/// A house: links of mails on the public side, a script's token on the admin side.
pub struct House {
    pub public: SocketAddr,
    pub admin: SocketAddr,
    /// An API token that may edit and import.
    pub token: String,
    /// Tokens of unsubscribe links.
    pub links: Vec<String>,
    pub upload: Bytes,
}

/// Between the two, the address that tells one upload from another; blank lines make it longer than what a door keeps
/// in memory. Form feeds: what is blank is passed over, and is no separator either.
pub const BOUNDARY: &str = "----load";

pub fn blank(bytes: usize) -> Bytes {
    let line = [vec![0x0c; 16_000], vec![b'\n']].concat();
    Bytes::from(line.iter().copied().cycle().take(bytes).collect::<Vec<u8>>())
}

impl Target for House {
    fn links(&self) -> u32 {
        self.links.len() as u32
    }

    fn call(&self, order: Order) -> Call {
        let link = |n: u32| format!("/u/{}", self.links[n as usize]);
        match order.deed {
            Deed::Page(n) => Call { to: self.public, request: get(self.public, &link(n)) },
            Deed::Refuse(n) => {
                let request = form(builder("POST", self.public, &link(n)), "List-Unsubscribe=One-Click");
                Call { to: self.public, request }
            }
            Deed::Contact(n) => {
                let body = format!("email={}&tag={TAG}", contact(n));
                let request = form(self.signed(builder("POST", self.admin, "/api/v1/contacts")), &body);
                Call { to: self.admin, request }
            }
            Deed::Upload(n) => Call { to: self.admin, request: self.list(n) },
        }
    }

    fn fault(&self, order: Order, reply: &Reply) -> Option<Fault> {
        let holds = |text: &str| String::from_utf8_lossy(&reply.body).contains(text);
        match order.deed {
            // A page names its own link: nobody got somebody else's answer, or half of one.
            Deed::Page(n) => right(reply, 200, holds(&format!("/u/{}\"", self.links[n as usize])) && holds("</html>")),
            Deed::Refuse(_) => right(reply, 200, &reply.body[..] == b"OK"),
            Deed::Contact(_) if reply.status == 409 => Some(Fault::Twice),
            Deed::Contact(_) => right(reply, 201, holds("{\"contact\":\"p") && holds("}")),
            Deed::Upload(_) => right(reply, 303, true),
        }
    }
}

/// The tag on every contact that a load makes.
pub const TAG: &str = "load";

pub fn contact(n: u32) -> String {
    format!("made-{n}@load.example.jp")
}

fn listed(n: u32) -> String {
    format!("listed-{n}@load.example.jp")
}

impl House {
    fn signed(&self, builder: Builder) -> Builder {
        builder.header("authorization", format!("Bearer {}", self.token))
    }

    fn list(&self, n: u32) -> Request<Full<Bytes>> {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"list.csv\"\r\n\
             Content-Type: text/csv\r\n\r\n{}\n",
            listed(n)
        );
        let tail = format!("\r\n--{BOUNDARY}--\r\n");
        let body = [head.as_bytes(), &self.upload, tail.as_bytes()].concat();
        let builder = self.signed(builder("POST", self.admin, "/suppression/import"));
        finish(builder.header("content-type", format!("multipart/form-data; boundary={BOUNDARY}")), body)
    }
}

fn builder(method: &str, to: SocketAddr, path: &str) -> Builder {
    // The houses of a load answer under the name of this machine.
    let host = format!("127.0.0.1:{}", to.port());
    Request::builder().method(method).uri(path).header("host", host).header("accept-language", "en")
}

pub fn get(to: SocketAddr, path: &str) -> Request<Full<Bytes>> {
    finish(builder("GET", to, path), Vec::new())
}

fn form(builder: Builder, body: &str) -> Request<Full<Bytes>> {
    finish(builder.header("content-type", "application/x-www-form-urlencoded"), body.as_bytes().to_vec())
}

fn finish(builder: Builder, body: Vec<u8>) -> Request<Full<Bytes>> {
    builder.body(Full::new(Bytes::from(body))).unwrap()
}

fn right(reply: &Reply, status: u16, body: bool) -> Option<Fault> {
    match reply.status {
        s if s >= 500 => Some(Fault::Server),
        s if s != status => Some(Fault::Status),
        _ if !body => Some(Fault::Body),
        _ => None,
    }
}
