//! Who acts. Every write to the books names one of these, and the audit line keeps it.

use crate::base::ids::UserId;
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Somebody signed in to the web UI.
    User(UserId),
    /// An API token, by its number.
    Token(i64),
    /// A person at the machine's own command line, by the name of the operating system's account.
    Cli(String),
    /// The public: a recipient who follows a link.
    Public,
    /// The house itself, by the name of the job.
    House(String),
}

impl By {
    pub fn house(job: &str) -> By {
        By::House(job.to_owned())
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            By::User(id) => write!(f, "user:{id}"),
            By::Token(n) => write!(f, "token:{n}"),
            By::Cli(account) => write!(f, "cli:{account}"),
            By::Public => f.write_str("public"),
            By::House(job) => write!(f, "house:{job}"),
        }
    }
}
