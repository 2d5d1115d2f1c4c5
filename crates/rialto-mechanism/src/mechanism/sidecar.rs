//! **Sidecar** (Fernet and the answers to its call for proving; M6b). A block's sequencer names its prover within a few
//! blocks, whoever that is and wherever it was found, and answers for it with a deposit.
//!
//! *Rule.* A job is a block, its requester the sequencer that was elected for it. Within `name_within` it names a
//! prover from one of the `venues`: `own`: itself; `first-party`: a member of the protocol's network, for the price
//! that it has posted; `third-party`: anybody who has quoted for the block. To name takes `deposit`. The one who was
//! named has the block alone for `prove`, then it is open to all, and so it is from the start of that time if nobody
//! was named.
//!
//! *Pay.* The quote or the posted price, to whoever proves; what the requester pays at most if it has named itself or
//! nobody.
//!
//! *Failure.* A first-party prover that misses its time loses `slash` of its stake, others nothing. If the block is not
//! proven at all, the sequencer loses its deposit. Both are burned.
//!
//! *Source.* Aztec's Fernet, which elects sequencers and leaves proving open, and the sidecar among the answers to its
//! call: the deposit, three to five blocks to name, any deal behind it; the three kinds of venue are its forum's.
//! Confidence B; that an open race follows is the survey's reading. How sequencers are elected is not here.
//!
//! *Attacks.* Sequencer and prover become one. What passes between them is not seen, so a price here may be paid back
//! elsewhere. Were a rescuer paid from the deposit, whoever was named would be late and rescue under another name.

use crate::{
    About, Allocation, Amount, Case, Confidence, Contradiction, Desk, Forfeit, JobSpec, Mechanism,
    Message, Party, Position, Preset, Quotes, Refusal, Risks, Ruling, Span, SplitGain,
};
use serde::{Deserialize, Serialize};

/// The rule with its parameters; it remembers nothing between blocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sidecar {
    rules: Rules,
}

/// Parameters of a [`Sidecar`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// How long the sequencer may name a prover.
    pub name_within: Span,
    /// Where it may find one.
    pub venues: Vec<Venue>,
    /// How long the prover has the block alone.
    pub prove: Span,
    /// What the sequencer puts up.
    pub deposit: Amount,
    /// The least stake of a first-party prover.
    pub stake: Amount,
    /// What it loses if it is late.
    pub slash: Amount,
    /// After how long a stake comes back.
    pub exit: Span,
}

/// Where a prover comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Venue {
    /// The sequencer proves itself.
    Own,
    /// The protocol's own network: members with posted prices.
    FirstParty,
    /// Any other: quotes for the block.
    ThirdParty,
}

macro_rules! preset {
    ($venues:literal) => {
        concat!(
            "venues = ",
            $venues,
            r#"
            # Five blocks of 12 s to name; the rest is ours.
            name_within = "1 min"
            prove = "10 min"
            deposit = 1000
            stake = 1000
            slash = 100
            exit = "7 d"
            "#
        )
    };
}
const ABOUT: About = About {
    name: "sidecar",
    family: "M6b",
    confidence: Confidence::Documents,
    split_gain: SplitGain::Neutral,
    presets: &[
        Preset { name: "any-venue", rules: preset!(r#"["own", "first-party", "third-party"]"#) },
        Preset { name: "marketplace", rules: preset!(r#"["third-party"]"#) },
        Preset { name: "enshrined", rules: preset!(r#"["own", "first-party"]"#) },
    ],
    file: include_str!("sidecar.rs"),
};

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        Contradiction::if_zero(self.name_within, "name_within")?;
        Contradiction::unless(!self.venues.is_empty(), "venues", "must be one or more")?;
        Contradiction::if_zero(self.prove, "prove")?;
        Contradiction::unless(self.slash <= self.stake, "slash", "may be at most the stake")
    }
}

impl Mechanism for Sidecar {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = Quotes;

    fn new(rules: Rules) -> Self {
        Self { rules }
    }

    fn join(&mut self, _: &mut Desk<Quotes>, _: Party, position: &Position) -> Ruling {
        let wanted = self.rules.stake;
        position.backs(wanted)
    }

    fn leave(&mut self, _: &mut Desk<Quotes>, _: Party) -> Span {
        self.rules.exit
    }

    fn admits(&self, desk: &Desk<Quotes>, spec: &JobSpec) -> Ruling {
        let earliest = desk.now() + self.rules.name_within + self.rules.prove;
        spec.due_from(earliest)
    }

    fn open(&mut self, case: &mut Case<'_, Quotes>) {
        case.wake_at((case.now() + self.rules.name_within).next());
    }

    fn hear(&mut self, case: &mut Case<'_, Quotes>, from: Party, said: &Message) -> Ruling {
        case.still_collecting()?;
        match *said {
            Message::Bid { price } => self.quote(case, from, price),
            Message::Choose { party } => {
                case.spec().asked_by(from)?;
                self.name(case, party)
            }
            _ => Err(Refusal::NotUnderstood),
        }
    }

    /// The time to name somebody is over.
    fn alarm(&mut self, case: &mut Case<'_, Quotes>) {
        if case.still_collecting().is_ok() {
            case.allocate(Allocation::open(case.now(), case.spec().max_pay));
        }
    }

    fn expire(&mut self, case: &mut Case<'_, Quotes>) {
        case.forfeit_bond(case.spec().requester, Forfeit::default());
        case.expire();
    }
}

impl Sidecar {
    fn quote(&self, case: &mut Case<'_, Quotes>, from: Party, price: Amount) -> Ruling {
        if !self.rules.venues.contains(&Venue::ThirdParty) {
            return Err(Refusal::NotUnderstood);
        }
        case.job.mark.check(case.spec(), from, price)?;
        case.job.mark.push(from, price);
        Ok(())
    }

    /// The sequencer's word: its deposit stands behind whoever it names.
    fn name(&self, case: &mut Case<'_, Quotes>, party: Party) -> Ruling {
        let (price, is_member) = self.terms(case, party)?;
        case.post_bond(case.spec().requester, self.rules.deposit)?;
        let to_named = Allocation::to(party, price, case.now() + self.rules.prove).then_open(price);
        case.allocate(match is_member {
            true => to_named.at_risk(self.rules.slash, Risks::Stake),
            false => to_named,
        });
        Ok(())
    }

    /// What a prover is paid, and whether its stake answers for it: at the first venue that it is found at, where a quote comes
    /// before a posted price.
    fn terms(&self, case: &Case<'_, Quotes>, party: Party) -> Result<(Amount, bool), Refusal> {
        let (has, most) = (|venue| self.rules.venues.contains(&venue), case.spec().max_pay);
        if party == case.spec().requester && has(Venue::Own) {
            return Ok((most, false));
        }
        if let Ok(price) = case.job.mark.of(party) {
            return Ok((price, false));
        }
        let member = case.desk.member(party).filter(|_| has(Venue::FirstParty));
        let member = member.ok_or(Refusal::NoBid)?;
        if let Some(until) = member.leaving {
            return Err(Refusal::Leaving { until });
        }
        case.spec().affords(member.position.price)?;
        Ok((member.position.price, true))
    }
}

#[cfg(test)]
mod tests;
