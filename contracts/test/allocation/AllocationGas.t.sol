// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { ProofRequest } from "../../src/request/ProofRequest.sol";
import { vm } from "../base/Vm.sol";
import { AllocationTest } from "./AllocationTest.sol";

/// @notice Gas of whole transactions on top of the market, and sizes.
contract AllocationGasTest is AllocationTest {
    function snap(string memory name) private {
        vm.snapshotGasLastCall("Allocation", name);
    }

    function test_size() public {
        address[3] memory deployed = [address(book), accounts.IMPLEMENTATION(), address(accounts)];
        string[3] memory names = ["AllocationBook", "RequesterAccount", "RequesterAccounts"];
        for (uint256 i = 0; i < names.length; ++i) {
            assertTrue(deployed[i].code.length <= 24_576, names[i]);
            vm.snapshotValue("Allocation", string.concat("size: ", names[i]), deployed[i].code.length);
        }
    }

    function test_accounts() public {
        accounts.create(rival.addr);
        snap("create account");
        vm.deal(address(this), 1 ether);
        accounts.create{ value: 1 ether }(prover.addr);
        snap("create account: with ether");
        vm.prank(client.addr);
        account.withdraw(1 ether);
        snap("withdraw from account");
    }

    function test_lock() public {
        Deal memory deal = newDeal(1);
        send(deal);
        snap("lock: named prover");
        deal = newDeal(2);
        pricedBy(deal, rival, UNDERCUT);
        send(deal);
        snap("lock: rival undercuts");
    }

    function test_plain_path() public {
        lock(requestOf(3), prover);
        snap("plain lock: owner's signature");
        Deal memory deal = newDeal(4);
        bytes memory signature = opening(deal);
        vm.warp(START + 21);
        lockPlainly(deal, signature, prover);
        snap("plain lock: window lapsed");
        deal = newDeal(requestAt(5), newTerms());
        signature = openingAlone(deal);
        vm.warp(OPEN_AT);
        lockPlainly(deal, signature, prover);
        snap("plain lock: from openAt on");
    }

    function requestAt(uint32 index) private view returns (ProofRequest memory request) {
        request = requestOf(index);
        request.offer.rampUpStart = START;
    }
}
