// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { ClassMetadata, IVerifierRouter } from "../src/interfaces/IVerifierRouter.sol";
import { NullVerifier } from "./base/Outsiders.sol";
import { Test } from "./base/Test.sol";
import { PickyVerifier } from "./base/Verifiers.sol";
import { vm } from "./base/Vm.sol";

interface IOwnable {
    error Unauthorized();
    error NewOwnerIsZeroAddress();

    function owner() external view returns (address);
    function transferOwnership(address newOwner) external;
}

abstract contract RouterTest is Test {
    bytes4 internal constant VERIFIER_TAG = 0x6b406341;
    bytes4 internal constant JOINT_TAG = 0x6ddfd0c6;
    bytes4 internal constant ASSESSOR_TAG = 0x08060888;
    bytes4 internal constant ASSESSOR_CLASS = 0xAA000002;
    bytes4 internal constant CLASS = 0xAA000001;
    bytes4 internal constant OTHER = 0xAA000003;
    bytes4 internal constant JOINT_CLASS = 0xAA000005;
    bytes4 internal constant ENTRY = 0x11111111;
    address internal constant STRANGER = address(0xbad);

    IVerifierRouter internal router;
    address internal impl;

    function setUp() public virtual {
        router = IVerifierRouter(vm.deployCode("VerifierRouter.sol:VerifierRouter", abi.encode(address(this))));
        impl = address(new NullVerifier());
        router.addClass(ASSESSOR_CLASS, assessorClass());
    }

    function assessorClass() internal pure returns (ClassMetadata memory class) {
        class.interfaceTag = ASSESSOR_TAG;
        class.defaultGasLimit = 1_000_000;
    }

    function verifierClass() internal pure returns (ClassMetadata memory class) {
        class.interfaceTag = VERIFIER_TAG;
        class.defaultGasLimit = 500_000;
        class.requiredAssessorClass = ASSESSOR_CLASS;
        class.schemaArtifactUrl = "https://schema.example";
        class.schemaArtifact = bytes32(uint256(7));
        class.label = "a class";
    }

    function jointClass() internal pure returns (ClassMetadata memory class) {
        class.interfaceTag = JOINT_TAG;
        class.defaultGasLimit = 500_000;
    }
}

