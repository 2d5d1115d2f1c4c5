// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Fulfillment, FulfillmentBatch, FulfillmentDataType } from "../src/fulfillment/FulfillmentBatch.sol";
import { FulfillmentData } from "../src/fulfillment/FulfillmentData.sol";
import { IOnChainAssessor } from "../src/interfaces/IOnChainAssessor.sol";
import { SlimRequest } from "../src/request/ProofRequest.sol";
import { Predicate, PredicateType } from "../src/request/Requirements.sol";
import { Eip712Reference } from "./base/Eip712Reference.sol";
import { MarketTest } from "./base/MarketTest.sol";
import { vm } from "./base/Vm.sol";

contract OnChainAssessorTest is MarketTest {
    IOnChainAssessor private assessor;

    function setUp() public override {
        super.setUp();
        assessor = IOnChainAssessor(deploy("OnChainAssessor", ""));
    }

    function digestMatch(bytes memory journal) private pure returns (Predicate memory) {
        return Predicate(PredicateType.DigestMatch, abi.encodePacked(IMAGE_ID, sha256(journal)));
    }

    function prefixMatch(bytes memory prefix) private pure returns (Predicate memory) {
        return Predicate(PredicateType.PrefixMatch, abi.encodePacked(IMAGE_ID, prefix));
    }

    function claimMatch(bytes32 claim) private pure returns (Predicate memory) {
        return Predicate(PredicateType.ClaimDigestMatch, abi.encodePacked(claim));
    }

    function claimOnly(bytes32 claim) private pure returns (Fulfillment memory fill) {
        fill.claimDigest = claim;
    }

    function batchOf(Predicate memory predicate, Fulfillment memory fill)
        private
        view
        returns (FulfillmentBatch memory batch)
    {
        batch.requests = new SlimRequest[](1);
        batch.fills = new Fulfillment[](1);
        batch.requests[0].predicate = predicate;
        batch.fills[0] = fill;
        batch.prover = prover.addr;
        signBatch(batch, prover.key);
    }

    function digestsOf(FulfillmentBatch memory batch) private pure returns (bytes32[] memory digests) {
        digests = new bytes32[](batch.requests.length);
        for (uint256 i = 0; i < digests.length; ++i) {
            digests[i] = keccak256(abi.encode("request", i));
        }
    }

    function authDigest(FulfillmentBatch memory batch, address verifying) private view returns (bytes32) {
        bytes32[] memory claims = new bytes32[](batch.fills.length);
        for (uint256 i = 0; i < claims.length; ++i) {
            claims[i] = batch.fills[i].claimDigest;
        }
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("FulfillmentBatchAuth(address prover,bytes32[] requestDigests,bytes32[] claimDigests)"),
                batch.prover,
                keccak256(abi.encodePacked(digestsOf(batch))),
                keccak256(abi.encodePacked(claims))
            )
        );
        return Eip712Reference.digest(Eip712Reference.domain("OnChainAssessor", verifying), structHash);
    }

    function signBatch(FulfillmentBatch memory batch, uint256 key) private view {
        batch.assessorSeal = abi.encodePacked(ASSESSOR, sign(key, authDigest(batch, address(assessor))));
    }

    function passes(FulfillmentBatch memory batch) private view {
        assessor.verifyAssessor(batch, digestsOf(batch));
    }

    function fails(FulfillmentBatch memory batch, bytes memory reason) private {
        bytes32[] memory digests = digestsOf(batch);
        expectRevert(reason);
        assessor.verifyAssessor(batch, digests);
    }

    function fails(Predicate memory predicate, Fulfillment memory fill, bytes4 reason) private {
        fails(batchOf(predicate, fill), abi.encodeWithSelector(reason, 0));
    }

    // -------------------------------------------------------------------------------------------------------- predicates

    function testFuzz_digest_match(bytes memory journal, bytes memory other) public {
        passes(batchOf(digestMatch(journal), fillWith(journal)));
        vm.assume(keccak256(journal) != keccak256(other));
        fails(digestMatch(other), fillWith(journal), IOnChainAssessor.PredicateFailed.selector);
    }

    function testFuzz_prefix_match(bytes memory prefix, bytes memory rest) public {
        bytes memory journal = bytes.concat(prefix, rest);
        passes(batchOf(prefixMatch(prefix), fillWith(journal)));
        passes(batchOf(prefixMatch(""), fillWith(journal)));
        fails(prefixMatch(bytes.concat(journal, hex"00")), fillWith(journal), IOnChainAssessor.PredicateFailed.selector);
        if (prefix.length == 0) return;
        prefix = bytes.concat(prefix);
        prefix[prefix.length - 1] ^= 0x01;
        fails(prefixMatch(prefix), fillWith(journal), IOnChainAssessor.PredicateFailed.selector);
    }

    function testFuzz_claim_match(bytes32 claim, bytes32 other) public {
        passes(batchOf(claimMatch(claim), claimOnly(claim)));
        passes(batchOf(claimMatch(claimOf(IMAGE_ID, JOURNAL)), fillWith(JOURNAL)));
        vm.assume(claim != other);
        fails(claimMatch(other), claimOnly(claim), IOnChainAssessor.PredicateFailed.selector);
    }

    function test_another_program() public {
        bytes32 program = keccak256("another program");
        Predicate memory wanted = Predicate(PredicateType.DigestMatch, abi.encodePacked(program, sha256(JOURNAL)));
        fails(wanted, fillWith(JOURNAL), IOnChainAssessor.PredicateFailed.selector);
        wanted = Predicate(PredicateType.PrefixMatch, abi.encodePacked(program, JOURNAL));
        fails(wanted, fillWith(JOURNAL), IOnChainAssessor.PredicateFailed.selector);
    }

    function test_malformed_predicates_never_hold() public {
        bytes memory exact = abi.encodePacked(IMAGE_ID, sha256(JOURNAL));
        bytes4 failed = IOnChainAssessor.PredicateFailed.selector;
        fails(Predicate(PredicateType.DigestMatch, ""), fillWith(JOURNAL), failed);
        fails(Predicate(PredicateType.DigestMatch, bytes.concat(exact, hex"00")), fillWith(JOURNAL), failed);
        fails(Predicate(PredicateType.PrefixMatch, hex"aa"), fillWith(JOURNAL), failed);
        fails(Predicate(PredicateType.ClaimDigestMatch, ""), claimOnly(0), failed);
        fails(Predicate(PredicateType.ClaimDigestMatch, new bytes(33)), claimOnly(0), failed);
    }

    function test_journal_must_reproduce_the_claim_whatever_the_predicate() public {
        Fulfillment memory fill = fillWith(JOURNAL);
        fill.claimDigest = claimOf(IMAGE_ID, "another journal");
        bytes4 mismatch = IOnChainAssessor.ClaimDigestMismatch.selector;
        fails(digestMatch(JOURNAL), fill, mismatch);
        fails(prefixMatch(JOURNAL), fill, mismatch);
        fails(claimMatch(fill.claimDigest), fill, mismatch);
    }

    function test_journal_must_be_there() public {
        Fulfillment memory fill = claimOnly(claimOf(IMAGE_ID, JOURNAL));
        fails(digestMatch(JOURNAL), fill, IOnChainAssessor.MissingFulfillmentData.selector);
        fails(prefixMatch(JOURNAL), fill, IOnChainAssessor.MissingFulfillmentData.selector);
    }

    function test_data_of_type_none_must_be_empty() public {
        Fulfillment memory fill = claimOnly(claimOf(IMAGE_ID, JOURNAL));
        fill.fulfillmentData = dataOf(IMAGE_ID, JOURNAL);
        fails(claimMatch(fill.claimDigest), fill, FulfillmentData.MalformedFulfillmentData.selector, true);
    }

    function fails(Predicate memory predicate, Fulfillment memory fill, bytes4 reason, bool) private {
        fails(batchOf(predicate, fill), abi.encodeWithSelector(reason));
    }

    function test_the_failing_fill_is_named() public {
        FulfillmentBatch memory batch = batchOf(digestMatch(JOURNAL), fillWith(JOURNAL));
        SlimRequest memory request = batch.requests[0];
        Fulfillment memory fill = batch.fills[0];
        batch.requests = new SlimRequest[](3);
        batch.fills = new Fulfillment[](3);
        (batch.requests[0], batch.requests[1], batch.requests[2]) = (request, request, request);
        (batch.fills[0], batch.fills[1], batch.fills[2]) = (fill, fillWith("other"), fill);
        signBatch(batch, prover.key);
        fails(batch, abi.encodeWithSelector(IOnChainAssessor.PredicateFailed.selector, 1));
        batch.fills[1] = fill;
        signBatch(batch, prover.key);
        passes(batch);
    }

    /// @dev Fill `i` of a batch of all predicates in turn, claims with and without their data.
    function mixed(uint256 count) private view returns (FulfillmentBatch memory batch) {
        batch.requests = new SlimRequest[](count);
        batch.fills = new Fulfillment[](count);
        for (uint256 i = 0; i < count; ++i) {
            bytes memory journal = abi.encodePacked("journal ", i);
            Fulfillment memory fill = fillWith(journal);
            if (i % 4 == 0) batch.requests[i].predicate = digestMatch(journal);
            if (i % 4 == 1) batch.requests[i].predicate = prefixMatch("journal ");
            if (i % 4 >= 2) batch.requests[i].predicate = claimMatch(fill.claimDigest);
            batch.fills[i] = i % 4 == 3 ? claimOnly(fill.claimDigest) : fill;
        }
        batch.prover = prover.addr;
        signBatch(batch, prover.key);
    }

    function testFuzz_mixed_batches(uint256 count, uint256 which) public {
        count = bound(count, 1, 12);
        which = bound(which, 0, count - 1);
        passes(mixed(count));
        FulfillmentBatch memory batch = mixed(count);
        batch.requests[which].predicate.data[0] ^= 0x01; // nothing the prover signs
        fails(batch, abi.encodeWithSelector(IOnChainAssessor.PredicateFailed.selector, which));
        batch = mixed(count);
        batch.fills[which].claimDigest ^= bytes32(uint256(1));
        bytes4 reason =
            which % 4 == 3 ? IOnChainAssessor.PredicateFailed.selector : IOnChainAssessor.ClaimDigestMismatch.selector;
        fails(batch, abi.encodeWithSelector(reason, which));
        if (which % 4 == 3) return;
        batch = mixed(count);
        batch.fills[which].fulfillmentData[0x20] ^= 0x01; // the image id
        fails(batch, abi.encodeWithSelector(IOnChainAssessor.ClaimDigestMismatch.selector, which));
        batch = mixed(count);
        delete batch.fills[which].fulfillmentData;
        fails(batch, abi.encodeWithSelector(FulfillmentData.MalformedFulfillmentData.selector));
        batch.fills[which].fulfillmentDataType = FulfillmentDataType.None;
        if (which % 4 == 2) return passes(batch); // the claim is matched as it is, and the signature is over claims
        fails(batch, abi.encodeWithSelector(IOnChainAssessor.MissingFulfillmentData.selector, which));
    }

    /// @dev The predicates come before the signature, and fills are looked at in order.
    function test_order_of_checks() public {
        FulfillmentBatch memory batch = mixed(4);
        batch.assessorSeal = "";
        fails(batch, abi.encodeWithSelector(IOnChainAssessor.MalformedProverSignature.selector));
        batch.requests[3].predicate.data = "";
        fails(batch, abi.encodeWithSelector(IOnChainAssessor.PredicateFailed.selector, 3));
        batch.fills[2].claimDigest = 0;
        fails(batch, abi.encodeWithSelector(IOnChainAssessor.ClaimDigestMismatch.selector, 2));
        batch.fills[1].fulfillmentDataType = FulfillmentDataType.None;
        fails(batch, abi.encodeWithSelector(IOnChainAssessor.MissingFulfillmentData.selector, 1));
    }

    /// @dev What the deployed network grants the assessor pays for a batch of three hundred small journals.
    function test_gas_of_a_large_batch() public view {
        FulfillmentBatch memory batch = mixed(300);
        bytes memory call_ = abi.encodeCall(assessor.verifyAssessor, (batch, digestsOf(batch)));
        (bool success,) = address(assessor).staticcall{ gas: 10_000_000 }(call_);
        assertTrue(success, "assessed");
    }

    // -------------------------------------------------------------------------------------------------- prover signature

    function test_lengths() public {
        FulfillmentBatch memory batch = batchOf(digestMatch(JOURNAL), fillWith(JOURNAL));
        bytes memory reason = abi.encodeWithSelector(IOnChainAssessor.LengthMismatch.selector);
        expectRevert(reason);
        assessor.verifyAssessor(batch, new bytes32[](2));
        batch.requests = new SlimRequest[](2);
        expectRevert(reason);
        assessor.verifyAssessor(batch, new bytes32[](1));
    }

    function testFuzz_seal_of_another_length(uint256 length) public {
        length = bound(length, 0, 200);
        vm.assume(length != 69);
        FulfillmentBatch memory batch = batchOf(digestMatch(JOURNAL), fillWith(JOURNAL));
        bytes memory cut = new bytes(length);
        for (uint256 i = 0; i < length && i < 69; ++i) {
            cut[i] = batch.assessorSeal[i];
        }
        batch.assessorSeal = cut;
        fails(batch, abi.encodeWithSelector(IOnChainAssessor.MalformedProverSignature.selector));
    }

    function test_malformed_signatures() public {
        FulfillmentBatch memory batch = batchOf(digestMatch(JOURNAL), fillWith(JOURNAL));
        bytes memory reason = abi.encodeWithSelector(IOnChainAssessor.MalformedProverSignature.selector);
        batch.assessorSeal[68] = 0x02;
        fails(batch, reason);
        bytes memory high = signHighS(prover.key, authDigest(batch, address(assessor)));
        batch.assessorSeal = abi.encodePacked(ASSESSOR, high);
        fails(batch, reason);
    }

    function test_signature_of_somebody_else() public {
        FulfillmentBatch memory batch = batchOf(digestMatch(JOURNAL), fillWith(JOURNAL));
        signBatch(batch, rival.key);
        bytes memory reason =
            abi.encodeWithSelector(IOnChainAssessor.ProverSignatureMismatch.selector, rival.addr, prover.addr);
        fails(batch, reason);
    }

    function expectMismatch() private {
        vm.expectPartialRevert(IOnChainAssessor.ProverSignatureMismatch.selector);
    }

    function test_a_digest_swapped_with_its_neighbour() public {
        FulfillmentBatch memory batch = mixed(2);
        bytes32[] memory digests = digestsOf(batch);
        (digests[0], digests[1]) = (digests[1], digests[0]);
        expectMismatch();
        assessor.verifyAssessor(batch, digests);
    }

    function test_signature_binds_prover_digests_claims_and_domain() public {
        FulfillmentBatch memory batch = batchOf(claimMatch(bytes32(uint256(1))), claimOnly(bytes32(uint256(1))));
        bytes32[] memory digests = digestsOf(batch);
        batch.prover = rival.addr; // a copy in another's name
        expectMismatch();
        assessor.verifyAssessor(batch, digests);

        batch.prover = prover.addr;
        digests[0] = keccak256("another request");
        expectMismatch();
        assessor.verifyAssessor(batch, digests);

        digests = digestsOf(batch);
        batch.fills[0].claimDigest = bytes32(uint256(2));
        batch.requests[0].predicate = claimMatch(bytes32(uint256(2)));
        expectMismatch();
        assessor.verifyAssessor(batch, digests);

        batch = batchOf(claimMatch(bytes32(uint256(1))), claimOnly(bytes32(uint256(1))));
        address other = deploy("OnChainAssessor", "");
        expectMismatch();
        IOnChainAssessor(other).verifyAssessor(batch, digests);

        vm.chainId(1);
        expectMismatch();
        assessor.verifyAssessor(batch, digests);
    }

    function test_interfaces() public view {
        assertTrue(assessor.supportsInterface(0x08060888), "assessor");
        assertTrue(assessor.supportsInterface(0x01ffc9a7), "ERC-165");
        assertFalse(assessor.supportsInterface(0x6b406341), "verifier");
        assertFalse(assessor.supportsInterface(0xffffffff), "none");
        bytes32 expected = Eip712Reference.domain("OnChainAssessor", address(assessor));
        assertEq(assessor.eip712DomainSeparator(), expected, "domain");
    }
}
