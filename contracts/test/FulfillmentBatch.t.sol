// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import {
    DeliveredFulfillment,
    Fulfillment,
    FulfillmentBatch,
    FulfillmentDataType
} from "../src/fulfillment/FulfillmentBatch.sol";
import { IMarket } from "../src/interfaces/IMarket.sol";
import { IVerifierRouter } from "../src/interfaces/IVerifierRouter.sol";
import { SlimRequest } from "../src/request/ProofRequest.sol";
import { RequestId } from "../src/request/RequestId.sol";
import { LibraryHarness } from "./base/LibraryHarness.sol";
import { Test } from "./base/Test.sol";
import { Vm, vm } from "./base/Vm.sol";

/// @notice A router that fails with the calldata it got.
contract EchoRouter {
    fallback() external {
        assembly {
            calldatacopy(0, 0, calldatasize())
            revert(0, calldatasize())
        }
    }
}

/// @notice Batches as they lie in calldata: what is hashed, passed on and logged without being encoded anew.
contract FulfillmentBatchTest is Test {
    uint256 private constant SELECTOR = 4;
    /// @dev Offsets from here on may lead anywhere.
    uint256 private constant TOO_FAR = 1 << 64;

    LibraryHarness private harness = new LibraryHarness();

    function get(bytes memory call_, uint256 offset) private pure returns (uint256 word) {
        assembly {
            word := mload(add(add(call_, 0x20), offset))
        }
    }

    function set(bytes memory call_, uint256 offset, uint256 word) private pure {
        assembly {
            mstore(add(add(call_, 0x20), offset), word)
        }
    }

    function slice(bytes memory whole, uint256 from) private pure returns (bytes memory part) {
        part = new bytes(whole.length - from);
        for (uint256 i = 0; i < part.length; ++i) {
            part[i] = whole[from + i];
        }
    }

    /// @dev A batch of `count` fills, with bytes of lengths that need padding and of some that do not.
    function batchOf(uint256 count) private pure returns (FulfillmentBatch memory batch) {
        batch.requests = new SlimRequest[](count);
        batch.fills = new Fulfillment[](count);
        for (uint256 i = 0; i < count; ++i) {
            batch.requests[i].id = RequestId.wrap(i + 1);
            batch.requests[i].predicate.data = new bytes(64);
            batch.fills[i].claimDigest = keccak256(abi.encode(i));
            batch.fills[i].fulfillmentData = abi.encode(i);
            batch.fills[i].seal = "a seal";
        }
        batch.assessorSeal = "a seal of the assessor";
        batch.prover = address(0xcafe);
    }

    function batchesOf(uint256 count) private pure returns (FulfillmentBatch[] memory batches) {
        batches = new FulfillmentBatch[](count);
        for (uint256 i = 0; i < count; ++i) {
            batches[i] = batchOf(i);
        }
    }

    function ask(bytes memory call_) private view returns (uint256) {
        (bool success, bytes memory answer) = address(harness).staticcall(call_);
        assertTrue(success, "answered");
        return abi.decode(answer, (uint256));
    }

    // ------------------------------------------------------------------------------------------------------- hash as sent

    function test_the_hash_of_an_encoding_is_its_commitment() public view {
        for (uint256 count = 0; count < 4; ++count) {
            FulfillmentBatch[] memory batches = batchesOf(count);
            assertEq(harness.hashAsSent(batches), keccak256(abi.encode(batches)), vm.toString(count));
        }
    }

    function test_the_hash_reaches_from_the_array_to_the_end() public view {
        bytes memory arguments = abi.encode(batchesOf(2));
        bytes memory array = abi.encodePacked(slice(arguments, 0x20), "an attribution");
        bytes memory call_ =
            abi.encodePacked(LibraryHarness.hashAsSent.selector, uint256(0x40), keccak256("a gap"), array);
        assertEq(bytes32(ask(call_)), keccak256(abi.encodePacked(uint256(0x20), array)), "hash");
    }

    /// @dev Offset of a batch, and in the batch those of requests, fills and seal, of each batch.
    function test_an_offset_that_may_lead_backwards_gives_no_hash() public view {
        bytes memory call_ = abi.encodeCall(LibraryHarness.hashAsSent, (batchesOf(3)));
        uint256 array = SELECTOR + 0x40;
        for (uint256 i = 0; i < 3; ++i) {
            uint256 offset = array + 0x20 * i;
            uint256 batch = array + get(call_, offset);
            uint256[4] memory places = [offset, batch, batch + 0x20, batch + 0x40];
            for (uint256 j = 0; j < places.length; ++j) {
                uint256 before = get(call_, places[j]);
                set(call_, places[j], TOO_FAR);
                assertEq(ask(call_), 0, "backwards");
                set(call_, places[j], TOO_FAR - 1);
                bytes memory sent = abi.encodePacked(uint256(0x20), slice(call_, SELECTOR + 0x20));
                assertEq(bytes32(ask(call_)), keccak256(sent), "forwards");
                set(call_, places[j], before);
            }
        }
    }

    // ---------------------------------------------------------------------------------------------------------- enclosure

    function test_what_an_encoder_writes_is_enclosed() public view {
        FulfillmentBatch memory batch = batchOf(3);
        for (uint256 i = 0; i < 3; ++i) {
            assertTrue(harness.encloses(batch, i), vm.toString(i));
        }
    }

    function test_offsets_of_a_request_and_a_fill_lead_forwards() public view {
        bytes memory call_ = abi.encodeCall(LibraryHarness.encloses, (batchOf(1), 0));
        uint256 batch = SELECTOR + get(call_, SELECTOR);
        uint256 requests = batch + get(call_, batch) + 0x20;
        uint256 fills = batch + get(call_, batch + 0x20) + 0x20;
        uint256 request = requests + get(call_, requests);
        uint256 fill = fills + get(call_, fills);
        uint256 predicate = request + get(call_, request + 0x20);
        uint256[4] memory places = [request + 0x20, predicate + 0x20, fill + 0x40, fill + 0x60];
        for (uint256 i = 0; i < places.length; ++i) {
            uint256 before = get(call_, places[i]);
            set(call_, places[i], TOO_FAR);
            assertEq(ask(call_), 0, "backwards");
            set(call_, places[i], TOO_FAR - 1);
            assertEq(ask(call_), 1, "forwards");
            set(call_, places[i], before);
        }
    }

    /// @dev A request or a fill at the very start of its batch, or in front of it.
    function test_a_request_and_a_fill_lie_behind_the_start_of_their_batch() public view {
        bytes memory call_ = abi.encodeCall(LibraryHarness.encloses, (batchOf(1), 0));
        uint256 batch = SELECTOR + get(call_, SELECTOR);
        for (uint256 i = 0; i < 2; ++i) {
            uint256 array = batch + get(call_, batch + 0x20 * i) + 0x20;
            uint256 before = get(call_, array);
            for (uint256 back = 0; back <= 0x20; back += 0x20) {
                unchecked {
                    set(call_, array, batch - back - array);
                }
                assertEq(ask(call_), 0, i == 0 ? "request" : "fill");
            }
            set(call_, array, before);
        }
        assertEq(ask(call_), 1, "restored");
    }

    // ------------------------------------------------------------------------------------------------------- verification

    function digestsOf(uint256 count) private pure returns (bytes32[] memory digests) {
        digests = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            digests[i] = keccak256(abi.encode("digest", i));
        }
    }

    /// @dev From the batch to the end of the calldata, filled up to a word, and the digests behind it.
    function test_the_router_gets_the_calldata_and_the_digests() public {
        EchoRouter router = new EchoRouter();
        bytes[3] memory suffixes = [bytes(""), "an attribution", bytes(hex"ff")];
        for (uint256 i = 0; i < suffixes.length; ++i) {
            bytes32[] memory digests = digestsOf(i);
            bytes memory call_ = abi.encodeCall(LibraryHarness.verifyBy, (batchOf(i), address(router), digests));
            call_ = abi.encodePacked(call_, suffixes[i]);
            bytes memory batch = slice(call_, SELECTOR + 0x60);
            if (suffixes[i].length > 0) batch = abi.encodePacked(batch, new bytes(32 - suffixes[i].length));
            (bool success, bytes memory answer) = address(harness).staticcall(call_);
            assertFalse(success, "reverts as the router does");
            bytes memory head = abi.encodePacked(uint256(0x40), 0x40 + batch.length);
            bytes memory expected =
                abi.encodePacked(IVerifierRouter.verifyBatch.selector, head, batch, digests.length, digests);
            assertEq(answer, expected, "calldata");
        }
    }

    function test_a_router_that_does_not_revert_agrees() public {
        vm.etch(address(0xbeef), hex"00"); // stop
        harness.verifyBy(batchOf(1), address(0xbeef), digestsOf(1));
    }

    // -------------------------------------------------------------------------------------------------------------- event

    function testFuzz_a_delivery_is_logged_as_it_is_encoded(
        bytes memory data,
        bytes memory seal,
        RequestId id,
        bytes32 digest,
        address prover,
        bool hasData
    ) public {
        FulfillmentDataType kind = hasData ? FulfillmentDataType.ImageIdAndJournal : FulfillmentDataType.None;
        vm.recordLogs();
        harness.logDelivery(Fulfillment(keccak256(data), kind, data, seal), id, digest, prover);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 1, "events");
        assertEq(logs[0].topics.length, 3, "topics");
        assertEq(logs[0].topics[0], IMarket.ProofDelivered.selector, "event");
        assertEq(uint256(logs[0].topics[1]), RequestId.unwrap(id), "id");
        assertEq(uint256(logs[0].topics[2]), uint160(prover), "prover");
        bytes memory expected = abi.encode(DeliveredFulfillment(id, digest, keccak256(data), kind, data, seal));
        assertEq(logs[0].data, expected, "data");
    }
}
