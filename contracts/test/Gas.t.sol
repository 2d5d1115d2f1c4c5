// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { FulfillmentBatch } from "../src/fulfillment/FulfillmentBatch.sol";
import { ProofRequestBatch } from "../src/fulfillment/FulfillmentBatch.sol";
import { ProofRequest } from "../src/request/ProofRequest.sol";
import { Callback } from "../src/request/Requirements.sol";
import { DeliveryTest } from "./base/DeliveryTest.sol";
import { NetworkTest } from "./base/NetworkTest.sol";
import { CallbackCounter, NullSetVerifier, SilentVerifier, Wallet } from "./base/Outsiders.sol";
import { vm } from "./base/Vm.sol";

/// @notice Gas of whole transactions, intrinsic gas and calldata included, verification stubbed out. The names are those under
///         which other markets of this interface publish theirs.
contract GasTest is DeliveryTest {
    function setUp() public override {
        super.setUp();
        (address verifier,,) = router.entries(VERIFIER);
        vm.etch(verifier, address(new SilentVerifier()).code); // verifier and assessor in one
    }

    function snap(string memory name) private {
        vm.snapshotGasLastCall("Market", name);
    }

    function locked(uint32 index) private returns (ProofRequest memory request) {
        request = newRequest(index);
        lock(request, prover);
    }

    function lockedMany(uint32 count) private returns (ProofRequest[] memory requests) {
        requests = new ProofRequest[](count);
        fund(client.addr, 200 ether);
        stake(prover.addr, 200 ether);
        for (uint32 i = 0; i < count; ++i) {
            requests[i] = locked(i);
        }
    }

    function withoutJournal(FulfillmentBatch[] memory batches) private pure {
        for (uint256 i = 0; i < batches[0].fills.length; ++i) {
            delete batches[0].fills[i].fulfillmentDataType;
            delete batches[0].fills[i].fulfillmentData;
        }
    }

    function test_size() public {
        string[6] memory names =
            ["Market", "VerifierRouter", "OnChainAssessor", "AttestedVerifier", "CollateralToken", "Treasury"];
        address[] memory one = new address[](1);
        one[0] = address(1);
        bytes[6] memory arguments = [
            abi.encode(router, token, treasury),
            abi.encode(address(this)),
            bytes(""),
            abi.encode(one, 1, 1),
            abi.encode(address(this)),
            abi.encode(address(this), 7 days)
        ];
        for (uint256 i = 0; i < names.length; ++i) {
            uint256 size = deploy(names[i], arguments[i]).code.length;
            assertTrue(size <= 24_576, names[i]);
            vm.snapshotValue("Sizes", names[i], size);
        }
    }

    function test_submitRequest() public {
        ProofRequest memory request = newRequest(1);
        bytes memory signature = signRequest(request);
        vm.prank(client.addr);
        market.submitRequest(request, signature);
        snap("submitRequest: without ether");
        vm.deal(client.addr, 10 ether);
        vm.prank(client.addr);
        market.submitRequest{ value: MAX_PRICE }(request, signature);
        snap("submitRequest: with maxPrice ether");
    }

    function test_lock() public {
        locked(1);
        snap("lockinRequest: base case");
    }

    function test_lock_with_signature() public {
        ProofRequest memory request = newRequest(1);
        bytes memory clientSignature = signRequest(request);
        bytes memory proverSignature = signLock(prover.key, request);
        vm.prank(prover.addr);
        market.lockRequestWithSignature(request, clientSignature, proverSignature);
        snap("lockinRequest: with prover signature");
        market.fulfill(batchOf(request, prover));
        snap("fulfill: a locked request (locked via prover signature)");
    }

    function test_fulfill() public {
        ProofRequest memory request = locked(1);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        market.fulfill(batches);
        snap("fulfill: a locked request");
    }

    function test_fulfill_10kB() public {
        bytes memory journal = "25 bytes: zero is cheaper"; // repeated 400 times
        for (uint256 i = 0; i < 2; ++i) {
            journal = abi.encodePacked(journal, journal, journal, journal, journal);
        }
        for (uint256 i = 0; i < 4; ++i) {
            journal = abi.encodePacked(journal, journal);
        }
        assertEq(journal.length, 10_000, "length");
        ProofRequest memory request = locked(1);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        batches[0].fills[0] = fillWith(journal);
        market.fulfill(batches);
        snap("fulfill: a locked request with 10kB journal");
    }

    function test_fulfill_by_another() public {
        ProofRequest memory request = locked(1);
        market.fulfill(batchOf(request, rival));
        snap("fulfill: another prover fulfills without payment");
        market.fulfill(batchOf(request, prover));
        snap("fulfill: locker paid after other prover delivered");
    }

    function test_fulfill_8() public {
        market.fulfill(batchOf(lockedMany(8), prover));
        snap("fulfill: a batch of 8");
    }

    function test_fulfill_8_without_journal() public {
        FulfillmentBatch[] memory batches = batchOf(lockedMany(8), prover);
        withoutJournal(batches);
        market.fulfill(batches);
        snap("fulfill (no journal): a batch of 8");
    }

    function test_fulfillAndWithdraw() public {
        ProofRequest memory request = locked(1);
        market.fulfillAndWithdraw(batchOf(request, prover));
        snap("fulfillAndWithdraw: a locked request");
    }

    function test_fulfillAndWithdraw_8() public {
        market.fulfillAndWithdraw(batchOf(lockedMany(8), prover));
        snap("fulfillAndWithdraw: a batch of 8");
    }

    function test_priceAndFulfill_locked() public {
        ProofRequest memory request = locked(1);
        ProofRequestBatch[] memory priced = pricing(request);
        market.priceAndFulfill(priced, batchOf(request, prover));
        snap("priceAndFulfill: a single request");
    }

    function test_priceAndFulfill_not_locked() public {
        ProofRequest memory request = newRequest(1);
        priceAndDeliver(request, prover);
        snap("priceAndFulfill: single, not locked");
    }

    /// @dev A prover without collateral, which no rule asks for here. The name is from a time when one did.
    function test_priceAndFulfill_without_collateral() public {
        Party memory poor = Party(keyOf("poor"), vm.addr(keyOf("poor")));
        fund(poor.addr, 1); // as the provers above it has had a balance before
        priceAndDeliver(newRequest(1), poor);
        snap("priceAndFulfill: not locked, prover not in allow-list");
    }

    function test_priceAndFulfill_with_selector() public {
        ProofRequest memory request = newRequest(1);
        request.requirements.selector = VERIFIER;
        lock(request, prover);
        ProofRequestBatch[] memory priced = pricing(request);
        market.priceAndFulfill(priced, batchOf(request, prover));
        snap("priceAndFulfill: single, with selector");
    }

    function test_priceAndFulfill_smart_contract() public {
        address wallet = address(new Wallet("a signature", Wallet.Mode.Honest));
        fund(wallet, 10 ether);
        ProofRequest memory request = newRequest(smartIdOf(wallet, 1));
        vm.prank(prover.addr);
        market.lockRequest(request, "a signature");
        ProofRequestBatch[] memory priced = pricing(request);
        priced[0].signatures[0] = "a signature";
        market.priceAndFulfill(priced, batchOf(request, prover));
        snap("priceAndFulfill: single, smart contract signature");
    }

    function test_priceAndFulfill_already_fulfilled() public {
        ProofRequest memory request = locked(1);
        vm.warp(START + 101);
        deliver(request, prover);
        priceAndDeliver(request, rival);
        snap("priceAndFulfill: fulfill already fulfilled was locked request");
    }

    function test_commit() public {
        market.commitFulfillment(keccak256("batches"));
        snap("commitFulfillment");
    }

    function test_slash() public {
        ProofRequest memory request = locked(1);
        vm.warp(START + 201);
        market.slash(request.id);
        snap("slash: base case");
        request = locked(2);
        vm.warp(START + 302);
        deliver(request, prover);
        vm.warp(START + 500);
        market.slash(request.id);
        snap("slash: fulfilled request after lock deadline");
    }

    function test_deposit() public {
        address account = address(0xd0);
        vm.deal(account, 2 ether);
        vm.prank(account);
        market.deposit{ value: 1 ether }();
        snap("deposit: first ever deposit");
        vm.prank(account);
        market.deposit{ value: 1 ether }();
        snap("deposit: second deposit");
        vm.deal(address(this), 2 ether);
        market.depositTo{ value: 1 ether }(address(0xd1));
        snap("depositTo: first ever deposit");
        market.depositTo{ value: 1 ether }(address(0xd1));
        snap("depositTo: second deposit");
    }

    function test_withdraw() public {
        vm.prank(client.addr);
        market.withdraw(1 ether);
        snap("withdraw: 1 ether");
        vm.prank(client.addr);
        market.withdraw(9 ether);
        snap("withdraw: full balance");
    }

    /// @dev A prover that has deposited before, as every prover but a new one.
    function test_collateral() public {
        token.mint(prover.addr, 5 ether);
        vm.startPrank(prover.addr);
        token.approve(address(market), 2 ether);
        snap("ERC20 approve: required for depositCollateral");
        market.depositCollateral(1 ether);
        snap("depositCollateral: 1 token");
        token.approve(address(market), 4 ether);
        market.depositCollateral(4 ether);
        snap("depositCollateral: full");
        market.withdrawCollateral(1 ether);
        snap("withdrawCollateral: 1 token");
        market.withdrawCollateral(14 ether);
        snap("withdrawCollateral: full balance");
    }

    function test_collateral_with_permit() public {
        token.mint(prover.addr, 5 ether);
        depositWithPermit(1 ether, 0); // the first use of a nonce is dearer, once
        depositWithPermit(1 ether, 1);
        snap("depositCollateralWithPermit: 1 token");
        depositWithPermit(3 ether, 2);
        snap("depositCollateralWithPermit: full");
    }

    function depositWithPermit(uint256 value, uint256 nonce) private {
        bytes32 typeHash = 0x6e71edae12b1b97f4d1f60370fef10105fa2faae0126114a169c64845d6126c9;
        bytes32 structHash = keccak256(abi.encode(typeHash, prover.addr, address(market), value, nonce, START));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), structHash));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(prover.key, digest);
        vm.prank(prover.addr);
        market.depositCollateralWithPermit(value, START, v, r, s);
    }
}

