// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IMarket } from "../src/interfaces/IMarket.sol";
import { ICollateralToken } from "./base/ICollateralToken.sol";
import { MarketTest } from "./base/MarketTest.sol";
import { vm } from "./base/Vm.sol";

contract DepositCollateralTest is MarketTest {
    uint256 private constant DEADLINE = START + 1000;

    function permitFor(Party memory owner, uint256 value) private view returns (uint8 v, bytes32 r, bytes32 s) {
        bytes32 structHash = keccak256(
            abi.encode(
                0x6e71edae12b1b97f4d1f60370fef10105fa2faae0126114a169c64845d6126c9,
                owner.addr,
                address(market),
                value,
                token.nonces(owner.addr),
                DEADLINE
            )
        );
        return vm.sign(owner.key, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), structHash)));
    }

    function test_depositCollateral_reverts_without_allowance() public {
        token.mint(client.addr, 1 ether);
        vm.expectPartialRevert(bytes4(keccak256("TransferFromFailed()")));
        vm.prank(client.addr);
        market.depositCollateral(1 ether);
    }

    function test_depositCollateral_reverts_above_uint96() public {
        uint256 tooMuch = 1 << 96;
        token.mint(client.addr, tooMuch);
        vm.prank(client.addr);
        token.approve(address(market), tooMuch);
        expectRevert(abi.encodeWithSelector(IMarket.SafeCastOverflowedUintDowncast.selector, 96, tooMuch));
        vm.prank(client.addr);
        market.depositCollateral(tooMuch);
    }

    function test_permit_with_a_bad_signature_leaves_the_allowance_to_decide() public {
        token.mint(client.addr, 1 ether);
        vm.expectPartialRevert(bytes4(keccak256("TransferFromFailed()")));
        vm.prank(client.addr);
        market.depositCollateralWithPermit(1 ether, DEADLINE, 27, bytes32(uint256(1)), bytes32(uint256(1)));
    }

    function test_permit_spent_by_somebody_else_does_not_block_the_deposit() public {
        token.mint(client.addr, 1 ether);
        (uint8 v, bytes32 r, bytes32 s) = permitFor(client, 1 ether);
        token.permit(client.addr, address(market), 1 ether, DEADLINE, v, r, s);
        vm.prank(client.addr);
        market.depositCollateralWithPermit(1 ether, DEADLINE, v, r, s);
        assertEq(market.balanceOfCollateral(client.addr), 1 ether, "credited");
    }

    function testFuzz_depositCollateralTo(address to, uint96 value) public {
        uint256 before = market.balanceOfCollateral(to);
        value = uint96(bound(value, 0, type(uint96).max - before));
        token.mint(client.addr, value);
        vm.prank(client.addr);
        token.approve(address(market), value);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.CollateralDeposit(to, value);
        vm.prank(client.addr);
        market.depositCollateralTo(to, value);
        assertEq(market.balanceOfCollateral(to), before + value, "credited");
        assertEq(token.balanceOf(address(market)), 20 ether + uint256(value), "held");
    }

    function testFuzz_depositCollateralWithPermit(uint96 value, bool toOther) public {
        token.mint(client.addr, value);
        (uint8 v, bytes32 r, bytes32 s) = permitFor(client, value);
        vm.prank(client.addr);
        if (toOther) market.depositCollateralWithPermitTo(address(0xbeef), value, DEADLINE, v, r, s);
        else market.depositCollateralWithPermit(value, DEADLINE, v, r, s);
        assertEq(market.balanceOfCollateral(toOther ? address(0xbeef) : client.addr), value, "credited");
        assertEq(token.balanceOf(client.addr), 0, "pulled");
    }
}

contract WithdrawCollateralTest is MarketTest {
    function test_withdrawCollateral_reverts_beyond_the_balance() public {
        expectRevert(abi.encodeWithSelector(IMarket.InsufficientBalance.selector, prover.addr));
        vm.prank(prover.addr);
        market.withdrawCollateral(10 ether + 1);
    }

    function test_withdrawCollateral_reverts_when_the_token_says_false() public {
        RefusingToken refusing = new RefusingToken();
        IMarket other = IMarket(deploy("Market", abi.encode(router, refusing, treasury)));
        vm.prank(prover.addr);
        other.depositCollateral(1 ether);
        expectRevert(abi.encodeWithSelector(IMarket.TransferFailed.selector));
        vm.prank(prover.addr);
        other.withdrawCollateral(1 ether);
    }

    function testFuzz_withdrawCollateral(uint96 value) public {
        value = uint96(bound(value, 0, 10 ether));
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.CollateralWithdrawal(prover.addr, value);
        vm.prank(prover.addr);
        market.withdrawCollateral(value);
        assertEq(token.balanceOf(prover.addr), value, "sent");
        assertEq(market.balanceOfCollateral(prover.addr), 10 ether - value, "rest");
    }
}

/// @notice Takes deposits and gives nothing back, with a return value instead of a revert.
contract RefusingToken {
    mapping(address => uint256) public balanceOf;

    function transferFrom(address, address to, uint256 amount) external returns (bool) {
        balanceOf[to] += amount;
        return true;
    }

    function transfer(address, uint256) external pure returns (bool) {
        return false;
    }
}

contract CollateralTokenTest is MarketTest {
    function test_metadata() public view {
        assertEq(bytes(token.name()), "Rialto Collateral", "name");
        assertEq(bytes(token.symbol()), "RCT", "symbol");
        assertEq(token.decimals(), 18, "decimals");
    }

    function test_mint_reverts_for_strangers() public {
        expectRevert(abi.encodeWithSelector(ICollateralToken.NotAMinter.selector, rival.addr));
        vm.prank(rival.addr);
        token.mint(rival.addr, 1);
    }

    function test_setMinter_is_the_owners() public {
        expectRevert(abi.encodeWithSelector(ICollateralToken.Unauthorized.selector));
        vm.prank(rival.addr);
        token.setMinter(rival.addr, true);

        vm.expectEmit(true, true, true, true, address(token));
        emit ICollateralToken.MinterChanged(rival.addr, true);
        token.setMinter(rival.addr, true);
        vm.prank(rival.addr);
        token.mint(client.addr, 5);
        assertEq(token.balanceOf(client.addr), 5, "minted");

        token.setMinter(rival.addr, false);
        expectRevert(abi.encodeWithSelector(ICollateralToken.NotAMinter.selector, rival.addr));
        vm.prank(rival.addr);
        token.mint(client.addr, 5);
    }

    function test_the_owner_can_stop_minting_itself() public {
        token.setMinter(address(this), false);
        expectRevert(abi.encodeWithSelector(ICollateralToken.NotAMinter.selector, address(this)));
        token.mint(client.addr, 1);
    }

    function testFuzz_transfers_are_open(address from, address to, uint96 value) public {
        vm.assume(from != address(0) && from != address(market) && to != address(market));
        uint256 before = token.balanceOf(to);
        token.mint(from, value);
        vm.prank(from);
        token.transfer(to, value);
        assertEq(token.balanceOf(to), before + value, "received");
    }

    function test_no_contract_has_a_standing_allowance() public view {
        assertEq(token.allowance(client.addr, 0x000000000022D473030F116dDEE9F6B43aC78BA3), 0, "permit2");
    }
}
