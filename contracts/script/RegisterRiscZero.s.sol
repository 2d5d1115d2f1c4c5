// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { RiscZeroAssessor } from "../src/RiscZeroAssessor.sol";
import { RiscZeroSetVerifier } from "../src/RiscZeroSetVerifier.sol";
import { RiscZeroVerifier } from "../src/RiscZeroVerifier.sol";
import { IRiscZeroVerifier } from "../src/interfaces/IRiscZero.sol";
import { ClassMetadata, IVerifierRouter } from "../src/interfaces/IVerifierRouter.sol";

/// @dev The cheatcodes a script needs.
interface Vm {
    function envAddress(string calldata name) external view returns (address);
    function envOr(string calldata name, address defaultValue) external view returns (address);
    function envOr(string calldata name, bytes32 defaultValue) external view returns (bytes32);
    function envOr(string calldata name, string calldata defaultValue) external view returns (string memory);
    function startBroadcast() external;
    function stopBroadcast() external;
}

/// @notice Registers RISC Zero's verifiers with a network's router. The sender is the router's owner.
///
/// Environment: RIALTO_ROUTER, and of the following what is wanted:
/// - RISC0_GROTH16_VERIFIER, the address of a verifier of Groth16 receipts: entry 0x73c457ba of class 0xAA000003.
/// - RISC0_BLAKE3_VERIFIER, that of a verifier of BLAKE3-Groth16 receipts: entry 0x62f049f6 of class 0xAA000004.
/// - RISC0_SET_BUILDER_IMAGE_ID, and RISC0_SET_BUILDER_URL where its program is found: deploys a set verifier whose roots are
///   verified by RISC0_ROOT_VERIFIER (without it, by the Groth16 verifier), an entry of class 0xAA000001 under the selector that
///   follows from the image id.
/// - RISC0_ASSESSOR_IMAGE_ID: deploys an assessor whose receipts are verified by RISC0_ASSESSOR_VERIFIER (without it, by the set
///   verifier just deployed): entry 0x00000024 of class 0xAA000002, which must exist and is the assessor class of all three.
///
/// Classes are added where they are missing. 0xAA000001 becomes the default class if the router has none. An entry in use is
/// never replaced: the call fails. Mind that an assessor is trusted by every class that requires its class.
contract RegisterRiscZero {
    struct Sources {
        address groth16;
        address blake3;
        address root;
        bytes32 setBuilderImageId;
        string setBuilderUrl;
        address assessor;
        bytes32 assessorImageId;
    }

    /// @dev What was deployed; zero where nothing was wanted.
    struct Registered {
        address groth16;
        address blake3;
        address set;
        address assessor;
    }

    bytes4 private constant SET_CLASS = 0xAA000001;
    bytes4 private constant ASSESSOR_CLASS = 0xAA000002;
    bytes4 private constant GROTH16_CLASS = 0xAA000003;
    bytes4 private constant BLAKE3_CLASS = 0xAA000004;
    bytes4 private constant GROTH16 = 0x73c457ba;
    bytes4 private constant BLAKE3 = 0x62f049f6;
    bytes4 private constant ASSESSOR = 0x00000024;
    bytes4 private constant VERIFIER_TAG = 0x6b406341;
    uint64 private constant VERIFIER_GAS = 500_000;

    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    function run() external returns (Registered memory registered) {
        address groth16 = vm.envOr("RISC0_GROTH16_VERIFIER", address(0));
        Sources memory sources = Sources({
            groth16: groth16,
            blake3: vm.envOr("RISC0_BLAKE3_VERIFIER", address(0)),
            root: vm.envOr("RISC0_ROOT_VERIFIER", groth16),
            setBuilderImageId: vm.envOr("RISC0_SET_BUILDER_IMAGE_ID", bytes32(0)),
            setBuilderUrl: vm.envOr("RISC0_SET_BUILDER_URL", string("")),
            assessor: vm.envOr("RISC0_ASSESSOR_VERIFIER", address(0)),
            assessorImageId: vm.envOr("RISC0_ASSESSOR_IMAGE_ID", bytes32(0))
        });
        IVerifierRouter router = IVerifierRouter(vm.envAddress("RIALTO_ROUTER"));
        vm.startBroadcast();
        registered = register(router, sources);
        vm.stopBroadcast();
    }

    function register(IVerifierRouter router, Sources memory sources) public returns (Registered memory registered) {
        if (sources.groth16 != address(0)) {
            registered.groth16 = address(new RiscZeroVerifier(IRiscZeroVerifier(sources.groth16)));
            _enter(router, GROTH16, registered.groth16, GROTH16_CLASS, "R0Groth16");
        }
        if (sources.blake3 != address(0)) {
            registered.blake3 = address(new RiscZeroVerifier(IRiscZeroVerifier(sources.blake3)));
            _enter(router, BLAKE3, registered.blake3, BLAKE3_CLASS, "R0Groth16Blake3");
        }
        if (sources.setBuilderImageId != 0) {
            RiscZeroSetVerifier set = new RiscZeroSetVerifier(
                IRiscZeroVerifier(sources.root), sources.setBuilderImageId, sources.setBuilderUrl
            );
            registered.set = address(set);
            _enter(router, set.SELECTOR(), registered.set, SET_CLASS, "R0SetInclusion");
        }
        if (sources.assessorImageId != 0) {
            address verifier = sources.assessor == address(0) ? registered.set : sources.assessor;
            registered.assessor = address(new RiscZeroAssessor(IRiscZeroVerifier(verifier), sources.assessorImageId));
            router.instantiate(ASSESSOR, registered.assessor, ASSESSOR_CLASS, 0);
        }
    }

    function _enter(IVerifierRouter router, bytes4 selector, address impl, bytes4 classId, string memory label)
        private
    {
        (bytes4 tag,,,,,,,) = router.classes(classId);
        if (tag == bytes4(0)) {
            router.addClass(
                classId,
                ClassMetadata({
                    interfaceTag: VERIFIER_TAG,
                    permissionlessInstantiate: false,
                    isDefault: classId == SET_CLASS && router.defaultClassId() == bytes4(0),
                    requiredAssessorClass: ASSESSOR_CLASS,
                    schemaArtifact: 0,
                    schemaArtifactUrl: "",
                    defaultGasLimit: VERIFIER_GAS,
                    label: label
                })
            );
        }
        router.instantiate(selector, impl, classId, 0);
    }
}
