//! Rule books as tables: one row an event, with what came of it. For tests.
//!
//! A row is `time party verb …` with times in seconds; `-` stands for nobody. Every party begins with 1 000 000 in hand.
//!
//! ```text
//! 0 req opens 1 for 200 until 1200      (then: parts 4, cycles 7)
//! 5 ann locks 1
//! 6 bob bids 1 at 50
//! 7 bob commits 1 to 50 nonce 9         9 bob reveals 1 as 50 nonce 9
//! 8 ann joins stake 100 price 5 capacity 3
//! 9 ann delivers 1 part 2 badly
//! 9 - seeds 0 with 7                    (round 0; the seed is 32 bytes of 7)
//! ```
//!
//! Others: `bids at 5` (at large), `asks at 5 within 60`, `endows 5`, `measured as 5`, `chooses ann of 1`, `accepts 1`,
//! `declines 1`, `contests 1`, `takes 1 for 2` (the proof of 1), `polls`, `leaves`, `cancels 1`, `funds 5`, `withdraws 5`, `ticks`.

use crate::{
    Amount, Auditor, Entry, Event, JobId, JobSpec, Machine, Message, Party, Position, Proof, Span,
    Time, commitment, find,
};
use alloy_primitives::B256;
use expect_test::Expect;
use rialto_protocol::Cycles;

/// What every party begins with.
const PURSE: u32 = 1_000_000;

/// Three members whose machines have been measured.
pub(crate) const THREE: &str = "0 ann joins stake 1000 capacity 10
    0 bob joins stake 1000 capacity 10
    0 cid joins stake 1000 capacity 10
    0 ann measured as 50000
    0 bob measured as 60000
    0 cid measured as 100";

/// Runs `script` under a preset, or under rules as TOML, and compares the table.
#[track_caller]
pub(crate) fn check(mechanism: &str, rules: &str, script: &str, expected: Expect) {
    Rulebook::new(mechanism, rules).check(script, expected);
}

/// How many of an owner's names are drawn for a job by a seed of `value`, in the first preset of a mechanism. It has nine
/// units of capacity in so many names; each of two rivals has as many in one.
pub(crate) fn drawn_of_nine_units(mechanism: &str, names: u32, value: u32) -> usize {
    let preset = find(mechanism).expect("a mechanism of that name").about.presets[0].name;
    let mut book = Rulebook::new(mechanism, preset);
    let mut join = |name: &str, units: u32| {
        let stake = 100 * units;
        book.play(&format!(
            "0 {name} joins stake {stake} capacity {units}\n0 {name} measured as 1"
        ));
    };
    (0..names).for_each(|name| join(&format!("own{name}"), 9 / names));
    ["one", "two"].iter().for_each(|name| join(name, 9));
    book.play("0 req opens 1 for 900 until 90000 cycles 10");
    book.play(&format!("60 - seeds 0 with {value}")).matches("own").count()
}

/// A run with names for its parties.
pub(crate) struct Rulebook {
    pub(crate) machine: Box<dyn Machine>,
    auditor: Auditor,
    names: Vec<String>,
    now: Time,
}

impl Rulebook {
    pub(crate) fn new(mechanism: &str, rules: &str) -> Self {
        let kind = find(mechanism).expect("a mechanism of that name");
        let rules = kind.about.preset(rules).map_or(rules, |preset| preset.rules);
        let machine = kind.start(rules).expect("rules that make sense");
        Self { machine, auditor: Auditor::default(), names: Vec::new(), now: Time::default() }
    }

    /// Runs `script` and compares the table.
    #[track_caller]
    pub(crate) fn check(&mut self, script: &str, expected: Expect) {
        let table: String = script.lines().filter_map(|line| self.row(line)).collect();
        expected.assert_eq(&table);
    }

    /// Runs all rows; returns the last one's effects.
    pub(crate) fn play(&mut self, script: &str) -> String {
        script.lines().filter_map(|line| self.row(line)).last().unwrap_or_default()
    }

    /// A party's address; it is funded when it first appears.
    pub(crate) fn party(&mut self, name: &str) -> Party {
        if let Some(place) = self.names.iter().position(|known| known == name) {
            return address(place);
        }
        self.names.push(name.to_owned());
        let party = address(self.names.len() - 1);
        let funding = Event::Fund { party, amount: Amount::from(PURSE) };
        self.enter(Time::default(), funding);
        party
    }

    /// What a party has in hand beyond what it began with.
    pub(crate) fn gain(&mut self, name: &str) -> i128 {
        let hand = crate::Account::Hand(self.party(name));
        self.machine.ledger().balance(hand).get() as i128 - i128::from(PURSE)
    }