/// @notice Gas of fulfilling batches under a stored root, with real inclusion paths.
abstract contract BatchGasTest is NetworkTest {
    /// @dev Where the snapshots go.
    string internal group;

    function lockedMany(uint32 count, Callback memory callback, bytes4 selector)
        internal
        returns (ProofRequest[] memory requests)
    {
        requests = new ProofRequest[](count);
        fund(client.addr, 300 ether);
        stake(prover.addr, 300 ether);
        for (uint32 i = 0; i < count; ++i) {
            requests[i] = newRequest(i);
            requests[i].requirements.callback = callback;
            requests[i].requirements.selector = selector;
            lock(requests[i], prover);
        }
    }

    function bench(string memory name, uint32 count, Callback memory callback, bytes4 selector) internal {
        FulfillmentBatch[] memory batches = treeBatch(lockedMany(count, callback, selector), prover, true);
        attested.submitMerkleRoot(lastRoot, rootSeal(lastRoot));
        market.fulfill(batches);
        string memory padding = count < 10 ? "00" : count < 100 ? "0" : "";
        vm.snapshotGasLastCall(group, string.concat(name, ": batch of ", padding, vm.toString(count)));
    }

    /// @dev Tests of their own, short enough for tools/gas-trace.mjs.
    function test_one() public {
        bench("fulfill", 1, Callback(address(0), 0), 0);
    }

    function test_two() public {
        bench("fulfill", 2, Callback(address(0), 0), 0);
    }

    function test_plain() public {
        for (uint32 count = 4; count <= 128; count *= 2) {
            setUp();
            bench("fulfill", count, Callback(address(0), 0), 0);
        }
    }

    function test_with_selector() public {
        for (uint32 count = 1; count <= 32; count *= 2) {
            setUp();
            bench("fulfill with selector", count, Callback(address(0), 0), attested.SELECTOR());
        }
    }

    function test_with_callback() public {
        for (uint32 count = 1; count <= 32; count *= 2) {
            setUp();
            bench("fulfill with callback", count, Callback(address(new CallbackCounter()), 100_000), 0);
        }
    }
}

