// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IRiscZeroAssessor, IRiscZeroSetVerifier, IRiscZeroVerifierAdapter } from "../src/interfaces/IRiscZero.sol";
import { IVerifierRouter } from "../src/interfaces/IVerifierRouter.sol";
import { NetworkTest } from "./base/NetworkTest.sol";
import { RiscZeroMockVerifier } from "./base/RiscZeroOutsiders.sol";
import { vm } from "./base/Vm.sol";

interface IEnvironment {
    function setEnv(string calldata name, string calldata value) external;
    function toString(address value) external pure returns (string memory);
    function toString(bytes32 value) external pure returns (string memory);
}

interface IRegisterRiscZero {
    struct Sources {
        address groth16;
        address blake3;
        address root;
        bytes32 setBuilderImageId;
        string setBuilderUrl;
        address assessor;
        bytes32 assessorImageId;
    }

    struct Registered {
        address groth16;
        address blake3;
        address set;
        address assessor;
    }

    function run() external returns (Registered memory);

    function register(IVerifierRouter router, Sources memory sources) external returns (Registered memory);
}

/// @notice RISC Zero's verifiers beside the attested one, on a deployed network.
contract RegisterRiscZeroTest is NetworkTest {
    bytes32 private constant SET_BUILDER = keccak256("the set builder");
    bytes32 private constant GUEST = keccak256("the assessor");

    IRegisterRiscZero private script;
    address private groth16;
    address private blake3;

    function setUp() public override {
        super.setUp();
        script = IRegisterRiscZero(vm.deployCode("RegisterRiscZeroScript.sol:RegisterRiscZeroScript", ""));
        groth16 = address(new RiscZeroMockVerifier(0x73c457ba));
        blake3 = address(new RiscZeroMockVerifier(0x62f049f6));
    }

    function giveRouterTo(address next) private {
        (, bytes memory owner) = address(router).staticcall(abi.encodeWithSignature("owner()"));
        vm.prank(abi.decode(owner, (address)));
        (bool success,) = address(router).call(abi.encodeWithSignature("transferOwnership(address)", next));
        assertTrue(success, "ownership");
    }

    /// @dev The script calls the router itself, so it must own it here; in use its sender does.
    function register(IRegisterRiscZero.Sources memory sources) private returns (IRegisterRiscZero.Registered memory) {
        giveRouterTo(address(script));
        return script.register(router, sources);
    }

    function everything() private view returns (IRegisterRiscZero.Sources memory) {
        return IRegisterRiscZero.Sources(groth16, blake3, groth16, SET_BUILDER, "https://set", address(0), GUEST);
    }

    function assertEntry(bytes4 selector, address expected, bytes4 expectedClass, uint64 expectedGas) private view {
        (address impl, bytes4 classId, uint64 gasLimit) = router.entries(selector);
        assertEq(impl, expected, "impl");
        assertEq(classId, expectedClass, "class");
        assertEq(gasLimit, expectedGas, "gas");
    }

    function assertClass(bytes4 classId, bytes memory expectedLabel) private view {
        (bytes4 tag, bool open, bool isDefault, bytes4 required,,,, string memory label) = router.classes(classId);
        assertEq(tag, bytes4(0x6b406341), "tag");
        assertFalse(open, "open");
        assertFalse(isDefault, "default"); // the attested class is
        assertEq(required, bytes4(0xAA000002), "assessor class");
        assertEq(bytes(label), expectedLabel, "label");
    }

    function test_everything() public {
        assertEverything(register(everything()));
    }

    function assertEverything(IRegisterRiscZero.Registered memory found) private view {
        bytes4 set = IRiscZeroSetVerifier(found.set).SELECTOR();
        assertEntry(0x73c457ba, found.groth16, 0xAA000003, 500_000);
        assertEntry(0x62f049f6, found.blake3, 0xAA000004, 500_000);
        assertEntry(set, found.set, 0xAA000001, 500_000);
        assertEntry(0x00000024, found.assessor, 0xAA000002, 10_000_000);
        assertClass(0xAA000001, "R0SetInclusion");
        assertClass(0xAA000003, "R0Groth16");
        assertClass(0xAA000004, "R0Groth16Blake3");
        assertEq(address(IRiscZeroVerifierAdapter(found.groth16).VERIFIER()), groth16, "groth16");
        assertEq(address(IRiscZeroVerifierAdapter(found.blake3).VERIFIER()), blake3, "blake3");
        assertEq(address(IRiscZeroSetVerifier(found.set).VERIFIER()), groth16, "of roots");
        assertEq(address(IRiscZeroAssessor(found.assessor).VERIFIER()), found.set, "of the assessor");
        assertEq(IRiscZeroAssessor(found.assessor).IMAGE_ID(), GUEST, "assessor");
        (bytes32 imageId, string memory url) = IRiscZeroSetVerifier(found.set).imageInfo();
        assertEq(imageId, SET_BUILDER, "set builder");
        assertEq(bytes(url), "https://set", "url");
        assertEq(router.defaultClassId(), bytes4(0xaa000010), "default");
    }

    function test_one_at_a_time() public {
        IRegisterRiscZero.Sources memory sources;
        sources.groth16 = groth16;
        IRegisterRiscZero.Registered memory found = register(sources);
        assertEntry(0x73c457ba, found.groth16, 0xAA000003, 500_000);
        assertEq(found.blake3, address(0), "blake3");
        assertEq(found.set, address(0), "set");
        assertEq(found.assessor, address(0), "assessor");
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.EntryInUse.selector, bytes4(0x73c457ba)));
        script.register(router, sources); // never replaced
        sources.groth16 = address(0);
        (sources.assessor, sources.assessorImageId) = (groth16, GUEST);
        found = script.register(router, sources);
        assertEq(address(IRiscZeroAssessor(found.assessor).VERIFIER()), groth16, "of the assessor");
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.EntryInUse.selector, bytes4(0x00000024)));
        script.register(router, sources);
    }

    function test_a_router_without_a_default_class() public {
        IVerifierRouter empty = IVerifierRouter(deploy("VerifierRouter", abi.encode(script)));
        vm.prank(address(script));
        empty.addClass(0xAA000002, classOf(0x08060888, bytes4(0), false));
        script.register(empty, everything());
        assertEq(empty.defaultClassId(), bytes4(0xAA000001), "default");
    }

    function test_an_assessor_without_a_verifier() public {
        IRegisterRiscZero.Sources memory sources;
        sources.assessorImageId = GUEST;
        vm.expectRevert(abi.encodeWithSelector(IRiscZeroAssessor.NoCode.selector, address(0)));
        script.register(router, sources);
    }

    /// @dev Whoever runs a script without naming a sender is this one.
    function test_from_the_environment() public {
        giveRouterTo(0x1804c8AB1F12E6bbf3894d4083f33e07309d1f38);
        IEnvironment environment = IEnvironment(address(vm));
        environment.setEnv("RIALTO_ROUTER", environment.toString(address(router)));
        environment.setEnv("RISC0_GROTH16_VERIFIER", environment.toString(groth16));
        environment.setEnv("RISC0_BLAKE3_VERIFIER", environment.toString(blake3));
        environment.setEnv("RISC0_SET_BUILDER_IMAGE_ID", environment.toString(SET_BUILDER));
        environment.setEnv("RISC0_SET_BUILDER_URL", "https://set");
        environment.setEnv("RISC0_ASSESSOR_IMAGE_ID", environment.toString(GUEST));
        assertEverything(script.run());
    }
}
