// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { ICommitteeBook } from "../../src/interfaces/ICommitteeBook.sol";
import { IMarket } from "../../src/interfaces/IMarket.sol";
import { Test } from "../base/Test.sol";
import { vm } from "../base/Vm.sol";
import { CommitteeHandler } from "./CommitteeHandler.sol";

/// @notice Committees under random use by a hostile exchange and hostile provers.
contract CommitteeInvariantTest is Test {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    CommitteeHandler private handler;

    function setUp() public {
        handler = new CommitteeHandler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), actions());
    }

    /// @dev What comes twice is done twice as often.
    function actions() private view returns (bytes4[] memory selectors) {
        selectors = new bytes4[](13);
        selectors[0] = handler.wait.selector;
        selectors[1] = handler.convene.selector;
        selectors[2] = handler.decline.selector;
        selectors[3] = handler.commit.selector;
        selectors[4] = handler.commit.selector;
        selectors[5] = handler.commit.selector;
        selectors[6] = handler.reveal.selector;
        selectors[7] = handler.reveal.selector;
        selectors[8] = handler.settle.selector;
        selectors[9] = handler.joinOrQuit.selector;
        selectors[10] = handler.lockPlainly.selector;
        selectors[11] = handler.conclude.selector;
        selectors[12] = handler.wait.selector;
    }

    function invariant_all_money_and_all_stake_is_accounted_for() public view {
        handler.audit();
    }

    function invariant_a_request_is_the_committees_or_everybodys() public {
        handler.auditPlainPath();
    }

    /// @dev Of a world where nothing ever happens all of this would hold too.
    function test_every_action_is_accepted_at_times() public {
        bytes4[6] memory names = [
            ICommitteeBook.convene.selector,
            ICommitteeBook.decline.selector,
            ICommitteeBook.commit.selector,
            ICommitteeBook.reveal.selector,
            ICommitteeBook.settle.selector,
            IMarket.lockRequest.selector
        ];
        uint256[6] memory accepted;
        for (uint256 world = 0; world < 4; ++world) {
            handler = new CommitteeHandler();
            play(world);
            handler.audit();
            handler.auditPlainPath();
            for (uint256 i = 0; i < 6; ++i) {
                accepted[i] += handler.accepted(names[i]);
            }
        }
        for (uint256 i = 0; i < 6; ++i) {
            assertTrue(accepted[i] >= 5, string.concat("hardly ever accepted: ", vm.toString(i)));
        }
    }

    function play(uint256 seed) private {
        bytes4[] memory selectors = actions();
        for (uint256 step = 0; step < 400; ++step) {
            seed = uint256(keccak256(abi.encode(seed)));
            (bool success,) = address(handler).call(abi.encodeWithSelector(selectors[seed % selectors.length], seed));
            assertTrue(success, "the handler reverted");
        }
    }
}
