// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IAttestedVerifier } from "../src/interfaces/IAttestedVerifier.sol";
import { ISetVerifier } from "../src/interfaces/IVerifier.sol";
import { Eip712Reference } from "./base/Eip712Reference.sol";
import { Test } from "./base/Test.sol";
import { vm } from "./base/Vm.sol";

contract AttestedVerifierTest is Test {
    bytes4 private constant SELECTOR = bytes4(keccak256("rialto.AttestedVerifier.v1"));
    bytes32 private constant CLAIM = keccak256("a claim");
    uint256 private constant DELAY = 7 days;

    IAttestedVerifier private verifier;
    /// @dev Keys of the attesters in ascending order of their addresses.
    uint256[] private keys;

    function setUp() public {
        keys = [keyOf("attester 1"), keyOf("attester 2"), keyOf("attester 3")];
        for (uint256 i = 0; i < 3; ++i) {
            for (uint256 j = 0; j < 2; ++j) {
                if (vm.addr(keys[j]) > vm.addr(keys[j + 1])) (keys[j], keys[j + 1]) = (keys[j + 1], keys[j]);
            }
        }
        verifier = deploy(attesters(), 2);
    }

    function attesters() private view returns (address[] memory list) {
        list = new address[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            list[i] = vm.addr(keys[i]);
        }
    }

    function deploy(address[] memory list, uint256 threshold) private returns (IAttestedVerifier) {
        bytes memory arguments = abi.encode(list, threshold, DELAY);
        return IAttestedVerifier(vm.deployCode("AttestedVerifier.sol:AttestedVerifier", arguments));
    }

    function leaf(bytes32 claim) private pure returns (bytes32) {
        return keccak256(abi.encodePacked("LEAF_TAG", claim));
    }

    function node(bytes32 a, bytes32 b) private pure returns (bytes32) {
        return a < b ? keccak256(abi.encodePacked(a, b)) : keccak256(abi.encodePacked(b, a));
    }

    function digestOf(bytes32 root) private view returns (bytes32) {
        bytes32 structHash = keccak256(abi.encode(keccak256("Attestation(bytes32 root)"), root));
        return Eip712Reference.digest(Eip712Reference.domain("AttestedVerifier", address(verifier)), structHash);
    }

    function attest(uint256 key, bytes32 root) private view returns (bytes memory) {
        return sign(key, digestOf(root));
    }

    /// @dev Signatures of the first `count` attesters.
    function attest(bytes32 root, uint256 count) private view returns (bytes memory signatures) {
        for (uint256 i = 0; i < count; ++i) {
            signatures = bytes.concat(signatures, attest(keys[i], root));
        }
    }

    function sealOf(bytes32[] memory path, bytes memory signatures) private pure returns (bytes memory) {
        return abi.encodePacked(SELECTOR, abi.encode(path, signatures));
    }

    function single(bytes memory signatures) private pure returns (bytes memory) {
        return sealOf(new bytes32[](0), signatures);
    }

    function fails(bytes memory seal, bytes memory reason) private {
        vm.expectRevert(reason);
        verifier.verify(seal, CLAIM);
    }

    function cut(bytes memory data, uint256 length) private pure returns (bytes memory result) {
        result = bytes.concat(data);
        assembly {
            mstore(result, length)
        }
    }

    // ------------------------------------------------------------------------------------------------------ constructor

    function deployFails(address[] memory list, uint256 threshold) private {
        bytes memory code =
            abi.encodePacked(vm.getCode("AttestedVerifier.sol:AttestedVerifier"), abi.encode(list, threshold, DELAY));
        address deployed;
        assembly {
            deployed := create(0, add(code, 0x20), mload(code))
        }
        assertEq(deployed, address(0), "deployed");
    }

    function test_constructor() public {
        address[] memory list = attesters();
        deployFails(list, 0);
        deployFails(list, 4);
        deployFails(new address[](0), 0);
        deployFails(new address[](1), 1); // the zero address
        (list[0], list[1]) = (list[1], list[0]);
        deployFails(list, 2);
        list[0] = list[1];
        deployFails(list, 2);
        deploy(attesters(), 3);
    }

    // ------------------------------------------------------------------------------------------------------------ seals

    function testFuzz_selector(bytes4 selector) public {
        vm.assume(selector != SELECTOR);
        bytes memory seal = abi.encodePacked(selector, abi.encode(new bytes32[](0), attest(leaf(CLAIM), 2)));
        fails(seal, abi.encodeWithSelector(IAttestedVerifier.SelectorMismatch.selector, selector, SELECTOR));
        vm.expectRevert(abi.encodeWithSelector(IAttestedVerifier.SelectorMismatch.selector, selector, SELECTOR));
        verifier.submitMerkleRoot(bytes32(0), seal);
    }

    function testFuzz_seal_cut_short(uint256 length) public {
        bytes memory seal = single(attest(leaf(CLAIM), 2));
        length = bound(length, 4, seal.length - 1);
        fails(cut(seal, length), abi.encodeWithSelector(IAttestedVerifier.MalformedSeal.selector));
    }

    function test_seal_with_something_behind() public {
        bytes memory seal = bytes.concat(single(attest(leaf(CLAIM), 2)), bytes32(0));
        fails(seal, abi.encodeWithSelector(IAttestedVerifier.MalformedSeal.selector));
    }

    function test_seal_with_dirty_padding() public {
        bytes memory seal = single(attest(leaf(CLAIM), 2)); // 130 bytes, so 30 of padding
        verifier.verify(seal, CLAIM);
        seal[seal.length - 1] = 0x01;
        fails(seal, abi.encodeWithSelector(IAttestedVerifier.MalformedSeal.selector));
        (seal[seal.length - 1], seal[seal.length - 30]) = (0, 0x80);
        fails(seal, abi.encodeWithSelector(IAttestedVerifier.MalformedSeal.selector));
    }

    /// @dev Any word of the encoding's structure replaced by anything: refused, never accepted by another reading.
    function testFuzz_seal_structure(uint256 which, uint256 value) public {
        bytes32[] memory path = new bytes32[](1);
        path[0] = keccak256("sibling");
        bytes memory seal = sealOf(path, attest(node(leaf(CLAIM), path[0]), 2));
        uint8[4] memory words = [0, 1, 2, 4]; // two offsets and two lengths
        uint256 offset = 0x24 + 32 * uint256(words[which % 4]);
        uint256 before;
        assembly {
            before := mload(add(seal, offset))
        }
        vm.assume(before != value);
        assembly {
            mstore(add(seal, offset), value)
        }
        vm.expectRevert();
        verifier.verify(seal, CLAIM);
    }

    function testFuzz_hostile_bytes(bytes memory junk, bytes32 claim) public {
        vm.expectRevert();
        verifier.verify(junk, claim);
        vm.expectRevert();
        verifier.verify(bytes.concat(SELECTOR, junk), claim);
    }

    // ------------------------------------------------------------------------------------------------------- signatures

    function test_below_the_threshold() public {
        bytes memory reason = abi.encodeWithSelector(IAttestedVerifier.TooFewSignatures.selector, 1, 2);
        fails(single(attest(leaf(CLAIM), 1)), reason);
    }

    function test_length_not_a_multiple_of_65() public {
        bytes memory signatures = attest(leaf(CLAIM), 2);
        fails(single(cut(signatures, 129)), abi.encodeWithSelector(IAttestedVerifier.MalformedSeal.selector));
        fails(
            single(bytes.concat(signatures, hex"00")), abi.encodeWithSelector(IAttestedVerifier.MalformedSeal.selector)
        );
    }

    function test_wrong_order() public {
        bytes memory signatures = bytes.concat(attest(keys[1], leaf(CLAIM)), attest(keys[0], leaf(CLAIM)));
        bytes memory reason =
            abi.encodeWithSelector(IAttestedVerifier.SignersOutOfOrder.selector, vm.addr(keys[1]), vm.addr(keys[0]));
        fails(single(signatures), reason);
    }

    function test_the_same_attester_twice() public {
        bytes memory once = attest(keys[1], leaf(CLAIM));
        bytes memory reason =
            abi.encodeWithSelector(IAttestedVerifier.SignersOutOfOrder.selector, vm.addr(keys[1]), vm.addr(keys[1]));
        fails(single(bytes.concat(once, once)), reason);
    }

    function testFuzz_a_stranger_among_them(uint256 key) public {
        key = toKey(key);
        vm.assume(key != keys[0] && key != keys[1] && key != keys[2]);
        bytes memory reason = abi.encodeWithSelector(IAttestedVerifier.NotAnAttester.selector, vm.addr(key));
        fails(single(bytes.concat(attest(keys[0], leaf(CLAIM)), attest(key, leaf(CLAIM)))), reason);
        fails(single(bytes.concat(attest(leaf(CLAIM), 3), attest(key, leaf(CLAIM)))), reason);
    }

    function test_high_s() public {
        bytes memory high = signHighS(keys[1], digestOf(leaf(CLAIM)));
        bytes memory reason = abi.encodeWithSelector(IAttestedVerifier.NotAnAttester.selector, address(0));
        fails(single(bytes.concat(attest(keys[0], leaf(CLAIM)), high)), reason);
    }

    function test_wrong_v() public {
        bytes memory signatures = attest(leaf(CLAIM), 2);
        signatures[64] = bytes1(uint8(signatures[64]) - 27);
        fails(single(signatures), abi.encodeWithSelector(IAttestedVerifier.NotAnAttester.selector, address(0)));
    }

    function test_wrong_domain() public {
        bytes memory seal = single(attest(leaf(CLAIM), 2));
        IAttestedVerifier other = deploy(attesters(), 2);
        vm.expectPartialRevert(IAttestedVerifier.NotAnAttester.selector);
        other.verify(seal, CLAIM);
        vm.chainId(1);
        vm.expectPartialRevert(IAttestedVerifier.NotAnAttester.selector);
        verifier.verify(seal, CLAIM);
    }

    function testFuzz_wrong_claim(bytes32 claim) public {
        vm.assume(claim != CLAIM);
        bytes memory seal = single(attest(leaf(CLAIM), 2));
        vm.expectPartialRevert(IAttestedVerifier.NotAnAttester.selector);
        verifier.verify(seal, claim);
    }

    function test_a_leaf_is_not_a_claim_nor_a_root_a_leaf() public {
        bytes memory seal = single(attest(CLAIM, 2)); // signed without the tag
        vm.expectPartialRevert(IAttestedVerifier.NotAnAttester.selector);
        verifier.verify(seal, CLAIM);
    }

    function testFuzz_single_claim(bytes32 claim, bool all) public view {
        verifier.verify(single(attest(leaf(claim), all ? 3 : 2)), claim);
        bytes memory lastTwo = bytes.concat(attest(keys[1], leaf(claim)), attest(keys[2], leaf(claim)));
        verifier.verify(single(lastTwo), claim);
    }

    // ------------------------------------------------------------------------------------------------------------ trees

    /// @dev Claims of a tree of `count` leaves, pairwise in order, an odd element going up unchanged.
    function tree(uint256 count) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            leaves[i] = leaf(keccak256(abi.encode(i)));
        }
    }

    function climb(bytes32[] memory level, uint256 index) private pure returns (bytes32 root, bytes32[] memory path) {
        bytes32[] memory found = new bytes32[](32);
        uint256 length;
        while (level.length > 1) {
            bytes32[] memory next = new bytes32[]((level.length + 1) / 2);
            for (uint256 i = 0; i < level.length; i += 2) {
                next[i / 2] = i + 1 < level.length ? node(level[i], level[i + 1]) : level[i];
            }
            uint256 sibling = index ^ 1;
            if (sibling < level.length) found[length++] = level[sibling];
            (level, index) = (next, index / 2);
        }
        path = new bytes32[](length);
        for (uint256 i = 0; i < length; ++i) {
            path[i] = found[i];
        }
        root = level[0];
    }

    function testFuzz_every_leaf_of_a_tree(uint256 count, uint256 index) public view {
        count = bound(count, 1, 40);
        index = bound(index, 0, count - 1);
        (bytes32 root, bytes32[] memory path) = climb(tree(count), index);
        verifier.verify(sealOf(path, attest(root, 2)), keccak256(abi.encode(index)));
    }

    function testFuzz_wrong_path(uint256 count, uint256 index, uint256 level) public {
        count = bound(count, 2, 40);
        index = bound(index, 0, count - 1);
        (bytes32 root, bytes32[] memory path) = climb(tree(count), index);
        bytes memory signatures = attest(root, 2);
        path[bound(level, 0, path.length - 1)] ^= bytes32(uint256(1));
        vm.expectPartialRevert(IAttestedVerifier.NotAnAttester.selector);
        verifier.verify(sealOf(path, signatures), keccak256(abi.encode(index)));
    }

    function test_stored_root() public {
        (bytes32 root, bytes32[] memory path) = climb(tree(5), 4);
        bytes32 claim = keccak256(abi.encode(4));
        vm.expectRevert(abi.encodeWithSelector(IAttestedVerifier.RootUnknown.selector, root));
        verifier.verify(sealOf(path, ""), claim);

        bytes memory rootSeal = abi.encodePacked(SELECTOR, attest(root, 2));
        vm.expectEmit(true, true, true, true, address(verifier));
        emit ISetVerifier.VerifiedRoot(root, rootSeal);
        verifier.submitMerkleRoot(root, rootSeal);
        assertTrue(verifier.containsRoot(root), "stored");
        verifier.verify(sealOf(path, ""), claim);
        verifier.submitMerkleRoot(root, rootSeal); // again is harmless
        vm.expectPartialRevert(IAttestedVerifier.RootUnknown.selector);
        verifier.verify(sealOf(path, ""), keccak256(abi.encode(3)));
    }

    function test_submitting_a_root_needs_the_threshold() public {
        bytes32 root = keccak256("root");
        vm.expectRevert(abi.encodeWithSelector(IAttestedVerifier.TooFewSignatures.selector, 0, 2));
        verifier.submitMerkleRoot(root, abi.encodePacked(SELECTOR));
        bytes memory one = abi.encodePacked(SELECTOR, attest(root, 1));
        vm.expectRevert(abi.encodeWithSelector(IAttestedVerifier.TooFewSignatures.selector, 1, 2));
        verifier.submitMerkleRoot(root, one);
        assertFalse(verifier.containsRoot(root), "stored");
    }

    // ------------------------------------------------------------------------------------------------------------ views

    function test_views() public view {
        assertEq(abi.encode(verifier.attesters()), abi.encode(attesters()), "attesters");
        assertEq(verifier.threshold(), 2, "threshold");
        assertTrue(verifier.isAttester(vm.addr(keys[0])), "attester");
        assertFalse(verifier.isAttester(address(0)), "zero");
        assertEq(verifier.SELECTOR(), bytes4(0x50f0ccd6), "selector");
        assertTrue(verifier.supportsInterface(0x6b406341), "verifier");
        assertTrue(verifier.supportsInterface(0x01ffc9a7), "ERC-165");
        assertFalse(verifier.supportsInterface(0xffffffff), "none");
        bytes32 expected = Eip712Reference.domain("AttestedVerifier", address(verifier));
        assertEq(verifier.eip712DomainSeparator(), expected, "domain");
        (, string memory name,,,,,) = verifier.eip712Domain();
        assertEq(bytes(name), "AttestedVerifier", "name");
    }
}
