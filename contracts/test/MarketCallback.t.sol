// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { MarketCallback } from "../src/callback/MarketCallback.sol";
import { Fulfillment, FulfillmentBatch } from "../src/fulfillment/FulfillmentBatch.sol";
import { IMarket } from "../src/interfaces/IMarket.sol";
import { IRiscZeroVerifier } from "../src/interfaces/IRiscZero.sol";
import { IClaimVerifier } from "../src/interfaces/IVerifier.sol";
import { ClassMetadata } from "../src/interfaces/IVerifierRouter.sol";
import { ProofRequest } from "../src/request/ProofRequest.sol";
import { Callback, Predicate, PredicateType } from "../src/request/Requirements.sol";
import { NullVerifier } from "./base/Outsiders.sol";
import { DeliveryTest } from "./base/DeliveryTest.sol";
import { RiscZeroMockVerifier } from "./base/RiscZeroOutsiders.sol";
import { vm } from "./base/Vm.sol";

/// @notice A client's contract as small as it can be.
contract JournalKeeper is MarketCallback {
    uint256 public count;
    bytes public last;

    constructor(address market, IClaimVerifier verifier, bytes32 imageId) MarketCallback(market, verifier, imageId) { }

    function _onProof(bytes calldata journal) internal override {
        ++count;
        last = journal;
    }
}

contract MarketCallbackTest is DeliveryTest {
    bytes4 private constant PINNED = 0x73c457ba;
    uint96 private constant GAS = 200_000;

    JournalKeeper private keeper;
    IClaimVerifier private pinned;

    function setUp() public override {
        super.setUp();
        pinned = IClaimVerifier(deploy("RiscZeroVerifier", abi.encode(new RiscZeroMockVerifier(PINNED))));
        router.instantiate(PINNED, address(pinned), VERIFIER_CLASS, 500_000);
        keeper = new JournalKeeper(address(market), pinned, IMAGE_ID);
    }

    function pinnedSeal(bytes memory journal) private pure returns (bytes memory) {
        return abi.encodePacked(PINNED, claimOf(IMAGE_ID, journal));
    }

    function newFill() internal pure override returns (Fulfillment memory fill) {
        fill = fillWith(JOURNAL);
        fill.seal = pinnedSeal(JOURNAL);
    }

    function callingBack(uint32 index) private view returns (ProofRequest memory request) {
        request = newRequest(index);
        request.requirements.callback = Callback(address(keeper), GAS);
        request.requirements.selector = PINNED;
    }

    function fails(bytes32 imageId, bytes memory journal, bytes memory seal, bytes memory reason) private {
        vm.prank(address(market));
        vm.expectRevert(reason);
        keeper.handleProof(imageId, journal, seal);
    }

    function expectCallbackFailed(ProofRequest memory request, bytes memory reason) private {
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.CallbackFailed(request.id, address(keeper), reason);
    }

    // ----------------------------------------------------------------------------------------------------------- reverts

    function test_nothing_to_trust() public {
        vm.expectRevert(abi.encodeWithSelector(MarketCallback.NoCode.selector, address(1)));
        new JournalKeeper(address(1), IClaimVerifier(address(2)), IMAGE_ID);
        address trusted = address(market);
        vm.expectRevert(abi.encodeWithSelector(MarketCallback.NoCode.selector, address(2)));
        new JournalKeeper(trusted, IClaimVerifier(address(2)), IMAGE_ID);
    }

    function testFuzz_another_sender(address sender) public {
        vm.assume(sender != address(market));
        vm.prank(sender);
        vm.expectRevert(abi.encodeWithSelector(MarketCallback.NotTheMarket.selector, sender));
        keeper.handleProof(~IMAGE_ID, JOURNAL, "");
    }

    function testFuzz_another_program(bytes32 imageId) public {
        vm.assume(imageId != IMAGE_ID);
        bytes memory reason = abi.encodeWithSelector(MarketCallback.WrongImageId.selector, imageId, IMAGE_ID);
        fails(imageId, JOURNAL, "", reason);
    }

    function testFuzz_another_journal_or_seal(bytes memory journal, bytes memory seal) public {
        vm.assume(keccak256(journal) != keccak256(JOURNAL));
        bytes memory right = pinnedSeal(JOURNAL);
        vm.assume(keccak256(seal) != keccak256(right));
        bytes memory reason = abi.encodeWithSelector(IRiscZeroVerifier.VerificationFailed.selector);
        fails(IMAGE_ID, journal, right, reason);
        fails(IMAGE_ID, JOURNAL, seal, reason);
    }

    // --------------------------------------------------------------------------------------------------------- deliveries

    function test_a_delivered_journal() public {
        ProofRequest memory request = callingBack(1);
        lock(request, prover);
        assertPaid(market.fulfill(batchOf(request, prover))[0]);
        assertEq(keeper.count(), 1, "count");
        assertEq(keeper.last(), JOURNAL, "journal");
        assertEq(keeper.MARKET(), address(market), "market");
        assertEq(address(keeper.VERIFIER()), address(pinned), "verifier");
        assertEq(keeper.IMAGE_ID(), IMAGE_ID, "image id");
    }

    /// @dev What the base does not protect against, so that it stays written down.
    function test_a_journal_comes_as_often_as_somebody_pays() public {
        for (uint32 i = 1; i < 3; ++i) {
            ProofRequest memory request = callingBack(i);
            lock(request, prover);
            market.fulfill(batchOf(request, prover));
        }
        assertEq(keeper.count(), 2, "count");
    }

    function test_a_stranger_s_verifier_does_not_get_a_journal_through() public {
        ClassMetadata memory open = classOf(0x6b406341, ASSESSOR_CLASS, false);
        open.permissionlessInstantiate = true;
        router.addClass(0xBB000001, open);
        address credulous = address(new NullVerifier());
        vm.prank(rival.addr);
        router.instantiate(0xbadbadba, credulous, 0xBB000001, 0);

        ProofRequest memory request = callingBack(1);
        request.requirements.selector = 0xbadbadba;
        request.requirements.predicate = Predicate(PredicateType.PrefixMatch, abi.encodePacked(IMAGE_ID));
        lock(request, prover);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        batches[0].fills[0] = fillWith("never proven");
        batches[0].fills[0].seal = abi.encodePacked(bytes4(0xbadbadba));
        expectCallbackFailed(request, abi.encodeWithSelector(IRiscZeroVerifier.VerificationFailed.selector));
        assertPaid(market.fulfill(batches)[0]);
        assertEq(keeper.count(), 0, "count");
    }

    function test_a_seal_of_another_entry_is_paid_but_not_taken() public {
        ProofRequest memory request = callingBack(1);
        request.requirements.selector = VERIFIER_CLASS;
        lock(request, prover);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        batches[0].fills[0].seal = abi.encodePacked(VERIFIER);
        expectCallbackFailed(request, abi.encodeWithSelector(IRiscZeroVerifier.VerificationFailed.selector));
        assertPaid(market.fulfill(batches)[0]);
        assertEq(keeper.count(), 0, "count");
    }
}
