//! Where the simulated chain's contracts are.

use alloy::primitives::{Address, address};

/// The market.
pub(super) const MARKET: Address = address!("00000000000000000000000000000000000a0001");
/// Its verifier router.
pub(super) const ROUTER: Address = address!("00000000000000000000000000000000000a0002");
/// Its on-chain assessor.
pub(super) const ASSESSOR: Address = address!("00000000000000000000000000000000000a0003");
/// Its verifier of attested proofs.
pub(super) const ATTESTED_VERIFIER: Address = address!("00000000000000000000000000000000000a0004");
/// Its collateral token.
pub(super) const TOKEN: Address = address!("00000000000000000000000000000000000a0005");
/// Where forfeited collateral goes out of circulation.
pub(super) const BURNED: Address = address!("000000000000000000000000000000000000dEaD");

/// Whether there is code.
pub(super) fn has_code(address: Address) -> bool {
    [MARKET, ROUTER, ASSESSOR, ATTESTED_VERIFIER, TOKEN].contains(&address)
}
