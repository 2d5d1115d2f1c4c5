// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { AttestedVerifier } from "../src/AttestedVerifier.sol";
import { CollateralToken } from "../src/CollateralToken.sol";
import { Market } from "../src/Market.sol";
import { OnChainAssessor } from "../src/OnChainAssessor.sol";
import { VerifierRouter } from "../src/VerifierRouter.sol";
import { ClassMetadata } from "../src/interfaces/IVerifierRouter.sol";

/// @dev The cheatcodes a script needs.
interface Vm {
    function envAddress(string calldata name, string calldata delimiter) external view returns (address[] memory);
    function envOr(string calldata name, address defaultValue) external view returns (address);
    function envUint(string calldata name) external view returns (uint256);
    function keyExistsJson(string calldata json, string calldata key) external view returns (bool);
    function parseJsonBool(string calldata json, string calldata key) external pure returns (bool);
    function parseJsonBytes(string calldata json, string calldata key) external pure returns (bytes memory);
    function parseJsonString(string calldata json, string calldata key) external pure returns (string memory);
    function parseJsonUint(string calldata json, string calldata key) external pure returns (uint256);
    function readFile(string calldata path) external view returns (string memory);
    function startBroadcast() external;
    function stopBroadcast() external;
    function toString(uint256 value) external pure returns (string memory);
}

/// @notice Deploys a network. The registry's contents come from vectors/registry.json, which the Rust deployment reads too.
///
/// Environment: RIALTO_ATTESTERS (addresses in ascending order, comma-separated), RIALTO_THRESHOLD (how many must sign),
/// optionally RIALTO_COLLATERAL_TOKEN (an existing ERC-20; without it a CollateralToken is deployed) and RIALTO_OWNER
/// (becomes owner of the router and of that token; without it the sender stays owner).
contract Deploy {
    struct Deployment {
        address market;
        address router;
        address assessor;
        address attestedVerifier;
        address collateralToken;
    }

    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    string private constant REGISTRY = "../vectors/registry.json";

    function run() external returns (Deployment memory deployment) {
        address[] memory attesters = vm.envAddress("RIALTO_ATTESTERS", ",");
        uint256 threshold = vm.envUint("RIALTO_THRESHOLD");
        address token = vm.envOr("RIALTO_COLLATERAL_TOKEN", address(0));
        address owner = vm.envOr("RIALTO_OWNER", msg.sender);
        vm.startBroadcast();
        deployment = deploy(attesters, threshold, token, msg.sender);
        if (owner != msg.sender) {
            VerifierRouter(deployment.router).transferOwnership(owner);
            if (token == address(0)) CollateralToken(deployment.collateralToken).transferOwnership(owner);
        }
        vm.stopBroadcast();
    }

    /// @param sender who owns the router while it is filled
    function deploy(address[] memory attesters, uint256 threshold, address token, address sender)
        public
        returns (Deployment memory)
    {
        if (token == address(0)) token = address(new CollateralToken(sender));
        VerifierRouter router = new VerifierRouter(sender);
        address assessor = address(new OnChainAssessor());
        address attested = address(new AttestedVerifier(attesters, threshold));
        _register(router, assessor, attested);
        Market market = new Market(address(router), token);
        return Deployment(address(market), address(router), assessor, attested, token);
    }

    function _register(VerifierRouter router, address assessor, address attested) private {
        string memory json = vm.readFile(REGISTRY);
        for (uint256 i = 0; vm.keyExistsJson(json, _at("classes", i)); ++i) {
            router.addClass(_bytes4(json, string.concat(_at("classes", i), ".id")), _class(json, _at("classes", i)));
        }
        for (uint256 i = 0; vm.keyExistsJson(json, _at("entries", i)); ++i) {
            string memory entry = _at("entries", i);
            bytes32 name = keccak256(bytes(vm.parseJsonString(json, string.concat(entry, ".contract"))));
            router.instantiate(
                _bytes4(json, string.concat(entry, ".selector")),
                name == keccak256("OnChainAssessor") ? assessor : attested,
                _bytes4(json, string.concat(entry, ".classId")),
                uint64(vm.parseJsonUint(json, string.concat(entry, ".gasLimit")))
            );
        }
    }

    function _class(string memory json, string memory path) private pure returns (ClassMetadata memory) {
        return ClassMetadata({
            interfaceTag: _bytes4(json, string.concat(path, ".interfaceTag")),
            permissionlessInstantiate: vm.parseJsonBool(json, string.concat(path, ".permissionlessInstantiate")),
            isDefault: vm.parseJsonBool(json, string.concat(path, ".isDefault")),
            requiredAssessorClass: _bytes4(json, string.concat(path, ".requiredAssessorClass")),
            schemaArtifact: bytes32(vm.parseJsonBytes(json, string.concat(path, ".schemaArtifact"))),
            schemaArtifactUrl: vm.parseJsonString(json, string.concat(path, ".schemaArtifactUrl")),
            defaultGasLimit: uint64(vm.parseJsonUint(json, string.concat(path, ".defaultGasLimit"))),
            label: vm.parseJsonString(json, string.concat(path, ".label"))
        });
    }

    function _at(string memory list, uint256 index) private pure returns (string memory) {
        return string.concat(".", list, "[", vm.toString(index), "]");
    }

    function _bytes4(string memory json, string memory key) private pure returns (bytes4) {
        return bytes4(vm.parseJsonBytes(json, key));
    }
}
