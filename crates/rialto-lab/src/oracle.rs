//! Numbers from closed forms and plain integrals, to compare simulations with. Nothing here uses a
//! mechanism or a world.

mod auction;
mod lottery;
mod race;
mod score;

pub use auction::{
    Rest, first_price_mean, second_price_deviation, second_price_gain, undercutting,
    vacancy_after_predation,
};
pub use lottery::{all_fail, at_least, lottery_markup, scattered_waste, table_entries};
pub use race::race_win;
pub use score::Score;
