//! What is drawn, and how keys change it.

use ratatui::termion::event::Key;
use rialto_node::page::{OrderLine, Status};
use std::cmp::Reverse;
use std::time::Duration;
use url::Url;

/// What is drawn.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    /// Who is asked.
    pub(super) source: Url,
    /// The last answer, if there ever was one.
    pub(super) status: Option<Status>,
    /// Since when, in seconds, and why there has been no answer.
    pub(super) silent: Option<(u64, String)>,
    /// What orders are sorted by.
    pub(super) sort: Sort,
    /// The first order that is shown.
    pub(super) top: usize,
}

/// What orders are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sort {
    /// Ours first, then the nearest deadline.
    #[default]
    Ours,
    /// The nearest deadline first.
    Deadline,
    /// The highest price first.
    Price,
    /// The highest stake first.
    Stake,
    /// By how far we have come.
    Standing,
}

/// What somebody at the keyboard wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// To go on looking.
    Stay,
    /// To leave.
    Quit,
}

/// Lines that a page key scrolls by.
const PAGE: usize = 10;

impl Picture {
    pub(super) fn new(source: Url) -> Self {
        Self { source, status: None, silent: None, sort: Sort::default(), top: 0 }
    }

    pub(super) fn answered(&mut self, mut status: Status) {
        self.sort.sort(&mut status.orders);
        self.status = Some(status);
        self.silent = None;
        self.top = self.top.min(self.orders().saturating_sub(1));
    }

    pub(super) fn silent(&mut self, time: Duration, reason: String) {
        self.silent = Some((time.as_secs(), reason));
    }

    pub(super) fn press(&mut self, key: Key) -> Wish {
        match key {
            Key::Char('q' | 'Q') | Key::Esc | Key::Ctrl('c') => return Wish::Quit,
            Key::Char('s') => {
                self.sort = self.sort.next();
                self.top = 0;
                if let Some(status) = &mut self.status {
                    self.sort.sort(&mut status.orders);
                }
            }
            Key::Up | Key::Char('k') => self.top = self.top.saturating_sub(1),
            Key::Down | Key::Char('j') => self.top += 1,
            Key::PageUp => self.top = self.top.saturating_sub(PAGE),
            Key::PageDown => self.top += PAGE,
            Key::Home => self.top = 0,
            _ => {}
        }
        self.top = self.top.min(self.orders().saturating_sub(1));
        Wish::Stay
    }

    fn orders(&self) -> usize {
        self.status.as_ref().map_or(0, |status| status.orders.len())
    }
}

impl Sort {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ours => "ours, deadline",
            Self::Deadline => "deadline",
            Self::Price => "price",
            Self::Stake => "stake",
            Self::Standing => "standing",
        }
    }

    fn next(self) -> Self {
        match self {
            Self::Ours => Self::Deadline,
            Self::Deadline => Self::Price,
            Self::Price => Self::Stake,
            Self::Stake => Self::Standing,
            Self::Standing => Self::Ours,
        }
    }

    fn sort(self, orders: &mut [OrderLine]) {
        match self {
            Self::Ours => orders.sort_by_key(|order| (!order.is_ours, order.deadline)),
            Self::Deadline => orders.sort_by_key(|order| order.deadline),
            Self::Price => {
                orders.sort_by_key(|order| (Reverse(order.price_wei), order.deadline));
            }
            Self::Stake => {
                orders.sort_by_key(|order| (Reverse(order.lock_collateral), order.deadline));
            }
            Self::Standing => orders.sort_by(|one, other| {
                let rank = |order: &OrderLine| (order.standing.clone(), order.deadline);
                rank(one).cmp(&rank(other))
            }),
        }
    }
}
