// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IMarket } from "../src/interfaces/IMarket.sol";
import { ProofRequest } from "../src/request/ProofRequest.sol";
import { RequestId } from "../src/request/RequestId.sol";
import { MarketTest } from "./base/MarketTest.sol";
import { vm } from "./base/Vm.sol";

contract SubmitRequestTest is MarketTest {
    function testFuzz_submitRequest_publishes_anything(uint256 id, bytes memory signature) public {
        ProofRequest memory request = newRequest(RequestId.wrap(id));
        request.offer.minPrice = request.offer.maxPrice + 1;
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.RequestSubmitted(request.id, request, signature);
        vm.prank(rival.addr);
        market.submitRequest(request, signature);
    }

    function testFuzz_submitRequest_credits_the_sender_not_the_client(uint96 value) public {
        value = uint96(bound(value, 1, type(uint96).max));
        ProofRequest memory request = newRequest(1);
        vm.deal(rival.addr, value);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.Deposit(rival.addr, value);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.RequestSubmitted(request.id, request, hex"01");
        vm.prank(rival.addr);
        market.submitRequest{ value: value }(request, hex"01");
        assertEq(market.balanceOf(rival.addr), value, "sender");
        assertEq(market.balanceOf(client.addr), 10 ether, "client");
    }
}
