use crate::world::{World, address_of, ether, key, tokens};
use rialto_chain::devnet::Mining;
use rialto_chain::sender::SendOptions;
use rialto_chain::{
    AssessorRevert, Call, MarketError, MarketEvent, MarketRevert, Payment, Receipt, RouterRevert,
    SendError, Sender, TokenRevert,
};
use rialto_protocol::{Collateral, FulfillmentBatch, SignedRequest, Wei, commitment, registry};

fn labelled(label: &str) -> SendOptions {
    SendOptions { label: label.to_owned(), ..SendOptions::default() }
}

async fn send(sender: &Sender, call: Call) -> Receipt {
    sender.send_and_wait(call, labelled("test")).await.unwrap()
}

fn events(receipt: &Receipt) -> Vec<MarketEvent> {
    receipt.logs.iter().map(|log| MarketEvent::decode(&log.inner.data)).collect()
}

/// Client and prover with their money in the market: 10 ETH, and 50 tokens each for two provers.
struct Traders {
    world: World,
    client: Sender,
    prover: Sender,
    rival: Sender,
}

impl Traders {
    async fn start() -> Self {
        let world = World::start(Mining::PerTransaction).await;
        let client = world.sender("client").await;
        let prover = world.sender("prover").await;
        let rival = world.sender("rival").await;
        send(&client, world.market.deposit(ether(10))).await;
        for sender in [&prover, &rival] {
            let calls = world.market.collateral_deposit_calls(sender.address(), tokens(50)).await;
            for call in calls.unwrap() {
                send(sender, call).await;
            }
        }
        Self { world, client, prover, rival }
    }

    async fn locked(&self, index: u32) -> SignedRequest {
        let request = self.world.request(index).await;
        send(&self.prover, self.world.market.lock_request(&request)).await;
        request
    }

    async fn refusal(&self, from: &Sender, call: Call) -> MarketRevert {
        match self.world.market.simulate(from.address(), &call).await {
            Err(MarketError::Reverted(revert)) => *revert,
            other => panic!("not refused: {other:?}"),
        }
    }

    async fn balances(&self, name: &str) -> (Wei, Collateral) {
        let market = &self.world.market;
        let account = address_of(name);
        (market.balance_of(account).await.unwrap(), market.collateral_of(account).await.unwrap())
    }

    /// Announces, then delivers.
    async fn deliver_open(&self, sender: &Sender, batches: &[FulfillmentBatch]) -> Receipt {
        let market = &self.world.market;
        send(sender, market.commit_fulfillment(commitment(batches))).await;
        assert!(market.commit_block(commitment(batches)).await.unwrap().is_some());
        self.world.mine(1).await;
        send(sender, market.fulfill(batches)).await
    }
}

