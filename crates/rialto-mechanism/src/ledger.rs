//! Whose money is where. Money enters and leaves by [`Ledger::fund`] and [`Ledger::withdraw`] alone; all else
//! shifts it between accounts, and [`Ledger::assert_conserved`] compares after every event what
//! came in with the sum of all changes to balances, which is kept apart from them.

use crate::{Amount, JobId, Party, Refusal};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A place for money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Account {
    /// A party's own, free to be used or withdrawn.
    Hand(Party),
    /// A member's stake; it leaves when the member has left.
    Stake(Party),
    /// A requester's money for one job.
    Escrow(JobId),
    /// What one party has at stake for one job.
    Bond(JobId, Party),
    /// Rewards that are paid by rule, not by job.
    Pool,
    /// Fees, and what is forfeited with nobody to take it.
    Treasury,
    /// Out of circulation for good.
    Burned,
}

/// All balances of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// None of zero.
    balances: BTreeMap<Account, Amount>,
    /// The sum of the balances, by their changes.
    held: Amount,
    funded: Amount,
    withdrawn: Amount,
}

impl Ledger {
    /// What is in an account.
    pub fn balance(&self, account: Account) -> Amount {
        self.balances.get(&account).copied().unwrap_or_default()
    }

    /// Every account that is not empty.
    pub fn balances(&self) -> impl Iterator<Item = (Account, Amount)> {
        self.balances.iter().map(|(account, amount)| (*account, *amount))
    }

    /// All bonds for one job.
    pub fn bonds(&self, job: JobId) -> Vec<(Party, Amount)> {
        let range = Account::Bond(job, Party::ZERO)..=Account::Bond(job, Party::repeat_byte(0xff));
        let bonds = self.balances.range(range).filter_map(|(account, amount)| match account {
            Account::Bond(_, party) => Some((*party, *amount)),
            _ => None,
        });
        bonds.collect()
    }

    /// What came in and has not left again.
    pub fn inflow(&self) -> Amount {
        self.funded - self.withdrawn
    }

    /// # Errors
    /// [`Refusal::Insufficient`] where less than `wanted` is.
    pub fn require(&self, account: Account, wanted: Amount) -> Result<(), Refusal> {
        let held = self.balance(account);
        if held < wanted { Err(Refusal::Insufficient { wanted, held }) } else { Ok(()) }
    }

    pub(crate) fn fund(&mut self, party: Party, amount: Amount) -> Result<(), Refusal> {
        if self.funded.get() + amount.get() > Amount::MAX.get() {
            return Err(Refusal::TooMuchMoney);
        }
        self.funded += amount;
        self.add(Account::Hand(party), amount);
        Ok(())
    }

    pub(crate) fn withdraw(&mut self, party: Party, amount: Amount) -> Result<(), Refusal> {
        self.require(Account::Hand(party), amount)?;
        self.take(Account::Hand(party), amount);
        self.withdrawn += amount;
        Ok(())
    }

    /// Moves what is known to be there.
    pub(crate) fn shift(&mut self, from: Account, to: Account, amount: Amount) {
        self.take(from, amount);
        self.add(to, amount);
    }

    /// # Panics
    /// When money has appeared or vanished.
    pub(crate) fn assert_conserved(&self) {
        assert_eq!(self.held, self.inflow(), "money has appeared or vanished");
    }

    fn add(&mut self, account: Account, amount: Amount) {
        if amount == Amount::ZERO {
            return;
        }
        *self.balances.entry(account).or_default() += amount;
        self.held += amount;
    }

    fn take(&mut self, account: Account, amount: Amount) {
        let held = self.balances.get_mut(&account).filter(|held| **held > amount);
        match held {
            Some(held) => *held -= amount,
            // All of it, or more than there is.
            None => {
                let all = self.balances.remove(&account).unwrap_or_default();
                assert_eq!(all, amount, "nothing is taken from where less is: {account}");
            }
        }
        self.held -= amount;
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hand(party) => write!(f, "{party}"),
            Self::Stake(party) => write!(f, "{party}'s stake"),
            Self::Escrow(job) => write!(f, "escrow{job}"),
            Self::Bond(job, party) => write!(f, "{party}'s bond{job}"),
            Self::Pool => f.write_str("pool"),
            Self::Treasury => f.write_str("treasury"),
            Self::Burned => f.write_str("burned"),
        }
    }
}
