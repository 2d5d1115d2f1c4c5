// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Account, AccountLib, AccountState } from "../../src/ledger/Account.sol";
import { Escrow, EscrowLib, LockState, LockStateLib } from "../../src/ledger/RequestLock.sol";
import { vm } from "../base/Vm.sol";

/// @notice Proofs about the words in which the ledger keeps accounts and locks, for all values: run by tools/halmos.mjs.
contract LedgerProofs {
    mapping(address => Account) private accounts;

    function credited(uint256 word, uint96 value, uint96 collateral) external pure returns (AccountState) {
        return AccountState.wrap(word).credited(value, collateral);
    }

    /// @notice A credit adds both amounts, touches no flag, and is refused exactly when a balance would leave its field.
    function check_credit(uint256 word, uint96 value, uint96 collateral) external view {
        AccountState before = AccountState.wrap(word);
        (bool success, bytes memory result) =
            address(this).staticcall(abi.encodeCall(this.credited, (word, value, collateral)));
        uint256 balance = uint256(before.balance()) + value;
        uint256 collateralBalance = uint256(before.collateralBalance()) + collateral;
        assert(success == (balance < 2 ** 96 && collateralBalance < 2 ** 96));
        if (!success) return;
        AccountState state = abi.decode(result, (AccountState));
        assert(state.balance() == balance);
        assert(state.collateralBalance() == collateralBalance);
        assert(AccountState.unwrap(state) >> 192 == word >> 192);
    }

    /// @notice A debit that the balances cover takes both amounts and touches no flag.
    function check_debit(uint256 word, uint96 value, uint96 collateral) external pure {
        AccountState before = AccountState.wrap(word);
        vm.assume(before.balance() >= value && before.collateralBalance() >= collateral);
        AccountState state = before.debited(value, collateral);
        assert(state.balance() == before.balance() - value);
        assert(state.collateralBalance() == before.collateralBalance() - collateral);
        assert(AccountState.unwrap(state) >> 192 == word >> 192);
    }

    /// @notice Setting one flag of one of the first 32 indexes changes no other flag of any of them, and no balance.
    function check_flags_of_an_index(uint256 word, uint32 index, uint32 other, bool lockIt) external {
        vm.assume(index < 32 && other < 32);
        Account storage account = accounts[address(0)];
        account.setState(AccountState.wrap(word));
        uint256 own = account.requestFlags(index);
        uint256 others = account.requestFlags(other);
        if (lockIt) account.setLocked(index);
        else assert(account.setFulfilled(index) == own);
        assert(account.requestFlags(index) == own | (lockIt ? AccountLib.LOCKED : AccountLib.FULFILLED));
        if (other != index) assert(account.requestFlags(other) == others);
        assert(uint192(AccountState.unwrap(account.state())) == uint192(word));
    }

    /// @notice A new lock reads back as it was written, is neither paid nor slashed, and its deadline is the sum.
    function check_lock_reads_back(address prover, uint64 lockDeadline, uint24 delta, uint96 price, uint96 collateral)
        external
        pure
    {
        vm.assume(prover != address(0) && uint256(lockDeadline) + delta < 2 ** 64);
        LockState state = LockStateLib.locked(prover, lockDeadline, delta);
        Escrow escrow = EscrowLib.held(price, collateral);
        assert(state.prover() == prover && state.lockDeadline() == lockDeadline);
        assert(state.deadline() == uint256(lockDeadline) + delta);
        assert(escrow.price() == price && escrow.collateral() == collateral && escrow.isHeld());
        assert(!state.isPaid(escrow) && !state.has(LockStateLib.SLASHED));
    }

    /// @notice The three ends of a lock exclude each other: after one, no other reads as having happened.
    function check_ends_of_a_lock(address prover, uint64 lockDeadline, uint24 delta, address late) external pure {
        vm.assume(prover != address(0) && uint256(lockDeadline) + delta < 2 ** 64);
        LockState state = LockStateLib.locked(prover, lockDeadline, delta);
        Escrow settled = Escrow.wrap(0);
        assert(state.isPaidDuringLock(settled));
        LockState paidLate = state.withProver(late).with(LockStateLib.PAID_AFTER_LOCK);
        assert(paidLate.prover() == late && paidLate.deadline() == state.deadline());
        assert(paidLate.has(LockStateLib.PAID_AFTER_LOCK) && !paidLate.has(LockStateLib.SLASHED));
        assert(!paidLate.isPaidDuringLock(settled) && paidLate.isPaid(settled));
        LockState slashed = state.with(LockStateLib.SLASHED);
        assert(!slashed.isPaidDuringLock(settled) && !slashed.isPaid(settled));
        LockState both = paidLate.with(LockStateLib.SLASHED);
        assert(both.isPaid(settled) && !both.isPaidDuringLock(settled) && both.prover() == late);
    }
}
