// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { FulfillmentContext } from "../src/fulfillment/FulfillmentContext.sol";
import { FulfillmentData } from "../src/fulfillment/FulfillmentData.sol";
import { IMarket } from "../src/interfaces/IMarket.sol";
import { Offer } from "../src/request/Offer.sol";
import { Input, InputType, ProofRequest } from "../src/request/ProofRequest.sol";
import { RequestId } from "../src/request/RequestId.sol";
import { Callback, Predicate, PredicateType, Requirements } from "../src/request/Requirements.sol";
import { Eip712Reference } from "./base/Eip712Reference.sol";
import { LibraryHarness } from "./base/LibraryHarness.sol";
import { Test } from "./base/Test.sol";
import { vm } from "./base/Vm.sol";

contract FulfillmentDataTest is Test {
    LibraryHarness private harness = new LibraryHarness();

    function encode(bytes32 imageId, bytes memory journal) private pure returns (bytes memory) {
        return abi.encodePacked(uint256(0x20), abi.encode(imageId, journal));
    }

    /// @dev What decodes is exactly what encodes to the same bytes: the two readings of canonical agree.
    function accepts(bytes memory data) private view returns (bool) {
        try harness.decodeData(data) returns (bytes32 imageId, bytes memory journal) {
            assertEq(encode(imageId, journal), data, "not canonical");
            return true;
        } catch (bytes memory reason) {
            assertEq(bytes32(reason), bytes32(FulfillmentData.MalformedFulfillmentData.selector), "reason");
            return false;
        }
    }

    /// @dev Each byte of the padding counts, from its first bit on.
    function test_padding() public view {
        for (uint256 length = 1; length < 32; ++length) {
            bytes memory data = encode(keccak256("image"), new bytes(length));
            data[0x80 + length] = 0x80;
            assertFalse(accepts(data), "accepted");
        }
    }

    /// @dev A length that wraps around when it is rounded up to words.
    function test_a_length_beyond_all_bounds() public view {
        bytes memory data = abi.encode(0x20, keccak256("image"), 0x40, type(uint256).max);
        assertFalse(accepts(data), "accepted");
    }

    /// @dev The word after the data is not its length, even if it would fit to what is missing.
    function test_data_without_a_length() public view {
        bytes memory data = abi.encode(0x20, keccak256("image"), 0x40);
        bytes memory call =
            abi.encodePacked(LibraryHarness.decodeData.selector, uint256(0x20), data.length, data, -int256(0x20));
        (bool success, bytes memory reason) = address(harness).staticcall(call);
        assertFalse(success, "decoded");
        assertEq(bytes32(reason), bytes32(FulfillmentData.MalformedFulfillmentData.selector), "reason");
    }

    function testFuzz_round_trip(bytes32 imageId, bytes memory journal) public view {
        (bytes32 decodedId, bytes memory decoded) = harness.decodeData(encode(imageId, journal));
        assertEq(decodedId, imageId, "image id");
        assertEq(decoded, journal, "journal");
    }

    function testFuzz_anything(bytes memory data) public view {
        accepts(data);
    }

    function testFuzz_one_bit_of_structure_or_padding(bytes32 imageId, bytes memory journal, uint256 bit) public view {
        bytes memory data = encode(imageId, journal);
        bit = bound(bit, 0, data.length * 8 - 1);
        uint256 index = bit / 8;
        data[index] ^= bytes1(uint8(1 << (bit % 8)));
        bool accepted = accepts(data);
        if (index >= 0x60 && index < 0x80) return; // another length can be the encoding of another journal
        bool isImageId = index >= 0x20 && index < 0x40;
        bool isJournal = index >= 0x80 && index < 0x80 + journal.length;
        assertTrue(accepted == (isImageId || isJournal), "accepted");
    }

    function testFuzz_cut_or_extended(bytes32 imageId, bytes memory journal, uint256 length) public view {
        bytes memory data = encode(imageId, journal);
        length = bound(length, 0, data.length + 64);
        bytes memory other = new bytes(length);
        for (uint256 i = 0; i < length && i < data.length; ++i) {
            other[i] = data[i];
        }
        assertTrue(accepts(other) == (length == data.length), "accepted");
    }
}

