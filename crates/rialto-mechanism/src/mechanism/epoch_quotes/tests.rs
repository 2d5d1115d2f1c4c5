use crate::rulebook::{Rulebook, check};
use expect_test::expect;

#[test]
fn the_proposer_takes_the_quote_it_likes() {
    check(
        "epoch-quotes",
        "aztec",
        "0 prop opens 1 for 500 until 1151
         0 prop opens 1 for 500 until 1152
         1 ann bids 1 at 501
         1 ann bids 1 at 300
         1 ann bids 1 at 200
         2 bob bids 1 at 400
         3 ann chooses ann of 1
         3 prop chooses cid of 1
         3 prop chooses bob of 1
         4 cid bids 1 at 100
         5 ann delivers 1
         1152 bob delivers 1",
        expect![[r#"
            0 prop opens 1 for 500 until 1151 | refused: the deadline must be 1152 s or later
            0 prop opens 1 for 500 until 1152 | 500 prop>escrow#1 (escrow)
            1 ann bids 1 at 501 | refused: the price may be at most 500
            1 ann bids 1 at 300 | 1000 ann>ann's bond#1 (bond)
            1 ann bids 1 at 200 | refused: done before
            2 bob bids 1 at 400 | 1000 bob>bob's bond#1 (bond)
            3 ann chooses ann of 1 | refused: not the requester
            3 prop chooses cid of 1 | refused: bid first
            3 prop chooses bob of 1 | 1000 ann's bond#1>ann (release); #1 to bob for 400 until 1152
            4 cid bids 1 at 100 | refused: somebody has the job
            5 ann delivers 1 | refused: reserved for others until 1152 s
            1152 bob delivers 1 | 400 escrow#1>bob (price); 1000 bob's bond#1>bob (release); 100 escrow#1>prop (refund); #1 proven
        "#]],
    );
}

#[test]
fn an_epoch_without_choice_or_proof_is_pruned() {
    check(
        "epoch-quotes",
        "aztec",
        "0 prop opens 1 for 500 until 2000
         2 bob bids 1 at 400
         469 prop chooses bob of 1
         500 prop opens 2 for 500 until 2000
         501 bob bids 2 at 400
         502 prop chooses bob of 2
         2001 bob delivers 2",
        expect![[r#"
            0 prop opens 1 for 500 until 2000 | 500 prop>escrow#1 (escrow)
            2 bob bids 1 at 400 | 1000 bob>bob's bond#1 (bond)
            469 prop chooses bob of 1 | [468.001] 1000 bob's bond#1>bob (release); [468.001] 500 escrow#1>prop (refund); [468.001] #1 unproven; refused: no such job, or it is over
            500 prop opens 2 for 500 until 2000 | 500 prop>escrow#2 (escrow)
            501 bob bids 2 at 400 | 1000 bob>bob's bond#2 (bond)
            502 prop chooses bob of 2 | #2 to bob for 400 until 2000
            2001 bob delivers 2 | [2000.001] #2 lapsed for bob; [2000.001] 1000 bob's bond#2>burned (forfeit#2); [2000.001] 500 escrow#2>prop (refund); [2000.001] #2 unproven; refused: no such job, or it is over
        "#]],
    );
}

/// The proposer gains by the side payment and not by the lower fee, if the fee is not its own money.
#[test]
fn a_side_payment_beats_a_lower_quote() {
    let side_payment = 100;
    let proposer_gains = |own_share_percent: i128, chosen_fee: i128, paid: i128| {
        // What it keeps of the fees that it does not spend, beside what it is paid for its choice.
        (500 - chosen_fee) * own_share_percent / 100 + paid
    };
    let choice = |own_share_percent: i128| {
        let honest = proposer_gains(own_share_percent, 300, 0);
        let bribed = proposer_gains(own_share_percent, 400, side_payment);
        if bribed > honest { "bob" } else { "ann" }
    };
    let paid_by_the_epoch = |own_share_percent: i128| {
        let mut book = Rulebook::new("epoch-quotes", "aztec");
        book.play("0 prop opens 1 for 500 until 2000\n1 ann bids 1 at 300\n1 bob bids 1 at 400");
        let chosen = choice(own_share_percent);
        book.play(&format!("2 prop chooses {chosen} of 1\n3 {chosen} delivers 1"));
        -book.gain("prop")
    };
    assert_eq!([0, 99, 100].map(paid_by_the_epoch), [400, 400, 300]);
}
