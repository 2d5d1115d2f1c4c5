// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IMarket } from "../../src/interfaces/IMarket.sol";
import { RequestId } from "../../src/request/RequestId.sol";
import { vm } from "../base/Vm.sol";

/// @notice A token that only says yes: what it is asked to move is not the market's ledger.
contract AgreeableToken {
    uint256 public moved;

    function transfer(address, uint256 amount) external returns (bool) {
        moved += amount;
        return true;
    }
}

/// @notice Proofs about single steps of the whole market, from any state of the accounts and the lock that take part. The state
///         is written straight into storage, whose layout is published. Run by tools/halmos.mjs.
contract MarketProofs {
    address private constant CLIENT = address(0xc11e27);
    address private constant PROVER = address(0x9207e2);
    uint256 private constant INDEX = 7;
    RequestId private constant ID = RequestId.wrap((uint256(uint160(CLIENT)) << 32) | INDEX);

    IMarket private market;
    AgreeableToken private token;

    function setUp() public {
        token = new AgreeableToken();
        bytes memory code =
            abi.encodePacked(vm.getCode("Market.sol:Market"), abi.encode(address(this), address(token), address(this)));
        address deployed;
        assembly {
            deployed := create(0, add(code, 0x20), mload(code))
        }
        market = IMarket(deployed);
    }

    function accountSlot(address account) private pure returns (bytes32) {
        return keccak256(abi.encode(account, uint256(1)));
    }

    function lockSlot() private pure returns (uint256) {
        return uint256(keccak256(abi.encode(ID, uint256(0))));
    }

    function writeAccount(address account, uint96 balance, uint96 collateral, uint64 flags) private {
        uint256 word = uint256(balance) | (uint256(collateral) << 96) | (uint256(flags) << 192);
        vm.store(address(market), accountSlot(account), bytes32(word));
    }

    /// @notice Slash, from any lock of PROVER's that is past its deadline: the client has the price back unless somebody was
    ///         paid late, the collateral goes to the burn and to one recipient, and nothing else moves.
    function check_slash_conserves(
        uint96 clientBalance,
        uint96 proverCollateral,
        uint96 marketCollateral,
        uint96 price,
        uint96 collateral,
        bool paidLate
    ) external {
        vm.assume(uint256(clientBalance) + price < 2 ** 96);
        vm.assume(uint256(proverCollateral) + collateral < 2 ** 96);
        vm.assume(uint256(marketCollateral) + collateral < 2 ** 96);
        writeAccount(CLIENT, clientBalance, 0, uint64(1 << (2 * INDEX)));
        writeAccount(PROVER, 0, proverCollateral, 0);
        writeAccount(address(market), 0, marketCollateral, 0);
        writeLapsedLock(price, collateral, paidLate);

        market.slash(ID);

        uint256 toProver = market.balanceOfCollateral(PROVER) - proverCollateral;
        uint256 toMarket = market.balanceOfCollateral(address(market)) - marketCollateral;
        assert(token.moved() + toProver + toMarket == collateral);
        assert(paidLate ? toMarket == 0 : toProver == 0);
        assert(market.balanceOf(CLIENT) == uint256(clientBalance) + (paidLate ? 0 : price));
        assert(market.balanceOf(PROVER) == 0 && market.balanceOf(address(market)) == 0);
        assert(market.requestIsSlashed(ID) && market.requestIsLocked(ID));
        (,,,, uint96 left, uint96 leftCollateral,) = market.requestLocks(ID);
        assert(left == 0 && leftCollateral == 0);
    }

    function writeLapsedLock(uint96 price, uint96 collateral, bool paidLate) private {
        uint256 state = uint256(uint160(PROVER)) | (uint256(1000) << 160) | (uint256(100) << 224);
        if (paidLate) state |= uint256(2) << 248;
        vm.store(address(market), bytes32(lockSlot()), bytes32(state));
        vm.store(address(market), bytes32(lockSlot() + 1), bytes32((1 << 192) | (uint256(collateral) << 96) | price));
        vm.warp(1101);
    }

    /// @notice The burn is half of the collateral, rounded down. Below 2^8: the solver divides slowly.
    function check_slash_burns_half(uint8 collateral, bool paidLate) external {
        writeAccount(CLIENT, 0, 0, uint64(1 << (2 * INDEX)));
        writeLapsedLock(0, collateral, paidLate);
        market.slash(ID);
        assert(token.moved() == collateral / 2);
    }

    /// @notice Nobody slashes in time, twice, or what was paid in time.
    function check_slash_refuses(uint64 lockDeadline, uint24 delta, uint8 flags, bool held, uint64 now_) external {
        vm.assume(uint256(lockDeadline) + delta < 2 ** 64 && flags < 8);
        writeAccount(CLIENT, 0, 0, uint64(1 << (2 * INDEX)));
        uint256 state = uint256(uint160(PROVER)) | (uint256(lockDeadline) << 160) | (uint256(delta) << 224)
            | (uint256(flags) << 248);
        vm.store(address(market), bytes32(lockSlot()), bytes32(state));
        vm.store(address(market), bytes32(lockSlot() + 1), bytes32(held ? uint256(1 << 192) : 0));
        vm.warp(now_);
        (bool success,) = address(market).call(abi.encodeCall(IMarket.slash, (ID)));
        if (!success) return;
        assert(flags & 4 == 0);
        assert(held || flags != 0);
        assert(now_ > uint256(lockDeadline) + delta);
    }

    /// @notice A withdrawal takes exactly what is asked from the sender's own balance, or nothing at all.
    function check_withdrawCollateral(uint96 balance, uint96 collateral, uint64 flags, uint256 value) external {
        writeAccount(PROVER, balance, collateral, flags);
        vm.prank(PROVER);
        (bool success,) = address(market).call(abi.encodeCall(IMarket.withdrawCollateral, (value)));
        assert(success == (value <= collateral));
        assert(market.balanceOfCollateral(PROVER) == (success ? collateral - value : collateral));
        assert(token.moved() == (success ? value : 0));
        assert(market.balanceOf(PROVER) == balance);
        assert(uint256(vm.load(address(market), accountSlot(PROVER))) >> 192 == flags);
    }

    /// @notice What the treasury gets is the market's own account and nothing else.
    function check_sendToTreasury(uint96 clientBalance, uint96 clientCollateral, uint96 own) external {
        writeAccount(CLIENT, clientBalance, clientCollateral, 0);
        writeAccount(address(market), 0, own, 0);
        market.sendToTreasury();
        assert(token.moved() == own);
        assert(market.balanceOfCollateral(address(market)) == 0);
        assert(market.balanceOf(CLIENT) == clientBalance && market.balanceOfCollateral(CLIENT) == clientCollateral);
    }
}
