//! The questions of a setup, and the file that follows from the answers.

use crate::show;
use anyhow::Result;
use rialto_chain::Network;
use rialto_node::Settings;
use rialto_node::settings::Problems;
use std::io::{self, BufRead};

/// One setting that every operator has a view of.
struct Question {
    section: &'static str,
    key: &'static str,
    /// In words.
    asks: &'static str,
    /// What is proposed, as people write it.
    proposed: String,
    /// Whether TOML wants it in quotes.
    is_text: bool,
}

/// The questions, in their order.
pub(super) struct Interview {
    questions: Vec<Question>,
    yes: bool,
}

/// The chain id of chains that people start for themselves.
const OWN_CHAIN: u64 = 31_337;

impl Interview {
    /// What is asked of somebody who serves `network`. With `yes` nothing is asked.
    pub(super) fn of(network: &Network, yes: bool) -> Self {
        // A chain of one's own has tokens without a price.
        let is_own = network.chain_id == OWN_CHAIN;
        let [floor, stake] = match is_own {
            true => ["0.00002 ETH", "20 ZKC"],
            false => ["0.00002 USD", "10 USD"],
        };
        let question = |section, key, asks, proposed: &str, is_text| Question {
            section,
            key,
            asks,
            proposed: proposed.to_owned(),
            is_text,
        };
        let mut questions = vec![
            question(
                "market",
                "min_mcycle_price",
                "Least price per million cycles, in ETH or USD",
                floor,
                true,
            ),
            question(
                "market",
                "max_collateral",
                "Most collateral at stake for one request, in ZKC or USD",
                stake,
                true,
            ),
            question(
                "market",
                "peak_prove_khz",
                "Speed of this machine in thousand cycles per second (`rialto prove benchmark` measures it)",
                "100",
                false,
            ),
            question(
                "monitor",
                "listen",
                "Address of the status page and of metrics",
                "127.0.0.1:9090",
                true,
            ),
        ];
        if is_own {
            let asks = "Least reward per million cycles after another prover's lapsed lock, in ZKC";
            let race = question("market", "min_mcycle_price_collateral_token", asks, "0 ZKC", true);
            questions.insert(1, race);
        }
        Self { questions, yes }
    }

    /// Asks, and gives the text of the configuration. An answer that is no value is asked for again.
    ///
    /// # Errors
    /// If the answers end too early.
    pub(super) fn hold(&self) -> Result<String> {
        let mut lines = io::stdin().lock().lines();
        let mut answers = Vec::new();
        for question in &self.questions {
            let line = loop {
                let answer = match self.yes {
                    true => String::new(),
                    false => ask(question, &mut lines)?,
                };
                let line = question.line(&answer);
                match Settings::parse(&format!("[{}]\n{line}", question.section)) {
                    Ok(_) => break line,
                    // Their lines are of no file that anybody has seen.
                    Err(Problems(problems)) => {
                        problems
                            .iter()
                            .for_each(|problem| show::tell(&format!("{}\n", problem.text)));
                    }
                }
            };
            answers.push((question.section, line));
        }
        Ok(text_of(&answers))
    }
}

impl Question {
    fn line(&self, answer: &str) -> String {
        let answer = answer.trim();
        let value = if answer.is_empty() { &self.proposed } else { answer };
        match self.is_text {
            true => format!("{} = {value:?}\n", self.key),
            false => format!("{} = {value}\n", self.key),
        }
    }
}

fn ask(
    question: &Question,
    lines: &mut impl Iterator<Item = io::Result<String>>,
) -> Result<String> {
    let proposal = format!("{} [{}]: ", question.asks, question.proposed);
    show::ask(&proposal, lines, "answer each, or take the proposals with --yes")
}

fn text_of(answers: &[(&str, String)]) -> String {
    let mut text = "# `rialto node config example` shows every setting.\n".to_owned();
    let mut last = "";
    for (section, line) in answers {
        if *section != last {
            text += &format!("\n[{section}]\n");
            last = section;
        }
        text += line;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn proposals_make_a_valid_file() {
        let answers = vec![
            ("market", "min_mcycle_price = \"1 ETH\"\n".to_owned()),
            ("market", "peak_prove_khz = 7\n".to_owned()),
            ("monitor", "listen = \"127.0.0.1:9090\"\n".to_owned()),
        ];
        let text = text_of(&answers);
        expect![[r#"
            # `rialto node config example` shows every setting.

            [market]
            min_mcycle_price = "1 ETH"
            peak_prove_khz = 7

            [monitor]
            listen = "127.0.0.1:9090"
        "#]]
        .assert_eq(&text);
        assert!(Settings::parse(&text).is_ok());
    }
}
