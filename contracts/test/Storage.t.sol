// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { ProofRequest } from "../src/request/ProofRequest.sol";
import { RequestId } from "../src/request/RequestId.sol";
import { MarketTest } from "./base/MarketTest.sol";
import { vm } from "./base/Vm.sol";

/// @notice The storage layout, which indexers and state overrides read.
contract StorageTest is MarketTest {
    function word(bytes32 slot) private view returns (uint256) {
        return uint256(vm.load(address(market), slot));
    }

    function testFuzz_lock_slots(uint32 index) public {
        ProofRequest memory request = newRequest(index);
        lock(request, prover);
        bytes32 slot = keccak256(abi.encode(RequestId.unwrap(request.id), 0));
        uint256 first = uint256(uint160(prover.addr)) | (uint256(START + 100) << 160) | (uint256(100) << 224);
        assertEq(word(slot), first, "prover, lock deadline, delta, flags");
        assertEq(
            word(bytes32(uint256(slot) + 1)),
            MIN_PRICE | (uint256(COLLATERAL) << 96) | (1 << 192),
            "price, collateral, held"
        );
        assertEq(bytes32(word(bytes32(uint256(slot) + 2))), digestOf(request), "digest");

        market.fulfill(batchOf(request, prover));
        assertEq(word(slot), first, "a payment in time writes nothing here");
        assertEq(word(bytes32(uint256(slot) + 1)), 0, "escrow cleared");
        assertEq(flagsOf(request.id), 1, "paid during lock");
    }

    /// @dev Price and collateral of nothing: only the bit tells a settled lock from one that is not.
    function test_lock_slots_of_a_free_request() public {
        ProofRequest memory request = newRequest(1);
        (request.offer.minPrice, request.offer.maxPrice, request.offer.lockCollateral) = (0, 0, 0);
        lock(request, prover);
        uint256 slot = uint256(keccak256(abi.encode(RequestId.unwrap(request.id), 0)));
        assertEq(word(bytes32(slot + 1)), 1 << 192, "held");
        assertEq(flagsOf(request.id), 0, "open");
        market.fulfill(batchOf(request, prover));
        assertEq(word(bytes32(slot + 1)), 0, "settled");
        assertEq(flagsOf(request.id), 1, "paid during lock");
    }

    function test_slots_of_a_slashed_lock() public {
        ProofRequest memory request = newRequest(1);
        lock(request, prover);
        vm.warp(START + 201);
        market.slash(request.id);
        uint256 slot = uint256(keccak256(abi.encode(RequestId.unwrap(request.id), 0)));
        assertEq(word(bytes32(slot)) >> 248, 4, "slashed");
        assertEq(word(bytes32(slot + 1)), 0, "settled");
    }

    function testFuzz_account_slots(uint32 index) public {
        ProofRequest memory request = newRequest(index);
        stake(client.addr, 5);
        lock(request, prover);
        uint256 slot = uint256(keccak256(abi.encode(client.addr, 1)));
        uint256 balances = 9 ether | (uint256(5) << 96);
        if (index < 32) {
            assertEq(word(bytes32(slot)), balances | (uint256(1) << (192 + 2 * index)), "first 32");
        } else {
            assertEq(word(bytes32(slot)), balances, "balances");
            uint256 offset = index - 32;
            assertEq(word(bytes32(slot + 1 + offset / 128)), uint256(1) << (2 * (offset % 128)), "others");
        }
        market.fulfill(batchOf(request, prover));
        assertTrue(market.requestIsFulfilled(request.id), "fulfilled");
    }

    function test_account_flags_below_32() public {
        for (uint32 index = 0; index < 33; ++index) {
            testFuzz_account_slots(index);
            setUp();
        }
    }

    function test_commitment_slot() public {
        market.commitFulfillment(keccak256("c"));
        assertEq(word(keccak256(abi.encode(keccak256("c"), 2))), FIRST_BLOCK, "block");
    }
}
