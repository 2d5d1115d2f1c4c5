// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { FulfillmentBatch } from "../src/fulfillment/FulfillmentBatch.sol";
import { IMarket } from "../src/interfaces/IMarket.sol";
import { Offer } from "../src/request/Offer.sol";
import { ProofRequest } from "../src/request/ProofRequest.sol";
import { RequestId } from "../src/request/RequestId.sol";
import { Signature } from "../src/signing/Signature.sol";
import { MarketTest } from "./base/MarketTest.sol";
import { Wallet } from "./base/Outsiders.sol";
import { vm } from "./base/Vm.sol";

/// @notice What holds for both ways to lock.
abstract contract LockCases is MarketTest {
    /// @dev Locks for `by`; everything but the lock itself is done before, so that `expectRevert` meets the lock.
    function lockAs(ProofRequest memory request, bytes memory clientSignature, Party memory by, bytes memory failure)
        internal
        virtual;

    function lockAs(ProofRequest memory request, Party memory by, bytes memory failure) internal {
        lockAs(request, signRequest(request), by, failure);
    }

    // ------------------------------------------------------------------------------------- reverts, in precedence order

    function test_1_id_with_unknown_bits() public {
        ProofRequest memory request = newRequest(RequestId.wrap(RequestId.unwrap(idOf(client.addr, 1)) | (1 << 193)));
        request.offer.minPrice = request.offer.maxPrice + 1;
        lockAs(request, hex"", prover, abi.encodeWithSelector(IMarket.InvalidRequest.selector));
    }

    function testFuzz_1_every_bit_above_192_is_refused(uint8 bit) public {
        uint256 raw = RequestId.unwrap(idOf(client.addr, 1)) | (1 << bound(bit, 193, 255));
        ProofRequest memory request = newRequest(RequestId.wrap(raw));
        lockAs(request, prover, abi.encodeWithSelector(IMarket.InvalidRequest.selector));
    }

    function test_2_signature_of_somebody_else() public {
        ProofRequest memory request = newRequest(1);
        request.offer.minPrice = request.offer.maxPrice + 1; // the next check would fail too
        bytes memory signature = sign(rival.key, digestOf(request));
        lockAs(request, signature, prover, abi.encodeWithSelector(IMarket.InvalidSignature.selector));
    }

    function test_2_signature_for_another_chain() public {
        ProofRequest memory request = newRequest(1);
        vm.chainId(1);
        bytes memory signature = signRequest(request);
        vm.chainId(31_337);
        lockAs(request, signature, prover, abi.encodeWithSelector(IMarket.InvalidSignature.selector));
    }

    function test_2_signature_of_the_wrong_length() public {
        bytes memory failure = abi.encodeWithSelector(Signature.ECDSAInvalidSignatureLength.selector, 64);
        lockAs(newRequest(1), new bytes(64), prover, failure);
    }

    function test_2_signature_with_a_high_s() public {
        ProofRequest memory request = newRequest(1);
        bytes memory signature = signHighS(client.key, digestOf(request));
        bytes32 s;
        assembly {
            s := mload(add(signature, 0x40))
        }
        lockAs(request, signature, prover, abi.encodeWithSelector(Signature.ECDSAInvalidSignatureS.selector, s));
    }

    function testFuzz_2_signature_with_an_unknown_v(uint8 v) public {
        vm.assume(v != 27 && v != 28);
        ProofRequest memory request = newRequest(1);
        bytes memory signature = signRequest(request);
        signature[64] = bytes1(v);
        lockAs(request, signature, prover, abi.encodeWithSelector(Signature.ECDSAInvalidSignature.selector));
    }

    function test_3_offer_not_consistent() public {
        lock(newRequest(1), prover); // the next check would fail too
        bytes memory failure = abi.encodeWithSelector(IMarket.InvalidRequest.selector);
        ProofRequest memory request = newRequest(1);
        request.offer.minPrice = request.offer.maxPrice + 1;
        lockAs(request, prover, failure);
        request = newRequest(1);
        request.offer.rampUpPeriod = request.offer.lockTimeout + 1;
        lockAs(request, prover, failure);
        request = newRequest(1);
        request.offer.lockTimeout = request.offer.timeout + 1;
        lockAs(request, prover, failure);
        request = newRequest(1);
        request.offer.timeout = request.offer.lockTimeout + (1 << 24);
        lockAs(request, prover, failure);
    }

    function test_3_deadline_beyond_uint64() public {
        ProofRequest memory request = newRequest(1);
        request.offer.rampUpStart = type(uint64).max - 100;
        lockAs(request, prover, abi.encodeWithSignature("Panic(uint256)", 0x11));
    }

    function test_4_locked_already() public {
        lock(newRequest(1), prover);
        fulfillLocked(newRequest(1)); // the next check would fail too
        lockAs(newRequest(1), rival, encoded(IMarket.RequestIsLocked.selector, idOf(client.addr, 1)));
    }

    function test_4_locked_once_is_locked_for_ever() public {
        lock(newRequest(1), prover);
        vm.warp(START + 201);
        market.slash(idOf(client.addr, 1));
        lockAs(newRequest(1), rival, encoded(IMarket.RequestIsLocked.selector, idOf(client.addr, 1)));
    }

    function test_5_fulfilled_without_a_lock() public {
        ProofRequest memory request = newRequest(1);
        FulfillmentBatch[] memory batches = batchOf(request, rival);
        commit(batches);
        market.priceAndFulfill(pricing(request), batches);
        vm.warp(START + 101); // the next check would fail too
        lockAs(request, prover, encoded(IMarket.RequestIsFulfilled.selector, request.id));
    }

    function test_6_lock_deadline_passed() public {
        ProofRequest memory request = newRequest(1);
        uint64 deadline = START + 100;
        vm.prank(client.addr);
        market.withdraw(10 ether); // the next check would fail too
        vm.warp(deadline + 1);
        lockAs(request, prover, abi.encodeWithSelector(IMarket.RequestLockIsExpired.selector, request.id, deadline));
    }

    function test_7_client_without_the_price() public {
        ProofRequest memory request = newRequest(1);
        request.offer.lockCollateral = 10 ether + 1; // the next check would fail too
        vm.prank(client.addr);
        market.withdraw(9 ether + 1);
        lockAs(request, prover, abi.encodeWithSelector(IMarket.InsufficientBalance.selector, client.addr));
    }

    function test_7_price_beyond_uint96() public {
        ProofRequest memory request = newRequest(1);
        request.offer.minPrice = 1 << 96;
        request.offer.maxPrice = 1 << 96;
        bytes memory failure = abi.encodeWithSelector(IMarket.SafeCastOverflowedUintDowncast.selector, 96, 1 << 96);
        lockAs(request, prover, failure);
    }

    function test_8_prover_without_the_collateral() public {
        ProofRequest memory request = newRequest(1);
        request.offer.lockCollateral = 10 ether + 1;
        lockAs(request, prover, abi.encodeWithSelector(IMarket.InsufficientBalance.selector, prover.addr));
    }

    function test_8_collateral_that_would_truncate() public {
        ProofRequest memory request = newRequest(1);
        request.offer.lockCollateral = 1 << 96;
        lockAs(request, prover, abi.encodeWithSelector(IMarket.InsufficientBalance.selector, prover.addr));
    }

    function fulfillLocked(ProofRequest memory request) private {
        market.fulfill(batchOf(request, prover));
    }

    // -------------------------------------------------------------------------------------------------- contract clients

    function walletRequest(Wallet.Mode mode, bytes memory accepted) private returns (ProofRequest memory request) {
        address wallet = address(new Wallet(accepted, mode));
        fund(wallet, 10 ether);
        request = newRequest(smartIdOf(wallet, 1));
    }

    function test_contract_client() public {
        ProofRequest memory request = walletRequest(Wallet.Mode.Honest, "anything it likes");
        lockAs(request, "anything it likes", prover, "");
        assertTrue(market.requestIsLocked(request.id), "locked");
    }

    function test_contract_client_may_accept_an_empty_signature() public {
        ProofRequest memory request = walletRequest(Wallet.Mode.Honest, "");
        lockAs(request, "", prover, "");
        assertTrue(market.requestIsLocked(request.id), "locked");
    }

    function test_contract_client_refuses() public {
        bytes memory failure = abi.encodeWithSelector(IMarket.InvalidSignature.selector);
        lockAs(walletRequest(Wallet.Mode.Honest, "a"), "b", prover, failure);
        lockAs(walletRequest(Wallet.Mode.WrongMagic, "a"), "a", prover, failure);
    }

    function test_contract_client_revert_propagates() public {
        bytes memory failure = abi.encodeWithSelector(Wallet.WalletRefuses.selector);
        lockAs(walletRequest(Wallet.Mode.Revert, "a"), "a", prover, failure);
    }

    function test_contract_client_has_a_gas_limit() public {
        ProofRequest memory request = walletRequest(Wallet.Mode.BurnGas, "a");
        vm.expectRevert(bytes(""));
        vm.prank(prover.addr);
        market.lockRequest(request, "a");
    }

    function test_contract_client_without_code_is_nobody() public {
        ProofRequest memory request = newRequest(smartIdOf(client.addr, 1));
        bytes memory signature = signRequest(request);
        vm.expectRevert(bytes(""));
        vm.prank(prover.addr);
        market.lockRequest(request, signature);
    }

    // ------------------------------------------------------------------------------------------------------------- paths

    /// @dev The price at any time of any offer, by the table of the specification.
    function expectedPrice(Offer memory offer, uint256 t) private pure returns (uint256) {
        if (t <= offer.rampUpStart) return offer.minPrice;
        if (t <= uint256(offer.rampUpStart) + offer.rampUpPeriod) {
            return offer.minPrice + (t - offer.rampUpStart) * (offer.maxPrice - offer.minPrice) / offer.rampUpPeriod;
        }
        return offer.maxPrice;
    }

    function testFuzz_lock_escrows_price_and_collateral(uint32 index, uint256 t, Offer memory offer) public {
        offer.minPrice = bound(offer.minPrice, 0, 5 ether);
        offer.maxPrice = bound(offer.maxPrice, offer.minPrice, 10 ether);
        offer.rampUpStart = uint64(bound(offer.rampUpStart, 1, 1 << 40));
        offer.lockTimeout = uint32(bound(offer.lockTimeout, 0, type(uint32).max - type(uint24).max));
        offer.rampUpPeriod = uint32(bound(offer.rampUpPeriod, 0, offer.lockTimeout));
        offer.timeout = uint32(bound(offer.timeout, offer.lockTimeout, uint256(offer.lockTimeout) + type(uint24).max));
        offer.lockCollateral = bound(offer.lockCollateral, 0, 10 ether);
        uint64 lockDeadline = offer.rampUpStart + offer.lockTimeout;
        vm.warp(bound(t, offer.rampUpStart / 2, lockDeadline)); // before the ramp too
        ProofRequest memory request = newRequest(index);
        request.offer = offer;

        lockAs(request, prover, "");

        uint256 price = expectedPrice(offer, vm.getBlockTimestamp());
        assertEq(market.balanceOf(client.addr), 10 ether - price, "client");
        assertEq(market.balanceOfCollateral(prover.addr), 10 ether - offer.lockCollateral, "prover");
        assertTrue(market.requestIsLocked(request.id), "locked");
        assertFalse(market.requestIsFulfilled(request.id), "fulfilled");
        assertEq(market.requestLockDeadline(request.id), lockDeadline, "lock deadline");
        assertEq(market.requestDeadline(request.id), uint256(offer.rampUpStart) + offer.timeout, "deadline");
        (address by,, uint24 delta, uint8 flags, uint96 escrow, uint96 collateral, bytes32 digest) =
            market.requestLocks(request.id);
        assertEq(by, prover.addr, "locker");
        assertEq(delta, offer.timeout - offer.lockTimeout, "delta");
        assertEq(flags, 0, "flags");
        assertEq(escrow, price, "escrow");
        assertEq(collateral, offer.lockCollateral, "collateral");
        assertEq(digest, digestOf(request), "digest");
    }

    function test_lock_at_the_lock_deadline() public {
        ProofRequest memory request = newRequest(1);
        vm.warp(START + 100);
        lockAs(request, prover, "");
        assertEq(market.balanceOf(client.addr), 8 ether, "the full price");
    }

    function test_client_can_be_its_own_prover() public {
        stake(client.addr, 3 ether);
        ProofRequest memory request = newRequest(1);
        lockAs(request, client, "");
        assertEq(market.balanceOf(client.addr), 9 ether, "balance");
        assertEq(market.balanceOfCollateral(client.addr), 2 ether, "collateral");
        assertTrue(market.requestIsLocked(request.id), "locked");
    }

    function testFuzz_flags_of_one_index_touch_no_other(uint32 first, uint32 second) public {
        vm.assume(first != second);
        lock(newRequest(first), prover);
        assertTrue(market.requestIsLocked(idOf(client.addr, first)), "first");
        assertFalse(market.requestIsLocked(idOf(client.addr, second)), "second");
        lock(newRequest(second), prover);
        assertTrue(market.requestIsLocked(idOf(client.addr, second)), "second");
        assertFalse(market.requestIsFulfilled(idOf(client.addr, first)), "first fulfilled");
        assertFalse(market.requestIsFulfilled(idOf(client.addr, second)), "second fulfilled");
    }
}

