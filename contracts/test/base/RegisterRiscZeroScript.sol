// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { RegisterRiscZero } from "../../script/RegisterRiscZero.s.sol";

/// @dev `forge test` builds scripts only when a test source imports them. The tests use this one by its artifact.
contract RegisterRiscZeroScript is RegisterRiscZero { }
