//! Jobs that wait to be drawn for, in rounds. A round freezes the roll for the jobs that wait then;
//! the next one begins when its seed has come, or has not. So at any time one set at most is frozen,
//! however many jobs there are, and a change to the roll waits for one seed at most.

use crate::{Desk, JobId, Outcome, Roll, Span};
use serde::{Deserialize, Serialize};

/// A roll and the jobs that wait for a draw from it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lots {
    /// Who can be drawn.
    pub roll: Roll,
    /// Those whom the next seed decides.
    drawn_for: Vec<JobId>,
    waiting: Vec<JobId>,
}

/// How long randomness takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beacon {
    /// How much later than the freeze a seed must become public.
    pub lag: Span,
    /// How long it is waited for after that.
    pub patience: Span,
}

impl Lots {
    /// A job waits for a draw.
    pub fn enter<T>(&mut self, desk: &mut Desk<T>, job: JobId, beacon: Beacon) {
        self.waiting.push(job);
        self.begin(desk, beacon);
    }

    /// The jobs whom the seed that has come decides, or the seed that has not come was to decide.
    /// Some of them may be over.
    pub fn take(&mut self) -> Vec<JobId> {
        std::mem::take(&mut self.drawn_for)
    }

    /// After the draws: changes to the roll take effect, and the next round begins.
    pub fn finish<T>(&mut self, desk: &mut Desk<T>, beacon: Beacon) {
        self.roll.thaw();
        self.begin(desk, beacon);
    }

    /// No seed has come: the jobs that waited for it are over, and the next round begins.
    pub fn give_up<T>(&mut self, desk: &mut Desk<T>, beacon: Beacon) {
        desk.visit_all(self.take(), |case| case.settle(Outcome::Unproven));
        self.finish(desk, beacon);
    }

    fn begin<T>(&mut self, desk: &mut Desk<T>, beacon: Beacon) {
        if !self.roll.is_frozen() && !self.waiting.is_empty() {
            self.drawn_for = std::mem::take(&mut self.waiting);
            desk.freeze(self.roll.freeze(), None, beacon.lag, beacon.patience);
        }
    }
}
