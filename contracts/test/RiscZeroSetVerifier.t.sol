// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IRiscZeroSetVerifier, IRiscZeroVerifier, Receipt } from "../src/interfaces/IRiscZero.sol";
import { ISetVerifier } from "../src/interfaces/IVerifier.sol";
import { RiscZeroBrokenVerifier, RiscZeroMockVerifier, RiscZeroPickyVerifier } from "./base/RiscZeroOutsiders.sol";
import { Test } from "./base/Test.sol";
import { vm } from "./base/Vm.sol";

contract RiscZeroSetVerifierTest is Test {
    bytes4 private constant GROTH16 = 0xffffffff;
    bytes32 private constant SET_BUILDER = keccak256("the set builder");
    bytes32 private constant CLAIM = keccak256("a claim");
    bytes4 private constant FAILED = IRiscZeroVerifier.VerificationFailed.selector;
    bytes4 private constant MALFORMED = IRiscZeroSetVerifier.MalformedSeal.selector;

    IRiscZeroSetVerifier private set;
    bytes4 private selector;

    function setUp() public {
        set = deploy(address(new RiscZeroMockVerifier(GROTH16)), SET_BUILDER);
        selector = set.SELECTOR();
    }

    function deploy(address verifier, bytes32 imageId) private returns (IRiscZeroSetVerifier) {
        bytes memory arguments = abi.encode(verifier, imageId, "https://image.example/set-builder");
        return IRiscZeroSetVerifier(vm.deployCode("RiscZeroSetVerifier.sol:RiscZeroSetVerifier", arguments));
    }

    function leaf(bytes32 claim) private pure returns (bytes32) {
        return keccak256(abi.encodePacked("LEAF_TAG", claim));
    }

    function node(bytes32 a, bytes32 b) private pure returns (bytes32) {
        return a < b ? keccak256(abi.encodePacked(a, b)) : keccak256(abi.encodePacked(b, a));
    }

    function claimOf(bytes32 imageId, bytes32 journalDigest) private pure returns (bytes32) {
        bytes32 output = sha256(abi.encodePacked(sha256("risc0.Output"), journalDigest, bytes32(0), bytes2(0x0200)));
        bytes32 halted = 0xa3acc27117418996340b84e5a90f3ef4c49d22c79e44aad822ec9c313e1eb8e2;
        return sha256(
            abi.encodePacked(
                sha256("risc0.ReceiptClaim"), bytes32(0), imageId, halted, output, bytes8(0), bytes2(0x0400)
            )
        );
    }

    function journalDigestOf(bytes32 root) private pure returns (bytes32) {
        return sha256(abi.encodePacked(SET_BUILDER, uint256(2 ** 255), root));
    }

    function rootSeal(bytes32 root) private pure returns (bytes memory) {
        return abi.encodePacked(GROTH16, claimOf(SET_BUILDER, journalDigestOf(root)));
    }

    struct Inclusion {
        bytes32[] path;
        bytes rootSeal;
    }

    function sealOf(bytes32[] memory path, bytes memory root) private view returns (bytes memory) {
        return abi.encodePacked(selector, abi.encode(Inclusion(path, root)));
    }

    function pathOf(bytes32 sibling) private pure returns (bytes32[] memory path) {
        path = new bytes32[](1);
        path[0] = sibling;
    }

    function fails(bytes memory seal, bytes32 claim, bytes4 reason) private {
        vm.expectRevert(abi.encodeWithSelector(reason));
        set.verify(seal, claim);
        vm.expectRevert(abi.encodeWithSelector(reason));
        set.verifyIntegrity(Receipt(seal, claim));
    }

    function store(bytes32 root) private {
        set.submitMerkleRoot(root, rootSeal(root));
    }

    // ------------------------------------------------------------------------------------------------------ constructor

    function test_nothing_to_pin() public {
        bytes memory code = abi.encodePacked(
            vm.getCode("RiscZeroSetVerifier.sol:RiscZeroSetVerifier"), abi.encode(address(0xdead), SET_BUILDER, "")
        );
        vm.expectRevert(abi.encodeWithSelector(IRiscZeroSetVerifier.NoCode.selector, address(0xdead)));
        assembly {
            pop(create(0, add(code, 0x20), mload(code)))
        }
    }

    /// @dev The tag is SHA-256 of "risc0.SetInclusionReceiptVerifierParameters", the two selectors of what follows it, all
    ///      computed outside of the EVM.
    function test_selector() public {
        bytes32 tag = 0x0d1598224cacaf2b74569b87801d8afe8d17210a4ea42c1e4f32ac6875276202;
        assertEq(sha256("risc0.SetInclusionReceiptVerifierParameters"), tag, "tag");
        IRiscZeroSetVerifier other = deploy(address(set.VERIFIER()), bytes32(0));
        assertEq(other.SELECTOR(), bytes4(0x03ca0a3e), "of zero");
        other = deploy(address(set.VERIFIER()), 0x0101010101010101010101010101010101010101010101010101010101010101);
        assertEq(other.SELECTOR(), bytes4(0x5053855b), "of ones");
        assertEq(selector, bytes4(sha256(abi.encodePacked(tag, SET_BUILDER, hex"0100"))), "of the set builder");
    }

    function test_views() public view {
        (bytes32 imageId, string memory url) = set.imageInfo();
        assertEq(imageId, SET_BUILDER, "image id");
        assertEq(bytes(url), "https://image.example/set-builder", "url");
        assertTrue(set.supportsInterface(0x6b406341), "verifier");
        assertTrue(set.supportsInterface(0x01ffc9a7), "ERC-165");
        assertFalse(set.supportsInterface(0x08060888), "assessor");
        assertFalse(set.supportsInterface(0xffffffff), "none");
    }

    function test_selectors_of_the_interface() public pure {
        assertEq(ISetVerifier.submitMerkleRoot.selector, bytes4(0x6691f647), "submitMerkleRoot");
        assertEq(ISetVerifier.containsRoot.selector, bytes4(0x48cbdfca), "containsRoot");
        assertEq(ISetVerifier.SELECTOR.selector, bytes4(0x053c238d), "SELECTOR");
        assertEq(IRiscZeroVerifier.verify.selector, bytes4(0xab750e75), "verify");
        assertEq(IRiscZeroVerifier.verifyIntegrity.selector, bytes4(0x1599ead5), "verifyIntegrity");
        assertEq(IRiscZeroVerifier.VerificationFailed.selector, bytes4(0x439cc0cd), "VerificationFailed");
        assertEq(IRiscZeroSetVerifier.SelectorMismatch.selector, bytes4(0xb8b38d4c), "SelectorMismatch");
        bytes32 topic = 0xcb874ca5a04ca17d10924a9784b666fb412b518f2394912f61f4ddf614c5de16;
        assertEq(ISetVerifier.VerifiedRoot.selector, topic, "VerifiedRoot");
    }

    // ------------------------------------------------------------------------------------------------------------ roots

    function test_a_root_without_its_receipt_is_not_stored() public {
        bytes32 root = keccak256("root");
        bytes[4] memory seals = [
            bytes(""),
            abi.encodePacked(GROTH16),
            rootSeal(keccak256("another root")),
            abi.encodePacked(GROTH16, claimOf(keccak256("another program"), journalDigestOf(root)))
        ];
        for (uint256 i = 0; i < seals.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(FAILED));
            set.submitMerkleRoot(root, seals[i]);
        }
        assertFalse(set.containsRoot(root), "stored");
    }

    /// @dev The middle of the set builder's journal says that the tree is complete; no other value is accepted.
    function testFuzz_a_tree_that_is_not_complete(uint256 state) public {
        vm.assume(state != 2 ** 255);
        bytes32 root = keccak256("root");
        bytes32 digest = sha256(abi.encodePacked(SET_BUILDER, state, root));
        bytes memory seal = abi.encodePacked(GROTH16, claimOf(SET_BUILDER, digest));
        vm.expectRevert(abi.encodeWithSelector(FAILED));
        set.submitMerkleRoot(root, seal);
    }

    function testFuzz_the_pinned_verifier_gets_program_and_journal(bytes32 root, bytes calldata seal) public {
        RiscZeroPickyVerifier picky = new RiscZeroPickyVerifier();
        set = deploy(address(picky), SET_BUILDER);
        bytes32 digest = journalDigestOf(root);
        vm.expectRevert(abi.encodeWithSelector(RiscZeroPickyVerifier.Refused.selector, seal, SET_BUILDER, digest));
        set.submitMerkleRoot(root, seal);
        picky.expect(seal, SET_BUILDER, digest);
        vm.expectEmit(true, true, true, true, address(set));
        emit ISetVerifier.VerifiedRoot(root, seal);
        set.submitMerkleRoot(root, seal);
        assertTrue(set.containsRoot(root), "stored");
        set.submitMerkleRoot(root, seal); // again is harmless
    }

    function test_a_stopped_verifier_stores_nothing() public {
        set = deploy(address(new RiscZeroBrokenVerifier(false)), SET_BUILDER);
        bytes memory seal = rootSeal(CLAIM);
        vm.expectRevert(abi.encodeWithSelector(RiscZeroBrokenVerifier.Stopped.selector));
        set.submitMerkleRoot(CLAIM, seal);
    }

    // ------------------------------------------------------------------------------------------------------------ seals

    function testFuzz_selector(bytes4 other) public {
        vm.assume(other != selector);
        store(leaf(CLAIM));
        bytes memory seal = sealOf(new bytes32[](0), "");
        for (uint256 i = 0; i < 4; ++i) {
            seal[i] = other[i];
        }
        vm.expectRevert(abi.encodeWithSelector(IRiscZeroSetVerifier.SelectorMismatch.selector, other, selector));
        set.verify(seal, CLAIM);
    }

    function test_a_seal_shorter_than_a_selector() public {
        store(leaf(CLAIM));
        vm.expectRevert(abi.encodeWithSelector(IRiscZeroSetVerifier.SelectorMismatch.selector, bytes4(0), selector));
        set.verify("", CLAIM);
        bytes memory three = abi.encodePacked(selector[0], selector[1], selector[2]);
        bytes4 padded = bytes4(bytes3(selector));
        vm.expectRevert(abi.encodeWithSelector(IRiscZeroSetVerifier.SelectorMismatch.selector, padded, selector));
        set.verify(three, CLAIM);
    }

    function test_a_bare_selector_is_a_claim_that_is_a_stored_root() public {
        fails(abi.encodePacked(selector), CLAIM, FAILED);
        store(leaf(CLAIM));
        set.verify(abi.encodePacked(selector), CLAIM);
        set.verifyIntegrity(Receipt(abi.encodePacked(selector), CLAIM));
        fails(abi.encodePacked(selector), ~CLAIM, FAILED);
    }

    function test_a_stored_root() public {
        bytes32 sibling = leaf(keccak256("another claim"));
        bytes memory seal = sealOf(pathOf(sibling), "");
        fails(seal, CLAIM, FAILED);
        store(node(leaf(CLAIM), sibling));
        set.verify(seal, CLAIM);
        set.verifyIntegrity(Receipt(seal, CLAIM));
        set.verify(sealOf(pathOf(leaf(CLAIM)), ""), keccak256("another claim"));
        fails(seal, ~CLAIM, FAILED);
        fails(sealOf(new bytes32[](0), ""), CLAIM, FAILED);
        fails(sealOf(pathOf(~sibling), ""), CLAIM, FAILED);
    }

    /// @dev Without the tag on leaves, an inner node could be passed off as a claim.
    function test_a_node_is_not_a_claim() public {
        store(CLAIM);
        fails(abi.encodePacked(selector), CLAIM, FAILED);
    }

    function test_a_root_on_the_spot() public {
        bytes32 sibling = leaf(keccak256("another claim"));
        bytes32 root = node(leaf(CLAIM), sibling);
        set.verify(sealOf(pathOf(sibling), rootSeal(root)), CLAIM);
        assertFalse(set.containsRoot(root), "stored by a view");
        fails(sealOf(pathOf(sibling), rootSeal(~root)), CLAIM, FAILED);
        fails(sealOf(pathOf(sibling), hex"00"), CLAIM, FAILED);
    }

    /// @dev A root's seal that came along is verified even if the root is stored.
    function test_a_wrong_root_seal_beside_a_stored_root() public {
        store(leaf(CLAIM));
        fails(sealOf(new bytes32[](0), hex"00"), CLAIM, FAILED);
    }

    function testFuzz_program_and_journal(bytes32 imageId, bytes32 journalDigest) public {
        bytes32 claim = claimOf(imageId, journalDigest);
        bytes memory seal = sealOf(new bytes32[](0), rootSeal(leaf(claim)));
        set.verify(seal, claim);
        set.verify(seal, imageId, journalDigest);
        vm.expectRevert(abi.encodeWithSelector(FAILED));
        set.verify(seal, ~imageId, journalDigest);
        vm.expectRevert(abi.encodeWithSelector(FAILED));
        set.verify(seal, imageId, ~journalDigest);
    }

    function testFuzz_a_path_of_any_length(bytes32[] calldata path, bytes32 claim) public {
        bytes32 root = leaf(claim);
        for (uint256 i = 0; i < path.length; ++i) {
            root = node(root, path[i]);
        }
        set.verify(sealOf(path, rootSeal(root)), claim);
        store(root);
        set.verify(sealOf(path, ""), claim);
    }

    // --------------------------------------------------------------------------------------------------------- encoding

    function testFuzz_cut_or_extended(uint256 length) public {
        bytes32 root = node(leaf(CLAIM), CLAIM);
        bytes memory seal = sealOf(pathOf(CLAIM), rootSeal(root));
        length = bound(length, 5, seal.length + 64);
        vm.assume(length != seal.length);
        bytes memory other = new bytes(length);
        for (uint256 i = 0; i < length && i < seal.length; ++i) {
            other[i] = seal[i];
        }
        fails(other, CLAIM, MALFORMED);
    }

    /// @dev One bit anywhere: no second encoding of the same seal is accepted, and no other reading of it.
    function testFuzz_one_bit(uint256 bit) public {
        bytes32 root = node(leaf(CLAIM), CLAIM);
        bytes memory seal = sealOf(pathOf(CLAIM), rootSeal(root));
        set.verify(seal, CLAIM);
        bit = bound(bit, 0, seal.length * 8 - 1);
        seal[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        vm.expectRevert();
        set.verify(seal, CLAIM);
    }

    function testFuzz_hostile_words(bytes32 a, bytes32 b, bytes32 c, bytes32 d, uint256 kind) public {
        bytes32[5] memory words = [bytes32(uint256(0x20)), bytes32(uint256(0x40)), a, b, c];
        if (kind % 3 == 0) words[2] = bytes32(uint256(0x60));
        if (kind % 5 == 0) words[3] = bytes32(type(uint256).max - uint256(kind % 64));
        vm.expectRevert();
        set.verify(abi.encodePacked(selector, words, d), CLAIM);
    }

    /// @dev The encoding of two arguments, as AttestedVerifier reads it, lacks the struct's own offset.
    function test_the_encoding_of_two_arguments_is_another() public {
        store(leaf(CLAIM));
        fails(abi.encodePacked(selector, abi.encode(new bytes32[](0), bytes(""))), CLAIM, MALFORMED);
    }
}
