//! From a picture to a frame; nothing here asks, waits or reads a clock.

use super::picture::Picture;
use crate::node::sentence;
use crate::node::telling::{clock, short};
use crate::show::{eth, rct};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, Cell, Paragraph, Row, Table};
use rialto_node::Level;
use rialto_node::page::{Alert, BreakerState, Host, IntakeState, OrderLine, Status};
use rialto_protocol::{Collateral, Timestamp, Wei};

/// A lock with less time than this is drawn in red.
const CLOSE_S: u64 = 60;
/// Width of a proof's progress bar.
const BAR: u16 = 8;
/// More alerts than these do not fit beside the orders.
const ALERTS_MAX: usize = 4;

pub(super) fn draw(picture: &Picture, frame: &mut Frame<'_>) {
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(0), Constraint::Length(1)])
            .areas(frame.area());
    frame.render_widget(title(picture), head);
    match &picture.status {
        Some(status) => draw_status(picture, status, frame, body),
        None => {
            let waiting =
                "no answer yet; does the node run, and does it serve its pages at this address?";
            frame.render_widget(Paragraph::new(waiting).centered(), body);
        }
    }
    let keys = format!(" q quits   s sorts (by {})   ↑ ↓ scroll", picture.sort.word());
    frame.render_widget(Line::from(keys).dim(), foot);
}

fn title(picture: &Picture) -> Line<'static> {
    let mut spans = vec![Span::from(" rialto ").bold()];
    if let Some(status) = &picture.status {
        let prover = status.prover.to_string();
        let shown = if picture.silent.is_some() { &prover[..8] } else { &prover };
        spans.push(Span::from(format!("{shown} ")));
    }
    match &picture.silent {
        Some((seconds, reason)) => {
            spans.push(Span::from(format!("no answer for {seconds} s: {reason}")).red().bold());
        }
        None => spans.push(Span::from(picture.source.to_string()).dim()),
    }
    Line::from(spans)
}

fn draw_status(picture: &Picture, status: &Status, frame: &mut Frame<'_>, area: Rect) {
    let alerts = alert_lines(&status.alerts);
    let alerts_height = u16::try_from(alerts.lines.len()).unwrap_or(u16::MAX);
    let [tops, warnings, orders, recent] = Layout::vertical([
        Constraint::Length(8),
        Constraint::Length(alerts_height),
        Constraint::Fill(3),
        Constraint::Fill(2),
    ])
    .areas(area);
    let [node, money, host] = Layout::horizontal([Constraint::Fill(1); 3]).areas(tops);
    frame.render_widget(boxed("node", node_lines(status)), node);
    frame.render_widget(boxed("money", money_lines(status)), money);
    frame.render_widget(boxed("machine", host_lines(&status.host)), host);
    frame.render_widget(alerts, warnings);
    draw_orders(picture, status, frame, orders);
    draw_recent(status, frame, recent);
}

fn boxed<'a>(title: &'a str, lines: Vec<Line<'a>>) -> Paragraph<'a> {
    Paragraph::new(lines).block(Block::bordered().title(title))
}

/// What is wrong, the worst first.
fn alert_lines(alerts: &[Alert]) -> Text<'static> {
    let line = |alert: &Alert| match alert.level {
        Level::Error => Line::from(format!(" ● {}", alert.text)).red().bold(),
        Level::Warn | Level::Ok => Line::from(format!(" ● {}", alert.text)).yellow(),
    };
    let mut lines: Vec<_> = alerts.iter().take(ALERTS_MAX).map(line).collect();
    let more = alerts.len().saturating_sub(ALERTS_MAX);
    if more > 0 {
        lines.push(Line::from(format!("   and {more} more")).yellow());
    }
    Text::from(lines)
}

fn node_lines(status: &Status) -> Vec<Line<'static>> {
    let (chain, load) = (&status.chain, &status.load);
    let breaker = match load.breaker {
        BreakerState::Closed => Span::from("proves").green(),
        BreakerState::Trial => Span::from("proves on trial").yellow(),
        BreakerState::Open => Span::from("PROVES NOT").red().bold(),
    };
    let intake = match load.intake {
        IntakeState::Open => Span::from("takes work").green(),
        IntakeState::ListenOnly => Span::from("listens only").yellow(),
        IntakeState::Closed => Span::from("takes no work").yellow(),
    };
    let speed = match load.learned_hz {
        Some(hz) => format!("speed    {}", speed_of(hz)),
        None => format!("speed    {} assumed", speed_of(load.assumed_hz)),
    };
    vec![
        Line::from(format!("block    {}, {} s ago", chain.read_to_block, chain.last_read_s_ago)),
        Line::from(format!("promised {} of {}", load.promised_orders, load.places)),
        Line::from(format!("busy for {}", span_of(load.busy_for_s))),
        Line::from(speed),
        Line::from(vec![breaker, ", ".into(), intake]),
        Line::from(format!("up       {}", span_of(status.up_s))),
    ]
}

fn money_lines(status: &Status) -> Vec<Line<'static>> {
    let (balances, today) = (&status.balances, &status.today);
    let profit = Wei(today.profit_wei.0.unsigned_abs());
    let (sign, colour) = match today.profit_wei.0.is_negative() {
        true => ("-", Color::Red),
        false => ("", Color::Green),
    };
    let lost = today.sums.forfeited != Collateral::ZERO;
    let forfeits = Line::from(format!("lost   {}", short_amount(&rct(today.sums.forfeited))));
    vec![
        Line::from(format!("wallet {}", short_amount(&eth(balances.wallet_wei)))),
        Line::from(format!("market {}", short_amount(&eth(balances.market_wei)))),
        Line::from(format!("free   {}", short_amount(&rct(balances.free_collateral)))),
        Line::from(format!("stake  {}", short_amount(&rct(balances.collateral_at_stake)))),
        Line::from(format!("today  {sign}{}", short_amount(&eth(profit))))
            .style(Style::new().fg(colour)),
        if lost { forfeits.red() } else { forfeits.dim() },
    ]
}