#[tokio::test]
async fn a_request_is_submitted_locked_delivered_and_paid() {
    let traders = Traders::start().await;
    let market = &traders.world.market;
    let request = traders.world.request(1).await;
    let id = request.request().id;

    let submitted = market.submit_request(&request.clone().into_unverified(), ether(1));
    let receipt = send(&traders.client, submitted).await;
    let unverified = Box::new(request.clone().into_unverified());
    let deposit = MarketEvent::Deposit { account: address_of("client"), amount: ether(1) };
    assert_eq!(events(&receipt), [deposit, MarketEvent::RequestSubmitted(unverified.clone())]);

    assert_eq!(market.lock_of(id).await.unwrap(), None);
    let receipt = send(&traders.prover, market.lock_request(&request)).await;
    let prover = address_of("prover");
    assert_eq!(events(&receipt), [MarketEvent::RequestLocked { prover, request: unverified }]);
    let lock = market.lock_of(id).await.unwrap().unwrap();
    let offer = &request.request().offer;
    assert_eq!((lock.prover, lock.digest, lock.collateral), (prover, request.digest(), tokens(10)));
    assert_eq!((lock.lock_deadline, lock.deadline), (offer.lock_deadline(), offer.deadline()));
    assert!(lock.price >= ether(1) && lock.price <= ether(2));
    assert_eq!(traders.balances("prover").await, (Wei::ZERO, tokens(40)));
    assert!(market.is_locked(id).await.unwrap() && !market.is_fulfilled(id).await.unwrap());

    let batches = [traders.world.batch(&request, &key("prover"), 2)];
    let call = market.fulfill(&batches);
    let payments = market.simulate_fulfillment(prover, &call).await.unwrap();
    assert_eq!(payments, [Payment::Paid]);
    let receipt = send(&traders.prover, call).await;
    let [fulfilled, delivered] = &events(&receipt)[..] else { panic!("{receipt:?}") };
    let digest = request.digest();
    assert_eq!(fulfilled, &MarketEvent::RequestFulfilled { id, prover, digest });
    let fulfillment = Box::new(batches[0].fills[0].clone());
    assert_eq!(delivered, &MarketEvent::ProofDelivered { id, prover, digest, fulfillment });

    assert_eq!(traders.balances("prover").await, (lock.price, tokens(50)));
    assert!(market.is_fulfilled(id).await.unwrap() && !market.is_slashed(id).await.unwrap());
    assert!(market.lock_of(id).await.unwrap().unwrap().paid_in_lock);
    send(&traders.prover, market.withdraw(lock.price)).await;
    send(&traders.prover, market.withdraw_collateral(tokens(50))).await;
    assert_eq!(traders.balances("prover").await, (Wei::ZERO, Collateral::ZERO));
    assert_eq!(market.token_balance_of(prover).await.unwrap(), tokens(100));
}

#[tokio::test]
async fn the_race_after_a_lapsed_lock_is_won_by_delivering() {
    let traders = Traders::start().await;
    let market = &traders.world.market;
    let request = traders.locked(1).await;
    let id = request.request().id;
    traders.world.pass(201).await;

    let batches = [traders.world.batch(&request, &key("rival"), 2)];
    let call = market.fulfill(&batches);
    let early = traders.refusal(&traders.rival, call).await;
    assert_eq!(early, MarketRevert::MissingFulfillmentCommitment);
    traders.deliver_open(&traders.rival, &batches).await;
    assert!(market.lock_of(id).await.unwrap().unwrap().paid_in_race);
    assert_eq!(market.commit_block(commitment(&batches)).await.unwrap(), None);

    let early = traders.refusal(&traders.rival, market.slash(id)).await;
    let deadline = request.request().offer.deadline();
    assert_eq!(early, MarketRevert::RequestIsNotExpired { id, deadline });
    traders.world.pass(200).await;
    let receipt = send(&traders.client, market.slash(id)).await;
    let slashed = MarketEvent::ProverSlashed {
        id,
        burned: tokens(5),
        transferred: tokens(5),
        recipient: address_of("rival"),
    };
    assert!(events(&receipt).contains(&slashed), "{receipt:?}");
    assert!(market.is_slashed(id).await.unwrap());
    assert_eq!(traders.balances("rival").await, (Wei::ZERO, tokens(55)));
    assert_eq!(traders.balances("prover").await, (Wei::ZERO, tokens(40)));
    assert_eq!(traders.balances("client").await.0, ether(10));
}

#[tokio::test]
async fn a_request_that_was_never_locked_is_priced_and_delivered() {
    let traders = Traders::start().await;
    let market = &traders.world.market;
    let request = traders.world.request(1).await;
    let batches = [traders.world.batch(&request, &key("rival"), 2)];
    send(&traders.rival, market.commit_fulfillment(commitment(&batches))).await;
    traders.world.mine(1).await;
    let call = market.price_and_fulfill(&[request], &batches);
    send(&traders.rival, call).await;
    let (paid, _) = traders.balances("rival").await;
    assert!(paid >= ether(1) && paid <= ether(2));
}

