// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IMarket } from "../src/interfaces/IMarket.sol";
import { IMarketCallback } from "../src/interfaces/IMarketCallback.sol";
import { IEip712Domain } from "../src/interfaces/IEip712Domain.sol";
import { IERC20Permit } from "../src/interfaces/IERC20.sol";
import { IOnChainAssessor } from "../src/interfaces/IOnChainAssessor.sol";
import { IAssessor, IClaimVerifier, IJointVerifier, ISetVerifier } from "../src/interfaces/IVerifier.sol";
import { IVerifierRouter } from "../src/interfaces/IVerifierRouter.sol";
import { OfferLib } from "../src/request/Offer.sol";
import { ProofRequestLib } from "../src/request/ProofRequest.sol";
import { RequirementsLib } from "../src/request/Requirements.sol";
import { Signature } from "../src/signing/Signature.sol";
import { Eip712Reference } from "./base/Eip712Reference.sol";
import { Test } from "./base/Test.sol";

/// @notice The published selectors, topics and type hashes, one row each: tools in the field speak these.
contract SelectorsTest is Test {
    function check(bytes4 actual, bytes4 published, string memory row) private pure {
        assertEq(bytes32(actual), bytes32(published), row);
    }

    function topic(bytes32 actual, bytes32 published, string memory row) private pure {
        assertEq(actual, published, row);
    }

    function test_functions_of_requests() public pure {
        check(IMarket.submitRequest.selector, 0xdf2e6706, "submitRequest");
        check(IMarket.lockRequest.selector, 0xeba2ecc8, "lockRequest");
        check(IMarket.lockRequestWithSignature.selector, 0xff1214a5, "lockRequestWithSignature");
        check(IMarket.priceRequest.selector, 0xc64067a2, "priceRequest");
        check(IMarket.slash.selector, 0x45bc4d10, "slash");
    }

    function test_functions_of_fulfilment() public pure {
        check(IMarket.commitFulfillment.selector, 0x27ef561c, "commitFulfillment");
        check(IMarket.fulfill.selector, 0x122bf118, "fulfill");
        check(IMarket.fulfillAndWithdraw.selector, 0x3f3e2c0d, "fulfillAndWithdraw");
        check(IMarket.priceAndFulfill.selector, 0x79965fdf, "priceAndFulfill");
        check(IMarket.priceAndFulfillAndWithdraw.selector, 0x9c7a8c61, "priceAndFulfillAndWithdraw");
        check(IMarket.submitRoot.selector, 0xae7330f1, "submitRoot");
        check(IMarket.submitRootAndFulfill.selector, 0xdbfb7e7e, "submitRootAndFulfill");
        check(IMarket.submitRootAndFulfillAndWithdraw.selector, 0x1472e479, "submitRootAndFulfillAndWithdraw");
        check(IMarket.submitRootAndPriceAndFulfill.selector, 0x329264ab, "submitRootAndPriceAndFulfill");
        check(
            IMarket.submitRootAndPriceAndFulfillAndWithdraw.selector,
            0x672b0194,
            "submitRootAndPriceAndFulfillAndWithdraw"
        );
        check(IMarket.fulfillmentCommitBlock.selector, 0x51faba41, "fulfillmentCommitBlock");
        check(IMarket.COMMIT_REVEAL_MIN_BLOCKS.selector, 0xf4dd0956, "COMMIT_REVEAL_MIN_BLOCKS");
        check(IMarket.ROUTER.selector, 0x32fe7b26, "ROUTER");
        check(IMarketCallback.handleProof.selector, 0xa12da43f, "handleProof");
    }

    function test_functions_of_balances() public pure {
        check(IMarket.deposit.selector, 0xd0e30db0, "deposit");
        check(IMarket.depositTo.selector, 0xb760faf9, "depositTo");
        check(IMarket.withdraw.selector, 0x2e1a7d4d, "withdraw");
        check(IMarket.balanceOf.selector, 0x70a08231, "balanceOf");
        check(IMarket.depositCollateral.selector, 0xbad4a01f, "depositCollateral");
        check(IMarket.depositCollateralTo.selector, 0x4cefb7cf, "depositCollateralTo");
        check(IMarket.depositCollateralWithPermit.selector, 0x5d704b33, "depositCollateralWithPermit");
        check(IMarket.depositCollateralWithPermitTo.selector, 0xfd737ea8, "depositCollateralWithPermitTo");
        check(IMarket.withdrawCollateral.selector, 0x6112fe2e, "withdrawCollateral");
        check(IMarket.balanceOfCollateral.selector, 0xb09c980b, "balanceOfCollateral");
        check(IMarket.COLLATERAL_TOKEN_CONTRACT.selector, 0xef1ae1c8, "COLLATERAL_TOKEN_CONTRACT");
        check(IERC20Permit.permit.selector, 0xd505accf, "permit");
    }

    function test_functions_of_views() public pure {
        check(IMarket.requestIsLocked.selector, 0xcb74db11, "requestIsLocked");
        check(IMarket.requestIsFulfilled.selector, 0x81bf6c24, "requestIsFulfilled");
        check(IMarket.requestIsSlashed.selector, 0x60dfd4a9, "requestIsSlashed");
        check(IMarket.requestLockDeadline.selector, 0xf2800f1a, "requestLockDeadline");
        check(IMarket.requestDeadline.selector, 0x41451f94, "requestDeadline");
        check(IMarket.requestLocks.selector, 0xc515c15f, "requestLocks");
        check(IEip712Domain.eip712DomainSeparator.selector, 0x5b07fdd8, "eip712DomainSeparator");
        check(IEip712Domain.eip712Domain.selector, 0x84b0196e, "eip712Domain");
        check(IMarket.ERC1271_MAX_GAS_FOR_CHECK.selector, 0x1ce03024, "ERC1271_MAX_GAS_FOR_CHECK");
        check(IMarket.SLASHING_BURN_BPS.selector, 0x956b0960, "SLASHING_BURN_BPS");
        check(IMarket.MARKET_FEE_BPS.selector, 0x553c0248, "MARKET_FEE_BPS");
        check(IMarket.VERSION.selector, 0xffa1ad74, "VERSION");
    }

    function test_functions_of_verification() public pure {
        check(IVerifierRouter.verifyBatch.selector, 0xe20e5d9f, "verifyBatch");
        check(IVerifierRouter.addClass.selector, 0x1a2b8063, "addClass");
        check(IVerifierRouter.removeClass.selector, 0x5ee67e80, "removeClass");
        check(IVerifierRouter.instantiate.selector, 0x062974a1, "instantiate");
        check(IVerifierRouter.removeEntry.selector, 0x605e40e2, "removeEntry");
        check(IVerifierRouter.entries.selector, 0xb46bcdaa, "entries");
        check(IVerifierRouter.classes.selector, 0x57fcd9fa, "classes");
        check(IVerifierRouter.tombstoned.selector, 0x8e2204ca, "tombstoned");
        check(IVerifierRouter.defaultClassId.selector, 0x952619d3, "defaultClassId");
        check(IVerifierRouter.entriesPerClass.selector, 0x91c3f3ae, "entriesPerClass");
        check(IClaimVerifier.verify.selector, 0x6b406341, "verifier tag");
        check(IJointVerifier.verifyJoint.selector, 0x6ddfd0c6, "joint tag");
        check(IAssessor.verifyAssessor.selector, 0x08060888, "assessor tag");
        check(ISetVerifier.submitMerkleRoot.selector, 0x6691f647, "submitMerkleRoot");
        check(ISetVerifier.containsRoot.selector, 0x48cbdfca, "containsRoot");
        check(ISetVerifier.SELECTOR.selector, 0x053c238d, "SELECTOR");
    }

    function test_errors_of_the_market() public pure {
        check(IMarket.RequestIsLocked.selector, 0xa9057651, "RequestIsLocked");
        check(IMarket.RequestIsNotLockedOrPriced.selector, 0xc274d3e3, "RequestIsNotLockedOrPriced");
        check(IMarket.RequestIsNotLocked.selector, 0xd2be005d, "RequestIsNotLocked");
        check(IMarket.RequestIsFulfilled.selector, 0x1cfdeebb, "RequestIsFulfilled");
        check(IMarket.RequestIsSlashed.selector, 0x64620c9a, "RequestIsSlashed");
        check(IMarket.RequestLockIsExpired.selector, 0xcfe6a8fd, "RequestLockIsExpired");
        check(IMarket.RequestIsExpired.selector, 0xfc54471a, "RequestIsExpired");
        check(IMarket.RequestIsNotExpired.selector, 0x79c66ab0, "RequestIsNotExpired");
        check(IMarket.InsufficientBalance.selector, 0x897f6c58, "InsufficientBalance");
        check(IMarket.PartialPayment.selector, 0x6008fdcb, "PartialPayment");
        check(IMarket.InvalidSignature.selector, 0x8baa579f, "InvalidSignature");
        check(IMarket.InvalidRequest.selector, 0x41abc801, "InvalidRequest");
        check(IMarket.TransferFailed.selector, 0x90b8ec18, "TransferFailed");
        check(IMarket.BatchSizeExceedsLimit.selector, 0xefc954a6, "BatchSizeExceedsLimit");
        check(IMarket.UnfulfillableCallback.selector, 0xb90a25b1, "UnfulfillableCallback");
        check(IMarket.InsufficientGas.selector, 0x1c26714c, "InsufficientGas");
        check(IMarket.MissingFulfillmentCommitment.selector, 0x4b46580b, "MissingFulfillmentCommitment");
        check(IMarket.InvalidRouter.selector, 0x466d7fef, "InvalidRouter");
        check(IMarket.InvalidCollateralToken.selector, 0x74003c0a, "InvalidCollateralToken");
        check(Signature.ECDSAInvalidSignature.selector, 0xf645eedf, "ECDSAInvalidSignature");
        check(Signature.ECDSAInvalidSignatureLength.selector, 0xfce698f7, "ECDSAInvalidSignatureLength");
        check(Signature.ECDSAInvalidSignatureS.selector, 0xd78bce0c, "ECDSAInvalidSignatureS");
    }

    function test_errors_of_the_registry() public pure {
        check(IVerifierRouter.ZeroSelectorReserved.selector, 0x917684ea, "ZeroSelectorReserved");
        check(IVerifierRouter.ReservedPrefix.selector, 0x3d18486f, "ReservedPrefix");
        check(IVerifierRouter.ClassUnknown.selector, 0x09cc2b92, "ClassUnknown");
        check(IVerifierRouter.ClassInUse.selector, 0x8a9d330b, "ClassInUse");
        check(IVerifierRouter.ClassRemoved.selector, 0x7cb27c61, "ClassRemoved");
        check(IVerifierRouter.EntryUnknown.selector, 0xebc92784, "EntryUnknown");
        check(IVerifierRouter.EntryIsClass.selector, 0x8e8e302d, "EntryIsClass");
        check(IVerifierRouter.EntryInUse.selector, 0x88aa6d82, "EntryInUse");
        check(IVerifierRouter.EntryRemoved.selector, 0x2b30cdcf, "EntryRemoved");
        check(IVerifierRouter.InvalidInterfaceTag.selector, 0xd6dffe23, "InvalidInterfaceTag");
        check(IVerifierRouter.AssessorClassRequired.selector, 0x874c2a27, "AssessorClassRequired");
        check(IVerifierRouter.AssessorClassMustBeZero.selector, 0xbdaa79fa, "AssessorClassMustBeZero");
        check(IVerifierRouter.AssessorClassNotAssessor.selector, 0x812c1040, "AssessorClassNotAssessor");
        check(IVerifierRouter.AssessorClassMustBeCurated.selector, 0x47405148, "AssessorClassMustBeCurated");
        check(IVerifierRouter.DefaultClassExists.selector, 0xef6981cc, "DefaultClassExists");
        check(IVerifierRouter.DefaultMustBeVerifier.selector, 0xbad51873, "DefaultMustBeVerifier");
        check(IVerifierRouter.Erc165CheckFailed.selector, 0x5aabd094, "Erc165CheckFailed");
        check(IVerifierRouter.InvalidGasLimit.selector, 0x98bdb2e0, "InvalidGasLimit");
        check(IVerifierRouter.ClassHasEntries.selector, 0x7b35dbff, "ClassHasEntries");
    }

    function test_errors_of_dispatch() public pure {
        check(IVerifierRouter.EmptyBatch.selector, 0xc2e5347d, "EmptyBatch");
        check(IVerifierRouter.LengthMismatch.selector, 0xff633a38, "LengthMismatch");
        check(IVerifierRouter.MalformedSeal.selector, 0x7b7749aa, "MalformedSeal");
        check(IVerifierRouter.MixedClassWithinBatch.selector, 0x0575a066, "MixedClassWithinBatch");
        check(IVerifierRouter.NoDefaultClass.selector, 0x68ee989a, "NoDefaultClass");
        check(IVerifierRouter.SignedDefaultClassMismatch.selector, 0x17bdfbb4, "SignedDefaultClassMismatch");
        check(IVerifierRouter.SignedClassMismatch.selector, 0x24861b21, "SignedClassMismatch");
        check(IVerifierRouter.SignedEntryMismatch.selector, 0x34b4509c, "SignedEntryMismatch");
        check(IVerifierRouter.SignedSelectorUnknown.selector, 0x182e8c49, "SignedSelectorUnknown");
        check(IVerifierRouter.SignedSelectorTombstoned.selector, 0xac1bd5af, "SignedSelectorTombstoned");
        check(IVerifierRouter.VerifierFailed.selector, 0xfb7155e0, "VerifierFailed");
        check(IVerifierRouter.AssessorClassMismatch.selector, 0xceaec735, "AssessorClassMismatch");
        check(IVerifierRouter.TerminalAssessorAsVerifier.selector, 0x25c55986, "TerminalAssessorAsVerifier");
        check(IVerifierRouter.AssessorRequired.selector, 0xee789789, "AssessorRequired");
        check(IVerifierRouter.AssessorMustBeAbsent.selector, 0xc5a12043, "AssessorMustBeAbsent");
        check(IOnChainAssessor.PredicateFailed.selector, 0xd14b3e7b, "PredicateFailed");
        check(IOnChainAssessor.ClaimDigestMismatch.selector, 0x1153ad70, "ClaimDigestMismatch");
        check(IOnChainAssessor.MissingFulfillmentData.selector, 0x59c85f7d, "MissingFulfillmentData");
        check(IOnChainAssessor.MalformedProverSignature.selector, 0xcb0b137c, "MalformedProverSignature");
        check(IOnChainAssessor.ProverSignatureMismatch.selector, 0x4be9aaa6, "ProverSignatureMismatch");
    }

    function test_topics() public pure {
        topic(
            IMarket.RequestSubmitted.selector,
            0xc354af001adff0e8c35481c5ce3df3edee370c71572514d281e884c8cb552203,
            "submitted"
        );
        topic(
            IMarket.RequestLocked.selector, 0xe5e43c93dc0ec595ed3b122bdc6d39a480e9d17fb6812e0f90cfc4ba33b0969e, "locked"
        );
        topic(
            IMarket.RequestFulfilled.selector,
            0x120ea8d7610aa46e4a31b254c5d07489ebe8f1a93dc7bbbe60eaf3db2c62c0cc,
            "fulfilled"
        );
        topic(
            IMarket.ProofDelivered.selector,
            0xaf1db8f86d3f32029a484ff54c7ac1d7ef8f038ab050fc065af9e82eb9b850ca,
            "delivered"
        );
        topic(
            IMarket.ProverSlashed.selector,
            0x79ca7c80cf57b513ffdf8aa37ec70e40757f5e0d35219241860bb4b4c2fa7616,
            "slashed"
        );
        topic(IMarket.Deposit.selector, 0xe1fffcc4923d04b559f4d29a8bfc6cda04eb5b0d3c460751c2402c5c5cc9109c, "deposit");
        topic(
            IMarket.Withdrawal.selector,
            0x7fcf532c15f0a6db0bd6d0e038bea71d30d808c7d98cb3bf7268a95bf5081b65,
            "withdrawal"
        );
        topic(
            IMarket.CollateralDeposit.selector,
            0xf645c19720906ca336d36d26058a9489c6c757fe35843b75a74e3b8aa972ecf5,
            "collateral in"
        );
        topic(
            IMarket.CollateralWithdrawal.selector,
            0xa315121c7f539fd811176ad2735d5d3981237b261889ec13ae4d617ad06e39bc,
            "collateral out"
        );
        topic(
            IMarket.PaymentRequirementsFailed.selector,
            0x210e4fd706e561df48472433bcc50b4589f2c13e784e9992f4c3e6de26eb3564,
            "unpaid"
        );
        topic(
            IMarket.CallbackFailed.selector,
            0x5c5960582bfc7a494183b4e9a66bfe8ecffc07a83a48d136e732400f7b98bf50,
            "callback"
        );
        topic(
            IVerifierRouter.ClassAdded.selector,
            0x2328ebea35d5e28b2f376298c17b9c07e51209092c761bde419113a9049299b0,
            "class added"
        );
        topic(
            IVerifierRouter.ClassTombstoned.selector,
            0x57d2c2f9b96fee0fcf7a1035ed9c98c86330ea948eb502bfbf30ffea398256a9,
            "class removed"
        );
        topic(
            IVerifierRouter.EntryAdded.selector,
            0x85557ef4d4963c1d3c15fbfe1a429a8d44d2b51c5b5dcff810e17ec7378f588b,
            "entry added"
        );
        topic(
            IVerifierRouter.EntryTombstoned.selector,
            0x9798d2f6762119f739bbef9d52deb6dc4483670f6d90caa29fa6ef2bc2abe371,
            "entry removed"
        );
        topic(
            IVerifierRouter.DefaultClassChanged.selector,
            0x5222ca31d1ab92aba9c9f15eac5359765ec2ff50dd9988096c75299442fd973d,
            "default"
        );
        topic(
            ISetVerifier.VerifiedRoot.selector,
            0xcb874ca5a04ca17d10924a9784b666fb412b518f2394912f61f4ddf614c5de16,
            "root"
        );
    }

    function test_type_hashes() public pure {
        topic(
            RequirementsLib.CALLBACK_TYPEHASH,
            0xc0d011520a6b2314053ae9acff853f2e68d4acc34231ca7a0f721507ec141590,
            "Callback"
        );
        topic(
            RequirementsLib.PREDICATE_TYPEHASH,
            0x0294f25a16f4c103f0fdbc81eeda91cda27d840512cff113bd72c4939b8fe685,
            "Predicate"
        );
        topic(
            ProofRequestLib.INPUT_TYPEHASH, 0x073039c66bce7413182ec91963b518ef97a9eadb8216b337c8ea3be14ac2ac10, "Input"
        );
        topic(OfferLib.TYPEHASH, 0xa563ca6047b9178e0a2d4ee0299d3e9edb98870eed639d251ef21ea51d6d1794, "Offer");
        topic(
            RequirementsLib.TYPEHASH, 0xa4be3f5638620534f7fc09e92fb30a7009441f99acfdf16a3f069fb49d206a7a, "Requirements"
        );
        topic(
            ProofRequestLib.TYPEHASH, 0x9fcf2e0179af2440b5f4e7adff50bb887832a78929465dcca0d29c2a83b93054, "ProofRequest"
        );
        topic(
            ProofRequestLib.LOCK_REQUEST_TYPEHASH,
            0xeb756ecd7e3c2632f03bbcb889b1f6e26ded05d12ef7600d7ef815d390eb6453,
            "LockRequest"
        );
        topic(keccak256(Eip712Reference.proofRequestType()), ProofRequestLib.TYPEHASH, "the tests' own ProofRequest");
        topic(
            keccak256(Eip712Reference.lockRequestType()),
            ProofRequestLib.LOCK_REQUEST_TYPEHASH,
            "the tests' own LockRequest"
        );
    }
}
