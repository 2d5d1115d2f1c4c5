//! Jobs that are proven piece by piece, by several: the nodes of a tree, the parts of a proposal. All pieces of a job are as
//! much work as each other. An owner fails in all pieces of a job or in none.

use super::{Due, Live, World, party};
use crate::play::Pieces;
use crate::world::Broken;
use rialto_mechanism::mechanism::proof_tree::{Rescue, elected};
use rialto_mechanism::{Allocation, Event, JobId, Message, Party, Proof, Refusal, Stage, Time};

/// A piece of a job.
#[derive(Clone, Copy, Default)]
pub(super) struct Piece {
    /// Whose it is: of a node, who was drawn; of a part, who has begun with it.
    of: Option<Party>,
    proven_by: Option<Party>,
}

impl Live {
    /// In how many pieces the work is done.
    pub(super) fn piece_count(&self) -> u64 {
        self.pieces.len().max(1) as u64
    }

    /// The piece with this number, from one on.
    fn piece(&self, number: u32) -> Option<&Piece> {
        self.pieces.get(number.checked_sub(1)? as usize)
    }
}

impl World {
    /// Whether an owner takes part in a job of pieces; settled when it is first asked.
    fn lends_a_hand(&mut self, job: JobId, owner: usize, by: Party, at: Time) -> bool {
        let Some(live) = self.live.get(&job) else { return false };
        if let Some(known) = live.hands.get(&owner) {
            return *known;
        }
        let works = live.costs[owner].is_some() && !self.fails(owner, at);
        if !works {
            self.drop_out(job, owner, by);
        }
        if let Some(live) = self.live.get_mut(&job) {
            live.hands.insert(owner, works);
        }
        works
    }

    /// A piece arrives; what comes after it can be begun.
    pub(super) fn deliver_piece(
        &mut self,
        by: Party,
        job: JobId,
        proof: Proof,
    ) -> Result<(), Broken> {
        let refused = self.enter(Event::Deliver { job, by, proof })?;
        let again = match refused {
            Some(Refusal::Reserved { until }) => Some(until.next()),
            Some(Refusal::NotAHolder | Refusal::InvalidProof) => {
                self.give_pieces_back(job, by);
                None
            }
            _ => None,
        };
        if let Some(at) = again {
            self.plan(at, Due::Deliver { by, job, valid: proof.valid, piece: Some(proof.part) });
        }
        let Some(live) = self.live.get_mut(&job).filter(|_| refused.is_none()) else {
            return Ok(());
        };
        let number = proof.part;
        live.pieces[number as usize - 1].proven_by.get_or_insert(by);
        let sibling = live.piece(number ^ 1).is_some_and(|piece| piece.proven_by.is_some());
        if sibling && number > 1 && matches!(self.play.pieces, Some(Pieces::Nodes(_))) {
            self.node_due(job, number / 2, self.now);
        }
        Ok(())
    }

    /// Where every holder has one part of a job, that is all of its work.
    pub(super) fn cut_into_shares(&mut self, job: JobId) {
        if let (Some(Pieces::Shares), Some(live)) = (&self.play.pieces, self.live.get_mut(&job)) {
            live.pieces = vec![Piece::default(); live.spec.parts as usize];
        }
    }

    // -------------------------------------------------------------------------------- trees

    /// A tree's nodes are known, and its leaves can be proven.
    pub(super) fn plant(&mut self, job: JobId, allocation: &Allocation, at: Time) {
        let Some(live) = self.live.get_mut(&job) else { return };
        let Some(leaves) = self.machine.job(job).map(|view| view.spec.parts as usize) else {
            return;
        };
        let drawn: Vec<Party> = allocation.holders.iter().map(|holder| holder.party).collect();
        let nodes = elected(self.last_seed, job, &drawn, leaves);
        live.pieces =
            nodes.into_iter().map(|party| Piece { of: Some(party), proven_by: None }).collect();
        for leaf in leaves..2 * leaves {
            self.node_due(job, leaf as u32, at);
        }
    }

    /// A node can be proven: by whom it was drawn for now, and by a rescuer after its window.
    fn node_due(&mut self, job: JobId, node: u32, at: Time) {
        let Some(Pieces::Nodes(rules)) = &self.play.pieces else { return };
        let (window, rescue) = (rules.window, rules.rescue);
        let of = self.live.get(&job).and_then(|live| live.piece(node)?.of);
        if rescue != Rescue::None {
            self.plan((at + window).next(), Due::Rescue { job, node });
        }
        let Some(by) = of else { return };
        let Some(owner) = self.owner_of(by) else { return };
        if self.lends_a_hand(job, owner, by, at) {
            self.begin(job, owner, by, Some(node), at);
        }
    }

