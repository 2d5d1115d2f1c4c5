// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { vm } from "../base/Vm.sol";
import { CommitteeTest } from "./CommitteeTest.sol";

/// @notice Gas of whole transactions of a committee, and the contract's size.
contract CommitteeGasTest is CommitteeTest {
    function snap(string memory name) private {
        vm.snapshotGasLastCall("Committee", name);
    }

    function test_size() public {
        assertTrue(address(book).code.length <= 24_576, "size");
        vm.snapshotValue("Committee", "size: CommitteeBook", address(book).code.length);
    }

    function test_consent() public {
        vm.prank(provers[0].addr);
        book.join(stranger.addr, COLLATERAL, NOTICE);
        snap("join");
        vm.prank(provers[0].addr);
        book.quit(stranger.addr);
        snap("quit");
    }

    /// @dev Market balances of the provers are used for the first time, as is everything else.
    function test_all_three_deliver() public {
        Case memory made = newCase(100, 3);
        convene(made);
        snap("convene: 3 provers");
        Proof[3] memory proofs;
        for (uint256 i = 0; i < 3; ++i) {
            proofs[i] = commit(made.request, provers[i]);
            if (i == 0) snap("commit: first of 3");
            if (i == 2) snap("commit: last of 3");
        }
        reveal(proofs[0]);
        snap("reveal: first of 3");
        reveal(proofs[2]);
        reveal(proofs[1]);
        snap("reveal: last of 3");
        book.settle(made.request.id);
        snap("settle: 3 delivered");
    }

    function test_one_declines_and_another_steps_in() public {
        Case memory made = convened(100, 3);
        decline(made.request.id, provers[1]);
        snap("decline");
        commit(made.request, provers[4]);
        snap("commit: in a declined place");
        Proof memory proof = commit(made.request, provers[0]);
        after_(made.committee.commitBy);
        reveal(proof);
        after_(made.committee.revealBy);
        book.settle(made.request.id);
        snap("settle: 1 delivered, 2 slashed");
    }

    function test_nobody_delivers() public {
        Case memory made = convened(100, 3);
        after_(made.committee.revealBy);
        book.settle(made.request.id);
        snap("settle: 3 slashed");
    }

    function test_one_and_ten_provers() public {
        convened(100, 1);
        snap("convene: 1 prover");
        addProvers(2);
        Case memory made = convened(101, 10);
        snap("convene: 10 provers");
        Proof[10] memory proofs;
        for (uint256 i = 0; i < 10; ++i) {
            proofs[i] = commit(made.request, provers[i]);
        }
        for (uint256 i = 0; i < 10; ++i) {
            reveal(proofs[i]);
        }
        book.settle(made.request.id);
        snap("settle: 10 delivered");
    }
}
