//! Keys of existing brokers that are something else here: old names, and settings without effect.
//!
//! Both are accepted with a remark, so that an operator's file works as it is.

/// An old name.
pub(super) struct Renamed {
    pub(super) section: &'static str,
    pub(super) old: &'static str,
    /// Section and key that it means now.
    pub(super) new: (&'static str, &'static str),
}

const fn renamed(section: &'static str, old: &'static str, new: &'static str) -> Renamed {
    Renamed { section, old, new: (section, new) }
}

pub(super) const RENAMED: &[Renamed] = &[
    renamed("market", "mcycle_price", "min_mcycle_price"),
    renamed("market", "mcycle_price_stake_token", "min_mcycle_price_collateral_token"),
    renamed("market", "min_mcycle_price_stake_token", "min_mcycle_price_collateral_token"),
    renamed("market", "max_stake", "max_collateral"),
    renamed("market", "stake_balance_warn_threshold", "collateral_balance_warn_threshold"),
    renamed("market", "stake_balance_error_threshold", "collateral_balance_error_threshold"),
    renamed("market", "max_concurrent_locks", "max_concurrent_proofs"),
    renamed("market", "expired_order_fulfillment_priority", "order_commitment_priority"),
    // Documented in one section, read in the other.
    Renamed {
        section: "market",
        old: "max_critical_task_retries",
        new: ("prover", "max_critical_task_retries"),
    },
];

/// A setting that has nothing to set here.
pub(super) struct WithoutEffect {
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    /// Why, as a clause.
    pub(super) why: &'static str,
}

const fn idle(section: &'static str, name: &'static str, why: &'static str) -> WithoutEffect {
    WithoutEffect { section, name, why }
}

const NO_ASSESSOR: &str =
    "the market's contract assesses fulfilments itself, so there is no assessor program";
const NO_SET_BUILDER: &str =
    "attesters sign the Merkle root of a batch, so there is no set-builder program";
const NO_TELEMETRY: &str = "this node reports to nobody but its operator";

pub(super) const WITHOUT_EFFECT: &[WithoutEffect] = &[
    idle("market", "assessor_default_image_url", NO_ASSESSOR),
    idle("market", "assessor_selector", NO_ASSESSOR),
    idle("market", "set_builder_default_image_url", NO_SET_BUILDER),
    idle("market", "assumption_price", "it has none where it comes from either"),
    idle("market", "rpc_mode", "every chain is read in one way, which survives reorganisations"),
    idle(
        "market",
        "ipfs_gateway_fallback",
        "a request's URL is read where it points, or not at all",
    ),
    idle("market", "telemetry_mode", NO_TELEMETRY),
    idle("market", "request_heartbeat_interval_secs", NO_TELEMETRY),
    idle("market", "broker_heartbeat_interval_secs", NO_TELEMETRY),
    idle("prover", "bonsai_r0_zkvm_ver", "no version is asked of a prover: image ids bind it"),
    idle("prover", "assessor_set_guest_path", NO_ASSESSOR),
    idle("prover", "set_builder_guest_path", NO_SET_BUILDER),
];