contract RouterClassTest is RouterTest {
    function addFails(bytes4 id, ClassMetadata memory class, bytes memory reason) private {
        vm.expectRevert(reason);
        router.addClass(id, class);
    }

    function test_constructor_needs_an_owner() public {
        bytes memory code = abi.encodePacked(vm.getCode("VerifierRouter.sol:VerifierRouter"), abi.encode(address(0)));
        address deployed;
        assembly {
            deployed := create(0, add(code, 0x20), mload(code))
        }
        assertEq(deployed, address(0), "deployed");
        assertEq(IOwnable(address(router)).owner(), address(this), "owner");
    }

    function test_only_the_owner_adds_and_removes() public {
        bytes memory reason = abi.encodeWithSelector(IOwnable.Unauthorized.selector);
        vm.startPrank(STRANGER);
        vm.expectRevert(reason);
        router.addClass(CLASS, verifierClass());
        vm.expectRevert(reason);
        router.removeClass(ASSESSOR_CLASS);
        vm.expectRevert(reason);
        router.removeEntry(ENTRY);
    }

    function test_add_reverts_in_order() public {
        ClassMetadata memory class = verifierClass();
        class.defaultGasLimit = 0; // the last check would fail too
        addFails(bytes4(0), class, abi.encodeWithSelector(IVerifierRouter.ZeroSelectorReserved.selector));
        addFails(ASSESSOR_CLASS, class, abi.encodeWithSelector(IVerifierRouter.ClassInUse.selector, ASSESSOR_CLASS));
        router.addClass(CLASS, verifierClass());
        router.instantiate(ENTRY, impl, CLASS, 0);
        addFails(ENTRY, class, abi.encodeWithSelector(IVerifierRouter.EntryInUse.selector, ENTRY));
        router.addClass(OTHER, verifierClass());
        router.removeClass(OTHER);
        addFails(OTHER, class, abi.encodeWithSelector(IVerifierRouter.ClassRemoved.selector, OTHER));
        router.removeEntry(ENTRY);
        addFails(ENTRY, class, abi.encodeWithSelector(IVerifierRouter.ClassRemoved.selector, ENTRY));
        addFails(0xAA000009, class, abi.encodeWithSelector(IVerifierRouter.InvalidGasLimit.selector));
    }

    function testFuzz_add_refuses_unknown_tags(bytes4 tag) public {
        vm.assume(tag != VERIFIER_TAG && tag != JOINT_TAG && tag != ASSESSOR_TAG);
        ClassMetadata memory class = jointClass();
        class.interfaceTag = tag;
        addFails(CLASS, class, abi.encodeWithSelector(IVerifierRouter.InvalidInterfaceTag.selector, tag));
    }

    function test_add_checks_the_assessor_class() public {
        ClassMetadata memory class = verifierClass();
        class.requiredAssessorClass = 0;
        addFails(CLASS, class, abi.encodeWithSelector(IVerifierRouter.AssessorClassRequired.selector));
        class.requiredAssessorClass = OTHER;
        addFails(CLASS, class, abi.encodeWithSelector(IVerifierRouter.ClassUnknown.selector, OTHER));
        router.addClass(JOINT_CLASS, jointClass());
        class.requiredAssessorClass = JOINT_CLASS;
        addFails(CLASS, class, abi.encodeWithSelector(IVerifierRouter.AssessorClassNotAssessor.selector, JOINT_CLASS));
        class = jointClass();
        class.requiredAssessorClass = ASSESSOR_CLASS;
        addFails(CLASS, class, abi.encodeWithSelector(IVerifierRouter.AssessorClassMustBeZero.selector));
        class = assessorClass();
        class.requiredAssessorClass = ASSESSOR_CLASS;
        addFails(CLASS, class, abi.encodeWithSelector(IVerifierRouter.AssessorClassMustBeZero.selector));
        class = assessorClass();
        class.permissionlessInstantiate = true;
        addFails(CLASS, class, abi.encodeWithSelector(IVerifierRouter.AssessorClassMustBeCurated.selector));
    }

    function test_one_default_and_it_is_a_verifier_class() public {
        ClassMetadata memory class = jointClass();
        class.isDefault = true;
        addFails(CLASS, class, abi.encodeWithSelector(IVerifierRouter.DefaultMustBeVerifier.selector));
        class = verifierClass();
        class.isDefault = true;
        vm.expectEmit(true, true, true, true, address(router));
        emit IVerifierRouter.DefaultClassChanged(0, CLASS);
        router.addClass(CLASS, class);
        assertEq(router.defaultClassId(), CLASS, "default");
        addFails(OTHER, class, abi.encodeWithSelector(IVerifierRouter.DefaultClassExists.selector, CLASS));

        vm.expectEmit(true, true, true, true, address(router));
        emit IVerifierRouter.DefaultClassChanged(CLASS, 0);
        router.removeClass(CLASS);
        assertEq(router.defaultClassId(), bytes4(0), "none");
        router.addClass(OTHER, class);
        assertEq(router.defaultClassId(), OTHER, "next");
    }

    function test_add_stores_what_it_is_given() public {
        ClassMetadata memory class = verifierClass();
        vm.expectEmit(true, true, true, true, address(router));
        emit IVerifierRouter.ClassAdded(CLASS, class);
        router.addClass(CLASS, class);
        bytes memory stored;
        {
            (bytes4 a, bool b, bool c, bytes4 d, bytes32 e, string memory f, uint64 g, string memory h) =
                router.classes(CLASS);
            stored = abi.encode(ClassMetadata(a, b, c, d, e, f, g, h));
        }
        assertEq(stored, abi.encode(class), "class");
    }

    function test_remove() public {
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.ClassUnknown.selector, CLASS));
        router.removeClass(CLASS);
        router.addClass(CLASS, verifierClass());
        router.instantiate(ENTRY, impl, CLASS, 0);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.ClassHasEntries.selector, CLASS, 1));
        router.removeClass(CLASS);
        router.removeEntry(ENTRY);
        vm.expectEmit(true, true, true, true, address(router));
        emit IVerifierRouter.ClassTombstoned(CLASS);
        router.removeClass(CLASS);
        assertTrue(router.tombstoned(CLASS), "tombstoned");
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.ClassRemoved.selector, CLASS));
        router.removeClass(CLASS);
    }
}

