//! One run that is described in full: a mechanism, who takes part, what is asked for, what goes wrong.

use crate::world::Broken;
use crate::{Agent, Faults, Job, Measures, Owner, Workload, World};
use rialto_mechanism::{Kind, Span};

/// What is run, but for the seed.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The mechanism.
    pub kind: &'static Kind,
    /// Its rules, as TOML.
    pub rules: String,
    /// Who takes part.
    pub owners: Vec<Owner>,
    /// What is asked for.
    pub jobs: Jobs,
    /// How some of them fail.
    pub faults: Option<Faults>,
}

/// Where jobs come from.
#[derive(Clone, Debug)]
pub enum Jobs {
    /// So many of a workload.
    Of(&'static Workload, u64),
    /// As somebody recorded them, in the order of their times; the same for every seed.
    Recorded(Vec<Job>),
}

impl Trial {
    /// Runs it, with all that chance does following from the seed.
    ///
    /// # Errors
    /// The rules cannot be read, or the auditor finds the mechanism wrong.
    pub fn run(&self, seed: u64) -> Result<Measures, Broken> {
        let mut owners = self.owners.clone();
        if let Some(faults) = self.faults {
            faults.apply(&mut owners, seed);
        }
        let mut world = World::new(self.kind, &self.rules, owners, seed)?;
        match &self.jobs {
            Jobs::Of(workload, count) => {
                world.run_all(workload.jobs(seed).take(*count as usize))?;
            }
            Jobs::Recorded(jobs) => world.run_all(jobs.iter().copied())?,
        }
        Ok(world.measures().clone())
    }

    /// The same with its first owner acting as `agent` does.
    pub fn with_first(&self, agent: Agent) -> Self {
        let mut other = self.clone();
        if let Some(first) = other.owners.first_mut() {
            agent.applied_to(first, &self.owners);
        }
        other
    }
}

impl Jobs {
    /// From the beginning to the last job, at the first seed.
    pub fn lasts(&self) -> Span {
        match self {
            Self::Of(workload, count) => workload
                .jobs(1)
                .nth((*count as usize).saturating_sub(1))
                .map_or(Span::ZERO, |it| it.at),
            Self::Recorded(jobs) => jobs.last().map_or(Span::ZERO, |job| job.at),
        }
    }
}

/// Everybody acts as `agent` does.
pub fn all_act(owners: &mut [Owner], agent: Agent) {
    let among = owners.to_vec();
    owners.iter_mut().for_each(|owner| agent.applied_to(owner, &among));
}
