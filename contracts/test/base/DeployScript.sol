// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Deploy } from "../../script/Deploy.s.sol";

/// @dev `forge test` builds scripts only when a test source imports them. The tests use this one by its artifact.
contract DeployScript is Deploy { }
