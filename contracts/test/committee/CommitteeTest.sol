// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Allocation } from "../../src/allocation/Allocation.sol";
import { Terms } from "../../src/allocation/Terms.sol";
import { Committee } from "../../src/committee/Committee.sol";
import { Seat } from "../../src/committee/Sitting.sol";
import { Fulfillment, FulfillmentBatch } from "../../src/fulfillment/FulfillmentBatch.sol";
import { IAllocationBook } from "../../src/interfaces/IAllocationBook.sol";
import { ICommitteeBook } from "../../src/interfaces/ICommitteeBook.sol";
import { IOnChainAssessor } from "../../src/interfaces/IOnChainAssessor.sol";
import { IProverRegistry } from "../../src/interfaces/IProverRegistry.sol";
import { IRequesterAccount } from "../../src/interfaces/IRequesterAccount.sol";
import { IRequesterAccounts } from "../../src/interfaces/IRequesterAccounts.sol";
import { ProofRequest, SlimRequest } from "../../src/request/ProofRequest.sol";
import { RequestId } from "../../src/request/RequestId.sol";
import { AllocationReference } from "../allocation/AllocationReference.sol";
import { Eip712Reference } from "../base/Eip712Reference.sol";
import { DeliveryTest } from "../base/DeliveryTest.sol";
import { vm } from "../base/Vm.sol";
import { ClaimSealVerifier } from "./CommitteeOutsiders.sol";

