use super::super::picture::{Sort, Wish};
use super::*;
use alloy::primitives::{Address, B256, I256, U256};
use expect_test::{Expect, expect};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::termion::event::Key;
use rialto_node::page::{Balances, Chain, Gpu, Load, Readiness};
use rialto_node::{Directive, Entry, Event, I256Decimal, Row as Sum, Sums};
use rialto_protocol::{Cycles, RequestDigest, RequestId};

const ETH: u128 = 1_000_000_000_000_000_000;

fn order(index: u32, is_ours: bool, deadline: u64, progress: Option<u32>) -> OrderLine {
    OrderLine {
        request: RequestId::new(Address::repeat_byte(0xc1), index),
        digest: RequestDigest(B256::repeat_byte(index as u8)),
        standing: if is_ours { "priced" } else { "seen" }.into(),
        next: if is_ours {
            "to be proven"
        } else {
            "waits for the price to reach the target (12 s)"
        }
        .into(),
        is_ours,
        deadline: Timestamp(deadline),
        proven_in_s: is_ours.then_some(200),
        progress_permille: progress,
        price_wei: Wei::from(ETH / 40 / u128::from(index)),
        lock_collateral: Collateral::from(5 * ETH),
    }
}

fn picture() -> Picture {
    let sums = Sums { income_wei: Wei::from(ETH), gas_wei: Wei::from(ETH / 8), ..Sums::default() };
    let today = Sum {
        key: "total".into(),
        sums,
        profit_wei: I256Decimal(I256::from_raw(U256::from(ETH - ETH / 8))),
        profit_collateral: I256Decimal::default(),
    };
    let entry = |at_s: u64, index: u8, event| Entry {
        at_ms: at_s * 1_000,
        digest: Some(RequestDigest(B256::repeat_byte(index))),
        event,
    };
    let status = Status {
        prover: Address::repeat_byte(0xee),
        version: "0.1.0".into(),
        up_s: 93_784,
        chain: Chain {
            chain_id: 31337,
            market: Address::repeat_byte(0x3a),
            now: Timestamp(1_000_000),
            read_to_block: 4_242,
            newest_block: 4_242,
            head_lag_s: 2,
            last_read_s_ago: 0,
            gas_price_wei: Wei::from(7),
        },
        readiness: Readiness { ready: true, problems: vec![] },
        alerts: vec![],
        balances: Balances {
            wallet_wei: Wei::from(3 * ETH),
            market_wei: Wei::from(ETH),
            free_collateral: Collateral::from(95 * ETH),
            collateral_at_stake: Collateral::from(5 * ETH),
        },
        load: Load {
            promised_orders: 1,
            places: 2,
            promised_cycles: Cycles(71_000_000),
            owed_orders: 2,
            late_orders: 1,
            busy_for_s: 400,
            learned_hz: Some(412_345),
            assumed_hz: 100_000,
            breaker: BreakerState::Closed,
            intake: IntakeState::Open,
            directive: Directive::Run,
        },
        open_orders: 3,
        orders: vec![
            order(7, false, 1_003_600, None),
            order(8, true, 1_000_045, Some(345)),
            order(9, true, 1_000_700, None),
        ],
        recent: vec![
            entry(999_990, 8, Event::Proving { deadline: Timestamp(1_000_045) }),
            entry(999_980, 7, Event::Locking { price: Wei::from(ETH / 40) }),
        ],
        today,
        host: Host {
            cpu_percent: 87.4,
            cpus: 16,
            memory_used_bytes: 21 << 30,
            memory_total_bytes: 64 << 30,
            process_memory_bytes: 412 << 20,
            disk_free_bytes: 300 << 30,
            disk_total_bytes: 500 << 30,
            gpus: vec![Gpu {
                name: "NVIDIA H100".into(),
                busy_percent: 99.0,
                memory_used_bytes: 0,
                memory_total_bytes: 0,
            }],
        },
    };
    let mut picture = Picture::new("http://127.0.0.1:9090".parse().unwrap());
    picture.answered(status);
    picture
}

fn check(picture: &Picture, (width, height): (u16, u16), expected: Expect) {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(picture, frame)).unwrap();
    let buffer = terminal.backend().buffer().clone();
    // A line that begins at the margin, so that it is not moved.
    let mut text = format!("{width} x {height}\n");
    for line in buffer.content().chunks(usize::from(width)) {
        let line: String = line.iter().map(ratatui::buffer::Cell::symbol).collect();
        text += line.trim_end();
        text.push('\n');
    }
    expected.assert_eq(&text);
}

