// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IMarket } from "../src/interfaces/IMarket.sol";
import { ProofRequest } from "../src/request/ProofRequest.sol";
import { RequestId } from "../src/request/RequestId.sol";
import { DeliveryTest } from "./base/DeliveryTest.sol";
import { vm } from "./base/Vm.sol";

contract SlashTest is DeliveryTest {
    address private constant BURN = 0x000000000000000000000000000000000000dEaD;

    ProofRequest private request;
    RequestId private id;

    function setUp() public override {
        super.setUp();
        request = newRequest(1);
        id = request.id;
    }

    function locked() private {
        lock(newRequest(1), prover);
    }

    function slashFails(bytes memory reason) private {
        expectRevert(reason);
        market.slash(id);
    }

    // ------------------------------------------------------------------------------------- reverts, in precedence order

    function test_1_id_with_unknown_bits() public {
        expectRevert(abi.encodeWithSelector(IMarket.InvalidRequest.selector));
        market.slash(RequestId.wrap(1 << 193));
    }

    function test_2_never_locked() public {
        slashFails(encoded(IMarket.RequestIsNotLocked.selector, id));
        priceAndDeliver(newRequest(1), prover);
        slashFails(encoded(IMarket.RequestIsNotLocked.selector, id));
    }

    function test_3_slashed_before() public {
        locked();
        vm.warp(START + 201);
        market.slash(id);
        slashFails(encoded(IMarket.RequestIsSlashed.selector, id));
    }

    function test_4_paid_during_the_lock() public {
        locked();
        market.fulfill(batchOf(newRequest(1), prover));
        slashFails(encoded(IMarket.RequestIsFulfilled.selector, id)); // though it has not expired either
        vm.warp(START + 201);
        slashFails(encoded(IMarket.RequestIsFulfilled.selector, id));
    }

    function test_5_before_the_deadline_has_passed() public {
        locked();
        bytes memory early = abi.encodeWithSelector(IMarket.RequestIsNotExpired.selector, id, START + 200);
        slashFails(early);
        vm.warp(START + 200);
        slashFails(early);
    }

    function test_5_a_late_delivery_does_not_hasten_it() public {
        locked();
        vm.warp(START + 150);
        deliver(request, rival);
        slashFails(abi.encodeWithSelector(IMarket.RequestIsNotExpired.selector, id, START + 200));
    }

    // ------------------------------------------------------------------------------------------------------------- paths

    function test_nobody_delivered() public {
        locked();
        vm.warp(START + 201);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.ProverSlashed(id, 0.5 ether, 0.5 ether, address(market));
        vm.prank(address(0xcafe));
        market.slash(id);
        assertEther(10 ether, 0, 0);
        assertCollateral(9 ether, 10 ether);
        assertEq(market.balanceOfCollateral(address(market)), 0.5 ether, "the market's account");
        assertEq(token.balanceOf(BURN), 0.5 ether, "burned");
        assertTrue(market.requestIsSlashed(id), "slashed");
        assertEq(flagsOf(id), SLASHED, "flags");
    }

    function test_another_prover_delivered_during_the_lock_the_client_has_its_proof_for_nothing() public {
        locked();
        market.fulfill(batchOf(newRequest(1), rival));
        vm.warp(START + 201);
        market.slash(id);
        assertEther(10 ether, 0, 0);
        assertCollateral(9 ether, 10 ether);
        assertEq(market.balanceOfCollateral(address(market)), 0.5 ether, "the market's account");
    }

    function test_the_winner_of_the_race_is_rewarded() public {
        locked();
        vm.warp(START + 150);
        deliver(request, rival);
        vm.warp(START + 201);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.ProverSlashed(id, 0.5 ether, 0.5 ether, rival.addr);
        market.slash(id);
        assertCollateral(9 ether, 10.5 ether);
        assertEther(10 ether, 0, 0);
        assertEq(market.balanceOfCollateral(address(market)), 0, "the market's account");
        slashFails(encoded(IMarket.RequestIsSlashed.selector, id));
    }

    function test_a_delivery_after_the_deadline_earns_nothing() public {
        locked();
        vm.warp(START + 201);
        deliver(request, rival);
        market.slash(id);
        assertCollateral(9 ether, 10 ether);
    }

    function test_a_token_that_reverts_does_not_hold_back_the_refund() public {
        locked();
        vm.warp(START + 201);
        vm.etch(address(token), hex"fe");
        market.slash(id);
        assertEther(10 ether, 0, 0);
        assertEq(market.balanceOfCollateral(BURN), 0.5 ether, "booked as burned");
    }

    /// An estimate of gas finds the least with which the call succeeds; it must not be one that skips the burn.
    function testFuzz_no_amount_of_gas_skips_the_burn(uint256 gas) public {
        locked();
        vm.warp(START + 201);
        gas = bound(gas, 30_000, 250_000);
        (bool done,) = address(market).call{ gas: gas }(abi.encodeCall(market.slash, (id)));
        assertEq(token.balanceOf(BURN), done ? 0.5 ether : 0, "burned");
    }

    function testFuzz_halves(uint96 collateral, bool delivered) public {
        collateral = uint96(bound(collateral, 0, 10 ether));
        request.offer.lockCollateral = collateral;
        ProofRequest memory copy = request;
        lock(copy, prover);
        vm.warp(START + 101);
        if (delivered) deliver(copy, rival);
        vm.warp(START + 201);
        market.slash(id);
        uint256 burned = collateral / 2; // rounding favours the recipient
        uint256 rest = collateral - burned;
        assertEq(token.balanceOf(BURN), burned, "burned");
        assertCollateral(10 ether - collateral, 10 ether + (delivered ? rest : 0));
        assertEq(market.balanceOfCollateral(address(market)), delivered ? 0 : rest, "the market's account");
        assertEq(token.balanceOf(address(market)), 20 ether - burned, "held");
    }
}