fn host_lines(host: &Host) -> Vec<Line<'static>> {
    let gib = |bytes: u64| bytes >> 30;
    let used_of = |used, total| format!("{}/{} GiB", gib(used), gib(total));
    let memory = used_of(host.memory_used_bytes, host.memory_total_bytes);
    let disk = used_of(host.disk_free_bytes, host.disk_total_bytes);
    let mut lines = vec![
        Line::from(format!("cpu    {:.0} % of {}", host.cpu_percent, host.cpus)),
        Line::from(format!("memory {memory}")),
        Line::from(format!("node   {} MiB", host.process_memory_bytes >> 20)),
        Line::from(format!("disk   {disk} free")),
    ];
    let gpu = |gpu: &rialto_node::page::Gpu| {
        Line::from(format!("gpu    {:.0} % {}", gpu.busy_percent, gpu.name))
    };
    lines.extend(host.gpus.iter().map(gpu));
    lines
}

fn draw_orders(picture: &Picture, status: &Status, frame: &mut Frame<'_>, area: Rect) {
    let now = status.chain.now;
    let rows = status.orders.iter().skip(picture.top).map(|order| order_row(order, now));
    let widths = [
        Constraint::Length(14),
        Constraint::Length(8),
        Constraint::Length(BAR + 6),
        Constraint::Length(9),
        Constraint::Length(14),
        Constraint::Fill(1),
    ];
    let header = Row::new(["request", "standing", "proof", "left", "price", "next"]).bold();
    let shown = status.orders.len();
    let title = match picture.top {
        0 => format!("{} open orders", status.open_orders),
        top => format!("{} open orders, from {} of {shown}", status.open_orders, top + 1),
    };
    let table = Table::new(rows, widths).header(header).block(Block::bordered().title(title));
    frame.render_widget(table, area);
}

fn order_row(order: &OrderLine, now: Timestamp) -> Row<'static> {
    let left_s = now.seconds_until(order.deadline);
    let is_late = order.proven_in_s.is_some_and(|proven_in_s| proven_in_s > left_s);
    let left = Cell::from(span_of(left_s));
    let left = match order.is_ours && (left_s < CLOSE_S || is_late) {
        true => left.style(Style::new().fg(Color::Red).add_modifier(Modifier::BOLD)),
        false => left,
    };
    let proof = match (order.progress_permille, order.proven_in_s) {
        (Some(permille), _) => bar(permille),
        (None, Some(seconds)) => format!("in {}", span_of(seconds)),
        (None, None) => String::new(),
    };
    let row = Row::new([
        Cell::from(short(Some(order.request), order.digest)),
        Cell::from(order.standing.clone()),
        Cell::from(proof),
        left,
        Cell::from(short_amount(&eth(order.price_wei))),
        Cell::from(order.next.clone()),
    ]);
    if order.is_ours { row.bold() } else { row }
}

fn draw_recent(status: &Status, frame: &mut Frame<'_>, area: Rect) {
    let room = usize::from(area.height.saturating_sub(2));
    let lines = status.recent.iter().take(room).map(|entry| {
        let at_s = entry.at_ms / 1_000;
        let about = entry.digest.map(|digest| {
            let order = status.orders.iter().find(|order| order.digest == digest);
            short(order.map(|order| order.request), digest)
        });
        let about = about.unwrap_or_default();
        let said = sentence(&entry.event, Timestamp(at_s));
        Line::from(format!("{} {about:<14} {said}", clock(at_s)))
    });
    frame.render_widget(boxed("recent", lines.collect()), area);
}

/// `###.....  34 %`
fn bar(permille: u32) -> String {
    let full = usize::try_from(permille.min(1_000)).unwrap_or_default() * usize::from(BAR) / 1_000;
    let empty = usize::from(BAR) - full;
    format!("{}{} {:>3} %", "█".repeat(full), "░".repeat(empty), permille.min(1_000) / 10)
}

/// An amount with its unit, cut to four significant decimals: a box is narrow.
fn short_amount(amount: &str) -> String {
    let (number, unit) = amount.split_once(' ').unwrap_or((amount, ""));
    let Some((whole, decimals)) = number.split_once('.') else { return amount.to_owned() };
    let zeros = decimals.bytes().take_while(|digit| *digit == b'0').count();
    let kept = if whole == "0" { zeros + 4 } else { 4 };
    let decimals: String = decimals.chars().take(kept).collect();
    match decimals.trim_end_matches('0') {
        "" => format!("{whole} {unit}"),
        decimals => format!("{whole}.{decimals} {unit}"),
    }
}

/// Cycles a second as people read them.
fn speed_of(hz: u64) -> String {
    match hz {
        0..10_000 => format!("{hz} Hz"),
        10_000..10_000_000 => format!("{} kHz", hz / 1_000),
        _ => format!("{} MHz", hz / 1_000_000),
    }
}

/// Seconds as people read them: `59 s`, `12:05`, `2:03:04`, `3 d 04 h`.
fn span_of(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        3_600..86_400 => {
            format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
        }
        _ => format!("{} d {:02} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

#[cfg(test)]
mod tests;
