//! What a trial's own holds of the gate cost those who waited.

use super::record::Cost;
use crate::base::limits;
use crate::door::gate::Gate;
use std::time::{Duration, Instant};

#[derive(Default)]
pub(super) struct Holds {
    /// The gate's last hold is one of ours: a worker that died earlier is not the trial's doing.
    own: bool,
    cost: Cost,
}

impl Holds {
    /// One more; the one before it is over.
    pub(super) fn begin(&mut self, gate: &Gate) {
        self.count(gate);
        self.own = true;
        gate.hold_for_a_switch();
    }

    /// All of them, once those who waited are inside.
    pub(super) fn end(&mut self, gate: &Gate) -> Cost {
        let since = Instant::now();
        while gate.behind().is_some() && gate.waiting() > 0 && since.elapsed() < limits::CLOCK_TICK {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        self.count(gate);
        self.cost
    }

    fn count(&mut self, gate: &Gate) {
        if self.own {
            let held = gate.held();
            self.cost = self.cost.and(Cost { requests: held.requests, longest: held.longest });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    /// One request that waits at a held gate, which then opens.
    async fn waits(gate: &Arc<Gate>) {
        let waiting = tokio::spawn({
            let gate = Arc::clone(gate);
            async move { gate.enter().await.map(drop) }
        });
        while gate.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        gate.open("/pages".into(), "/control".into(), Vec::new());
        waiting.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn only_a_trials_own_holds_are_its_cost() {
        let gate = Gate::new();
        waits(&gate).await;
        assert_eq!(gate.held().requests, 1);
        // Refused before it held anything.
        assert_eq!(Holds::default().end(&gate), Cost::default());
        let mut holds = Holds::default();
        holds.begin(&gate);
        waits(&gate).await;
        holds.begin(&gate);
        waits(&gate).await;
        assert_eq!(holds.end(&gate).requests, 2);
    }
}
