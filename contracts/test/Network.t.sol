// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { FulfillmentBatch, ProofRequestBatch } from "../src/fulfillment/FulfillmentBatch.sol";
import { IAllocationBook } from "../src/interfaces/IAllocationBook.sol";
import { IAttestedVerifier } from "../src/interfaces/IAttestedVerifier.sol";
import { ICommitteeBook } from "../src/interfaces/ICommitteeBook.sol";
import { IMarket } from "../src/interfaces/IMarket.sol";
import { IOnChainAssessor } from "../src/interfaces/IOnChainAssessor.sol";
import { IProverRegistry } from "../src/interfaces/IProverRegistry.sol";
import { IRequesterAccount } from "../src/interfaces/IRequesterAccount.sol";
import { IRequesterAccounts } from "../src/interfaces/IRequesterAccounts.sol";
import { IVerifierRouter } from "../src/interfaces/IVerifierRouter.sol";
import { IWorkloadQualifier } from "../src/interfaces/IWorkloadQualifier.sol";
import { ProofRequest } from "../src/request/ProofRequest.sol";
import { Predicate, PredicateType } from "../src/request/Requirements.sol";
import { NetworkTest } from "./base/NetworkTest.sol";
import { vm } from "./base/Vm.sol";

/// @notice The deployed network as a whole: nothing is replaced but the prover's and attesters' machines.
contract DeployedNetworkTest is NetworkTest {
    function test_registry_is_the_file() public view {
        (address impl, bytes4 class, uint64 gasLimit) = router.entries(0x00000022);
        assertEq(impl, address(assessor), "assessor");
        assertEq(bytes32(class), bytes32(bytes4(0xaa000002)), "assessor class");
        assertEq(gasLimit, 10_000_000, "assessor gas");
        (impl, class, gasLimit) = router.entries(attested.SELECTOR());
        assertEq(impl, address(attested), "verifier");
        assertEq(bytes32(class), bytes32(bytes4(0xaa000010)), "verifier class");
        assertEq(gasLimit, 500_000, "verifier gas");
        assertEq(bytes32(router.defaultClassId()), bytes32(bytes4(0xaa000010)), "default");
        (bytes4 tag, bool open,, bytes4 assessorClass,,,, string memory label) = router.classes(0xaa000010);
        assertEq(bytes32(tag), bytes32(bytes4(0x6b406341)), "tag");
        assertFalse(open, "permissionless");
        assertEq(bytes32(assessorClass), bytes32(bytes4(0xaa000002)), "required class");
        assertEq(bytes(label), "Attested", "label");
        assertEq(market.ROUTER(), address(router), "router");
        assertEq(market.COLLATERAL_TOKEN_CONTRACT(), address(token), "token");
        assertEq(market.TREASURY(), address(treasury), "treasury");
        assertEq(treasury.DELAY(), 7 days, "treasury's delay");
    }

    function test_what_exchanges_build_on() public view {
        IProverRegistry registry = IProverRegistry(deployment.proverRegistry);
        assertEq(registry.TOKEN(), address(token), "stake is collateral");
        assertEq(registry.MIN_SELF_STAKE(), 1 ether, "least stake of an operator");
        assertEq(registry.COOL_DOWN(), 7 days, "cool-down");
        assertEq(IAllocationBook(deployment.allocationBook).MARKET(), address(market), "allocations");
        ICommitteeBook committees = ICommitteeBook(payable(deployment.committeeBook));
        assertEq(committees.MARKET(), address(market), "committees");
        assertEq(committees.REGISTRY(), address(registry), "committees' stake");
        IRequesterAccount account =
            IRequesterAccount(payable(IRequesterAccounts(deployment.requesterAccounts).IMPLEMENTATION()));
        assertEq(account.ALLOCATION_BOOK(), deployment.allocationBook, "the accounts' allocation book");
        assertEq(account.COMMITTEE_BOOK(), deployment.committeeBook, "the accounts' committee book");
        IWorkloadQualifier qualifier = IWorkloadQualifier(deployment.workloadQualifier);
        assertEq(address(qualifier.REGISTRY()), address(registry), "where qualifications are recorded");
        assertEq(address(qualifier.ROUTER()), address(router), "what verifies them");
    }

    function test_one_proof_bought_and_sold() public {
        ProofRequest memory request = newRequest(1);
        lock(request, prover);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        expectFulfilled(request, prover);
        expectDelivered(request, batches[0].fills[0], prover);
        assertPaid(market.fulfill(batches)[0]);
        assertEther(9 ether, 1 ether, 0);
        assertCollateral(10 ether, 10 ether);
    }

    function test_selectors_a_request_may_sign() public {
        bytes4[3] memory signed = [bytes4(0), bytes4(0xaa000010), attested.SELECTOR()];
        for (uint32 i = 0; i < signed.length; ++i) {
            ProofRequest memory request = newRequest(i);
            request.requirements.selector = signed[i];
            lock(request, prover);
            assertPaid(market.fulfill(batchOf(request, prover))[0]);
        }
    }

    function testFuzz_a_batch_under_one_root(uint256 count, bool stored) public {
        count = bound(count, 1, 12);
        ProofRequest[] memory requests = new ProofRequest[](count);
        fund(client.addr, 100 ether);
        stake(prover.addr, 100 ether);
        for (uint32 i = 0; i < count; ++i) {
            requests[i] = newRequest(i);
            lock(requests[i], prover);
        }
        FulfillmentBatch[] memory batches = treeBatch(requests, prover, stored);
        bytes[] memory failures = stored
            ? market.submitRootAndFulfill(address(attested), lastRoot, rootSeal(lastRoot), batches)
            : market.fulfill(batches);
        for (uint256 i = 0; i < count; ++i) {
            assertPaid(failures[i]);
        }
        assertEq(market.balanceOf(prover.addr), count * 1 ether, "paid");
    }

    function test_the_race_and_the_open_fill() public {
        ProofRequest memory request = newRequest(1);
        lock(request, prover);
        vm.warp(START + 101);
        assertPaid(deliver(request, rival));
        assertPaid(priceAndDeliver(newRequest(2), rival));
        assertEther(9 ether, 0, 1 ether);
    }

    function test_a_proof_is_bound_to_its_prover() public {
        ProofRequest memory request = newRequest(1);
        lock(request, prover);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        batches[0].prover = rival.addr;
        expectRevert(
            abi.encodeWithSelector(
                IOnChainAssessor.ProverSignatureMismatch.selector, recoveredInstead(batches[0]), rival.addr
            )
        );
        market.fulfill(batches);
    }

    function test_a_claim_without_enough_attesters_is_refused() public {
        ProofRequest memory request = newRequest(1);
        lock(request, prover);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        batches[0].fills[0].seal = claimSeal(batches[0].fills[0].claimDigest, 1);
        expectRevert(abi.encodeWithSelector(IVerifierRouter.VerifierFailed.selector, 0, attested.SELECTOR()));
        market.fulfill(batches);
    }

    function test_a_true_claim_for_another_request_is_refused() public {
        ProofRequest memory request = newRequest(1);
        request.requirements.predicate.data = abi.encodePacked(IMAGE_ID, sha256("another journal"));
        lock(request, prover);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        expectRevert(abi.encodeWithSelector(IOnChainAssessor.PredicateFailed.selector, 0));
        market.fulfill(batches);
    }

    function test_claim_only_requests() public {
        ProofRequest memory request = newRequest(1);
        bytes32 claim = claimOf(IMAGE_ID, JOURNAL);
        request.requirements.predicate = Predicate(PredicateType.ClaimDigestMatch, abi.encodePacked(claim));
        lock(request, prover);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        delete batches[0].fills[0].fulfillmentDataType;
        delete batches[0].fills[0].fulfillmentData;
        assertPaid(market.fulfill(batches)[0]);
    }

    /// @dev The assessor's gas cap bounds a batch: a hundred fills are well inside it.
    function test_a_hundred_fills() public {
        uint32 count = 100;
        ProofRequest[] memory requests = new ProofRequest[](count);
        fund(client.addr, 200 ether);
        stake(prover.addr, 200 ether);
        for (uint32 i = 0; i < count; ++i) {
            requests[i] = newRequest(i);
            lock(requests[i], prover);
        }
        market.fulfill(treeBatch(requests, prover, false));
        assertEq(market.balanceOf(prover.addr), 100 ether, "paid");
    }
}
