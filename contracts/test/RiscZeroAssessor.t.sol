// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Fulfillment, FulfillmentBatch, FulfillmentDataType } from "../src/fulfillment/FulfillmentBatch.sol";
import { IRiscZeroAssessor } from "../src/interfaces/IRiscZero.sol";
import { IVerifierRouter } from "../src/interfaces/IVerifierRouter.sol";
import { ProofRequest, SlimRequest } from "../src/request/ProofRequest.sol";
import { RequestId } from "../src/request/RequestId.sol";
import { Callback } from "../src/request/Requirements.sol";
import { DeliveryTest } from "./base/DeliveryTest.sol";
import { LibraryHarness } from "./base/LibraryHarness.sol";
import { RiscZeroMockVerifier, RiscZeroPickyVerifier } from "./base/RiscZeroOutsiders.sol";
import { vm } from "./base/Vm.sol";

/// @notice The adapter against a verifier that accepts one call only: the journal is written down here a second time.
contract RiscZeroAssessorTest is DeliveryTest {
    struct JournalCallback {
        uint16 index;
        address addr;
        uint96 gasLimit;
    }

    struct JournalSelector {
        uint16 index;
        bytes4 value;
    }

    struct Journal {
        JournalCallback[] callbacks;
        JournalSelector[] selectors;
        bytes32 root;
        address prover;
    }

    bytes4 private constant STARK = 0x00000024;
    bytes4 private constant SUCCESSOR = 0x00000025;
    bytes private constant INNER = hex"ffffffff1234567890";
    bytes32 private constant GUEST = keccak256("the assessor");

    RiscZeroPickyVerifier private picky;
    IRiscZeroAssessor private assessor;

    function register() internal override {
        super.register();
        picky = new RiscZeroPickyVerifier();
        assessor = adapterOf(address(picky), GUEST);
    }

    function adapterOf(address verifier, bytes32 imageId) private returns (IRiscZeroAssessor) {
        return IRiscZeroAssessor(deploy("RiscZeroAssessor", abi.encode(verifier, imageId)));
    }

    // ----------------------------------------------------------------------------------------------- the journal, plainly

    function leafOf(uint256 index, SlimRequest memory request, Fulfillment memory fill, bytes32 requestDigest)
        private
        pure
        returns (bytes32)
    {
        return keccak256(
            abi.encode(
                keccak256(
                    "AssessorCommitment(uint256 index,uint256 id,bytes32 requestDigest,bytes32 claimDigest,bytes32 fulfillmentDataDigest)"
                ),
                index,
                request.id,
                requestDigest,
                fill.claimDigest,
                keccak256(bytes.concat(bytes1(uint8(fill.fulfillmentDataType)), fill.fulfillmentData))
            )
        );
    }

    /// @dev Pairs from the left, in ascending order inside a pair; whoever has no partner waits for the next round.
    function rootOf(bytes32[] memory nodes) private pure returns (bytes32) {
        if (nodes.length == 1) return nodes[0];
        bytes32[] memory above = new bytes32[]((nodes.length + 1) / 2);
        for (uint256 i = 0; i < above.length; ++i) {
            if (2 * i + 1 == nodes.length) {
                above[i] = nodes[2 * i];
                continue;
            }
            (bytes32 a, bytes32 b) = (nodes[2 * i], nodes[2 * i + 1]);
            above[i] = a < b ? keccak256(bytes.concat(a, b)) : keccak256(bytes.concat(b, a));
        }
        return rootOf(above);
    }

    function journalOf(FulfillmentBatch memory batch, bytes32[] memory digests)
        private
        pure
        returns (Journal memory journal)
    {
        bytes32[] memory leaves = new bytes32[](digests.length);
        for (uint256 i = 0; i < digests.length; ++i) {
            SlimRequest memory request = batch.requests[i];
            leaves[i] = leafOf(i, request, batch.fills[i], digests[i]);
            Callback memory callback = request.callback;
            if (callback.addr != address(0)) {
                journal.callbacks =
                    append(journal.callbacks, JournalCallback(uint16(i), callback.addr, callback.gasLimit));
            }
            if (request.selector != 0) {
                journal.selectors = append(journal.selectors, JournalSelector(uint16(i), request.selector));
            }
        }
        journal.root = rootOf(leaves);
        journal.prover = batch.prover;
    }

    function append(JournalCallback[] memory list, JournalCallback memory last)
        private
        pure
        returns (JournalCallback[] memory longer)
    {
        longer = new JournalCallback[](list.length + 1);
        for (uint256 i = 0; i < list.length; ++i) {
            longer[i] = list[i];
        }
        longer[list.length] = last;
    }

    function append(JournalSelector[] memory list, JournalSelector memory last)
        private
        pure
        returns (JournalSelector[] memory longer)
    {
        longer = new JournalSelector[](list.length + 1);
        for (uint256 i = 0; i < list.length; ++i) {
            longer[i] = list[i];
        }
        longer[list.length] = last;
    }

    // ------------------------------------------------------------------------------------------------------------ batches

    /// @dev Bit i of the masks: request i has a callback, signed a selector.
    function batchOf(uint256 count, uint256 callbacks, uint256 selectors)
        private
        view
        returns (FulfillmentBatch memory batch, bytes32[] memory digests)
    {
        batch.requests = new SlimRequest[](count);
        batch.fills = new Fulfillment[](count);
        digests = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            batch.requests[i] = slim(newRequest(uint32(i)));
            if (callbacks >> i & 1 == 1) {
                batch.requests[i].callback = Callback(address(uint160(1 + i)), uint96(1000 * i));
            }
            if (selectors >> i & 1 == 1) batch.requests[i].selector = bytes4(uint32(0x5eed0000 + i));
            batch.fills[i] = fillWith(abi.encode("journal", i));
            if (i % 3 == 2) {
                batch.fills[i].fulfillmentDataType = FulfillmentDataType.None;
                batch.fills[i].fulfillmentData = "";
            }
            digests[i] = keccak256(abi.encode("request", i));
        }
        batch.assessorSeal = abi.encodePacked(STARK, INNER);
        batch.prover = prover.addr;
    }

    function expect(FulfillmentBatch memory batch, bytes32[] memory digests) private {
        picky.expect(INNER, GUEST, sha256(abi.encode(journalOf(batch, digests))));
    }

    function fails(FulfillmentBatch memory batch, bytes32[] memory digests, bytes4 reason) private {
        vm.expectRevert(abi.encodeWithSelector(reason));
        assessor.verifyAssessor(batch, digests);
    }

    /// @dev The verifier was asked about another journal.
    function refused(FulfillmentBatch memory batch, bytes32[] memory digests) private {
        vm.expectPartialRevert(RiscZeroPickyVerifier.Refused.selector);
        assessor.verifyAssessor(batch, digests);
    }

    function check(uint256 count, uint256 callbacks, uint256 selectors) private {
        (FulfillmentBatch memory batch, bytes32[] memory digests) = batchOf(count, callbacks, selectors);
        expect(batch, digests);
        assessor.verifyAssessor(batch, digests);
    }

    // ----------------------------------------------------------------------------------------------------- constructor

    function test_nothing_to_pin() public {
        bytes memory code =
            abi.encodePacked(vm.getCode("RiscZeroAssessor.sol:RiscZeroAssessor"), abi.encode(address(0xdead), GUEST));
        vm.expectRevert(abi.encodeWithSelector(IRiscZeroAssessor.NoCode.selector, address(0xdead)));
        assembly {
            pop(create(0, add(code, 0x20), mload(code)))
        }
    }

    function test_views() public view {
        assertEq(address(assessor.VERIFIER()), address(picky), "verifier");
        assertEq(assessor.IMAGE_ID(), GUEST, "image id");
        assertTrue(assessor.supportsInterface(0x08060888), "assessor");
        assertTrue(assessor.supportsInterface(0x01ffc9a7), "ERC-165");
        assertFalse(assessor.supportsInterface(0x6b406341), "verifier");
        assertFalse(assessor.supportsInterface(0xffffffff), "none");
    }

    // ----------------------------------------------------------------------------------------------------------- checks

    function test_lengths_before_the_seal() public {
        (FulfillmentBatch memory batch, bytes32[] memory digests) = batchOf(2, 0, 0);
        batch.assessorSeal = "";
        fails(batch, new bytes32[](1), IRiscZeroAssessor.LengthMismatch.selector);
        fails(batch, new bytes32[](3), IRiscZeroAssessor.LengthMismatch.selector);
        batch.requests = new SlimRequest[](1);
        fails(batch, digests, IRiscZeroAssessor.LengthMismatch.selector);
        batch.fills = new Fulfillment[](0);
        fails(batch, digests, IRiscZeroAssessor.EmptyBatch.selector);
    }

    function test_more_fills_than_sixteen_bits_count() public view {
        // The lists' heads alone, in raw calldata: their elements are never looked at.
        uint256 count = 65_536;
        bytes memory offsets = new bytes(32 * count);
        bytes memory batch = abi.encodePacked(
            uint256(0x80), uint256(0xa0 + 32 * count), uint256(0), uint256(0), count, offsets, count, offsets
        );
        bytes memory call_ =
            abi.encodePacked(bytes4(0x08060888), uint256(0x40), uint256(0x40 + batch.length), batch, count, offsets);
        (bool success, bytes memory reason) = address(assessor).staticcall(call_);
        assertFalse(success, "accepted");
        assertEq(reason, abi.encodeWithSelector(IRiscZeroAssessor.BatchTooLarge.selector, count), "reason");
    }

    function testFuzz_a_seal_without_two_selectors(uint256 length) public {
        (FulfillmentBatch memory batch, bytes32[] memory digests) = batchOf(1, 0, 0);
        batch.assessorSeal = new bytes(bound(length, 0, 7));
        fails(batch, digests, IRiscZeroAssessor.MalformedSeal.selector);
    }

    function test_the_inner_seal_and_the_journal_are_passed_on() public {
        (FulfillmentBatch memory batch, bytes32[] memory digests) = batchOf(3, 2, 5);
        bytes32 digest = sha256(abi.encode(journalOf(batch, digests)));
        vm.expectRevert(abi.encodeWithSelector(RiscZeroPickyVerifier.Refused.selector, INNER, GUEST, digest));
        assessor.verifyAssessor(batch, digests);
        batch.assessorSeal = abi.encodePacked(STARK, bytes4(0x242f9d5b));
        vm.expectRevert(
            abi.encodeWithSelector(
                RiscZeroPickyVerifier.Refused.selector, abi.encodePacked(bytes4(0x242f9d5b)), GUEST, digest
            )
        );
        assessor.verifyAssessor(batch, digests);
    }

    // ---------------------------------------------------------------------------------------------------------- journals

    function test_one_fill() public {
        check(1, 0, 0);
    }

    function test_no_callbacks_and_selectors() public {
        check(5, 0, 0);
    }

    function test_some_callbacks_and_selectors() public {
        check(5, 18, 9);
    }

    function test_all_callbacks_and_selectors() public {
        check(5, 31, 31);
    }

    function testFuzz_sparse(uint256 count, uint256 callbacks, uint256 selectors) public {
        check(bound(count, 1, 33), callbacks, selectors);
    }

    /// @dev A gas limit without an address is no callback; the guest lists what the market would call.
    function test_a_gas_limit_alone_is_no_callback() public {
        (FulfillmentBatch memory batch, bytes32[] memory digests) = batchOf(2, 0, 0);
        expect(batch, digests);
        batch.requests[1].callback.gasLimit = 7;
        assessor.verifyAssessor(batch, digests);
    }

    /// @dev Published: the leaf of a fill of claim 32 × 0x44, with image id 32 × 0x22 and the journal "hello".
    function test_the_published_leaf() public {
        SlimRequest memory request;
        request.id = RequestId.wrap((uint256(uint160(0x1111111111111111111111111111111111111111)) << 32) | 7);
        Fulfillment memory fill;
        fill.claimDigest = 0x4444444444444444444444444444444444444444444444444444444444444444;
        fill.fulfillmentDataType = FulfillmentDataType.ImageIdAndJournal;
        fill.fulfillmentData = dataOf(0x2222222222222222222222222222222222222222222222222222222222222222, "hello");
        bytes32 digest = 0x32e9170807f21b048ce1965b01e9442d42004e1854025efb2cae2c191425e755;
        bytes32 expected = 0xda2acf97a0d0676006a0ed91b12823d59fca0f95c1b15c82877bdcacf996e00e;
        assertEq(leafOf(0, request, fill, digest), expected, "in this test");
        assertEq(new LibraryHarness().assessorLeaf(0, request.id, digest, fill), expected, "in the contract");
    }

    function test_tampering_with_what_the_guest_committed_to() public {
        (FulfillmentBatch memory batch, bytes32[] memory digests) = batchOf(4, 5, 6);
        expect(batch, digests);
        assessor.verifyAssessor(batch, digests);
        bytes memory untouched = abi.encode(batch);

        digests[1] = ~digests[1];
        refused(batch, digests);
        digests[1] = ~digests[1];
        (digests[0], digests[1]) = (digests[1], digests[0]);
        refused(batch, digests);
        (digests[0], digests[1]) = (digests[1], digests[0]);

        for (uint256 field = 0; field < 15; ++field) {
            batch = abi.decode(untouched, (FulfillmentBatch));
            tamper(batch, field);
            refused(batch, digests);
        }
        assessor.verifyAssessor(abi.decode(untouched, (FulfillmentBatch)), digests);
    }

    function tamper(FulfillmentBatch memory batch, uint256 field) private pure {
        SlimRequest[] memory requests = batch.requests;
        Fulfillment[] memory fills = batch.fills;
        if (field == 0) batch.prover = address(1);
        if (field == 1) requests[3].id = RequestId.wrap(RequestId.unwrap(requests[3].id) + 1);
        if (field == 2) fills[3].claimDigest = ~fills[3].claimDigest;
        if (field == 3) fills[3].fulfillmentDataType = FulfillmentDataType.None;
        if (field == 4) fills[3].fulfillmentData[40] ^= 0x01;
        if (field == 5) fills[3].fulfillmentData = "";
        if (field == 6) requests[0].callback.addr = address(0xbad);
        if (field == 7) ++requests[2].callback.gasLimit;
        if (field == 8) requests[2].callback.addr = address(0); // one less
        if (field == 9) requests[1].callback = Callback(address(2), 5); // one more
        if (field == 10) requests[1].selector = 0x12345678;
        if (field == 11) requests[1].selector = 0;
        if (field == 12) requests[0].selector = 0x12345678;
        if (field == 13) (fills[0], fills[1]) = (fills[1], fills[0]);
        if (field == 14) (requests[1].selector, requests[0].selector) = (requests[0].selector, requests[1].selector);
    }

    function test_another_program() public {
        (FulfillmentBatch memory batch, bytes32[] memory digests) = batchOf(2, 0, 0);
        expect(batch, digests);
        assessor = adapterOf(address(picky), ~GUEST);
        refused(batch, digests);
    }

    // ---------------------------------------------------------------------------------------------------- image rotation

    /// @dev A batch of one delivery with the assessor's mock receipt.
    function sealedBatch(ProofRequest memory request, bytes4 selector, bytes32 imageId)
        private
        view
        returns (FulfillmentBatch[] memory batches)
    {
        batches = batchOf(request, prover);
        bytes32[] memory digests = new bytes32[](1);
        digests[0] = digestOf(request);
        batches[0].assessorSeal = abi.encodePacked(
            selector, bytes4(0xffffffff), claimOf(imageId, abi.encode(journalOf(batches[0], digests)))
        );
    }

    function twoPrograms() private returns (bytes32 first, bytes32 second) {
        (first, second) = (GUEST, keccak256("the next assessor"));
        address mock = address(new RiscZeroMockVerifier(0xffffffff));
        router.instantiate(STARK, address(adapterOf(mock, first)), ASSESSOR_CLASS, 0);
        router.instantiate(SUCCESSOR, address(adapterOf(mock, second)), ASSESSOR_CLASS, 0);
    }

    function test_two_programs_in_parallel() public {
        (bytes32 first, bytes32 second) = twoPrograms();
        for (uint32 i = 0; i < 2; ++i) {
            ProofRequest memory request = newRequest(i);
            lock(request, prover);
            (bytes4 right, bytes4 wrong) = i == 0 ? (STARK, SUCCESSOR) : (SUCCESSOR, STARK);
            bytes32 program = i == 0 ? first : second;
            FulfillmentBatch[] memory batches = sealedBatch(request, wrong, program);
            vm.expectPartialRevert(0x439cc0cd);
            market.fulfill(batches);
            assertPaid(market.fulfill(sealedBatch(request, right, program))[0]);
        }
    }

    function test_the_old_program_is_retired() public {
        (bytes32 first, bytes32 second) = twoPrograms();
        router.removeEntry(STARK);
        ProofRequest memory request = newRequest(1);
        lock(request, prover);
        FulfillmentBatch[] memory batches = sealedBatch(request, STARK, first);
        expectRevert(abi.encodeWithSelector(IVerifierRouter.EntryRemoved.selector, STARK));
        market.fulfill(batches);
        assertPaid(market.fulfill(sealedBatch(request, SUCCESSOR, second))[0]);
    }
}
