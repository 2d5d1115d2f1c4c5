// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Test } from "../base/Test.sol";
import { MaliciousExchangeHandler } from "./MaliciousExchangeHandler.sol";

/// @notice The theorem of the exchange: whatever it signs and with whomever it colludes, it can only delay a request until
///         `openAt` and choose a price within what the requester signed. The handler asserts it action by action.
contract MaliciousExchangeInvariantTest is Test {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    MaliciousExchangeHandler private handler;

    function setUp() public {
        handler = new MaliciousExchangeHandler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), actions());
    }

    function invariant_nobody_pays_more_or_twice() public view {
        handler.audit();
    }

    function invariant_ether_is_conserved() public view {
        (uint256 ether_, uint256 owed) = handler.held();
        assertEq(ether_, owed, "ether");
    }

    /// @dev The theorem would hold of a world where nothing ever happens.
    function test_every_action_is_accepted_at_times() public {
        bytes4[] memory selectors = actions();
        uint256[] memory accepted = new uint256[](selectors.length);
        for (uint256 world = 0; world < 6; ++world) {
            handler = new MaliciousExchangeHandler();
            play(world);
            handler.audit();
            for (uint256 i = 0; i < selectors.length; ++i) {
                accepted[i] += handler.accepted(selectors[i]);
            }
        }
        for (uint256 i = 1; i < selectors.length - 1; ++i) {
            assertTrue(accepted[i] >= 5, "hardly ever accepted");
        }
        assertEq(accepted[selectors.length - 1], 0, "meddling");
    }

    function play(uint256 seed) private {
        bytes4[] memory selectors = actions();
        for (uint256 step = 0; step < 400; ++step) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256[6] memory words;
            for (uint256 i = 0; i < 6; ++i) {
                words[i] = uint256(keccak256(abi.encode(seed, i)));
            }
            call(selectors[seed % selectors.length], words);
        }
    }

    function call(bytes4 selector, uint256[6] memory words) private {
        if (selector == handler.wait.selector) {
            handler.wait(words[0] % 25 + 1);
        } else if (selector == handler.sign.selector) {
            handler.sign(words[0], words[1], words[2], words[3], words[4], words[5]);
        } else if (selector == handler.lockAllocated.selector) {
            handler.lockAllocated(words[0], words[1], uint96(words[2]), words[3]);
        } else if (selector == handler.lockPlainly.selector) {
            handler.lockPlainly(words[0], words[1], words[2], words[3] % 2 == 0);
        } else if (selector == handler.fulfillPlainly.selector) {
            handler.fulfillPlainly(words[0], words[1], words[2], words[3] % 2 == 0);
        } else if (selector == handler.deliver.selector) {
            handler.deliver(words[0]);
        } else if (selector == handler.slash.selector) {
            handler.slash(words[0]);
        } else if (selector == handler.moveFunds.selector) {
            handler.moveFunds(words[0], words[1] % 2 == 0);
        } else {
            handler.meddle(words[0], words[1], uint96(words[2]));
        }
    }

    /// @dev Waiting first and meddling last: neither is ever accepted or refused.
    function actions() private view returns (bytes4[] memory selectors) {
        selectors = new bytes4[](9);
        selectors[0] = handler.wait.selector;
        selectors[1] = handler.sign.selector;
        selectors[2] = handler.lockAllocated.selector;
        selectors[3] = handler.lockPlainly.selector;
        selectors[4] = handler.fulfillPlainly.selector;
        selectors[5] = handler.deliver.selector;
        selectors[6] = handler.slash.selector;
        selectors[7] = handler.moveFunds.selector;
        selectors[8] = handler.meddle.selector;
    }
}