    /// The row of a line; nothing for an empty line.
    fn row(&mut self, line: &str) -> Option<String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [at, who, verb, rest @ ..] = &words[..] else {
            assert!(words.is_empty(), "no row: {line}");
            return None;
        };
        let seconds: f64 = at.parse().expect("a time in seconds");
        let at_time = Time((seconds * 1_000.0).round() as u64);
        let event = self.event(at_time, who, verb, rest);
        let step = self.enter(at_time, event);
        let mut results: Vec<String> = Vec::new();
        for happened in &step.effects {
            let late =
                if happened.at == at_time { String::new() } else { format!("[{}] ", happened.at) };
            results.push(format!("{late}{}", happened.effect));
        }
        results.extend(step.refused.map(|refusal| format!("refused: {refusal}")));
        let mut results = results.join("; ");
        for (place, name) in self.names.iter().enumerate() {
            results = results.replace(&address(place).to_string(), name);
        }
        Some(format!("{} | {results}\n", words.join(" ")).replace(" | \n", " |\n"))
    }

    fn enter(&mut self, at: Time, event: Event) -> crate::Step {
        // A party that appears late is funded late.
        let at = if matches!(event, Event::Fund { .. }) { self.now.max(at) } else { at };
        self.now = self.now.max(at);
        let entry = Entry { at, event };
        let step = self.machine.step(&entry);
        self.auditor.watch(&entry, &step, self.machine.as_ref()).expect("the auditor agrees");
        step
    }

    fn event(&mut self, at: Time, who: &str, verb: &str, rest: &[&str]) -> Event {
        let number = |place: usize| rest[place].parse::<u32>().expect("a number");
        let after = |word: &str| {
            let place = rest.iter().position(|given| *given == word)?;
            Some(rest[place + 1].parse::<u32>().expect("a number"))
        };
        let amount = |word: &str| Amount::from(after(word).unwrap_or_default());
        let job_at = |place: usize| JobId(number(place).into());
        let job = || job_at(0);
        let nonce = || u64::from(after("nonce").unwrap_or_default());
        let party = if who == "-" { Party::ZERO } else { self.party(who) };
        let say = |job, message| Event::Say { from: party, job, message };
        match verb {
            "funds" => Event::Fund { party, amount: number(0).into() },
            "endows" => Event::Endow { party, amount: number(0).into() },
            "measured" => Event::Measure { party, score: after("as").unwrap_or_default() },
            "withdraws" => Event::Withdraw { party, amount: number(0).into() },
            "joins" => {
                let capacity = after("capacity").unwrap_or(1);
                let position =
                    Position { stake: amount("stake"), price: amount("price"), capacity };
                Event::Join { party, position }
            }
            "leaves" => Event::Leave { party },
            "opens" => {
                let cycles = Cycles(after("cycles").unwrap_or(1).into());
                let (max_pay, parts) = (amount("for"), after("parts").unwrap_or(1));
                let deadline = Time(u64::from(after("until").expect("until when")) * 1_000);
                let spec = JobSpec { requester: party, cycles, parts, max_pay, deadline };
                Event::Open { job: job(), spec }
            }
            "cancels" => Event::Cancel { job: job(), by: party },
            "locks" => say(Some(job()), Message::Lock),
            "bids" => {
                let at_large = rest[0] == "at";
                say((!at_large).then(job), Message::Bid { price: amount("at") })
            }
            "asks" => {
                let within = Span::s(after("within").expect("within what time").into());
                say(None, Message::Ask { price: amount("at"), within })
            }
            "commits" => {
                let digest = commitment(job(), party, amount("to"), nonce());
                say(Some(job()), Message::Commit { digest })
            }
            "reveals" => say(Some(job()), Message::Reveal { price: amount("as"), nonce: nonce() }),
            "chooses" => {
                let chosen = self.party(rest[0]);
                say(Some(job_at(2)), Message::Choose { party: chosen })
            }
            "accepts" => say(Some(job()), Message::Accept),
            "declines" => say(Some(job()), Message::Decline),
            "contests" => say(Some(job()), Message::Contest),
            "takes" => say(Some(job_at(2)), Message::Take { proof_of: job() }),
            "polls" => say(None, Message::Poll),
            "delivers" => {
                let valid = !rest.contains(&"badly");
                let proof = Proof { valid, part: after("part").unwrap_or_default() };
                Event::Deliver { job: job(), by: party, proof }
            }
            "seeds" => {
                let seed = B256::repeat_byte(after("with").unwrap_or_default() as u8);
                Event::Seed { round: number(0).into(), seed, published: at }
            }
            "ticks" => Event::Tick,
            other => panic!("no such verb: {other}"),
        }
    }
}

fn address(place: usize) -> Party {
    Party::left_padding_from(&(place as u64 + 1).to_be_bytes())
}