#[tokio::test]
async fn a_delivery_into_somebody_elses_lock_is_not_paid() {
    let traders = Traders::start().await;
    let market = &traders.world.market;
    let request = traders.locked(1).await;
    let locked = MarketRevert::RequestIsLocked(request.request().id);
    let call = market.fulfill(&[traders.world.batch(&request, &key("rival"), 2)]);
    let payments = market.simulate_fulfillment(address_of("rival"), &call).await.unwrap();
    assert_eq!(payments, [Payment::Failed(Box::new(locked.clone()))]);
    let receipt = send(&traders.rival, call).await;
    assert!(events(&receipt).contains(&MarketEvent::PaymentFailed(Box::new(locked))));
    assert_eq!(traders.balances("rival").await, (Wei::ZERO, tokens(50)));
}

#[tokio::test]
async fn refusals_say_why() {
    let traders = Traders::start().await;
    let market = &traders.world.market;
    let (prover, rival, client) = (&traders.prover, &traders.rival, &traders.client);
    let request = traders.locked(1).await;
    let id = request.request().id;
    let open = traders.world.request(2).await;

    let lock_again = traders.refusal(rival, market.lock_request(&request)).await;
    assert_eq!(lock_again, MarketRevert::RequestIsLocked(id));
    let no_collateral = traders.refusal(client, market.lock_request(&open)).await;
    assert_eq!(no_collateral, MarketRevert::InsufficientBalance(address_of("client")));
    let withdraw = traders.refusal(client, market.withdraw(ether(11))).await;
    assert_eq!(withdraw, MarketRevert::InsufficientBalance(address_of("client")));
    let not_locked = traders.refusal(client, market.slash(open.request().id)).await;
    assert_eq!(not_locked, MarketRevert::RequestIsNotLocked(open.request().id));
    let no_allowance = traders.refusal(client, market.deposit_collateral(tokens(1))).await;
    assert_eq!(no_allowance, MarketRevert::TransferFromFailed);
    let poor = Call::new(market.collateral_token(), {
        // transfer(address,uint256)
        let mut data = alloy::primitives::hex!("a9059cbb").to_vec();
        data.extend(address_of("client").into_word());
        data.extend(tokens(1_000).0.to_be_bytes::<32>());
        data
    });
    let poor = traders.refusal(prover, poor).await;
    assert_eq!(poor, MarketRevert::Token(TokenRevert::InsufficientBalance));

    let one_attester = market.fulfill(&[traders.world.batch(&request, &key("prover"), 1)]);
    let one_attester = traders.refusal(prover, one_attester).await;
    let selector = registry::ATTESTED_VERIFIER;
    assert_eq!(
        one_attester,
        MarketRevert::Router(RouterRevert::VerifierFailed { index: Default::default(), selector })
    );
    let mut stolen = traders.world.batch(&request, &key("rival"), 2);
    stolen.prover = address_of("prover");
    let stolen = traders.refusal(prover, market.fulfill(&[stolen])).await;
    assert!(
        matches!(
            &stolen,
            MarketRevert::Assessor(AssessorRevert::ProverSignatureMismatch { expected, .. })
                if *expected == address_of("prover")
        ),
        "{stolen}"
    );
    traders.world.pass(201).await;
    let lock_deadline = open.request().offer.lock_deadline();
    let expired = traders.refusal(rival, market.lock_request(&open)).await;
    let id = open.request().id;
    assert_eq!(expired, MarketRevert::RequestLockIsExpired { id, lock_deadline });
}

#[tokio::test]
async fn a_call_that_would_revert_is_not_sent() {
    let traders = Traders::start().await;
    let before = traders.world.endpoint().head().await.unwrap().block;
    let call = traders.world.market.withdraw(ether(1));
    let refused = traders.rival.send(call, labelled("test")).await.unwrap_err();
    let SendError::WouldRevert(reason) = refused else { panic!("{refused}") };
    assert_eq!(*reason, MarketRevert::InsufficientBalance(address_of("rival")));
    assert_eq!(traders.world.endpoint().head().await.unwrap().block, before);
}
