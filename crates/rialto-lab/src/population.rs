//! Whom mechanisms are compared with: populations of owners, by name.
//!
//! One unit of money is a thousandth of what a million cycles go for, which is the scale of the mechanisms'
//! presets; a million cycles take one machine a quarter of a minute.

use crate::{Cost, Dice, Others, Owner, Region};
use rialto_mechanism::{Amount, Span};

/// Owners by name.
#[derive(Clone, Copy, Debug)]
pub struct Population {
    /// Its name.
    pub name: &'static str,
    /// Who they are, in a sentence.
    pub about: &'static str,
    make: fn(&mut Dice) -> Vec<Owner>,
}

/// Every population there is.
pub const POPULATIONS: &[Population] = &[
    Population { name: "p1", about: "five equal owners of four machines", make: equal },
    Population {
        name: "p2",
        about: "32 owners whose machines are spread with a fat tail, and whose costs differ by up to two",
        make: fat_tailed,
    },
    Population {
        name: "p3",
        about: "one giant of a hundred machines and the lowest cost, and fifty owners of one machine",
        make: giant,
    },
    Population {
        name: "p4",
        about: "ten addresses of three owners, each address with a part of its owner's stake",
        make: addresses,
    },
    Population {
        name: "p5",
        about: "twenty equal owners, of whom five fail in half of their jobs, independently",
        make: faulty,
    },
    Population {
        name: "p5-region",
        about: "the same, but the five are in one region that is out half of the time",
        make: faulty_region,
    },
];

/// What a million cycles cost where costs are equal.
const COST: u32 = 800;
/// Between these they lie where they are not.
const COSTS: (u64, u64) = (600, 1_200);

impl Population {
    /// Its owners. Where they are drawn, it is always the same ones.
    pub fn owners(&self) -> Vec<Owner> {
        (self.make)(&mut Dice::new(0, self.name))
    }
}

fn owner(name: String, cost: u32, machines: u32) -> Owner {
    Owner {
        mcycle_time: Span::s(15),
        jitter: 0.1,
        machines,
        stake: machines,
        latency: Span::ms(100),
        ..Owner::new(name, Amount::from(cost))
    }
}

fn equal(_: &mut Dice) -> Vec<Owner> {
    (1..=5).map(|nth| owner(format!("owner {nth}"), COST, 4)).collect()
}

fn fat_tailed(dice: &mut Dice) -> Vec<Owner> {
    let mut drawn = |nth| {
        let machines = pareto(dice, 1.2).min(64.0) as u32;
        Owner { jitter: 0.2, ..owner(format!("owner {nth}"), cost(dice), machines) }
    };
    (1..=32).map(&mut drawn).collect()
}

fn giant(dice: &mut Dice) -> Vec<Owner> {
    let small = (1..=50).map(|nth| owner(format!("small {nth}"), cost(dice), 1));
    let giant = owner("giant".to_owned(), COSTS.0 as u32, 100);
    std::iter::once(giant).chain(small).collect()
}

fn addresses(_: &mut Dice) -> Vec<Owner> {
    let with = |(name, addresses, machines): (&str, u32, u32)| Owner {
        addresses,
        others: Others::Equals,
        ..owner(name.to_owned(), COST, machines)
    };
    [("six addresses", 6, 12), ("three addresses", 3, 6), ("one address", 1, 2)].map(with).into()
}

fn faulty(_: &mut Dice) -> Vec<Owner> {
    with_five(|nth| Owner { fault: 0.5, ..owner(format!("faulty {nth}"), COST, 2) })
}

fn faulty_region(_: &mut Dice) -> Vec<Owner> {
    let region = Some(Region { number: 1, outage: 0.5 });
    with_five(|nth| Owner { region, ..owner(format!("in the region {nth}"), COST, 2) })
}

fn with_five(faulty: impl Fn(u32) -> Owner) -> Vec<Owner> {
    let sound = (1..=15).map(|nth| owner(format!("sound {nth}"), COST, 2));
    sound.chain((1..=5).map(faulty)).collect()
}

fn cost(dice: &mut Dice) -> u32 {
    (COSTS.0 + dice.below(COSTS.1 - COSTS.0 + 1)) as u32
}

/// At least one, and above x with probability x to the power of −`shape` (Pareto).
pub(crate) fn pareto(dice: &mut Dice, shape: f64) -> f64 {
    (1.0 - dice.uniform()).powf(-1.0 / shape)
}

/// What nobody's cost of a million cycles is above.
pub(crate) fn highest_cost(owners: &[Owner]) -> Amount {
    let cost = |owner: &Owner| match owner.cost {
        Cost::Fixed(cost) => cost,
        Cost::Drawn { to, .. } => to,
    };
    owners.iter().map(cost).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn populations_are_what_they_say() {
        let of = |name: &str| {
            POPULATIONS.iter().find(|one| one.name == name).map(Population::owners).unwrap()
        };
        let count = |name: &str| of(name).len();
        assert_eq!(["p1", "p2", "p3", "p4", "p5", "p5-region"].map(count), [5, 32, 51, 3, 20, 20]);
        assert_eq!(of("p4").iter().map(|owner| owner.addresses).sum::<u32>(), 10);
        assert_eq!(of("p2"), of("p2"));
        let mut machines: Vec<u32> = of("p2").iter().map(|owner| owner.machines).collect();
        machines.sort_unstable();
        let (largest, all) = (machines.last().copied().unwrap(), machines.iter().sum::<u32>());
        assert!(machines[16] <= 2 && largest * 5 > all, "no fat tail: {machines:?}");
        assert_eq!(of("p5").iter().filter(|owner| owner.fault > 0.0).count(), 5);
        assert_eq!(of("p5-region").iter().filter(|owner| owner.region.is_some()).count(), 5);
    }
}
