// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IMarket } from "../src/interfaces/IMarket.sol";
import { ProofRequest } from "../src/request/ProofRequest.sol";
import { LibraryHarness } from "./base/LibraryHarness.sol";
import { MarketTest } from "./base/MarketTest.sol";
import { Wallet } from "./base/Outsiders.sol";
import { Vm, vm } from "./base/Vm.sol";

/// @notice Canonical calldata is logged as it lies there, any other is encoded anew: a reader of logs cannot tell which.
contract RequestLockedEventTest is MarketTest {
    uint256 private constant SELECTOR = 4;
    uint256 private constant TO_REQUEST = SELECTOR; // the arguments' head: two offsets
    uint256 private constant TO_SIGNATURE = SELECTOR + 0x20;

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

    function slice(bytes memory whole, uint256 from, uint256 to) private pure returns (bytes memory part) {
        part = new bytes(to - from);
        for (uint256 i = 0; i < part.length; ++i) {
            part[i] = whole[from + i];
        }
    }

    /// @dev What the library says of the arguments of the call.
    function canonicalLength(bytes memory call_) private view returns (uint256) {
        bytes memory arguments = slice(call_, SELECTOR, call_.length);
        bytes memory question = abi.encodePacked(LibraryHarness.canonicalLength.selector, arguments);
        (bool success, bytes memory answer) = address(harness).staticcall(question);
        assertTrue(success, "read");
        return abi.decode(answer, (uint256));
    }

    function checkCanonical(bytes memory call_, ProofRequest memory request, bytes memory signature) private {
        assertEq(canonicalLength(call_), abi.encode(request, signature).length - 0x40, "canonical");
        check(call_, request, signature);
    }

    function checkAny(bytes memory call_, ProofRequest memory request, bytes memory signature) private {
        assertEq(canonicalLength(call_), 0, "not canonical");
        check(call_, request, signature);
    }

    /// @dev Sends the call and compares the one event with the encoding of its arguments.
    function check(bytes memory call_, ProofRequest memory request, bytes memory signature) private {
        vm.recordLogs();
        vm.prank(prover.addr);
        (bool success,) = address(market).call(call_);
        assertTrue(success, "locked");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 1, "events");
        assertEq(logs[0].topics[0], IMarket.RequestLocked.selector, "topic");
        assertEq(uint256(logs[0].topics[1]), uint256(idOfRequest(request)), "id");
        assertEq(logs[0].data, abi.encode(prover.addr, request, signature), "data");
    }

    function idOfRequest(ProofRequest memory request) private pure returns (uint256 id) {
        assembly {
            id := mload(request)
        }
    }

    function theCall() private view returns (bytes memory call_, ProofRequest memory request, bytes memory signature) {
        request = newRequest(1);
        signature = signRequest(request);
        call_ = abi.encodeCall(IMarket.lockRequest, (request, signature));
    }

    function testFuzz_canonical(bytes memory predicate, string memory url, bytes memory input, bytes memory signature)
        public
    {
        address wallet = address(new Wallet(signature, Wallet.Mode.Honest));
        fund(wallet, 3 ether);
        ProofRequest memory request = newRequest(smartIdOf(wallet, 1));
        request.requirements.predicate.data = predicate;
        request.imageUrl = url;
        request.input.data = input;
        checkCanonical(abi.encodeCall(IMarket.lockRequest, (request, signature)), request, signature);
    }

    function testFuzz_canonical_with_a_provers_signature(string memory url, bytes memory input) public {
        ProofRequest memory request = newRequest(1);
        request.imageUrl = url;
        request.input.data = input;
        bytes memory signature = signRequest(request);
        bytes memory proverSignature = signLock(prover.key, request);
        checkCanonical(
            abi.encodeCall(IMarket.lockRequestWithSignature, (request, signature, proverSignature)), request, signature
        );
    }

    function test_with_bytes_behind_the_arguments() public {
        (bytes memory call_, ProofRequest memory request, bytes memory signature) = theCall();
        checkCanonical(abi.encodePacked(call_, "an attribution"), request, signature);
    }

    function test_with_a_gap_before_the_signature() public {
        (bytes memory call_, ProofRequest memory request, bytes memory signature) = theCall();
        uint256 offset = SELECTOR + get(call_, TO_SIGNATURE);
        set(call_, TO_SIGNATURE, get(call_, TO_SIGNATURE) + 0x20);
        call_ = abi.encodePacked(slice(call_, 0, offset), keccak256("gap"), slice(call_, offset, call_.length));
        checkAny(call_, request, signature);
    }

    function test_with_the_signature_in_front() public {
        (bytes memory call_, ProofRequest memory request, bytes memory signature) = theCall();
        uint256 offset = SELECTOR + get(call_, TO_SIGNATURE);
        bytes memory tail = slice(call_, offset, call_.length);
        bytes memory swapped = abi.encodePacked(
            slice(call_, 0, SELECTOR),
            uint256(0x40) + tail.length,
            uint256(0x40),
            tail,
            slice(call_, SELECTOR + 0x40, offset)
        );
        checkAny(swapped, request, signature);
    }

    /// @dev Both byte fields of the request read from one place far behind.
    function test_with_parts_elsewhere() public {
        (bytes memory call_, ProofRequest memory request, bytes memory signature) = theCall();
        uint256 start = SELECTOR + get(call_, TO_REQUEST);
        for (uint256 field = 0x20; field <= 0x60; field += 0x20) {
            (call_,,) = theCall();
            uint256 from = start + get(call_, start + field);
            bytes memory rest = slice(call_, from, call_.length); // more than the field, which does not matter
            set(call_, start + field, call_.length - start);
            checkAny(abi.encodePacked(call_, rest), request, signature);
            setUp();
            signature = signRequest(request);
        }
    }

    /// @dev Likewise the predicate in the requirements, its data, and the input's data.
    function test_with_inner_parts_elsewhere() public {
        for (uint256 i = 0; i < 3; ++i) {
            (bytes memory call_, ProofRequest memory request, bytes memory signature) = theCall();
            uint256 start = SELECTOR + get(call_, TO_REQUEST);
            uint256[3] memory parents = [uint256(0x160), 0x1e0, get(call_, start + 0x60)];
            uint256 parent = start + parents[i];
            uint256 field = parent + [uint256(0x40), 0x20, 0x20][i];
            bytes memory rest = slice(call_, parent + get(call_, field), call_.length);
            set(call_, field, call_.length - parent);
            checkAny(abi.encodePacked(call_, rest), request, signature);
            setUp();
        }
    }

    /// @dev One part of the request stands where the encoder puts it, but begins with what is the end of the part before it.
    function test_with_a_gap_before_each_part() public {
        for (uint256 field = 0x40; field <= 0x60; field += 0x20) {
            (bytes memory call_, ProofRequest memory request, bytes memory signature) = theCall();
            uint256 start = SELECTOR + get(call_, TO_REQUEST);
            uint256 part = start + get(call_, start + field);
            set(call_, start + 0x60, get(call_, start + 0x60) + 0x20);
            if (field == 0x40) set(call_, start + 0x40, get(call_, start + 0x40) + 0x20);
            set(call_, TO_SIGNATURE, get(call_, TO_SIGNATURE) + 0x20);
            checkAny(
                abi.encodePacked(slice(call_, 0, part), uint256(0), slice(call_, part, call_.length)),
                request,
                signature
            );
            setUp();
        }
    }

    function test_with_dirty_padding() public {
        (bytes memory call_, ProofRequest memory request, bytes memory signature) = theCall();
        uint256 start = SELECTOR + get(call_, TO_REQUEST);
        uint256 url = start + get(call_, start + 0x40);
        uint256[3] memory ends = [
            url + 0x20 + bytes(request.imageUrl).length,
            start + get(call_, start + 0x60) + 0x60 + request.input.data.length,
            call_.length - 31
        ];
        for (uint256 i = 0; i < ends.length; ++i) {
            (call_,, signature) = theCall();
            call_[ends[i]] = 0x01;
            checkAny(call_, request, signature);
            setUp();
        }
    }

    function test_with_dirty_padding_of_the_predicate() public {
        ProofRequest memory request = newRequest(1);
        request.requirements.predicate.data = "odd";
        bytes memory signature = signRequest(request);
        bytes memory call_ = abi.encodeCall(IMarket.lockRequest, (request, signature));
        call_[SELECTOR + get(call_, TO_REQUEST) + 0x240 + 31] = 0x01;
        checkAny(call_, request, signature);
    }
}