/// @notice With an assessor that costs nothing, as where others publish this table with the assessor's proof mocked.
contract BenchGasTest is BatchGasTest {
    function setUp() public override {
        super.setUp();
        group = "Bench";
        vm.etch(address(assessor), address(new SilentVerifier()).code);
    }

    function seal(FulfillmentBatch memory batch, Party memory) internal pure override {
        batch.assessorSeal = abi.encodePacked(ASSESSOR);
    }

    // The root's verification costs nothing either, but it is stored; the inclusion is checked against a root stored before.

    function rooted(ProofRequest[] memory requests)
        private
        returns (address nobody, bytes memory signed, FulfillmentBatch[] memory batches)
    {
        nobody = address(new NullSetVerifier());
        batches = treeBatch(requests, prover, true);
        signed = rootSeal(lastRoot);
        attested.submitMerkleRoot(lastRoot, signed);
    }

    function snap(string memory name) private {
        vm.snapshotGasLastCall(group, name);
    }

    function one() private returns (ProofRequest[] memory) {
        return lockedMany(1, Callback(address(0), 0), 0);
    }

    function test_submitRootAndFulfill() public {
        (address nobody, bytes memory signed, FulfillmentBatch[] memory batches) = rooted(one());
        market.submitRootAndFulfill(nobody, lastRoot, signed, batches);
        snap("submitRootAndFulfill: a locked request");
    }

    function test_submitRootAndFulfill_two() public {
        (address nobody, bytes memory signed, FulfillmentBatch[] memory batches) =
            rooted(lockedMany(2, Callback(address(0), 0), 0));
        market.submitRootAndFulfill(nobody, lastRoot, signed, batches);
        snap("submitRootAndFulfill: a batch of 2 requests");
    }

    function test_submitRootAndFulfill_locked_with_signature() public {
        ProofRequest[] memory requests = new ProofRequest[](1);
        requests[0] = newRequest(0);
        market.lockRequestWithSignature(requests[0], signRequest(requests[0]), signLock(prover.key, requests[0]));
        (address nobody, bytes memory signed, FulfillmentBatch[] memory batches) = rooted(requests);
        market.submitRootAndFulfill(nobody, lastRoot, signed, batches);
        snap("submitRootAndFulfill: a locked request (locked via prover signature)");
    }

    function test_submitRootAndFulfillAndWithdraw() public {
        (address nobody, bytes memory signed, FulfillmentBatch[] memory batches) = rooted(one());
        market.submitRootAndFulfillAndWithdraw(nobody, lastRoot, signed, batches);
        snap("submitRootAndFulfillAndWithdraw: a locked request");
    }

    function test_submitRootAndPriceAndFulfill() public {
        ProofRequest[] memory requests = one();
        ProofRequestBatch[] memory priced = pricing(requests[0]);
        (address nobody, bytes memory signed, FulfillmentBatch[] memory batches) = rooted(requests);
        market.submitRootAndPriceAndFulfill(nobody, lastRoot, signed, priced, batches);
        snap("submitRootAndPriceAndFulfill: a single request");
    }

    function test_submitRootAndPriceAndFulfill_not_locked() public {
        ProofRequest[] memory requests = new ProofRequest[](1);
        requests[0] = newRequest(0);
        ProofRequestBatch[] memory priced = pricing(requests[0]);
        (address nobody, bytes memory signed, FulfillmentBatch[] memory batches) = rooted(requests);
        commit(batches);
        market.submitRootAndPriceAndFulfill(nobody, lastRoot, signed, priced, batches);
        snap("submitRootAndPriceAndFulfill: single, not locked");
    }
}

/// @notice With everything that a deployed network verifies: attested claims, predicates, the prover's signature.
contract NetworkGasTest is BatchGasTest {
    function setUp() public override {
        super.setUp();
        group = "Network";
    }

    function test_one_claim() public {
        ProofRequest memory request = newRequest(1);
        lock(request, prover);
        market.fulfill(batchOf(request, prover));
        vm.snapshotGasLastCall(group, "fulfill: one claim, two attesters sign it");
    }

    function test_submitRootAndFulfill() public {
        ProofRequest[] memory requests = lockedMany(1, Callback(address(0), 0), 0);
        FulfillmentBatch[] memory batches = treeBatch(requests, prover, true);
        bytes memory signed = rootSeal(lastRoot);
        market.submitRootAndFulfill(address(attested), lastRoot, signed, batches);
        vm.snapshotGasLastCall(group, "submitRootAndFulfill: a locked request, two attesters");
    }

    function test_root() public {
        attested.submitMerkleRoot(keccak256("root"), rootSeal(keccak256("root")));
        vm.snapshotGasLastCall(group, "submitMerkleRoot: two attesters");
    }
}