#[test]
fn a_node_on_a_small_terminal() {
    check(
        &picture(),
        (80, 24),
        expect![[r#"
            80 x 24
             rialto 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE http://127.0.0.1:9090/
            ┌node─────────────────────┐┌money───────────────────┐┌machine──────────────────┐
            │block    4242, 0 s ago   ││wallet 3 ETH            ││cpu    87 % of 16        │
            │promised 1 of 2          ││market 1 ETH            ││memory 21/64 GiB         │
            │busy for 6:40            ││free   95 RCT           ││node   412 MiB           │
            │speed    412 kHz         ││stake  5 RCT            ││disk   300/500 GiB free  │
            │proves, takes work       ││today  0.875 ETH        ││gpu    99 % NVIDIA H100  │
            │up       1 d 02 h        ││lost   0 RCT            ││                         │
            └─────────────────────────┘└────────────────────────┘└─────────────────────────┘
            ┌3 open orders─────────────────────────────────────────────────────────────────┐
            │request        standing proof          left      price          next          │
            │0xC1C1c1…#8    priced   ██░░░░░░  34 % 45 s      0.003125 ETH   to be proven  │
            │0xC1C1c1…#9    priced   in 3:20        11:40     0.002777 ETH   to be proven  │
            │0xC1C1c1…#7    seen                    1:00:00   0.003571 ETH   waits for the │
            │                                                                              │
            │                                                                              │
            └──────────────────────────────────────────────────────────────────────────────┘
            ┌recent────────────────────────────────────────────────────────────────────────┐
            │13:46:30 0xC1C1c1…#8    proving, 55 s left                                    │
            │13:46:20 0xC1C1c1…#7    locking at 0.025 ETH                                  │
            │                                                                              │
            │                                                                              │
            └──────────────────────────────────────────────────────────────────────────────┘
             q quits   s sorts (by ours, deadline)   ↑ ↓ scroll
        "#]],
    );
}

#[test]
fn a_node_on_a_large_terminal() {
    check(
        &picture(),
        (120, 30),
        expect![[r#"
            120 x 30
             rialto 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE http://127.0.0.1:9090/
            ┌node──────────────────────────────────┐┌money─────────────────────────────────┐┌machine───────────────────────────────┐
            │block    4242, 0 s ago                ││wallet 3 ETH                          ││cpu    87 % of 16                     │
            │promised 1 of 2                       ││market 1 ETH                          ││memory 21/64 GiB                      │
            │busy for 6:40                         ││free   95 RCT                         ││node   412 MiB                        │
            │speed    412 kHz                      ││stake  5 RCT                          ││disk   300/500 GiB free               │
            │proves, takes work                    ││today  0.875 ETH                      ││gpu    99 % NVIDIA H100               │
            │up       1 d 02 h                     ││lost   0 RCT                          ││                                      │
            └──────────────────────────────────────┘└──────────────────────────────────────┘└──────────────────────────────────────┘
            ┌3 open orders─────────────────────────────────────────────────────────────────────────────────────────────────────────┐
            │request        standing proof          left      price          next                                                  │
            │0xC1C1c1…#8    priced   ██░░░░░░  34 % 45 s      0.003125 ETH   to be proven                                          │
            │0xC1C1c1…#9    priced   in 3:20        11:40     0.002777 ETH   to be proven                                          │
            │0xC1C1c1…#7    seen                    1:00:00   0.003571 ETH   waits for the price to reach the target (12 s)        │
            │                                                                                                                      │
            │                                                                                                                      │
            │                                                                                                                      │
            │                                                                                                                      │
            │                                                                                                                      │
            │                                                                                                                      │
            └──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────┘
            ┌recent────────────────────────────────────────────────────────────────────────────────────────────────────────────────┐
            │13:46:30 0xC1C1c1…#8    proving, 55 s left                                                                            │
            │13:46:20 0xC1C1c1…#7    locking at 0.025 ETH                                                                          │
            │                                                                                                                      │
            │                                                                                                                      │
            │                                                                                                                      │
            │                                                                                                                      │
            └──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────┘
             q quits   s sorts (by ours, deadline)   ↑ ↓ scroll
        "#]],
    );
}

#[test]
fn a_node_that_went_away_keeps_its_last_picture() {
    let mut picture = picture();
    picture.silent = Some((17, "connection refused".into()));
    let status = picture.status.as_mut().unwrap();
    status.load.breaker = BreakerState::Open;
    let alert = |level, text: &str| Alert { level, text: text.to_owned() };
    status.alerts = vec![alert(Level::Error, "proving fails; nothing is locked")];
    status.alerts.extend((1..=5).map(|number| alert(Level::Warn, &format!("warning {number}"))));
    status.today.sums.forfeited = Collateral::from(5 * ETH);
    status.orders.clear();
    check(
        &picture,
        (80, 24),
        expect![[r#"
            80 x 24
             rialto 0xEeeeeE no answer for 17 s: connection refused
            ┌node─────────────────────┐┌money───────────────────┐┌machine──────────────────┐
            │block    4242, 0 s ago   ││wallet 3 ETH            ││cpu    87 % of 16        │
            │promised 1 of 2          ││market 1 ETH            ││memory 21/64 GiB         │
            │busy for 6:40            ││free   95 RCT           ││node   412 MiB           │
            │speed    412 kHz         ││stake  5 RCT            ││disk   300/500 GiB free  │
            │PROVES NOT, takes work   ││today  0.875 ETH        ││gpu    99 % NVIDIA H100  │
            │up       1 d 02 h        ││lost   5 RCT            ││                         │
            └─────────────────────────┘└────────────────────────┘└─────────────────────────┘
             ● proving fails; nothing is locked
             ● warning 1
             ● warning 2
             ● warning 3
               and 2 more
            ┌3 open orders─────────────────────────────────────────────────────────────────┐
            │request        standing proof          left      price          next          │
            │                                                                              │
            │                                                                              │
            └──────────────────────────────────────────────────────────────────────────────┘
            ┌recent────────────────────────────────────────────────────────────────────────┐
            │13:46:30 0x08080808…    proving, 55 s left                                    │
            │13:46:20 0x07070707…    locking at 0.025 ETH                                  │
            └──────────────────────────────────────────────────────────────────────────────┘
             q quits   s sorts (by ours, deadline)   ↑ ↓ scroll
        "#]],
    );
}

#[test]
fn a_node_that_never_answered() {
    let mut picture = picture();
    picture.status = None;
    picture.silent = Some((3, "connection refused".into()));
    check(
        &picture,
        (80, 24),
        expect![[r#"
            80 x 24
             rialto no answer for 3 s: connection refused
             no answer yet; does the node run, and does it serve its pages at this address?





















             q quits   s sorts (by ours, deadline)   ↑ ↓ scroll
        "#]],
    );
    check(
        &picture,
        (10, 3),
        expect![[r#"
            10 x 3
             rialto no
            no answer
             q quits
        "#]],
    );
}

#[test]
fn keys_sort_scroll_and_quit() {
    let mut picture = picture();
    let order = |picture: &Picture| -> Vec<u32> {
        let orders = &picture.status.as_ref().unwrap().orders;
        orders.iter().map(|order| order.request.index()).collect()
    };
    assert_eq!(order(&picture), [8, 9, 7]);
    for (sort, expected) in [
        (Sort::Deadline, [8, 9, 7]),
        (Sort::Price, [7, 8, 9]),
        (Sort::Stake, [8, 9, 7]),
        (Sort::Standing, [8, 9, 7]),
        (Sort::Ours, [8, 9, 7]),
    ] {
        assert_eq!(picture.press(Key::Char('s')), Wish::Stay);
        assert_eq!((picture.sort, order(&picture)), (sort, expected.to_vec()));
    }
    for (key, top) in [
        (Key::Up, 0),
        (Key::Down, 1),
        (Key::PageDown, 2),
        (Key::Down, 2),
        (Key::Char('k'), 1),
        (Key::Home, 0),
        (Key::Char('x'), 0),
    ] {
        assert_eq!(picture.press(key), Wish::Stay);
        assert_eq!(picture.top, top, "{key:?}");
    }
    picture.press(Key::Down);
    let answer = picture.status.clone().unwrap();
    picture.answered(answer);
    assert_eq!(picture.top, 1, "an answer does not scroll");
    for key in [Key::Char('q'), Key::Esc, Key::Ctrl('c')] {
        assert_eq!(picture.press(key), Wish::Quit);
    }
}

#[test]
fn amounts_keep_what_matters() {
    let amounts =
        ["0 ETH", "1.5 ETH", "12.345678901234 ETH", "0.000000123456789 ETH", "7.00001 RCT"];
    assert_eq!(
        amounts.map(short_amount),
        ["0 ETH", "1.5 ETH", "12.3456 ETH", "0.0000001234 ETH", "7 RCT"]
    );
}

#[test]
fn speeds_keep_three_digits_or_more() {
    let speeds = [307, 9_999, 10_000, 412_345, 9_999_999, 10_000_000].map(speed_of);
    assert_eq!(speeds, ["307 Hz", "9999 Hz", "10 kHz", "412 kHz", "9999 kHz", "10 MHz"]);
}

#[test]
fn spans_read_as_people_say_them() {
    let spans = [0, 59, 60, 3_599, 3_600, 86_399, 86_400, 1_000_000].map(span_of);
    assert_eq!(
        spans,
        ["0 s", "59 s", "1:00", "59:59", "1:00:00", "23:59:59", "1 d 00 h", "11 d 13 h"]
    );
}
