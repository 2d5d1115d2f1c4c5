use super::*;
use alloy::json_abi::JsonAbi;
use expect_test::expect_file;

const ABIS: [&str; 5] = [
    include_str!("../../abi/Market.json"),
    include_str!("../../abi/VerifierRouter.json"),
    include_str!("../../abi/OnChainAssessor.json"),
    include_str!("../../abi/AttestedVerifier.json"),
    include_str!("../../abi/CollateralToken.json"),
];

/// Errors of other deployments and of libraries, which no ABI of ours declares.
const FOREIGN: [&str; 11] = [
    "0x439cc0cd",
    "0xe4ea6542",
    "0xde03ac4c",
    "0x50a41efb",
    "0x873fd26b",
    "0x0f8e3e46",
    "0x99faaa04",
    "0xbaa3de5f",
    "0x119c3200",
    "0x89d1eef7",
    "0xca84d1f9",
];

/// A selector and as many zero words as any error has arguments.
fn sentence(selector: [u8; 4], words: usize) -> String {
    let data = [selector.as_slice(), &vec![0; 32 * words]].concat();
    let revert = MarketRevert::decode(&data);
    assert!(!matches!(revert, MarketRevert::Unknown(_)), "{selector:02x?} has no sentence");
    revert.to_string()
}

#[test]
fn every_error_has_a_sentence() {
    let mut table = String::new();
    for abi in ABIS {
        let contract: serde_json::Value = serde_json::from_str(abi).unwrap();
        let abi: JsonAbi = serde_json::from_value(contract["abi"].clone()).unwrap();
        for error in abi.errors() {
            let said = sentence(error.selector().0, error.inputs.len());
            table += &format!("{}: {said}\n", error.signature());
        }
    }
    for selector in FOREIGN {
        let bytes = alloy::primitives::hex::decode_to_array::<_, 4>(selector).unwrap();
        table += &format!("{selector}: {}\n", sentence(bytes, 1));
    }
    expect_file!["sentences.txt"].assert_eq(&table);
}

#[test]
fn words_panics_and_strangers_are_told_apart() {
    use alloy::primitives::hex;
    let said = hex!(
        "08c379a000000000000000000000000000000000000000000000000000000000000000200000000000000000000000000000000000000000000000000000000000000003776879000000000000000000000000000000000000000000000000000000000000000000"
    );
    let cases: [(&[u8], MarketRevert); 5] = [
        (&[], MarketRevert::NoReason),
        (&said[..100], MarketRevert::Message("why".to_owned())),
        (
            &hex!("4e487b710000000000000000000000000000000000000000000000000000000000000011"),
            MarketRevert::Panic(U256::from(0x11)),
        ),
        (&[1, 2, 3, 4, 5], MarketRevert::Unknown(vec![1, 2, 3, 4, 5].into())),
        // An id with stray bits is no id, so the error is not the market's.
        (
            &hex!("a9057651ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
            MarketRevert::Unknown(
                hex!("a9057651ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")
                    .into(),
            ),
        ),
    ];
    for (data, expected) in cases {
        assert_eq!(MarketRevert::decode(data), expected);
    }
}
