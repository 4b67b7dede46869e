//! Which addresses take mail: the tokens of messages that were sent, and a declared list. Nothing else; so nothing is ever
//! passed on for strangers, and nobody can find out by trying who is in the books.

use super::machine::{Recipients, Taking};
use crate::delivery::bounces::{About, Paths, Postbox, Purpose};
use serde::{Deserialize, Serialize};

/// Where a mail came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct To {
    pub postbox: Postbox,
    /// The message of ours that the address named.
    pub about: Option<About>,
    pub domain: String,
}

/// One domain whose mail comes here, and the names in it that are declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    pub name: String,
    /// What stands before the `@`, in lower case.
    pub names: Vec<(String, Postbox)>,
}

impl Domain {
    /// The names that a domain has unless somebody says otherwise. RFC 2142 wants the first two.
    pub fn usual(name: &str) -> Domain {
        let names = [
            ("postmaster", Postbox::Postmaster),
            ("abuse", Postbox::Abuse),
            ("feedback", Postbox::Feedback),
            ("unsubscribe", Postbox::Unsubscribe),
            ("signup", Postbox::SignUp),
            ("reply", Postbox::Reply),
        ];
        let names = names.map(|(name, postbox)| (name.to_owned(), postbox)).to_vec();
        Domain { name: name.trim_end_matches('.').to_lowercase(), names }
    }
}

pub struct Addresses {
    domains: Vec<Domain>,
    paths: Paths,
}

impl Addresses {
    /// The first domain is this host's own.
    pub fn new(domains: Vec<Domain>, paths: Paths) -> Addresses {
        Addresses { domains, paths }
    }

    fn find(&self, domain: &Domain, local: &str) -> Option<To> {
        let domain_name = domain.name.clone();
        if let Some((purpose, about)) = self.paths.read(local) {
            let postbox = match purpose {
                Purpose::Bounce => Postbox::Bounce,
                Purpose::Reply => Postbox::Reply,
                Purpose::Unsubscribe => Postbox::Unsubscribe,
            };
            return Some(To { postbox, about: Some(about), domain: domain_name });
        }
        let local = local.to_lowercase();
        let declared = domain.names.iter().find(|(name, _)| *name == local);
        declared.map(|(_, postbox)| To { postbox: *postbox, about: None, domain: domain_name })
    }
}

impl Recipients for Addresses {
    type Known = To;

    fn taking(&self, local: &str, domain: Option<&str>, nobody: bool) -> Taking<To> {
        let domain = match domain {
            None => self.domains.first(),
            Some(name) => self.domains.iter().find(|d| d.name == name),
        };
        let Some(domain) = domain else { return Taking::NotOurs };
        match self.find(domain, local) {
            None => Taking::NoSuch,
            // A machine does not ask for more mail, and one that answered it would answer a machine.
            Some(To { postbox: Postbox::SignUp, .. }) if nobody => Taking::NoReports,
            Some(to) => Taking::Yes(to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{ContactId, RunId};
    use crate::base::seal::Key;

    #[test]
    fn tokens_and_the_declared_list_take_mail_and_nothing_else_does() {
        let paths = || Paths::new(|_| Key::new([7; 32]));
        let about = About { run: RunId(7), contact: ContactId(42) };
        let (bounce, reply) = (paths().local(Purpose::Bounce, about), paths().local(Purpose::Reply, about));
        let forged = Paths::new(|_| Key::new([8; 32])).local(Purpose::Bounce, about);
        let book = Addresses::new(vec![Domain::usual("bounce.example.jp"), Domain::usual("news.example.jp")], paths());
        for (local, domain, nobody, want) in [
            (bounce.as_str(), Some("bounce.example.jp"), true, "bounce r7"),
            (&bounce.to_uppercase(), Some("bounce.example.jp"), true, "bounce r7"),
            (&reply, Some("news.example.jp"), false, "reply r7"),
            (&forged, Some("bounce.example.jp"), true, "no such"),
            (&bounce[..bounce.len() - 1], Some("bounce.example.jp"), true, "no such"),
            (&bounce, Some("example.com"), true, "not ours"),
            ("POSTMASTER", None, true, "postmaster"),
            ("Abuse", Some("news.example.jp"), false, "abuse"),
            ("signup", Some("news.example.jp"), false, "sign_up"),
            ("signup", Some("news.example.jp"), true, "no reports"),
            ("reply", Some("news.example.jp"), true, "reply"),
            ("hanako", Some("news.example.jp"), false, "no such"),
            ("postmaster", Some("gmail.com"), false, "not ours"),
        ] {
            let got = match book.taking(local, domain, nobody) {
                Taking::Yes(To { postbox, about: Some(about), .. }) => format!("{} {}", postbox.name(), about.run),
                Taking::Yes(to) => to.postbox.name().to_owned(),
                Taking::NoSuch => "no such".into(),
                Taking::NotOurs => "not ours".into(),
                Taking::NoReports => "no reports".into(),
                Taking::Later => "later".into(),
            };
            assert_eq!(got, want, "{local} {domain:?}");
        }
    }
}