/// @notice A market with the assessor of the network, a registry of eight provers, who have joined one exchange, and a
///         requester's account.
abstract contract CommitteeTest is DeliveryTest {
    using Eip712Reference for ProofRequest;

    /// @dev All that is needed to convene, and who signed it.
    struct Case {
        ProofRequest request;
        Terms terms;
        Committee committee;
        bytes ownerSignature;
        bytes exchangeSignature;
    }

    /// @dev The arguments of `reveal`.
    struct Proof {
        address signer;
        SlimRequest request;
        Fulfillment fill;
        bytes assessorSeal;
        bytes32 salt;
    }

    string private constant COMMITTEE =
        "Committee(bytes32 request,bytes32 terms,address[] provers,uint96 price,uint64 declineBy,uint64 commitBy,uint64 revealBy)";

    uint256 internal constant PROVERS = 8;
    uint96 internal constant MIN_SELF_STAKE = 1 ether;
    uint48 internal constant COOL_DOWN = 7 days;
    uint96 internal constant STAKED = 10 ether;
    uint96 internal constant PRICE = 1 ether;
    uint16 internal constant BURN_BPS = 3_000;
    uint32 internal constant NOTICE = 20;
    uint256 internal constant FUNDS = 100 ether;
    address internal constant BURN_ADDRESS = 0x000000000000000000000000000000000000dEaD;

    IOnChainAssessor internal assessor;
    ICommitteeBook internal book;
    IProverRegistry internal registry;
    IAllocationBook internal allocations;
    IRequesterAccount internal account;
    Party internal exchange = Party(keyOf("exchange"), vm.addr(keyOf("exchange")));
    Party internal stranger = Party(keyOf("stranger"), vm.addr(keyOf("stranger")));
    Party[] internal provers;

    function setUp() public virtual override {
        super.setUp();
        registry = IProverRegistry(deploy("ProverRegistry", abi.encode(token, MIN_SELF_STAKE, COOL_DOWN)));
        book = ICommitteeBook(payable(deploy("CommitteeBook", abi.encode(market, registry))));
        allocations = IAllocationBook(deploy("AllocationBook", abi.encode(market)));
        address implementation = deploy("RequesterAccount", abi.encode(allocations, book));
        IRequesterAccounts accounts = IRequesterAccounts(deploy("RequesterAccounts", abi.encode(implementation)));
        account = IRequesterAccount(payable(accounts.create(client.addr)));
        fund(address(account), FUNDS);
        addProvers(PROVERS);
    }

    function register() internal override {
        assessor = IOnChainAssessor(deploy("OnChainAssessor", ""));
        router.addClass(ASSESSOR_CLASS, classOf(0x08060888, bytes4(0), false));
        router.addClass(VERIFIER_CLASS, classOf(0x6b406341, ASSESSOR_CLASS, true));
        router.instantiate(ASSESSOR, address(assessor), ASSESSOR_CLASS, 0);
        router.instantiate(VERIFIER, address(new ClaimSealVerifier()), VERIFIER_CLASS, 0);
    }

    // ------------------------------------------------------------------------------------------------------------ provers

    /// @dev Registered, staked, and on its way to let the book reserve stake.
    function newProver(string memory name) internal returns (Party memory by) {
        by = Party(keyOf(name), vm.addr(keyOf(name)));
        token.mint(by.addr, STAKED);
        vm.startPrank(by.addr);
        registry.register(0);
        token.approve(address(registry), STAKED);
        registry.delegate(by.addr, STAKED);
        registry.allow(address(book));
        vm.stopPrank();
    }

    /// @dev More provers, ready as the others are; the time goes on by the notice.
    function addProvers(uint256 count) internal {
        for (uint256 i = 0; i < count; ++i) {
            provers.push(newProver(string.concat("prover ", vm.toString(provers.length))));
        }
        vm.warp(vm.getBlockTimestamp() + registry.ALLOW_NOTICE());
        for (uint256 i = provers.length - count; i < provers.length; ++i) {
            join(provers[i]);
        }
    }

    function join(Party memory by) internal {
        vm.prank(by.addr);
        book.join(exchange.addr, STAKED, NOTICE);
    }

    /// @dev Lets `key` sign for the prover.
    function addKey(Party memory by, Party memory key) internal {
        bytes32 structHash = keccak256(
            abi.encode(keccak256("ProverKey(address prover,uint96 nonce)"), by.addr, registry.keyNonce(key.addr))
        );
        bytes32 domain = Eip712Reference.domain("ProverRegistry", address(registry));
        bytes memory signature = sign(key.key, Eip712Reference.digest(domain, structHash));
        vm.prank(by.addr);
        registry.addKey(key.addr, signature);
    }

    // --------------------------------------------------------------------------------------------------------- committees

    /// @dev The first `size` provers. Phases of twenty seconds each from now on: decline, commit, reveal, wait.
    function newCase(uint32 index, uint256 size) internal view returns (Case memory made) {
        uint64 time = uint64(vm.getBlockTimestamp());
        made.request = newRequest(smartIdOf(address(account), index));
        made.terms = Terms({
            exchange: exchange.addr,
            mechanism: "sortition",
            openAt: time + 80,
            exclusiveWindow: 0,
            maxPrice: 2 * PRICE,
            burnBps: BURN_BPS,
            tiers: tiersOf(size)
        });
        made.committee.provers = new address[](size);
        for (uint256 i = 0; i < size; ++i) {
            made.committee.provers[i] = provers[i].addr;
        }
        (made.committee.price, made.committee.declineBy) = (PRICE, time + 20);
        (made.committee.commitBy, made.committee.revealBy) = (time + 40, time + 60);
        signCase(made);
    }

    /// @dev Half of what is left for each rank, and all of it for the last.
    function tiersOf(uint256 size) internal pure returns (uint16[] memory tiers) {
        tiers = new uint16[](size);
        uint16 left = 10_000;
        for (uint256 i = 0; i < size; ++i) {
            tiers[i] = i + 1 == size ? left : left / 2;
            left -= tiers[i];
        }
    }

    /// @dev Makes the committee name its request and terms, and signs both anew.
    function signCase(Case memory made) internal view {
        (made.committee.request, made.committee.terms) = (made.request.hash(), AllocationReference.hash(made.terms));
        bytes32 digest = Eip712Reference.digest(
            Eip712Reference.domain("AllocationBook", address(allocations)),
            AllocationReference.exchangeRequestHash(made.request, made.terms)
        );
        made.ownerSignature = sign(client.key, digest);
        signCommittee(made);
    }

    function signCommittee(Case memory made) internal view {
        made.exchangeSignature = sign(exchange.key, committeeDigest(made.committee));
    }

    function committeeDigest(Committee memory committee) internal view returns (bytes32) {
        return Eip712Reference.digest(Eip712Reference.domain("CommitteeBook", address(book)), hash(committee));
    }

    function hash(Committee memory committee) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(bytes(COMMITTEE)),
                committee.request,
                committee.terms,
                keccak256(abi.encodePacked(committee.provers)),
                committee.price,
                committee.declineBy,
                committee.commitBy,
                committee.revealBy
            )
        );
    }

    function convene(Case memory made) internal {
        book.convene(made.request, made.terms, made.ownerSignature, made.committee, made.exchangeSignature);
    }

    function convened(uint32 index, uint256 size) internal returns (Case memory made) {
        made = newCase(index, size);
        convene(made);
    }

    /// @dev What the account takes for its signature once the plain path is open.
    function openingOf(Case memory made) internal pure returns (bytes memory) {
        Allocation memory none;
        return abi.encode(AllocationReference.hashed(made.request), made.terms, made.ownerSignature, none, "");
    }

    function decline(RequestId id, Party memory by) internal {
        vm.prank(by.addr);
        book.decline(id);
    }

    // ------------------------------------------------------------------------------------------------------------- proofs

    /// @dev What the verifier takes for a proof of the claim.
    function claimSeal(bytes32 claim) internal pure returns (bytes memory) {
        return abi.encodePacked(VERIFIER, keccak256(abi.encode("proof of", claim)));
    }

    function newFill() internal view override returns (Fulfillment memory fill) {
        fill = super.newFill();
        fill.seal = claimSeal(fill.claimDigest);
    }

    /// @dev The prover signs for a batch of one.
    function seal(FulfillmentBatch memory batch, Party memory by) internal view override {
        bytes32 marketDomain = Eip712Reference.domain("IBoundlessMarket", address(market));
        bytes32 requestDigest = Eip712Reference.digest(marketDomain, Eip712Reference.hash(batch.requests[0]));
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("FulfillmentBatchAuth(address prover,bytes32[] requestDigests,bytes32[] claimDigests)"),
                batch.prover,
                keccak256(abi.encode(requestDigest)),
                keccak256(abi.encode(batch.fills[0].claimDigest))
            )
        );
        bytes32 domain = Eip712Reference.domain("OnChainAssessor", address(assessor));
        batch.assessorSeal = abi.encodePacked(ASSESSOR, sign(by.key, Eip712Reference.digest(domain, structHash)));
    }

    /// @dev What `by` proves; `salt` is its own name.
    function proofOf(ProofRequest memory request, Party memory by) internal view returns (Proof memory) {
        return proofOf(request, by, newFill());
    }

    function proofOf(ProofRequest memory request, Party memory by, Fulfillment memory fill)
        internal
        view
        returns (Proof memory)
    {
        FulfillmentBatch memory batch = batchOf(request, by)[0];
        batch.fills[0] = fill;
        seal(batch, by);
        return Proof(by.addr, batch.requests[0], fill, batch.assessorSeal, keccak256(abi.encode("salt", by.addr)));
    }

    function commitmentOf(Proof memory proof) internal pure returns (bytes32) {
        return keccak256(abi.encode(proof.request.id, proof.signer, keccak256(abi.encode(proof.fill)), proof.salt));
    }

    function commit(ProofRequest memory request, Party memory by) internal returns (Proof memory proof) {
        proof = proofOf(request, by);
        bytes32 commitment = commitmentOf(proof);
        vm.prank(by.addr);
        book.commit(request.id, commitment, "sealed");
    }

    function reveal(Proof memory proof) internal {
        book.reveal(proof.signer, proof.request, proof.fill, proof.assessorSeal, proof.salt);
    }

    function after_(uint64 time) internal {
        vm.warp(uint256(time) + 1);
    }

    // ------------------------------------------------------------------------------------------------------------- checks

    function seatOf(RequestId id, address who) internal view returns (Seat memory seat) {
        (, Seat[] memory seats) = book.sittingOf(id);
        for (uint256 i = 0; i < seats.length; ++i) {
            if (seats[i].prover == who) return seats[i];
        }
    }

    function reservedOf(address who) internal view returns (uint256) {
        return registry.reservedBy(who, address(book));
    }

    function activeOf(address who) internal view returns (uint256 active) {
        (active,,) = registry.stakeOf(who);
    }

    function assertState(RequestId id, Party memory by, uint256 state) internal view {
        assertEq(uint256(seatOf(id, by.addr).state), state, "state of a seat");
    }
}