    /// The first of those who may prove a node that is not proven begins with it, if the bounty pays for that.
    pub(super) fn rescue(&mut self, job: JobId, node: u32) {
        let Some(Pieces::Nodes(rules)) = &self.play.pieces else { return };
        let (whole, bounty) = (rules.rescue == Rescue::Subtree, rules.bounty);
        let Some(live) = self.live.get(&job) else { return };
        let Some(Piece { of: Some(missing), proven_by: None }) = live.piece(node).copied() else {
            return;
        };
        let pay =
            live.spec.max_pay.scaled_down(1, u128::from(live.piece_count())).times_down(bounty);
        let cost = |owner: usize| {
            let whole = live.costs[owner]?;
            Some(whole.scaled_down(1, u128::from(live.piece_count())))
        };
        let pays: Vec<bool> =
            (0..self.owners.len()).map(|it| cost(it).is_some_and(|cost| cost <= pay)).collect();
        for by in may_rescue(live, node, whole).into_iter().filter(|by| *by != missing) {
            let Some(owner) = self.owner_of(by).filter(|owner| pays[*owner]) else { continue };
            if self.lends_a_hand(job, owner, by, self.now) {
                return self.begin(job, owner, by, Some(node), self.now);
            }
        }
    }

    // ---------------------------------------------------------------------------- proposals

    /// Randomness has come, and with it a say: everybody is for the proposal that burns most, since it comes first then.
    pub(super) fn vote(&mut self) {
        if !matches!(self.play.pieces, Some(Pieces::OfProposal)) {
            return;
        }
        let undecided = |(job, live): (&JobId, &Live)| {
            let collects = self.machine.job(*job)?.stage == &Stage::Collecting;
            let (best, _) = live.quotes.iter().rev().max_by_key(|(_, burns)| *burns)?;
            collects.then_some((*job, *best))
        };
        for (job, best) in self.live.iter().filter_map(undecided).collect::<Vec<_>>() {
            for owner in 0..self.owners.len() {
                let heard = self.now + self.owners[owner].latency;
                for address in 0..self.owners[owner].faces() {
                    let from = party(owner, address);
                    let message = Message::Choose { party: best };
                    self.plan(heard, Due::Say { from, job: Some(job), message });
                }
            }
        }
    }

    /// Everybody takes one part after the other, as far as there are machines.
    pub(super) fn share_out(&mut self, job: JobId, at: Time) {
        let parts = self.machine.job(job).map_or(0, |view| view.spec.parts as usize);
        if let Some(live) = self.live.get_mut(&job)
            && live.pieces.is_empty()
        {
            live.pieces = vec![Piece::default(); parts];
        }
        let order = self.shuffled();
        while order.iter().filter(|owner| self.take_piece(job, **owner, at)).count() > 0 {}
    }

    /// An owner with a free machine begins with the first part that nobody has; whether there is one.
    pub(super) fn take_piece(&mut self, job: JobId, owner: usize, at: Time) -> bool {
        let by = party(owner, 0);
        if !self.is_free(owner) || !self.lends_a_hand(job, owner, by, at) {
            return false;
        }
        let Some(live) = self.live.get_mut(&job) else { return false };
        let Some(first) = live.pieces.iter().position(|piece| piece.of.is_none()) else {
            return false;
        };
        live.pieces[first].of = Some(by);
        self.begin(job, owner, by, Some(first as u32 + 1), at);
        true
    }

    /// Who may not prove parts of a job leaves them to others.
    fn give_pieces_back(&mut self, job: JobId, by: Party) {
        if !matches!(self.play.pieces, Some(Pieces::OfProposal)) {
            return;
        }
        let owner = self.owner_of(by);
        let Some((live, owner)) = self.live.get_mut(&job).zip(owner) else { return };
        live.hands.insert(owner, false);
        for piece in live.pieces.iter_mut().filter(|piece| piece.of == Some(by)) {
            piece.of = None;
        }
        self.share_out(job, self.now);
    }
}

/// Who may prove a node in another's place, as the rules of trees have it: who was drawn for the leaf beside it or has proven what it
/// merges, and with `whole` who has proven what is beside any node on the way up.
fn may_rescue(live: &Live, node: u32, whole: bool) -> Vec<Party> {
    let proven_by = |number: u32| live.piece(number).and_then(|piece| piece.proven_by);
    let is_leaf = live.piece(2 * node).is_none();
    let mut may: Vec<Party> = match is_leaf {
        true if node > 1 => live.piece(node ^ 1).and_then(|piece| piece.of).into_iter().collect(),
        true => Vec::new(),
        false => [2 * node, 2 * node + 1].into_iter().filter_map(proven_by).collect(),
    };
    if whole {
        let way = std::iter::successors(Some(node), |it| Some(it / 2)).take_while(|it| *it > 1);
        may.extend(way.filter_map(|it| proven_by(it ^ 1)));
    }
    may
}
