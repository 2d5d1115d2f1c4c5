use super::*;
use alloy_primitives::{b256, hex};
use expect_test::{Expect, expect};
use proptest::prelude::*;

/// Block 24,666,352 of Ethereum and its time.
const BLOCK: B256 = b256!("0d5cbe009982d49db0fcedde0eff9f62e32d09ddd793501e7cc4738995ff0c70");
const AT: Time = Time(0x69b7_48a7 * 1_000);

/// The fields of a header in their order.
const FIELDS: [&str; 21] = [
    "parentHash",
    "sha3Uncles",
    "miner",
    "stateRoot",
    "transactionsRoot",
    "receiptsRoot",
    "logsBloom",
    "difficulty",
    "number",
    "gasLimit",
    "gasUsed",
    "timestamp",
    "extraData",
    "mixHash",
    "nonce",
    "baseFeePerGas",
    "withdrawalsRoot",
    "blobGasUsed",
    "excessBlobGas",
    "parentBeaconBlockRoot",
    "requestsHash",
];

/// Those that are written without leading zeros.
const NUMBERS: [&str; 8] = [
    "difficulty",
    "number",
    "gasLimit",
    "gasUsed",
    "timestamp",
    "baseFeePerGas",
    "blobGasUsed",
    "excessBlobGas",
];

/// The header of the example block with some fields changed.
fn header(changes: &[(&str, &str)]) -> Bytes {
    let text = include_str!("../../../../../examples/ethereum-block-24666352.json");
    let block: serde_json::Value = serde_json::from_str(text).unwrap();
    let block = block.get("result").unwrap_or(&block);
    let field = |name: &&str| {
        let changed = changes.iter().find(|(field, _)| field == name);
        let text = changed.map_or_else(|| block[*name].as_str().unwrap(), |(_, text)| *text);
        let digits = text.trim_start_matches("0x");
        let bytes = hex::decode(format!("{}{digits}", &"0"[..digits.len() % 2])).unwrap();
        let is_number = NUMBERS.contains(name);
        let zeros = bytes.iter().take_while(|byte| is_number && **byte == 0).count();
        Bytes::from(bytes[zeros..].to_vec())
    };
    let fields: Vec<Bytes> = FIELDS.iter().map(field).collect();
    let fields: Vec<&[u8]> = fields.iter().map(|field| &field[..]).collect();
    let mut rlp = Vec::new();
    alloy_rlp::encode_list::<&[u8], [u8]>(&fields, &mut rlp);
    rlp.into()
}

/// A block that was made on the example, a slot later, with these changes; and its time.
pub(crate) fn child(changes: &[(&str, &str)]) -> (FirstBlock, Time) {
    (block_on(header(&[]), AT + SLOT, changes), AT + SLOT)
}

/// Two blocks that were made at these times.
pub(crate) fn pair(parent: Time, at: Time) -> FirstBlock {
    block_on(header(&[("timestamp", &hex_s(parent))]), at, &[])
}

fn block_on(parent: Bytes, at: Time, changes: &[(&str, &str)]) -> FirstBlock {
    let (hash, at) = (keccak256(&parent).to_string(), hex_s(at));
    let ours = [changes, &[("parentHash", hash.as_str()), ("timestamp", &at)]].concat();
    let header = header(&ours);
    FirstBlock { hash: keccak256(&header), header, parent }
}

fn hex_s(at: Time) -> String {
    format!("{:#x}", at.0 / 1_000)
}

fn blocks() -> Blocks {
    Blocks::new(EPOCH).unwrap()
}

#[test]
fn a_block_of_ethereum_is_read() {
    let head = Head::read(&header(&[]), BLOCK, "the block").unwrap();
    assert_eq!(head.at, AT);
    assert_eq!(
        head.prevrandao,
        b256!("7ee6d6f179eed909fcbbbf21ff89458645578d00eb3ca57f43176f32cd04f989")
    );
    assert_eq!(
        head.parent,
        b256!("79276bbc305311c65314dcc67f2f46d28f7ccb6b33ddf1cc648f35596717d3df")
    );
}

