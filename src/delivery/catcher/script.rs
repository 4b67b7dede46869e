//! The script: what the catcher answers when it is not to answer as ever.

use crate::delivery::smtp::Step;
use std::time::Duration;

/// A scripted answer. The first rule that fits and is not used up decides.
#[derive(Clone, Debug)]
pub struct Rule {
    pub at: Step,
    /// Only where the command's address (at `Dot`: a recipient's) contains this.
    pub whom: Option<String>,
    /// How often; `None` for always.
    pub times: Option<u32>,
    pub act: Act,
}

#[derive(Clone, Debug)]
pub enum Act {
    /// This reply, `450 4.2.0 later`. At `Dot` a 2xx keeps the mail, anything else does not.
    Say(String),
    /// Hangs up without a word; at `Dot`, after the whole message, which is not kept.
    Drop,
    /// At `Dot`: keeps the mail and hangs up without a word.
    KeepAndDrop,
    /// Waits, then goes on as ever.
    Delay(Duration),
}

/// What the first rule that fits says, using it up.
pub(super) fn next(rules: &mut [Rule], at: Step, about: &str) -> Option<Act> {
    let rule = rules.iter_mut().find(|rule| rule.fits(at, about))?;
    rule.times = rule.times.map(|n| n - 1);
    Some(rule.act.clone())
}

impl Rule {
    fn fits(&self, at: Step, about: &str) -> bool {
        self.at == at && self.times != Some(0) && self.whom.as_ref().is_none_or(|whom| about.contains(whom.as_str()))
    }
}
