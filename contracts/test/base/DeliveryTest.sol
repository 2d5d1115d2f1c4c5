// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import {
    DeliveredFulfillment,
    Fulfillment,
    FulfillmentBatch,
    ProofRequestBatch
} from "../../src/fulfillment/FulfillmentBatch.sol";
import { IMarket } from "../../src/interfaces/IMarket.sol";
import { ProofRequest } from "../../src/request/ProofRequest.sol";
import { RequestId } from "../../src/request/RequestId.sol";
import { MarketTest } from "./MarketTest.sol";
import { vm } from "./Vm.sol";

/// @notice Deliveries in one line each, and checks of who was paid.
abstract contract DeliveryTest is MarketTest {
    uint8 internal constant PAID_DURING_LOCK = 1;
    uint8 internal constant PAID_AFTER_LOCK = 2;
    uint8 internal constant SLASHED = 4;

    /// @notice Delivers without pricing, committing first when the fill is open. Returns the payment error.
    function deliver(ProofRequest memory request, Party memory by) internal returns (bytes memory) {
        FulfillmentBatch[] memory batches = batchOf(request, by);
        commit(batches);
        return market.fulfill(batches)[0];
    }

    function priceAndDeliver(ProofRequest memory request, Party memory by) internal returns (bytes memory) {
        FulfillmentBatch[] memory batches = batchOf(request, by);
        ProofRequestBatch[] memory priced = pricing(request);
        commit(batches);
        return market.priceAndFulfill(priced, batches)[0];
    }

    function expectFulfilled(ProofRequest memory request, Party memory by) internal {
        bytes32 digest = digestOf(request);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.RequestFulfilled(request.id, by.addr, digest);
    }

    function expectUnpaid(bytes memory reason) internal {
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.PaymentRequirementsFailed(reason);
    }

    function expectDelivered(ProofRequest memory request, Fulfillment memory fill, Party memory by) internal {
        bytes32 digest = digestOf(request);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.ProofDelivered(
            request.id,
            by.addr,
            DeliveredFulfillment(
                request.id, digest, fill.claimDigest, fill.fulfillmentDataType, fill.fulfillmentData, fill.seal
            )
        );
    }

    function assertEther(uint256 ofClient, uint256 ofProver, uint256 ofRival) internal view {
        assertEq(market.balanceOf(client.addr), ofClient, "client's ether");
        assertEq(market.balanceOf(prover.addr), ofProver, "prover's ether");
        assertEq(market.balanceOf(rival.addr), ofRival, "rival's ether");
    }

    function assertCollateral(uint256 ofProver, uint256 ofRival) internal view {
        assertEq(market.balanceOfCollateral(prover.addr), ofProver, "prover's collateral");
        assertEq(market.balanceOfCollateral(rival.addr), ofRival, "rival's collateral");
    }

    function assertPaid(bytes memory paymentError) internal pure {
        assertEq(paymentError, "", "payment error");
    }

    function isLocked(RequestId id) internal pure returns (bytes memory) {
        return encoded(IMarket.RequestIsLocked.selector, id);
    }

    function isFulfilled(RequestId id) internal pure returns (bytes memory) {
        return encoded(IMarket.RequestIsFulfilled.selector, id);
    }

    function isExpired(RequestId id) internal pure returns (bytes memory) {
        return encoded(IMarket.RequestIsExpired.selector, id);
    }
}
