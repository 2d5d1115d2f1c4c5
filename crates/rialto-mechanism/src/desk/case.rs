//! One job in the hands of the mechanism, and what happens to every job in the same way: delivery
//! by right, the end of a window, rescue, expiry.

use super::{
    Account, Alarm, Allocation, Amount, Desk, Duty, Effect, Job, JobSpec, Outcome, Party, Refusal,
    Risks, Ruling, Stage, Time, Why,
};
use crate::allocation::{Holder, Right};
use crate::{Bps, Forfeit, Proof};

/// A live job and the desk that it lies on.
pub struct Case<'a, T> {
    /// The job.
    pub job: &'a mut Job<T>,
    /// Everything else.
    pub desk: &'a mut Desk<T>,
}

impl<T> Case<'_, T> {
    /// The time of the event, or of the alarm, that is being handled.
    pub fn now(&self) -> Time {
        self.desk.now
    }

    /// What was asked for.
    pub fn spec(&self) -> &JobSpec {
        &self.job.spec
    }

    /// What the escrow still holds.
    pub fn escrow(&self) -> Amount {
        self.desk.ledger.balance(Account::Escrow(self.job.id))
    }

    /// What `party` has at stake for this job.
    pub fn bond(&self, party: Party) -> Amount {
        self.desk.ledger.balance(Account::Bond(self.job.id, party))
    }

    /// # Errors
    /// Somebody has the job already.
    pub fn still_collecting(&self) -> Ruling {
        match self.job.stage {
            Stage::Collecting => Ok(()),
            _ => Err(Refusal::Taken),
        }
    }

    /// Puts something of a party's own at stake for this job.
    ///
    /// # Errors
    /// Its hand holds less.
    pub fn post_bond(&mut self, party: Party, amount: Amount) -> Ruling {
        self.desk.ledger.require(Account::Hand(party), amount)?;
        let bond = Account::Bond(self.job.id, party);
        self.desk.shift(Account::Hand(party), bond, amount, Why::Bond);
        Ok(())
    }

    /// Gives a party its bond back.
    pub fn release_bond(&mut self, party: Party) {
        let (bond, amount) = (Account::Bond(self.job.id, party), self.bond(party));
        self.desk.shift(bond, Account::Hand(party), amount, Why::Release);
    }

    /// Takes the bond of a party that did not do what it had to, with nobody to rescue the job:
    /// the rescuer's part goes to the treasury.
    pub fn forfeit_bond(&mut self, party: Party, forfeit: Forfeit) {
        let bond = Account::Bond(self.job.id, party);
        self.forfeit(bond, self.bond(party), forfeit, Account::Treasury);
    }

    /// Moves part of a party's bond, which it loses, to another account.
    ///
    /// # Panics
    /// When the bond is less.
    pub fn take_bond(&mut self, party: Party, amount: Amount, to: Account) {
        let (bond, why) = (Account::Bond(self.job.id, party), Why::Forfeit(self.job.id));
        self.desk.shift(bond, to, amount, why);
    }

    /// Wakes the mechanism for this job, in place of an earlier alarm.
    pub fn wake_at(&mut self, at: Time) {
        let alarm = Alarm::Job(self.job.id);
        if let Some(earlier) = self.job.alarm.replace(at) {
            self.desk.alarms.remove(&(earlier, alarm));
        }
        self.desk.alarms.insert((at, alarm));
    }

    /// Says who may prove the job from now on, in place of an earlier allocation whose holders
    /// are free again unless they have failed.
    ///
    /// # Panics
    /// When the escrow or what is at risk is not there, or when a holder could gain by missing its
    /// window: a mechanism that allocates so is wrong.
    pub fn allocate(&mut self, allocation: Allocation) {
        assert!(!allocation.pays_self_rescue(), "missing a window pays: {allocation:?}");
        assert!(allocation.forfeit.is_possible(), "shares above the whole: {allocation:?}");
        assert!(allocation.escrow_needed() <= self.escrow(), "unbacked: {allocation:?}");
        let rivals = allocation.override_by.is_none() || allocation.holders.len() == 1;
        assert!(rivals, "an override takes the place of one holder: {allocation:?}");
        self.close_allocation(None);
        for holder in &allocation.holders {
            let backed = match holder.risks {
                Risks::Bond => self.bond(holder.party) >= holder.at_risk,
                Risks::Stake => self.desk.member(holder.party).is_some(),
            };
            assert!(backed, "nothing stands behind {holder:?}");
            if holder.risks == Risks::Stake {
                self.desk.count_duty(holder.party, true);
            }
        }
        let lapse = (!allocation.holders.is_empty()).then(|| allocation.until.next());
        self.set_lapse(lapse);
        let shown = Effect::Allocated { job: self.job.id, allocation: allocation.clone() };
        self.desk.emit(shown);
        self.job.stage = Stage::Allocated(allocation);
    }

    /// Takes the job from its holders, of whom those who failed forfeit; nobody has it then.
    pub fn reopen(&mut self) {
        self.close_allocation(None);
        self.desk.emit(Effect::Reopened { job: self.job.id });
    }

    /// Pays a party out of the escrow.
    ///
    /// # Panics
    /// When it has been paid for the same before, or the escrow holds less.
    pub fn pay(&mut self, party: Party, amount: Amount, why: Why) {
        let is_first = self.job.paid.insert((party, why));
        assert!(is_first, "{party} was paid for {why:?} before");
        self.desk.shift(Account::Escrow(self.job.id), Account::Hand(party), amount, why);
    }

    /// Pays a party out of the escrow what is left of `price` after the venue's `fee`, rounded down.
    ///
    /// # Panics
    /// As [`Case::pay`].
    pub fn pay_less_fee(&mut self, party: Party, price: Amount, fee: Bps, why: Why) {
        self.pay_less(party, price, price.times_down(fee), why);
    }

    fn pay_less(&mut self, party: Party, price: Amount, fee: Amount, why: Why) {
        self.levy(Account::Treasury, fee, Why::Fee);
        self.pay(party, price - fee, why);
    }

    /// Moves part of the escrow to the treasury or the pool.
    ///
    /// # Panics
    /// When the escrow holds less.
    pub fn levy(&mut self, to: Account, amount: Amount, why: Why) {
        self.desk.shift(Account::Escrow(self.job.id), to, amount, why);
    }

    /// Takes a proof from whoever has the right to deliver it, and pays.
    ///
    /// # Errors
    /// It is invalid, or the right is somebody else's, or has ended.
    pub fn deliver(&mut self, by: Party, proof: &Proof) -> Ruling {
        self.deliver_for(by, proof, Amount::MAX)
    }

    /// As [`Case::deliver`], where a rescuer is paid `rescue_most` at most.
    ///
    /// # Errors
    /// As [`Case::deliver`].
    pub fn deliver_for(&mut self, by: Party, proof: &Proof, rescue_most: Amount) -> Ruling {
        let right = self.right(by, proof)?;
        let Some(allocation) = self.job.allocation() else { return Err(Refusal::NotAllocated) };
        match right {
            Right::Holder(at) => self.deliver_held(at),
            Right::Override(price) => {
                self.pay_less(by, price, allocation.fee_of(price), Why::Price);
                self.settle(Outcome::Proven);
            }
            Right::Rescue(price) => {
                let price = price.min(rescue_most);
                self.pay_less(by, price, allocation.fee_of(price), Why::Rescue);
                self.close(Outcome::Proven, Some(by));
            }
        }
        Ok(())
    }

    /// Whether [`Case::deliver`] would take this proof.
    ///
    /// # Errors
    /// As [`Case::deliver`].
    pub fn may_deliver(&self, by: Party, proof: &Proof) -> Ruling {
        self.right(by, proof).map(|_| ())
    }

    fn right(&self, by: Party, proof: &Proof) -> Result<Right, Refusal> {
        proof.verified()?;
        self.job.allocation().ok_or(Refusal::NotAllocated)?.right_of(by, self.now())
    }

    /// A holder delivers in its window; the last of them ends the job.
    fn deliver_held(&mut self, at: usize) {
        let Some(holder) = self.job.holders().get(at).copied() else { return };
        self.fulfil(holder.party, holder.price);
        if self.job.holders().iter().all(|holder| holder.duty == Duty::Delivered) {
            self.settle(Outcome::Proven);
        }
    }

    /// Pays whoever has delivered, and notes that it has done its duty if it is a holder. The job
    /// goes on.
    ///
    /// # Panics
    /// As [`Case::pay`].
    pub fn fulfil(&mut self, by: Party, price: Amount) {
        let mut fee = Amount::ZERO;
        if let Stage::Allocated(allocation) = &mut self.job.stage {
            fee = allocation.fee_of(price);
            let mut holders = allocation.holders.iter_mut();
            if let Some(holder) = holders.find(|holder| holder.party == by) {
                holder.duty = Duty::Delivered;
            }
        }
        self.pay_less(by, price, fee, Why::Price);
    }

    /// Ends the window: who has not delivered has failed. If somebody has, the job is done, unless all are needed.
    pub(crate) fn lapse(&mut self) {
        self.job.lapse = None;
        let Stage::Allocated(allocation) = &mut self.job.stage else { return };
        let owing = allocation.holders.iter_mut().filter(|holder| holder.duty == Duty::Owes);
        let (spared, needs_all) = (allocation.spares_late, allocation.needs_all);
        let failed = owing.map(|holder| {
            holder.duty = Duty::Failed;
            if spared {
                holder.at_risk = Amount::ZERO;
            }
            holder.party
        });
        for party in failed.collect::<Vec<_>>() {
            self.desk.emit(Effect::Lapsed { job: self.job.id, party });
        }
        if self.job.has_delivery() && !needs_all {
            self.settle(Outcome::Proven);
        }
    }

    /// A holder gives up before its window ends, as if that had ended for it.
    ///
    /// # Errors
    /// It does not hold the job, or has delivered or failed.
    pub fn fail(&mut self, party: Party) -> Ruling {
        let Stage::Allocated(allocation) = &mut self.job.stage else {
            return Err(Refusal::NotAllocated);
        };
        let mut holders = allocation.holders.iter_mut();
        let holder = holders.find(|holder| holder.party == party).ok_or(Refusal::NotAHolder)?;
        if holder.duty != Duty::Owes {
            return Err(Refusal::AlreadyDone);
        }
        holder.duty = Duty::Failed;
        self.desk.emit(Effect::Lapsed { job: self.job.id, party });
        Ok(())
    }

    /// As [`Case::fail`], for no more than `loss`.
    ///
    /// # Errors
    /// As [`Case::fail`].
    pub fn fail_for(&mut self, party: Party, loss: Amount) -> Ruling {
        self.fail(party)?;
        if let Stage::Allocated(allocation) = &mut self.job.stage {
            let failed = allocation.holders.iter_mut().filter(|holder| holder.party == party);
            failed.for_each(|holder| holder.at_risk = holder.at_risk.min(loss));
        }
        Ok(())
    }

    /// Ends the job: failed holders forfeit, all other bonds go back, and so does what is left of
    /// the escrow.
    pub fn settle(&mut self, outcome: Outcome) {
        self.close(outcome, None);
    }

    /// What happens at the deadline: who owes a proof has failed, and the job is over.
    pub fn expire(&mut self) {
        // The window may end after the deadline; nothing may ring for it then.
        self.set_lapse(None);
        self.lapse();
        if self.job.outcome().is_none() {
            self.settle(Outcome::Unproven);
        }
    }

    fn close(&mut self, outcome: Outcome, rescuer: Option<Party>) {
        let burns = self.job.allocation().is_some_and(|allocation| allocation.burns_escrow);
        let allocation = self.close_allocation(rescuer);
        for (party, _) in self.desk.ledger.bonds(self.job.id) {
            self.release_bond(party);
        }
        let (escrow, left) = (Account::Escrow(self.job.id), self.escrow());
        match outcome {
            Outcome::Unproven if burns => {
                let why = Why::Forfeit(self.job.id);
                self.desk.shift(escrow, Account::Burned, left, why);
            }
            _ => {
                let requester = Account::Hand(self.job.spec.requester);
                self.desk.shift(escrow, requester, left, Why::Refund);
            }
        }
        let deadline = (self.job.spec.deadline.next(), Alarm::Deadline(self.job.id));
        self.desk.alarms.remove(&deadline);
        if let Some(alarm) = self.job.alarm.take() {
            self.desk.alarms.remove(&(alarm, Alarm::Job(self.job.id)));
        }
        self.desk.emit(Effect::Settled { job: self.job.id, outcome });
        self.job.stage = Stage::Over { outcome, allocation };
    }

    /// Holders who failed forfeit; stakes are no longer counted on.
    fn close_allocation(&mut self, rescuer: Option<Party>) -> Option<Allocation> {
        self.set_lapse(None);
        let stage = std::mem::replace(&mut self.job.stage, Stage::Collecting);
        let Stage::Allocated(allocation) = stage else { return None };
        for holder in &allocation.holders {
            if holder.duty == Duty::Failed {
                self.penalise(holder, allocation.forfeit, rescuer);
            }
            if holder.risks == Risks::Stake {
                self.desk.count_duty(holder.party, false);
            }
        }
        Some(allocation)
    }

    fn penalise(&mut self, holder: &Holder, forfeit: Forfeit, rescuer: Option<Party>) {
        let account = match holder.risks {
            Risks::Bond => Account::Bond(self.job.id, holder.party),
            Risks::Stake => Account::Stake(holder.party),
        };
        let amount = holder.at_risk.min(self.desk.ledger.balance(account));
        self.forfeit(account, amount, forfeit, rescuer.map_or(Account::Treasury, Account::Hand));
    }

    fn forfeit(&mut self, from: Account, amount: Amount, forfeit: Forfeit, rescuer: Account) {
        let parts = forfeit.split_down(amount);
        let (requester, why) = (Account::Hand(self.job.spec.requester), Why::Forfeit(self.job.id));
        self.desk.shift(from, Account::Burned, parts.burned, why);
        self.desk.shift(from, requester, parts.requester, why);
        self.desk.shift(from, rescuer, parts.rescuer, why);
    }

    fn set_lapse(&mut self, lapse: Option<Time>) {
        let alarm = Alarm::Lapse(self.job.id);
        if let Some(earlier) = std::mem::replace(&mut self.job.lapse, lapse) {
            self.desk.alarms.remove(&(earlier, alarm));
        }
        if let Some(lapse) = lapse {
            self.desk.alarms.insert((lapse, alarm));
        }
    }
}