contract OfferTest is Test {
    LibraryHarness private harness = new LibraryHarness();

    function isValid(Offer memory offer) private pure returns (bool) {
        return offer.minPrice <= offer.maxPrice && offer.rampUpPeriod <= offer.lockTimeout
            && offer.lockTimeout <= offer.timeout && offer.timeout - offer.lockTimeout <= 2 ** 24 - 1;
    }

    function testFuzz_validate(Offer memory offer) public view {
        bool fits = uint256(offer.rampUpStart) + offer.timeout <= type(uint64).max;
        try harness.validate(offer) returns (uint64 lockDeadline, uint64 deadline) {
            assertTrue(isValid(offer) && fits, "accepted");
            assertEq(lockDeadline, uint256(offer.rampUpStart) + offer.lockTimeout, "lock deadline");
            assertEq(deadline, uint256(offer.rampUpStart) + offer.timeout, "deadline");
        } catch (bytes memory reason) {
            assertFalse(isValid(offer) && fits, "refused");
            if (!isValid(offer)) assertEq(bytes32(reason), bytes32(IMarket.InvalidRequest.selector), "reason");
        }
    }

    function curve() private pure returns (Offer memory) {
        return Offer(100, 200, 1000, 10, 50, 80, 0);
    }

    function price(Offer memory offer, uint256 t, uint256 expected) private view {
        assertEq(harness.priceAt(offer, t), expected, vm.toString(t));
    }

    function test_price_table() public view {
        Offer memory offer = curve();
        price(offer, 0, 100);
        price(offer, 1000, 100);
        price(offer, 1001, 110);
        price(offer, 1009, 190);
        price(offer, 1010, 200);
        price(offer, 1011, 200);
        price(offer, 1050, 200);
        price(offer, 1051, 0);
        price(offer, type(uint64).max, 0);
        offer.rampUpPeriod = 0; // a step right after the start
        price(offer, 1000, 100);
        price(offer, 1001, 200);
        offer.lockTimeout = 0; // the lock deadline is the start
        price(offer, 1000, 100);
        price(offer, 1001, 0);
    }

    function testFuzz_price_rises_until_the_lock_deadline(uint96 low, uint96 high, uint32 period, uint32 t)
        public
        view
    {
        Offer memory offer = curve();
        (offer.minPrice, offer.maxPrice) = low <= high ? (low, high) : (high, low);
        offer.rampUpPeriod = period;
        offer.lockTimeout = offer.timeout = type(uint32).max;
        uint256 before = harness.priceAt(offer, uint256(1000) + t);
        assertTrue(before >= offer.minPrice && before <= offer.maxPrice, "bounds");
        if (t < type(uint32).max) assertTrue(harness.priceAt(offer, uint256(1001) + t) >= before, "falls");
    }
}

contract HashingTest is Test {
    LibraryHarness private harness = new LibraryHarness();

    /// @dev The contracts' hashing against the plainest reading of EIP-712, for any request at all.
    function testFuzz_request(
        RequestId id,
        Callback memory callback,
        bytes[3] memory texts,
        bytes4 selector,
        uint8 kinds,
        Offer memory offer
    ) public view {
        ProofRequest memory request = ProofRequest({
            id: id,
            requirements: Requirements(callback, Predicate(PredicateType(kinds % 3), texts[0]), selector),
            imageUrl: string(texts[1]),
            input: Input(InputType(kinds % 2), texts[2]),
            offer: offer
        });
        bytes32 domain = Eip712Reference.domain("IBoundlessMarket", address(harness));
        bytes32 expected = Eip712Reference.digest(domain, Eip712Reference.hash(request));
        assertEq(harness.requestDigest(request), expected, "request");
        expected = Eip712Reference.digest(domain, Eip712Reference.lockRequestHash(request));
        assertEq(harness.lockDigest(request), expected, "lock");
    }

    function testFuzz_domain_follows_a_chain_split(uint64 chainId) public {
        vm.chainId(bound(chainId, 1, type(uint64).max));
        bytes32 expected = Eip712Reference.domain("IBoundlessMarket", address(harness));
        assertEq(harness.eip712DomainSeparator(), expected, "separator");
        (bytes1 fields,,, uint256 chain, address at_, bytes32 salt, uint256[] memory extensions) =
            harness.eip712Domain();
        assertEq(bytes32(fields), bytes32(bytes1(0x0f)), "fields");
        assertEq(chain, block.chainid, "chain");
        assertEq(at_, address(harness), "contract");
        assertEq(salt, 0, "salt");
        assertEq(extensions.length, 0, "extensions");
    }

    function testFuzz_context_packs(uint96 price, bool expired) public view {
        FulfillmentContext context = harness.context(price, expired);
        uint256 raw = (1 << 127) | (expired ? 1 << 126 : 0) | price;
        assertEq(FulfillmentContext.unwrap(context), raw, "layout");
        (bool isValid, bool isExpired, uint96 read) = harness.readContext(context);
        assertTrue(isValid, "valid");
        assertTrue(isExpired == expired, "expired");
        assertEq(read, price, "price");
        (isValid,,) = harness.readContext(FulfillmentContext.wrap(0));
        assertFalse(isValid, "zero");
    }
}

contract GuardedTransferTest is Test {
    /// @dev What is left of this after the 64th that a caller keeps is 145,000: for the callee, and for the call itself.
    uint256 private constant LEAST = 147_302;

    LibraryHarness private harness = new LibraryHarness();

    function test_gas_is_demanded_from_the_least_that_a_callee_needs() public view {
        (uint256 low, uint256 high) = (100_000, 200_000); // too little and enough
        while (high - low > 1) {
            uint256 middle = (low + high) / 2;
            try harness.demandGas{ gas: middle }() returns (uint256) {
                high = middle;
            } catch (bytes memory reason) {
                assertEq(reason, abi.encodeWithSelector(IMarket.InsufficientGas.selector), "reason");
                low = middle;
            }
        }
        uint256 before = harness.demandGas{ gas: high }();
        assertTrue(before >= LEAST, "least");
        assertTrue(before < LEAST + 1000, "the way to the check costs little");
    }
}