contract RouterEntryTest is RouterTest {
    function setUp() public override {
        super.setUp();
        router.addClass(CLASS, verifierClass());
    }

    function instantiateFails(bytes4 selector, bytes4 class, bytes memory reason) private {
        vm.expectRevert(reason);
        router.instantiate(selector, impl, class, 0);
    }

    function test_instantiate_reverts_in_order() public {
        instantiateFails(0, OTHER, abi.encodeWithSelector(IVerifierRouter.ZeroSelectorReserved.selector));
        vm.prank(STRANGER);
        instantiateFails(ENTRY, OTHER, abi.encodeWithSelector(IVerifierRouter.ClassUnknown.selector, OTHER));
        router.addClass(OTHER, verifierClass());
        router.removeClass(OTHER);
        instantiateFails(ENTRY, OTHER, abi.encodeWithSelector(IVerifierRouter.ClassRemoved.selector, OTHER));
        vm.prank(STRANGER);
        instantiateFails(ENTRY, CLASS, abi.encodeWithSelector(IOwnable.Unauthorized.selector));
        instantiateFails(OTHER, CLASS, abi.encodeWithSelector(IVerifierRouter.EntryRemoved.selector, OTHER));
        instantiateFails(CLASS, CLASS, abi.encodeWithSelector(IVerifierRouter.EntryIsClass.selector, CLASS));
        router.instantiate(ENTRY, impl, CLASS, 0);
        instantiateFails(ENTRY, CLASS, abi.encodeWithSelector(IVerifierRouter.EntryInUse.selector, ENTRY));
    }

    function test_a_permissionless_class_is_open_but_for_the_reserved_prefix() public {
        ClassMetadata memory class = verifierClass();
        class.permissionlessInstantiate = true;
        router.addClass(OTHER, class);
        vm.startPrank(STRANGER);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.ReservedPrefix.selector, bytes4(0x00000001)));
        router.instantiate(0x00000001, impl, OTHER, 0);
        router.instantiate(ENTRY, impl, OTHER, 0);
        vm.stopPrank();
        router.instantiate(0x00000001, impl, OTHER, 0);
        assertEq(router.entriesPerClass(OTHER), 2, "count");
    }

    function test_gas_limit_is_the_given_or_the_default() public {
        vm.expectEmit(true, true, true, true, address(router));
        emit IVerifierRouter.EntryAdded(ENTRY, impl, CLASS, 500_000);
        router.instantiate(ENTRY, impl, CLASS, 0);
        router.instantiate(0x22222222, impl, CLASS, 77);
        (address target, bytes4 class, uint64 gasLimit) = router.entries(ENTRY);
        assertEq(target, impl, "impl");
        assertEq(class, CLASS, "class");
        assertEq(gasLimit, 500_000, "default");
        (,, gasLimit) = router.entries(0x22222222);
        assertEq(gasLimit, 77, "given");
    }

    function test_erc165() public {
        address[5] memory pretenders = [
            address(0xbeef),
            address(new PickyVerifier(JOINT_TAG, PickyVerifier.Answer.Yes)),
            address(new PickyVerifier(VERIFIER_TAG, PickyVerifier.Answer.No)),
            address(new PickyVerifier(VERIFIER_TAG, PickyVerifier.Answer.Revert)),
            address(new PickyVerifier(VERIFIER_TAG, PickyVerifier.Answer.Everything))
        ];
        for (uint256 i = 0; i < pretenders.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(IVerifierRouter.Erc165CheckFailed.selector, pretenders[i], VERIFIER_TAG)
            );
            router.instantiate(ENTRY, pretenders[i], CLASS, 0);
        }
        address two = address(new PickyVerifier(VERIFIER_TAG, PickyVerifier.Answer.Two));
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.Erc165CheckFailed.selector, two, VERIFIER_TAG));
        router.instantiate(ENTRY, two, CLASS, 0);
        router.instantiate(ENTRY, address(new PickyVerifier(VERIFIER_TAG, PickyVerifier.Answer.Yes)), CLASS, 0);
    }

    function test_removal_is_for_ever() public {
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.EntryUnknown.selector, ENTRY));
        router.removeEntry(ENTRY);
        router.instantiate(ENTRY, impl, CLASS, 0);
        assertEq(router.entriesPerClass(CLASS), 1, "one");
        vm.expectEmit(true, true, true, true, address(router));
        emit IVerifierRouter.EntryTombstoned(ENTRY);
        router.removeEntry(ENTRY);
        assertEq(router.entriesPerClass(CLASS), 0, "none");
        assertTrue(router.tombstoned(ENTRY), "tombstoned");
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.EntryRemoved.selector, ENTRY));
        router.removeEntry(ENTRY);
        instantiateFails(ENTRY, CLASS, abi.encodeWithSelector(IVerifierRouter.EntryRemoved.selector, ENTRY));
    }

    function test_removing_a_class_as_an_entry_says_so() public {
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.EntryIsClass.selector, CLASS));
        router.removeEntry(CLASS);
    }
}
