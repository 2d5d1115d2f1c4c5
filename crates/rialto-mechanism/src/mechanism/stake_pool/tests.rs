use super::{Rules, StakePool, Weighting};
use crate::rulebook::{Rulebook, check};
use crate::{JobId, Mechanism, Party, Roll, Seed};
use alloy_primitives::{B256, keccak256};
use expect_test::expect;
use rialto_protocol::draw::Weight;

const RULES: &str = r#"
    weighting = "stake"
    slots = 2
    min_capacity = 2
    stake_for_capacity = 100
    first_price = 1000
    memory = 10
    lowest = 7500
    highest = 12500
    slash = 500
    slash_min = 1
    window = "50 min"
    exit = "7 d"
    beacon = { lag = "12 s", patience = "2 min" }
"#;

#[test]
fn the_largest_stakes_have_the_slots() {
    check(
        "stake-pool",
        RULES,
        "0 ann joins stake 199 capacity 2 price 900
         0 ann joins stake 300 capacity 1 price 900
         0 ann joins stake 300 capacity 2 price 900
         0 bob joins stake 300 capacity 2 price 900
         0 cid joins stake 300 capacity 2 price 900
         0 cid joins stake 301 capacity 2 price 900
         1 bob joins stake 300 capacity 2 price 800
         2 ann joins stake 250 capacity 2 price 700
         2 ann joins stake 300 capacity 2 price 700
         3 dan joins stake 500 capacity 5 price 700
         604803 - ticks",
        expect![[r#"
            0 ann joins stake 199 capacity 2 price 900 | refused: a stake of 200 is needed
            0 ann joins stake 300 capacity 1 price 900 | refused: a capacity of 2 is needed
            0 ann joins stake 300 capacity 2 price 900 | 300 ann>ann's stake (stake)
            0 bob joins stake 300 capacity 2 price 900 | 300 bob>bob's stake (stake)
            0 cid joins stake 300 capacity 2 price 900 | refused: a stake of 301 is needed
            0 cid joins stake 301 capacity 2 price 900 | 301 cid>cid's stake (stake)
            1 bob joins stake 300 capacity 2 price 800 | refused: on its way out until 604800 s
            2 ann joins stake 250 capacity 2 price 700 | refused: the stake is 300 and cannot be lowered
            2 ann joins stake 300 capacity 2 price 700 |
            3 dan joins stake 500 capacity 5 price 700 | 500 dan>dan's stake (stake)
            604803 - ticks | [604800] 300 bob's stake>bob (stake); 300 ann's stake>ann (stake)
        "#]],
    );
}

#[test]
fn who_is_drawn_is_paid_its_own_price_within_bounds() {
    check(
        "stake-pool",
        RULES,
        "0 ann joins stake 300 capacity 2 price 100
         0 req opens 1 for 2499 until 9000 cycles 2000000
         0 req opens 1 for 2500 until 3132 cycles 2000000
         0 req opens 1 for 2500 until 9000 cycles 2000000
         1 req opens 2 for 9000 until 9000 cycles 1000000
         12 - seeds 0 with 7
         12.001 - seeds 0 with 7
         13 req opens 3 for 9000 until 9000 cycles 1000000
         13 bob joins stake 400 capacity 2 price 9000
         13 bob delivers 1
         24.002 - seeds 1 with 7
         24.002 ann delivers 1
         25 ann delivers 2
         36.003 - seeds 2 with 7
         37 ann leaves
         3037 cid delivers 3
         700000 - ticks",
        expect![[r#"
            0 ann joins stake 300 capacity 2 price 100 | 300 ann>ann's stake (stake)
            0 req opens 1 for 2499 until 9000 cycles 2000000 | refused: the most that is paid must be 2500 or more
            0 req opens 1 for 2500 until 3132 cycles 2000000 | refused: the deadline must be 3132.001 s or later
            0 req opens 1 for 2500 until 9000 cycles 2000000 | 2500 req>escrow#1 (escrow); frozen for seed 0 from 12.001
            1 req opens 2 for 9000 until 9000 cycles 1000000 | 9000 req>escrow#2 (escrow)
            12 - seeds 0 with 7 | refused: not before 12.001 s
            12.001 - seeds 0 with 7 | #1 to ann for 1500 until 3012.001, open from 3012.002 for 1500; frozen for seed 1 from 24.002
            13 req opens 3 for 9000 until 9000 cycles 1000000 | 9000 req>escrow#3 (escrow)
            13 bob joins stake 400 capacity 2 price 9000 | 400 bob>bob's stake (stake)
            13 bob delivers 1 | refused: reserved for others until 3012.001 s
            24.002 - seeds 1 with 7 | #2 to ann for 732 until 3024.002, open from 3024.003 for 732; frozen for seed 2 from 36.003
            24.002 ann delivers 1 | 1500 escrow#1>ann (price); 1000 escrow#1>req (refund); #1 proven
            25 ann delivers 2 | 732 escrow#2>ann (price); 8268 escrow#2>req (refund); #2 proven
            36.003 - seeds 2 with 7 | #3 to bob for 1187 until 3036.003, open from 3036.004 for 1187
            37 ann leaves |
            3037 cid delivers 3 | [3036.004] #3 lapsed for bob; 1187 escrow#3>cid (rescue); 20 bob's stake>burned (forfeit#3); 7813 escrow#3>req (refund); #3 proven
            700000 - ticks | [604837] 300 ann's stake>ann (stake)
        "#]],
    );
}

#[test]
fn without_a_seed_or_a_prover_a_job_is_open_to_all() {
    check(
        "stake-pool",
        RULES,
        "0 req opens 1 for 2500 until 9000 cycles 1000000
         13 - seeds 0 with 7
         14 ann delivers 1
         15 ann joins stake 300 capacity 2 price 100
         20 req opens 2 for 2500 until 9000 cycles 1000000
         152.002 - ticks
         153 bob delivers 2",
        expect![[r#"
            0 req opens 1 for 2500 until 9000 cycles 1000000 | 2500 req>escrow#1 (escrow); frozen for seed 0 from 12.001
            13 - seeds 0 with 7 | #1 open from 13 for 1000
            14 ann delivers 1 | 1000 escrow#1>ann (rescue); 1500 escrow#1>req (refund); #1 proven
            15 ann joins stake 300 capacity 2 price 100 | 300 ann>ann's stake (stake)
            20 req opens 2 for 2500 until 9000 cycles 1000000 | 2500 req>escrow#2 (escrow); frozen for seed 1 from 32.001
            152.002 - ticks | [152.001] #2 open from 152.001 for 1000
            153 bob delivers 2 | 1000 escrow#2>bob (rescue); 1500 escrow#2>req (refund); #2 proven
        "#]],
    );
}

fn seed(value: u8) -> Seed {
    Seed::new(None, B256::ZERO, B256::repeat_byte(value))
}

/// Slots as the first versions kept them.
struct Slot {
    weight: u128,
    price: u128,
    capacity: u32,
}

fn slots() -> Vec<Slot> {
    let slot = |(weight, price)| Slot { weight, price, capacity: 1 };
    vec![(1, 10), (1, 20), (2, 30)].into_iter().map(slot).collect()
}

/// The draw as versions 1 and 2 shipped it: no remainder of the hash reaches the first ticket of a
/// slot, the price is that of the last slot, and the capacity is taken from the next one.
fn historic_draw(slots: &mut [Slot], hash: u128) -> (usize, u128) {
    let total: u128 = slots.iter().map(|slot| slot.weight).sum();
    let (wanted, mut sum, mut at) = (hash % total, 0, 0);
    for (place, slot) in slots.iter().enumerate() {
        sum += slot.weight;
        at = place;
        if sum >= wanted {
            break;
        }
    }
    let price = slots[slots.len() - 1].price;
    let next = (at + 1) % slots.len();
    slots[next].capacity = slots[next].capacity.saturating_sub(1);
    (at, price)
}

/// What a draw must do: each slot as often as its weight says.
fn drawn_often_enough(mut draw: impl FnMut(u128) -> usize) -> bool {
    let mut counts = [0u32; 3];
    for ticket in 0..4_000 {
        counts[draw(ticket)] += 1;
    }
    counts.iter().zip([1_000, 1_000, 2_000]).all(|(count, wanted)| count.abs_diff(wanted) < 150)
}

#[test]
fn every_slot_is_drawn_by_its_weight() {
    assert!(!drawn_often_enough(|ticket| historic_draw(&mut slots(), ticket).0));
    let mut roll = Roll::default();
    for (place, slot) in slots().iter().enumerate() {
        roll.set(Party::with_last_byte(place as u8), Weight::try_from(slot.weight).unwrap());
    }
    let root = roll.freeze();
    let ours = |ticket: u128| {
        let value = keccak256(ticket.to_be_bytes());
        let drawn = roll.draw_one(&Seed::new(None, root, value), JobId(1)).unwrap();
        usize::from(drawn.0[19])
    };
    assert!(drawn_often_enough(ours));
}

#[test]
fn the_drawn_prover_is_the_one_that_is_paid_and_busy() {
    let mut historic = slots();
    let (at, price) = historic_draw(&mut historic, 1);
    assert_ne!(price, historic[at].price);
    assert_eq!(historic[at].capacity, 1);
    let mut book = Rulebook::new("stake-pool", RULES);
    book.play(
        "0 ann joins stake 300 capacity 2 price 800
         0 bob joins stake 300 capacity 2 price 1200",
    );
    for job in 1..=4 {
        let at_s = job * 100;
        let shown = book.play(&format!(
            "{at_s} req opens {job} for 3000 until 9000 cycles 1000000\n{} - seeds {} with {job}",
            at_s + 20,
            job - 1
        ));
        let price = if shown.contains("to ann for 800") { "ann" } else { "bob" };
        assert!(shown.contains("to ann for 800") || shown.contains("to bob for 1"), "{shown}");
        let party = book.party(price);
        let duties = book.machine.member(party).unwrap().duties;
        assert!(duties > 0);
    }
    // Both have two jobs: nobody was given more than it can do, and nobody has room.
    let duties = ["ann", "bob"].map(|name| {
        let party = book.party(name);
        book.machine.member(party).unwrap().duties
    });
    assert_eq!(duties, [2, 2]);
}

/// Leaving deleted slot 0, whoever was leaving.
#[test]
fn who_leaves_is_the_one_that_goes() {
    let mut book = Rulebook::new("stake-pool", RULES);
    book.play(
        "0 ann joins stake 300 capacity 2 price 800
         0 bob joins stake 300 capacity 2 price 800
         1 bob leaves
         2 req opens 1 for 3000 until 9000 cycles 1000000",
    );
    assert!(book.play("20 - seeds 0 with 1").contains("to ann"));
}

/// Version 3 drew by the number of the block alone: everybody knew it beforehand. A seed that is
/// older than the set is refused here whatever it is.
#[test]
fn a_seed_that_was_known_before_is_refused() {
    let known = |block: u64| keccak256(block.to_be_bytes());
    assert_eq!(known(7), known(7));
    let mut book = Rulebook::new("stake-pool", RULES);
    book.play("0 ann joins stake 300 capacity 2 price 800");
    book.play("1 req opens 1 for 3000 until 9000 cycles 1000000");
    let refused = book.play("1 - seeds 0 with 7");
    assert!(refused.contains("refused: not before 13.001 s"), "{refused}");
}

/// The largest stakes at the lowest prices still fit the roll together.
#[test]
fn a_full_pool_of_the_largest_weights_can_be_drawn_from() {
    let rules = crate::find("stake-pool").unwrap().about.preset("taiko-2").unwrap().rules;
    let mut pool = StakePool::new(toml::from_str(rules).unwrap());
    let mut desk = crate::Desk::default();
    for name in 0..pool.rules.slots {
        let (party, stake) = (Party::with_last_byte(name as u8), crate::Amount::new(1 << 85));
        let position = crate::Position { stake, price: crate::Amount::ZERO, capacity: 1 << 20 };
        desk.fund(party, stake).unwrap();
        pool.join(&mut desk, party, &position).unwrap();
        desk.seat(party, position);
        pool.seated(&mut desk, party);
    }
    let root = pool.lots.roll.freeze();
    let drawn = pool.lots.roll.draw_one(&Seed::new(None, root, B256::ZERO), JobId(1));
    assert!(drawn.is_some());
}

/// Weights linear in stake are neutral to splitting; the root of the stake multiplies by √m.
#[test]
fn only_the_root_of_the_stake_rewards_splitting() {
    let weight = |weighting: &str, stake: u32| {
        let rules = RULES.replace("\"stake\"", &format!("{weighting:?}"));
        let rules: Rules = toml::from_str(&rules).unwrap();
        let mut pool = StakePool::new(rules);
        pool.rules.weighting =
            if weighting == "stake" { Weighting::Stake } else { Weighting::RootStake };
        let mut desk = crate::Desk::default();
        let party = Party::with_last_byte(1);
        let stake = crate::Amount::from(stake);
        desk.fund(party, stake).unwrap();
        desk.seat(party, crate::Position { stake, price: crate::Amount::from(10), capacity: 10 });
        pool.weight(&desk, party).get()
    };
    let close = |left: u128, right: u128| left.abs_diff(right) <= 8;
    assert!(close(weight("stake", 90_000), 9 * weight("stake", 10_000)));
    assert!(close(3 * weight("root-stake", 90_000), 9 * weight("root-stake", 10_000)));
}

/// Who is paid the lowest price that counts has no more tickets for asking less, and follows the going price.
#[test]
fn a_price_weighs_as_far_as_it_counts() {
    let mut book = Rulebook::new("stake-pool", RULES);
    book.play(
        "0 ann joins stake 300 capacity 2 price 1
         0 bob joins stake 300 capacity 2 price 750",
    );
    let tickets = |book: &mut Rulebook, name: &str| {
        let party = book.party(name);
        book.machine.tickets(party).unwrap()
    };
    assert_eq!(tickets(&mut book, "ann"), tickets(&mut book, "bob"));
    book.play("1 req opens 1 for 3000 until 9000 cycles 1000000\n20 - seeds 0 with 1");
    // The going price has moved a tenth towards 750.
    assert!(tickets(&mut book, "ann") > tickets(&mut book, "bob"));
    assert_eq!(tickets(&mut book, "cid"), Weight::ZERO);
}

#[test]
#[should_panic(expected = "the seed is for another set")]
fn a_seed_for_another_set_draws_nobody() {
    let mut roll = Roll::default();
    roll.set(Party::with_last_byte(1), Weight::try_from(1).unwrap());
    roll.freeze();
    roll.draw_one(&seed(7), JobId(1));
}

/// How many missed jobs cost two honest provers stake in a spike of 120 jobs. Each can prove 40 in a window and would
/// say so, but must offer `floor` at least.
fn slashed_in_a_spike(floor: u32) -> usize {
    const CAN: usize = 40;
    let rules = RULES.replace("min_capacity = 2", &format!("min_capacity = {floor}"));
    let mut book = Rulebook::new("stake-pool", &rules);
    let offered = floor.max(CAN as u32);
    for name in ["ann", "bob"] {
        book.play(&format!("0 {name} joins stake 20000 capacity {offered} price 900"));
    }
    for job in 1..=120 {
        book.play(&format!("1 req opens {job} for 2000 until 90000 cycles 1000000"));
    }
    let drawn = book.play("14 - seeds 0 with 7") + "; " + &book.play("27 - seeds 1 with 8");
    for name in ["ann", "bob"] {
        let given = drawn.split("; ").filter(|effect| effect.contains(&format!(" to {name} ")));
        let jobs = given.filter_map(|effect| effect.split('#').nth(1)?.split(' ').next());
        for job in jobs.take(CAN) {
            book.play(&format!("100 {name} delivers {job}"));
        }
    }
    book.play("4000 - ticks").matches(" lapsed for ").count()
}

/// Taiko's testnet Eldfell: with a capacity of at least 128 a spike gave honest provers more than they could prove, and they were
/// slashed in masses. With 32 they offer what they can, and the rest is open to all.
#[test]
fn a_low_floor_of_capacity_spares_honest_provers_in_a_spike() {
    assert!(slashed_in_a_spike(128) >= 40);
    assert_eq!(slashed_in_a_spike(32), 0);
}