contract LockRequestTest is LockCases {
    function lockAs(ProofRequest memory request, bytes memory clientSignature, Party memory by, bytes memory failure)
        internal
        override
    {
        if (failure.length != 0) {
            expectRevert(failure);
        } else {
            vm.expectEmit(true, true, true, true, address(market));
            emit IMarket.RequestLocked(request.id, by.addr, request, clientSignature);
        }
        vm.prank(by.addr);
        market.lockRequest(request, clientSignature);
    }
}

contract LockRequestWithSignatureTest is LockCases {
    function lockAs(ProofRequest memory request, bytes memory clientSignature, Party memory by, bytes memory failure)
        internal
        override
    {
        bytes memory proverSignature = signLock(by.key, request);
        if (failure.length != 0) {
            expectRevert(failure);
        } else {
            vm.expectEmit(true, true, true, true, address(market));
            emit IMarket.RequestLocked(request.id, by.addr, request, clientSignature);
        }
        vm.prank(address(0xcafe)); // whoever relays it
        market.lockRequestWithSignature(request, clientSignature, proverSignature);
    }

    function lockWith(ProofRequest memory request, bytes memory proverSignature, bytes memory failure) private {
        bytes memory clientSignature = signRequest(request);
        expectRevert(failure);
        market.lockRequestWithSignature(request, clientSignature, proverSignature);
    }

    function test_prover_signature_for_another_request_recovers_a_stranger() public {
        ProofRequest memory request = newRequest(1);
        bytes memory other = signLock(prover.key, newRequest(2));
        bytes memory clientSignature = signRequest(request);
        vm.expectPartialRevert(IMarket.InsufficientBalance.selector);
        market.lockRequestWithSignature(request, clientSignature, other);
    }

    function test_prover_signature_of_the_request_itself_recovers_a_stranger() public {
        ProofRequest memory request = newRequest(1);
        bytes memory other = sign(prover.key, digestOf(request));
        bytes memory clientSignature = signRequest(request);
        vm.expectPartialRevert(IMarket.InsufficientBalance.selector);
        market.lockRequestWithSignature(request, clientSignature, other);
    }

    function test_prover_signature_malformed() public {
        ProofRequest memory request = newRequest(1);
        lockWith(request, hex"", abi.encodeWithSelector(Signature.ECDSAInvalidSignatureLength.selector, 0));
        bytes memory signature = signLock(prover.key, request);
        signature[64] = 0;
        lockWith(request, signature, abi.encodeWithSelector(Signature.ECDSAInvalidSignature.selector));
    }
}
