//! Members who have shown that they hold the capacity they claim: they put up a stake for each unit and pass a timed
//! workload; and the lots that are drawn among them by capacity.

use crate::{Desk, Lots, Party, Refusal, Ruling};
use rialto_protocol::draw::Weight;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Who may be drawn, and the jobs that wait for a draw.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ActiveSet {
    /// The draws; who weighs how much follows from this set.
    pub lots: Lots,
    qualified: BTreeSet<Party>,
}

impl ActiveSet {
    /// Whether a party has qualified and has not failed since.
    pub fn contains(&self, party: Party) -> bool {
        self.qualified.contains(&party)
    }

    /// A member has been measured, and has passed or not.
    ///
    /// # Errors
    /// It is no member, or is on its way out.
    pub fn measured<T>(&mut self, desk: &Desk<T>, party: Party, passes: bool) -> Ruling {
        let member = desk.member(party).ok_or(Refusal::NotAMember)?;
        if let Some(until) = member.leaving {
            return Err(Refusal::Leaving { until });
        }
        match passes {
            true => self.qualified.insert(party),
            false => self.qualified.remove(&party),
        };
        self.reweigh(desk, party);
        Ok(())
    }

    /// A party is out until it is measured again.
    pub fn remove<T>(&mut self, desk: &Desk<T>, party: Party) {
        self.qualified.remove(&party);
        self.reweigh(desk, party);
    }

    /// A member's capacity may have changed: it weighs as much as that if it has qualified, else nothing.
    pub fn reweigh<T>(&mut self, desk: &Desk<T>, party: Party) {
        let member = desk.member(party).filter(|_| self.contains(party));
        let capacity = member.map_or(0, |member| member.position.capacity);
        let weight = Weight::try_from(u128::from(capacity));
        self.lots.roll.set(party, weight.unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use crate::rulebook::check;
    use expect_test::expect;

    /// Gevulot's and ZkCloud's members become active alike.
    #[test]
    fn members_qualify_by_stake_and_workload() {
        for mechanism in ["gevulot", "zkcloud"] {
            let preset = crate::find(mechanism).unwrap().about.presets[0].name;
            check(
                mechanism,
                preset,
                "0 ann measured as 1
                 0 ann joins stake 999 capacity 10
                 0 ann joins stake 1000 capacity 10
                 0 ann measured as 60001
                 0 req opens 1 for 300 until 9000 cycles 1
                 7 - seeds 0 with 7
                 8 ann measured as 60000
                 9 ann leaves
                 10 ann measured as 1",
                expect![[r#"
                    0 ann measured as 1 | refused: not a member
                    0 ann joins stake 999 capacity 10 | refused: a stake of 1000 is needed
                    0 ann joins stake 1000 capacity 10 | 1000 ann>ann's stake (stake)
                    0 ann measured as 60001 |
                    0 req opens 1 for 300 until 9000 cycles 1 | 300 req>escrow#1 (escrow); frozen for seed 0 from 6.001
                    7 - seeds 0 with 7 | 300 escrow#1>req (refund); #1 unproven
                    8 ann measured as 60000 |
                    9 ann leaves |
                    10 ann measured as 1 | refused: on its way out until 604809 s
                "#]],
            );
        }
    }
}