#[test]
fn the_first_block_counts_and_no_other() {
    let check = |block: &FirstBlock, from: Time, expected: Expect| {
        let verdict = blocks().verify(block, from).map(|(mix, at)| format!("{mix} at {at}"));
        expected.assert_eq(&verdict.unwrap_or_else(|refusal| refusal.to_string()));
    };
    let (block, _) = child(&[]);
    let taken = "0x7ee6d6f179eed909fcbbbf21ff89458645578d00eb3ca57f43176f32cd04f989 at 1773619379";
    for from in [AT.next(), Time(AT.0 + 6_000), AT + SLOT] {
        assert_eq!(
            blocks().verify(&block, from).map(|(mix, at)| format!("{mix} at {at}")),
            Ok(taken.to_owned())
        );
    }
    check(
        &block,
        AT,
        expect!["an earlier block counts: its parent is of 1773619367 s, at or after 1773619367 s"],
    );
    check(
        &block,
        (AT + SLOT).next(),
        expect!["the block is of 1773619379 s, before 1773619379.001 s"],
    );
    let other = FirstBlock { hash: BLOCK, ..block.clone() };
    check(
        &other,
        AT.next(),
        expect![
            "the bytes of the block hash to 0xf36896a569adde866de6fa647354c81dc5c2a13df5e4cff572b338d2f05fdc8b, 0x0d5cbe009982d49db0fcedde0eff9f62e32d09ddd793501e7cc4738995ff0c70 is wanted"
        ],
    );
    let other = FirstBlock { parent: block.header.clone(), ..block };
    check(
        &other,
        AT.next(),
        expect![
            "the bytes of its parent hash to 0xf36896a569adde866de6fa647354c81dc5c2a13df5e4cff572b338d2f05fdc8b, 0x0d5cbe009982d49db0fcedde0eff9f62e32d09ddd793501e7cc4738995ff0c70 is wanted"
        ],
    );
    check(
        &child(&[("difficulty", "0x1")]).0,
        AT.next(),
        expect!["the bytes of the block are no block header of a chain with prevrandao"],
    );
    check(
        &child(&[("timestamp", "0x10000000000000000")]).0,
        AT.next(),
        expect!["the bytes of the block are no block header of a chain with prevrandao"],
    );
}

#[test]
fn a_flipped_bit_of_a_header_is_refused() {
    let (block, _) = child(&[]);
    for bit in 0..8 * block.header.len() {
        let flip = |bytes: &Bytes| {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            Bytes::from(flipped)
        };
        let flipped = FirstBlock { header: flip(&block.header), ..block.clone() };
        assert!(blocks().verify(&flipped, AT.next()).is_err(), "bit {bit} of the block");
        let flipped = FirstBlock { parent: flip(&block.parent), ..block.clone() };
        assert!(blocks().verify(&flipped, AT.next()).is_err(), "bit {bit} of its parent");
    }
}

#[test]
fn less_than_an_epoch_between_freeze_and_block_is_refused() {
    let refused = Blocks::new(Span::s(383)).unwrap_err();
    expect!["lag is 383 s; at least an epoch, 384 s, is needed"].assert_eq(&refused.to_string());
    assert_eq!(blocks().lag(), EPOCH);
}

proptest! {
    #[test]
    fn no_bytes_make_a_panic(header: Vec<u8>) {
        prop_assert!(Head::parse(&header).is_none());
    }

    #[test]
    fn no_change_of_a_header_makes_a_panic(place in 0usize..600, byte: u8) {
        let mut changed = header(&[]).to_vec();
        changed[place] = byte;
        if let Some(head) = Head::parse(&changed) {
            prop_assert!(head.at.0.is_multiple_of(1_000));
        }
    }
}
