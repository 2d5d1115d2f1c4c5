//! What owners' machines do: proofs that wait, run and are delivered.

use super::{Due, World, party};
use crate::Habit;
use crate::play::{Pieces, Word};
use rialto_mechanism::{Allocation, Amount, JobId, Message, Party, Span, Stage, Time};
use rialto_protocol::Cycles;

/// A proof in the making.
pub(super) struct Work {
    pub(super) owner: usize,
    by: Party,
    /// Which piece of its job; none for all of it.
    piece: Option<u32>,
    pub(super) stage: Progress,
}

/// How far it is.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Progress {
    /// All machines are busy.
    Waits,
    Runs {
        began: Time,
        ends: Time,
    },
    Done,
}

/// As much as a made-up proof takes.
const INSTANT: Span = Span::ms(1);

impl World {
    /// Holders begin with what they have been given; of a job that is for all, everybody.
    pub(super) fn allocated(&mut self, job: JobId, allocation: &Allocation, at: Time) {
        if matches!(self.play.pieces, Some(Pieces::Nodes(_))) {
            return self.plant(job, allocation, at);
        }
        self.cut_into_shares(job);
        let accepts = self.play.knows(Word::Accept);
        for holder in &allocation.holders {
            let Some(owner) = self.owner_of(holder.party) else { continue };
            let by = holder.party;
            if accepts {
                let heard = at + self.owners[owner].latency;
                let message = Message::Accept;
                self.plan(heard, Due::Say { from: by, job: Some(job), message });
            }
            self.desks[owner].asks = self.desks[owner].asks.saturating_sub(1);
            self.try_to_begin(job, owner, by, at);
        }
        if allocation.holders.is_empty() {
            self.opened_to_all(job, at);
        }
    }

    /// Everybody whom it pays begins.
    pub(super) fn opened_to_all(&mut self, job: JobId, at: Time) {
        let Some(offered) = self.rescue_pay(job) else { return };
        self.open.insert(job);
        if matches!(self.play.pieces, Some(Pieces::OfProposal)) {
            return self.share_out(job, at);
        }
        for owner in self.shuffled() {
            self.consider(job, owner, offered, at);
        }
    }

    /// An owner begins with a job that is for all, if that pays and a machine is free.
    fn consider(&mut self, job: JobId, owner: usize, offered: Amount, at: Time) {
        if matches!(self.play.pieces, Some(Pieces::OfProposal)) {
            self.take_piece(job, owner, at);
            return;
        }
        let Some(live) = self.live.get(&job) else { return };
        let works = live.works.iter().any(|work| work.owner == owner);
        let pays = live.costs[owner].is_some_and(|cost| cost <= offered);
        if !works && pays && self.is_free(owner) {
            self.try_to_begin(job, owner, party(owner, 0), at);
        }
    }

    /// What the first to deliver gets of a job that is open to all.
    fn rescue_pay(&self, job: JobId) -> Option<Amount> {
        let view = self.machine().job(job)?;
        let Stage::Allocated(allocation) = view.stage else { return None };
        allocation.open_at?;
        if allocation.holders.is_empty() && allocation.rescue_pay == Amount::ZERO {
            // What it pays is divided later among those who have proven it; all of it at most.
            return Some(Amount::MAX);
        }
        let lost = allocation
            .holders
            .iter()
            .map(|holder| allocation.forfeit.split_down(holder.at_risk).rescuer);
        Some(lost.fold(allocation.rescue_pay, Amount::saturating_add))
    }

    /// Whether an owner has a machine that does nothing.
    pub(crate) fn is_free(&self, owner: usize) -> bool {
        let desk = &self.desks[owner];
        (desk.running as usize + desk.waiting.len()) < self.owners[owner].machines as usize
    }

    /// Who fails in a job has nothing more to do with it.
    fn try_to_begin(&mut self, job: JobId, owner: usize, by: Party, at: Time) {
        if !self.fails(owner, at) {
            return self.begin(job, owner, by, None, at);
        }
        self.drop_out(job, owner, by);
    }

    /// An owner has failed in a job.
    pub(super) fn drop_out(&mut self, job: JobId, owner: usize, by: Party) {
        self.play.unmeasured.insert(by);
        if let Some(live) = self.live.get_mut(&job) {
            live.costs[owner] = None;
        }
    }

    /// An owner begins with a job, or with a piece of it.
    pub(super) fn begin(
        &mut self,
        job: JobId,
        owner: usize,
        by: Party,
        piece: Option<u32>,
        at: Time,
    ) {
        if self.owners[owner].habit == Habit::Lazy {
            let arrives = at + INSTANT + self.owners[owner].latency;
            return self.plan(arrives, Due::Deliver { by, job, valid: false, piece });
        }
        let Some(live) = self.live.get_mut(&job) else { return };
        live.works.push(Work { owner, by, piece, stage: Progress::Waits });
        let work = live.works.len() - 1;
        self.desks[owner].waiting.push_back((job, work));
        self.use_machines(owner, at);
    }

    /// What waits begins, as far as there are machines.
    fn use_machines(&mut self, owner: usize, at: Time) {
        while self.desks[owner].running < self.owners[owner].machines {
            let Some((job, work)) = self.desks[owner].waiting.pop_front() else { return };
            let Some(live) = self.live.get_mut(&job) else { continue };
            let cycles = Cycles(live.spec.cycles.0.div_ceil(live.piece_count()));
            let ends = at + self.owners[owner].time(cycles, &mut self.dice);
            live.works[work].stage = Progress::Runs { began: at, ends };
            self.desks[owner].running += 1;
            self.plan(ends, Due::Done { owner, job, work });
        }
    }

    /// A proof is made, and under way.
    pub(super) fn done(&mut self, owner: usize, job: JobId, work: usize) {
        let Some(live) = self.live.get_mut(&job) else { return };
        let made = &mut live.works[work];
        let (by, piece) = (made.by, made.piece);
        made.stage = Progress::Done;
        let share = 1.0 / live.piece_count() as f64;
        live.bill.spend(owner, share);
        let arrives = self.now + self.owners[owner].latency;
        self.plan(arrives, Due::Deliver { by, job, valid: true, piece });
        self.freed(owner, self.now);
    }

    /// A machine has nothing to do any more.
    pub(super) fn freed(&mut self, owner: usize, at: Time) {
        self.desks[owner].running -= 1;
        self.use_machines(owner, at);
        for job in self.open.clone() {
            if !self.is_free(owner) {
                return;
            }
            if let Some(offered) = self.rescue_pay(job) {
                self.consider(job, owner, offered, at);
            }
        }
        self.ask_for_work(owner, at);
    }
}
