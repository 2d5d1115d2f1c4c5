//! Numbers from closed forms and plain integrals, to compare simulations with. Nothing here uses a
//! mechanism or a world.

mod auction;
mod book;
mod contest;
mod lottery;
mod puzzle;
mod queue;
mod race;
mod score;
mod trade;
mod tree;

pub use auction::{
    Rest, first_price_mean, kick_back, second_price_deviation, second_price_gain, undercutting,
    vacancy_after_predation, withholding_gain,
};
pub use book::{asks_covered, cost_of_being_first, fair_resale_share, proofs_fined, rematching};
pub use contest::{Contestant, contest, duel};
pub use lottery::{
    all_fail, at_least, failover, first_answer, last_reveal, link_time, lottery_markup,
    scattered_waste, table_entries,
};
pub use puzzle::interval_after;
pub use queue::{copies_on_time, erlang_c, hedge_on_time, lognormal_below};
pub use race::race_win;
pub use score::Score;
pub use trade::best_trade;
pub use tree::{tree_in_pairs, tree_rebuilt, tree_unaided};
