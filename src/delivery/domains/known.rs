//! What DNS has said so far, and what is still to be asked: so that judging is pure. Whoever judges asks here; what is
//! not known yet is noted, and after it was asked in DNS everything is judged anew.

use crate::base::limits;
use crate::base::names::{MailHost, Records};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Question {
    Texts(String),
    MailHosts(String),
    Addresses(String),
    Reverse(IpAddr),
}

#[derive(Clone, Debug)]
pub(super) enum Heard {
    Texts(Records<String>),
    MailHosts(Records<MailHost>),
    Addresses(Records<IpAddr>),
    Reverse(Records<String>),
}

#[derive(Default)]
pub(super) struct Known {
    heard: BTreeMap<Question, Heard>,
    open: RefCell<BTreeSet<Question>>,
}

impl Known {
    pub(super) fn texts(&self, name: &str) -> Records<String> {
        match self.look(Question::Texts(name.to_ascii_lowercase())) {
            Some(Heard::Texts(records)) => records,
            _ => Records::Unknown,
        }
    }

    pub(super) fn mail_hosts(&self, name: &str) -> Records<MailHost> {
        match self.look(Question::MailHosts(name.to_ascii_lowercase())) {
            Some(Heard::MailHosts(records)) => records,
            _ => Records::Unknown,
        }
    }

    pub(super) fn addresses(&self, name: &str) -> Records<IpAddr> {
        match self.look(Question::Addresses(name.to_ascii_lowercase())) {
            Some(Heard::Addresses(records)) => records,
            _ => Records::Unknown,
        }
    }

    pub(super) fn reverse(&self, ip: IpAddr) -> Records<String> {
        match self.look(Question::Reverse(ip)) {
            Some(Heard::Reverse(records)) => records,
            _ => Records::Unknown,
        }
    }

    pub(super) fn put(&mut self, question: Question, heard: Heard) {
        self.heard.insert(question, heard);
    }

    pub(super) fn has(&self, question: &Question) -> bool {
        self.heard.contains_key(question)
    }

    /// What was missed since the last call; nothing once as much was asked as may be.
    pub(super) fn take_open(&mut self) -> Vec<Question> {
        let room = limits::DNS_QUESTIONS.saturating_sub(self.heard.len());
        std::mem::take(self.open.get_mut()).into_iter().take(room).collect()
    }

    fn look(&self, question: Question) -> Option<Heard> {
        let heard = self.heard.get(&question).cloned();
        if heard.is_none() {
            self.open.borrow_mut().insert(question);
        }
        heard
    }
}
