use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::*;
use crate::JournalLength;

fn real_block() -> Value {
    let text = include_str!("../../../../examples/ethereum-block-24666352.json");
    serde_json::from_str(text).unwrap()
}

fn real_chain() -> Vec<Value> {
    let child = made_child(&real_block()).unwrap();
    vec![real_block(), child]
}

/// A real chain of two, with one field of one block replaced; `null` removes it.
fn with(position: usize, field: &str, value: Value) -> Vec<Value> {
    let mut blocks = real_chain();
    blocks[position][field] = value;
    blocks
}

/// Gives a block the hash that its fields have.
fn rehash(block: &mut Value) {
    let header = OwnedHeader::from_json(0, block).unwrap();
    block["hash"] = Hash(keccak256(header.borrow().rlp()).0).to_string().into();
}

fn outcome(blocks: &[Value]) -> String {
    match input_from_json(blocks).map(|input| check(&input)) {
        Ok(Ok(journal)) => format!("{journal:#?}"),
        Ok(Err(fault)) => fault.to_string(),
        Err(error) => error.to_string(),
    }
}

fn expect_outcome(blocks: &[Value], expected: Expect) {
    expected.assert_eq(&outcome(blocks));
}

#[test]
fn the_real_header_has_its_hash() {
    expect_outcome(
        &[real_block()],
        expect![[r#"
            Journal {
                number: 24666352,
                hash: 0x0d5cbe009982d49db0fcedde0eff9f62e32d09ddd793501e7cc4738995ff0c70,
                parent_hash: 0x79276bbc305311c65314dcc67f2f46d28f7ccb6b33ddf1cc648f35596717d3df,
                state_root: 0xf0db02df4a215acc7db77cb3949a7dbf0641849f876acbdccece81db5bb03395,
                timestamp_s: 1773619367,
                header_count: 1,
                first_parent_hash: 0x79276bbc305311c65314dcc67f2f46d28f7ccb6b33ddf1cc648f35596717d3df,
            }"#]],
    );
}

#[test]
fn a_response_with_the_block_inside_is_the_same() {
    let response = json!({ "jsonrpc": "2.0", "id": 1, "result": real_block() });
    assert_eq!(input_from_json(&[response]), input_from_json(&[real_block()]));
}

#[test]
fn a_made_child_follows_the_real_header() {
    expect_outcome(
        &real_chain(),
        expect![[r#"
        Journal {
            number: 24666353,
            hash: 0xab839b796ef691401faa4ff373ec0f166eddafb8b339970d09be10d42dd8f025,
            parent_hash: 0x0d5cbe009982d49db0fcedde0eff9f62e32d09ddd793501e7cc4738995ff0c70,
            state_root: 0xf0db02df4a215acc7db77cb3949a7dbf0641849f876acbdccece81db5bb03395,
            timestamp_s: 1773619379,
            header_count: 2,
            first_parent_hash: 0x79276bbc305311c65314dcc67f2f46d28f7ccb6b33ddf1cc648f35596717d3df,
        }"#]],
    );
    let grandchild = made_child(&real_chain()[1]).unwrap();
    let journal = check(&input_from_json(&[real_chain(), vec![grandchild]].concat()).unwrap());
    assert_eq!(journal.unwrap().header_count, 3);
}

#[test]
fn each_lie_in_a_header_is_named() {
    expect_outcome(
        &with(0, "gasUsed", json!("0x34ee6d8")),
        expect![
            "header 24666352: hash is 0xc81c2d00e0619262039bc43b516acf8dd6dc0490901de1948a1e0dd740ab0bf5, the header says 0x0d5cbe009982d49db0fcedde0eff9f62e32d09ddd793501e7cc4738995ff0c70"
        ],
    );
    expect_outcome(
        &with(1, "hash", json!(Hash([7; 32]).to_string())),
        expect![
            "header 24666353: hash is 0xab839b796ef691401faa4ff373ec0f166eddafb8b339970d09be10d42dd8f025, the header says 0x0707070707070707070707070707070707070707070707070707070707070707"
        ],
    );

    let mut stranger = with(1, "parentHash", json!(Hash([7; 32]).to_string()));
    rehash(&mut stranger[1]);
    expect_outcome(
        &stranger,
        expect![
            "header 24666353: its parent is 0x0707070707070707070707070707070707070707070707070707070707070707, the header before it is 0x0d5cbe009982d49db0fcedde0eff9f62e32d09ddd793501e7cc4738995ff0c70"
        ],
    );

    let mut skipped = with(1, "number", json!("0x17860f2"));
    rehash(&mut skipped[1]);
    expect_outcome(&skipped, expect!["header 24666354: the header before it has number 24666352"]);

    let mut early = with(1, "timestamp", real_block()["timestamp"].clone());
    rehash(&mut early[1]);
    expect_outcome(
        &early,
        expect!["header 24666353: its timestamp 1773619367 is not after 1773619367, its parent's"],
    );
}

#[test]
fn json_that_is_no_block_is_refused() {
    let rows = [
        vec![],
        vec![json!("0x17860f0")],
        vec![json!({ "result": null })],
        with(1, "stateRoot", Value::Null),
        with(0, "requestsHash", json!(5)),
        with(0, "number", json!("24666352")),
        with(0, "number", json!("0x")),
        with(0, "number", json!("0x0x17")),
        with(0, "extraData", json!("0x123")),
        with(0, "miner", json!("0x1234")),
        with(0, "timestamp", json!("0x112233445566778899")),
        with(0, "baseFeePerGas", Value::Null),
        with(0, "blobGasUsed", Value::Null),
        with(0, "hash", Value::Null),
    ];
    let refusals: Vec<_> = rows.iter().map(|blocks| outcome(blocks)).collect();
    expect![[r#"
        no block given: at least one is needed
        block 0: expected a block object, or a JSON-RPC response with one as `result`
        block 0: expected a block object, or a JSON-RPC response with one as `result`
        block 1: stateRoot is missing
        block 0: requestsHash is not a 0x-prefixed hexadecimal string
        block 0: number is not a 0x-prefixed hexadecimal string
        block 0: number is not a 0x-prefixed hexadecimal string
        block 0: number is not a 0x-prefixed hexadecimal string
        block 0: extraData is not a 0x-prefixed hexadecimal string
        block 0: miner has 2 bytes, expected 20
        block 0: timestamp has 9 bytes, expected at most 8
        block 0: withdrawalsRoot is there but baseFeePerGas, which is older, is not
        block 0: excessBlobGas is there but blobGasUsed, which is older, is not
        block 0: hash is missing"#]]
    .assert_eq(&refusals.join("\n"));
}

#[test]
fn a_header_of_every_fork_is_read() {
    for count in FORK_FIELD_COUNTS {
        let mut block = real_block();
        for field in &FIELDS[count..] {
            block.as_object_mut().unwrap().remove(field.name);
        }
        rehash(&mut block);
        assert!(check(&input_from_json(&[block]).unwrap()).is_ok(), "{count} fields");
    }
}

#[test]
fn the_last_block_and_the_last_second_have_no_child() {
    let largest = json!("0xffffffffffffffff");
    let refusals = ["number", "timestamp"].map(|field| {
        let blocks = with(0, field, largest.clone());
        made_child(&blocks[0]).unwrap_err().to_string()
    });
    expect![[r#"
        block 0: it can have no child: number is at its largest value
        block 0: it can have no child: timestamp is at its largest value"#]]
    .assert_eq(&refusals.join("\n"));
}

#[test]
fn bytes_that_are_no_input_are_refused() {
    let input = input_from_json(&real_chain()).unwrap();
    let swap = |at: usize, byte: u8| {
        let mut bytes = input.clone();
        bytes[at] = byte;
        bytes
    };
    let rows = [
        vec![],
        swap(0, 2),
        vec![1, 0, 0],
        input[..700].to_vec(),
        [input.clone(), vec![0; 3]].concat(),
        // The first header's number of fields, and the length of its parent hash.
        swap(35, 18),
        swap(35, 255),
        swap(37, 33),
        vec![1, 255, 255],
    ];
    let refusals: Vec<_> = rows.iter().map(|row| check(row).unwrap_err().to_string()).collect();
    expect![[r#"
        input: ends at byte 0 in the middle of a header
        input: format 2 is unknown, this program reads format 1
        input: it has no header
        input: ends at byte 700 in the middle of a header
        input: 3 bytes follow the last header
        input: header 0 has 18 fields; a header has 15, 16, 17, 20 or 21
        input: ends at byte 1406 in the middle of a header
        input: ends at byte 1406 in the middle of a header
        input: ends at byte 3 in the middle of a header"#]]
    .assert_eq(&refusals.join("\n"));
}

#[test]
fn the_program_is_the_one_whose_digest_is_recorded() {
    let recorded = include_str!("../../../elf/SHA256SUMS");
    assert_eq!(recorded, format!("{}  block-header.elf\n", hex::encode(Sha256::digest(PROGRAM))));
}

#[test]
fn a_journal_has_one_length() {
    assert_eq!(Journal::decode(&[0; 147]), Err(JournalLength(147)));
    assert_eq!(Journal::decode(&[0; 149]), Err(JournalLength(149)));
}

proptest! {
    #[test]
    fn any_bytes_of_the_length_are_a_journal(bytes in proptest::collection::vec(any::<u8>(), 148)) {
        prop_assert_eq!(Journal::decode(&bytes).unwrap().encode(), bytes);
    }

    #[test]
    fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(check(&bytes).is_err());
    }

    #[test]
    fn every_changed_byte_is_noticed(at: prop::sample::Index, flip in 1u8..) {
        let mut input = input_from_json(&real_chain()).unwrap();
        let at = at.index(input.len());
        input[at] ^= flip;
        prop_assert!(check(&input).is_err());
    }

    #[test]
    fn every_truncation_is_noticed(length: prop::sample::Index) {
        let input = input_from_json(&real_chain()).unwrap();
        prop_assert!(check(&input[..length.index(input.len())]).is_err());
    }
}
