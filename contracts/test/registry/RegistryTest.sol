// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IProverRegistry } from "../../src/interfaces/IProverRegistry.sol";
import { Eip712Reference } from "../base/Eip712Reference.sol";
import { ICollateralToken } from "../base/ICollateralToken.sol";
import { Test } from "../base/Test.sol";
import { vm } from "../base/Vm.sol";

/// @notice A registry, an active prover, and a mechanism that is enrolled but not allowed.
abstract contract RegistryTest is Test {
    uint64 internal constant START = 1_800_000_000;
    uint256 internal constant FIRST_BLOCK = 1_000_000;
    uint96 internal constant MIN_SELF_STAKE = 100 ether;
    uint48 internal constant COOL_DOWN = 7 days;
    uint16 internal constant SHARE_BPS = 1_000;
    address internal constant DEAD = 0x000000000000000000000000000000000000dEaD;

    IProverRegistry internal registry;
    ICollateralToken internal token;
    address internal prover = vm.addr(keyOf("operator"));
    address internal other = vm.addr(keyOf("another operator"));
    address internal alice = vm.addr(keyOf("alice"));
    address internal bob = vm.addr(keyOf("bob"));
    address internal mechanism = address(0x3ec4);
    address internal rescuer = address(0x4e5c);
    address internal requester = address(0x4e90);

    function setUp() public virtual {
        vm.warp(START);
        vm.roll(FIRST_BLOCK);
        token = ICollateralToken(vm.deployCode("CollateralToken.sol:CollateralToken", abi.encode(address(this))));
        registry = newRegistry(address(token), MIN_SELF_STAKE, COOL_DOWN);
        vm.prank(prover);
        registry.register(SHARE_BPS);
        stake(prover, prover, MIN_SELF_STAKE);
        vm.prank(mechanism);
        registry.enrol(5_000, 3_000, 2_000);
    }

    function newRegistry(address token_, uint96 minSelfStake, uint48 coolDown) internal returns (IProverRegistry) {
        bytes memory arguments = abi.encode(token_, minSelfStake, coolDown);
        return IProverRegistry(vm.deployCode("ProverRegistry.sol:ProverRegistry", arguments));
    }

    // ----------------------------------------------------------------------------------------------------------- actions

    /// @dev Gives an account tokens that it lets the registry take.
    function endow(address account, uint256 amount) internal {
        token.mint(account, amount);
        vm.prank(account);
        token.approve(address(registry), type(uint256).max);
    }

    function stake(address delegator, address with, uint96 amount) internal returns (uint128 shares) {
        endow(delegator, amount);
        vm.prank(delegator);
        return registry.delegate(with, amount);
    }

    function unstake(address delegator, address from, uint128 shares) internal returns (uint256 ticket) {
        vm.prank(delegator);
        return registry.undelegate(from, shares);
    }

    function withdraw(address delegator, uint256 ticket) internal returns (uint96) {
        vm.prank(delegator);
        return registry.withdraw(ticket);
    }

    function reward(address with, uint96 amount) internal {
        endow(address(this), amount);
        registry.reward(with, amount);
    }

    function registerActive(address operator, uint96 amount) internal {
        vm.prank(operator);
        registry.register(SHARE_BPS);
        stake(operator, operator, amount);
    }

    function wait(uint256 duration) internal {
        vm.warp(vm.getBlockTimestamp() + duration);
    }

    function allowNow(address operator, address mechanism_) internal {
        vm.prank(operator);
        registry.allow(mechanism_);
        wait(2 * COOL_DOWN);
    }

    function reserve(address of_, uint96 amount) internal {
        vm.prank(mechanism);
        registry.reserve(of_, amount);
    }

    function slash(address of_, uint96 amount) internal {
        vm.prank(mechanism);
        registry.slash(of_, amount, rescuer, requester);
    }

    function signKey(uint256 key, address for_, uint96 nonce) internal view returns (bytes memory) {
        bytes32 structHash = keccak256(abi.encode(keccak256("ProverKey(address prover,uint96 nonce)"), for_, nonce));
        return
            sign(key, Eip712Reference.digest(Eip712Reference.domain("ProverRegistry", address(registry)), structHash));
    }

    // ------------------------------------------------------------------------------------------------------------- reads

    function sharesOf(address with, address delegator) internal view returns (uint128 shares) {
        (shares,) = registry.positionOf(with, delegator);
    }

    function worth(address with, address delegator) internal view returns (uint96 amount) {
        (, amount) = registry.positionOf(with, delegator);
    }

    function activeOf(address with) internal view returns (uint96 active) {
        (active,,) = registry.stakeOf(with);
    }

    function unbondingOf(address with) internal view returns (uint96 unbonding) {
        (, unbonding,) = registry.stakeOf(with);
    }

    function reservedOf(address with) internal view returns (uint96 reserved) {
        (,, reserved) = registry.stakeOf(with);
    }

    // ---------------------------------------------------------------------------------------------------------- refusals

    /// @dev The next call of `by` must revert like this.
    function refused(address by, bytes memory reason) internal {
        vm.expectRevert(reason);
        vm.prank(by);
    }

    function refused(address by, bytes4 reason, address argument) internal {
        refused(by, abi.encodeWithSelector(reason, argument));
    }

    function refused(address by, bytes4 reason, address first, address second) internal {
        refused(by, abi.encodeWithSelector(reason, first, second));
    }
}
