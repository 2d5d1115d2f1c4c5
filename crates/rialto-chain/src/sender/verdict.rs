//! What an endpoint's answer to a broadcast means. Nodes have no codes for it, only words, and each
//! its own; what is not recognised counts as a passing fault, because the rebroadcast is the retry.

use crate::EndpointError;

/// The outcome of one broadcast.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is in the mempool, now or already.
    Accepted,
    /// A block has used the nonce.
    NonceUsed,
    /// The mempool holds another transaction of this nonce that bids too much to be replaced.
    Occupied,
    /// The bid is too low to be kept.
    Underpriced,
    /// The account cannot pay.
    Poor(String),
    /// No node will take it, ever.
    Refused(String),
    /// Anything else; try again.
    Unclear(EndpointError),
}

/// Words of geth, reth, erigon, nethermind, besu and anvil, in lower case.
const ACCEPTED: &[&str] = &[
    "already known",
    "known transaction",
    "already imported",
    "alreadyknown",
    "already exists",
    "already in",
];
const NONCE_USED: &[&str] =
    &["nonce too low", "nonce is too low", "oldnonce", "invalid nonce; got"];
const OCCUPIED: &[&str] = &["replacement", "could not replace"];
const UNDERPRICED: &[&str] = &[
    "underpriced",
    "less than block base fee",
    "fee too low",
    "feetoolow",
    "gas price too low",
    "tip too low",
];
const POOR: &[&str] = &["insufficient funds", "insufficient balance", "insufficientfunds"];
const REFUSED: &[&str] = &[
    "intrinsic gas",
    "block gas limit",
    "gas limit too high",
    "gas limit is too high",
    "gas too high",
    "oversized data",
    "size exceeded",
    "invalid sender",
    "chain id",
    "not supported",
    "higher than max fee",
    "initcode",
    "fee cap",
];

impl Verdict {
    pub(super) fn of(result: Result<(), EndpointError>) -> Self {
        let failed = match result {
            Ok(()) => return Self::Accepted,
            Err(failed) => failed,
        };
        let Some(payload) = failed.source.as_error_resp() else { return Self::Unclear(failed) };
        let said = payload.message.to_lowercase();
        let speaks_of = |words: &[&str]| words.iter().any(|word| said.contains(word));
        match () {
            () if speaks_of(ACCEPTED) => Self::Accepted,
            () if speaks_of(NONCE_USED) => Self::NonceUsed,
            () if speaks_of(OCCUPIED) => Self::Occupied,
            () if speaks_of(UNDERPRICED) => Self::Underpriced,
            () if speaks_of(POOR) => Self::Poor(payload.message.to_string()),
            () if speaks_of(REFUSED) => Self::Refused(payload.message.to_string()),
            () => Self::Unclear(failed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn nodes_words_are_understood() {
        let words = [
            "already known",
            "transaction already imported",
            "nonce too low: next nonce 5, tx nonce 3",
            "nonce too low",
            "replacement transaction underpriced",
            "transaction underpriced: tip needed 1, tip permitted 0",
            "max fee per gas less than block base fee: address 0x0, maxFeePerGas: 1, baseFee: 7",
            "insufficient funds for gas * price + value: balance 0, tx cost 21000",
            "Insufficient funds for gas * price + value",
            "intrinsic gas too low: gas 1, minimum needed 21000",
            "exceeds block gas limit",
            "invalid chain id for signer: have 1 want 2",
            "header not found",
            "nonce too high",
        ];
        let verdict =
            |message: &str| match Verdict::of(Err(EndpointError::answered(-32000, message))) {
                Verdict::Accepted => "accepted",
                Verdict::NonceUsed => "nonce used",
                Verdict::Occupied => "occupied",
                Verdict::Underpriced => "underpriced",
                Verdict::Poor(_) => "poor",
                Verdict::Refused(_) => "refused",
                Verdict::Unclear(_) => "unclear",
            };
        let table: String =
            words.iter().map(|word| format!("{:11} {word}\n", verdict(word))).collect();
        expect![[r#"
            accepted    already known
            accepted    transaction already imported
            nonce used  nonce too low: next nonce 5, tx nonce 3
            nonce used  nonce too low
            occupied    replacement transaction underpriced
            underpriced transaction underpriced: tip needed 1, tip permitted 0
            underpriced max fee per gas less than block base fee: address 0x0, maxFeePerGas: 1, baseFee: 7
            poor        insufficient funds for gas * price + value: balance 0, tx cost 21000
            poor        Insufficient funds for gas * price + value
            refused     intrinsic gas too low: gas 1, minimum needed 21000
            refused     exceeds block gas limit
            refused     invalid chain id for signer: have 1 want 2
            unclear     header not found
            unclear     nonce too high
        "#]].assert_eq(&table);
    }
}
