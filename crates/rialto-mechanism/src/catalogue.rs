//! All mechanisms by name.

use crate::mechanism::allowlist::Allowlist;
use crate::mechanism::attested_matching::AttestedMatching;
use crate::mechanism::builder_votes::BuilderVotes;
use crate::mechanism::candidate_selection::CandidateSelection;
use crate::mechanism::contested_tiers::ContestedTiers;
use crate::mechanism::coordinator::Coordinator;
use crate::mechanism::double_auction::DoubleAuction;
use crate::mechanism::dutch_lock::DutchLock;
use crate::mechanism::epoch_quotes::EpochQuotes;
use crate::mechanism::gevulot::Gevulot;
use crate::mechanism::livepeer::Livepeer;
use crate::mechanism::online_auction::OnlineAuction;
use crate::mechanism::open_race::OpenRace;
use crate::mechanism::order_book::OrderBook;
use crate::mechanism::phased_duty::PhasedDuty;
use crate::mechanism::pooled_epoch::PooledEpoch;
use crate::mechanism::price_clock::PriceClock;
use crate::mechanism::proof_contest::ProofContest;
use crate::mechanism::proof_tree::ProofTree;
use crate::mechanism::prover_auction::ProverAuction;
use crate::mechanism::relay_choice::RelayChoice;
use crate::mechanism::rfq_exclusive::RfqExclusive;
use crate::mechanism::rota::Rota;
use crate::mechanism::sealed_award::SealedAward;
use crate::mechanism::sealed_second_price::SealedSecondPrice;
use crate::mechanism::seat_auction::SeatAuction;
use crate::mechanism::seat_pool::SeatPool;
use crate::mechanism::sidecar::Sidecar;
use crate::mechanism::snarketplace::Snarketplace;
use crate::mechanism::stake_pool::StakePool;
use crate::mechanism::succinct_work::SuccinctWork;
use crate::mechanism::term_auction::TermAuction;
use crate::mechanism::whole_job_auction::WholeJobAuction;
use crate::mechanism::work_pool::WorkPool;
use crate::mechanism::zkcloud::Zkcloud;
use crate::{About, Machine, Mechanism, Rules, Run};
use serde::Deserialize;

/// A mechanism that can be set to work.
#[derive(Debug)]
pub struct Kind {
    /// What it is.
    pub about: &'static About,
    start: fn(&str) -> Started,
    restore: fn(&[u8]) -> Started,
}

type Started = Result<Box<dyn Machine>, Unstartable>;

/// Every mechanism there is.
pub const CATALOGUE: &[Kind] = &[
    kind::<OpenRace>(),
    kind::<Snarketplace>(),
    kind::<PriceClock>(),
    kind::<StakePool>(),
    kind::<ContestedTiers>(),
    kind::<SeatAuction>(),
    kind::<SeatPool>(),
    kind::<TermAuction>(),
    kind::<Allowlist>(),
    kind::<Rota>(),
    kind::<OrderBook>(),
    kind::<Coordinator>(),
    kind::<BuilderVotes>(),
    kind::<Sidecar>(),
    kind::<ProofTree>(),
    kind::<EpochQuotes>(),
    kind::<PooledEpoch>(),
    kind::<Livepeer>(),
    kind::<CandidateSelection>(),
    kind::<RelayChoice>(),
    kind::<RfqExclusive>(),
    kind::<Gevulot>(),
    kind::<Zkcloud>(),
    kind::<DutchLock>(),
    kind::<WorkPool>(),
    kind::<ProverAuction>(),
    kind::<ProofContest>(),
    kind::<SealedSecondPrice>(),
    kind::<DoubleAuction>(),
    kind::<WholeJobAuction>(),
    kind::<OnlineAuction>(),
    kind::<AttestedMatching>(),
    kind::<SuccinctWork>(),
    kind::<PhasedDuty>(),
    kind::<SealedAward>(),
];

/// Why a mechanism cannot be set to work.
#[derive(Debug, thiserror::Error)]
pub enum Unstartable {
    /// The rules cannot be read.
    #[error("the rules of {mechanism} cannot be read")]
    Unreadable {
        /// Whose rules.
        mechanism: &'static str,
        /// Line, column and reason.
        source: toml::de::Error,
    },
    /// The rules make no sense.
    #[error("the rules of {mechanism} contradict themselves")]
    Contradiction {
        /// Whose rules.
        mechanism: &'static str,
        /// Which, and why.
        source: crate::Contradiction,
    },
    /// Bytes that are no state.
    #[error("these bytes are no state of {mechanism}")]
    NotAState {
        /// Whose state.
        mechanism: &'static str,
        /// What is wrong with them.
        source: postcard::Error,
    },
}

/// The mechanism of that name.
pub fn find(name: &str) -> Option<&'static Kind> {
    CATALOGUE.iter().find(|kind| kind.about.name == name)
}

impl Kind {
    /// Begins a run under `rules`, TOML as in the presets.
    ///
    /// # Errors
    /// The rules cannot be read, or contradict themselves.
    pub fn start(&self, rules: &str) -> Result<Box<dyn Machine>, Unstartable> {
        (self.start)(rules)
    }

    /// Goes on from the bytes of [`Machine::encode`].
    ///
    /// # Errors
    /// They are something else.
    pub fn restore(&self, state: &[u8]) -> Result<Box<dyn Machine>, Unstartable> {
        (self.restore)(state)
    }
}

const fn kind<M: Mechanism>() -> Kind {
    Kind { about: M::ABOUT, start: start::<M>, restore: restore::<M> }
}

fn start<M: Mechanism>(rules: &str) -> Started {
    let mechanism = M::ABOUT.name;
    let unreadable = |source| Unstartable::Unreadable { mechanism, source };
    let deserializer = toml::Deserializer::parse(rules).map_err(unreadable)?;
    let rules = M::Rules::deserialize(deserializer).map_err(unreadable)?;
    rules.check().map_err(|source| Unstartable::Contradiction { mechanism, source })?;
    Ok(Box::new(Run::<M>::new(rules)))
}

fn restore<M: Mechanism>(state: &[u8]) -> Started {
    let not_a_state = |source| Unstartable::NotAState { mechanism: M::ABOUT.name, source };
    let run: Run<M> = postcard::from_bytes(state).map_err(not_a_state)?;
    Ok(Box::new(run))
}
