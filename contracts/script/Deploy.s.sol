// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { AllocationBook } from "../src/AllocationBook.sol";
import { AttestedVerifier } from "../src/AttestedVerifier.sol";
import { CollateralToken } from "../src/CollateralToken.sol";
import { CommitteeBook } from "../src/CommitteeBook.sol";
import { Market } from "../src/Market.sol";
import { OnChainAssessor } from "../src/OnChainAssessor.sol";
import { ProverRegistry } from "../src/ProverRegistry.sol";
import { RequesterAccount } from "../src/RequesterAccount.sol";
import { RequesterAccounts } from "../src/RequesterAccounts.sol";
import { Treasury } from "../src/Treasury.sol";
import { VerifierRouter } from "../src/VerifierRouter.sol";
import { WorkloadQualifier } from "../src/WorkloadQualifier.sol";
import { IProverRegistry } from "../src/interfaces/IProverRegistry.sol";
import { ClassMetadata, IVerifierRouter } from "../src/interfaces/IVerifierRouter.sol";

/// @dev The cheatcodes a script needs.
interface Vm {
    function envAddress(string calldata name, string calldata delimiter) external view returns (address[] memory);
    function envOr(string calldata name, address defaultValue) external view returns (address);
    function envOr(string calldata name, uint256 defaultValue) external view returns (uint256);
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
/// optionally RIALTO_ATTESTER_DELAY_S (seconds between the proposal of another set of attesters and its coming into force;
/// a week by default), RIALTO_TREASURY_DELAY_S (seconds between the proposal of a payment and the payment; a week by default),
/// RIALTO_COOL_DOWN_S (seconds until stake that leaves the registry can be withdrawn; a week by default), RIALTO_MIN_SELF_STAKE
/// (base units of collateral that an operator must stake itself to be active; 100e18 by default), RIALTO_COLLATERAL_TOKEN (an
/// existing ERC-20; without it a CollateralToken is deployed) and RIALTO_OWNER (becomes owner of the router, of the treasury
/// and of that token; without it the sender stays owner).
contract Deploy {
    struct Settings {
        address[] attesters;
        uint256 threshold;
        uint256 attesterDelay;
        uint256 treasuryDelay;
        uint48 coolDown;
        uint96 minSelfStake;
        address collateralToken; // zero: deploy one
        address owner;
    }

    struct Deployment {
        address market;
        address router;
        address assessor;
        address attestedVerifier;
        address collateralToken;
        address treasury;
        address proverRegistry;
        address workloadQualifier;
        address allocationBook;
        address committeeBook;
        address requesterAccounts;
    }

    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    string private constant REGISTRY = "../vectors/registry.json";

    function run() external returns (Deployment memory deployment) {
        Settings memory settings = Settings({
            attesters: vm.envAddress("RIALTO_ATTESTERS", ","),
            threshold: vm.envUint("RIALTO_THRESHOLD"),
            attesterDelay: vm.envOr("RIALTO_ATTESTER_DELAY_S", uint256(7 days)),
            treasuryDelay: vm.envOr("RIALTO_TREASURY_DELAY_S", uint256(7 days)),
            coolDown: uint48(vm.envOr("RIALTO_COOL_DOWN_S", uint256(7 days))),
            minSelfStake: uint96(vm.envOr("RIALTO_MIN_SELF_STAKE", uint256(100 ether))),
            collateralToken: vm.envOr("RIALTO_COLLATERAL_TOKEN", address(0)),
            owner: vm.envOr("RIALTO_OWNER", msg.sender)
        });
        vm.startBroadcast();
        deployment = deploy(settings, msg.sender);
        vm.stopBroadcast();
    }

    /// @param sender who owns the router while it is filled
    function deploy(Settings memory settings, address sender) public returns (Deployment memory deployed) {
        address token = settings.collateralToken;
        if (token == address(0)) token = address(new CollateralToken(settings.owner));
        VerifierRouter router = new VerifierRouter(sender);
        deployed.collateralToken = token;
        deployed.router = address(router);
        deployed.assessor = address(new OnChainAssessor());
        deployed.attestedVerifier =
            address(new AttestedVerifier(settings.attesters, settings.threshold, settings.attesterDelay));
        deployed.treasury = address(new Treasury(settings.owner, settings.treasuryDelay));
        _register(router, deployed.assessor, deployed.attestedVerifier);
        if (settings.owner != sender) router.transferOwnership(settings.owner);
        deployed.market = address(new Market(address(router), token, deployed.treasury));
        _extend(deployed, settings);
    }

    /// @dev What exchanges build on; the market knows nothing of it.
    function _extend(Deployment memory deployed, Settings memory settings) private {
        address market = deployed.market;
        address registry =
            address(new ProverRegistry(deployed.collateralToken, settings.minSelfStake, settings.coolDown));
        deployed.proverRegistry = registry;
        deployed.workloadQualifier =
            address(new WorkloadQualifier(IProverRegistry(registry), IVerifierRouter(deployed.router)));
        deployed.allocationBook = address(new AllocationBook(market));
        deployed.committeeBook = address(new CommitteeBook(market, registry));
        address account = address(new RequesterAccount(deployed.allocationBook, deployed.committeeBook));
        deployed.requesterAccounts = address(new RequesterAccounts(account));
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
