//! What the endpoint answers: the JSON-RPC methods that this crate asks for.

use super::chain::{Block, Chain, Included, Transaction};
use super::contracts;
use super::ledger::{Effect, Message};
use crate::bindings::Market as abi;
use alloy::consensus::transaction::Recovered;
use alloy::consensus::{Transaction as _, TxEnvelope};
use alloy::eips::BlockId;
use alloy::eips::eip2718::Decodable2718;
use alloy::primitives::{Address, B256, Bytes, U64, U256};
use alloy::rpc::types::{Filter, Header, Log, TransactionRequest};
use alloy::sol_types::SolInterface;
use rialto_protocol::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// An error as endpoints put it into an answer.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) code: i64,
    pub(super) message: String,
    pub(super) data: Option<Bytes>,
}

type Answer = Result<Value, Refused>;

/// One question to a node that knows blocks up to `head`.
pub(super) struct Question<'a> {
    pub(super) method: &'a str,
    pub(super) params: &'a Value,
    pub(super) head: u64,
}

fn refused(code: i64, message: impl Into<String>) -> Refused {
    Refused { code, message: message.into(), data: None }
}

impl Question<'_> {
    fn param<T: DeserializeOwned>(&self, index: usize) -> Result<T, Refused> {
        let value = self.params.get(index).cloned().unwrap_or(Value::Null);
        serde_json::from_value(value).map_err(|error| refused(-32602, error.to_string()))
    }

    pub(super) fn answer(&self, chain: &mut Chain) -> Answer {
        match self.method {
            "eth_sendRawTransaction" => self.send(chain),
            _ => self.read(chain),
        }
    }

    fn read(&self, chain: &Chain) -> Answer {
        let head = self.head;
        match self.method {
            "eth_chainId" => Ok(json!(U64::from(chain.domain.chain_id))),
            "eth_blockNumber" => Ok(json!(U64::from(head))),
            "eth_gasPrice" => Ok(json!(U256::from(chain.base_fee + USUAL_TIP))),
            "eth_maxPriorityFeePerGas" => Ok(json!(U256::from(USUAL_TIP))),
            "eth_feeHistory" => self.fee_history(chain),
            "eth_getHeaderByNumber" => {
                Ok(self.block(chain, 0)?.map_or(Value::Null, |block| json!(header(block))))
            }
            "eth_getCode" => {
                let has_code = contracts::has_code(self.param(0)?);
                Ok(json!(Bytes::from(if has_code { vec![0xfe] } else { vec![] })))
            }
            "eth_getBalance" => {
                let account: Address = self.param(0)?;
                let state = chain.state_at(self.height(chain, 1)?).ok_or_else(too_old)?;
                Ok(json!(state.wei.get(&account).copied().unwrap_or_default()))
            }
            "eth_getTransactionCount" => self.count(chain),
            "eth_call" => self.call(chain),
            "eth_estimateGas" => self.estimate(chain),
            "eth_getLogs" => self.logs(chain),
            "eth_getTransactionReceipt" => self.receipt(chain),
            "eth_getTransactionBySenderAndNonce" => {
                let (account, nonce): (Address, U64) = (self.param(0)?, self.param(1)?);
                let pooled = chain.pool.get(&(account, nonce.to()));
                Ok(pooled.map_or(Value::Null, |it| shown(&it.transaction)))
            }
            other => Err(refused(-32601, format!("the method {other} does not exist"))),
        }
    }

    /// The number of the block that a parameter names.
    fn height(&self, chain: &Chain, index: usize) -> Result<u64, Refused> {
        if self.params.get(index).is_none_or(Value::is_null) {
            return Ok(self.head);
        }
        Ok(match self.param::<BlockId>(index)? {
            BlockId::Number(number) => number.as_number().unwrap_or(self.head),
            BlockId::Hash(hash) => {
                let named = chain.blocks.iter().rev().find(|block| block.hash == hash.block_hash);
                named.map_or(u64::MAX, |block| block.number)
            }
        })
    }

    fn block<'c>(&self, chain: &'c Chain, index: usize) -> Result<Option<&'c Block>, Refused> {
        let number = self.height(chain, index)?;
        let known = (number <= self.head).then_some(number);
        Ok(known.and_then(|number| chain.blocks.get(usize::try_from(number).ok()?)))
    }

    fn fee_history(&self, chain: &Chain) -> Answer {
        let (blocks, percentiles): (U64, Vec<f64>) = (self.param(0)?, self.param(2)?);
        let count = usize::try_from(blocks.to::<u64>()).unwrap_or(1).max(1);
        Ok(json!({
            "oldestBlock": U64::from(self.head.saturating_sub(count as u64 - 1)),
            "baseFeePerGas": vec![U256::from(chain.base_fee); count + 1],
            "gasUsedRatio": vec![0.5; count],
            "reward": vec![percentiles.into_iter().map(tip_at).collect::<Vec<_>>(); count],
        }))
    }

    fn count(&self, chain: &Chain) -> Answer {
        let account: Address = self.param(0)?;
        if matches!(self.param::<BlockId>(1), Ok(block) if block.is_pending()) {
            return Ok(json!(U64::from(chain.pending_nonce(account))));
        }
        let state = chain.state_at(self.height(chain, 1)?).ok_or_else(too_old)?;
        Ok(json!(U64::from(state.nonces.get(&account).copied().unwrap_or_default())))
    }

    fn simulate(&self, chain: &Chain) -> Result<Effect, Refused> {
        let request: TransactionRequest = self.param(0)?;
        let message = Message {
            from: request.from.unwrap_or_default(),
            to: request.to.and_then(|to| to.to().copied()).unwrap_or_default(),
            value: request.value.unwrap_or_default(),
            input: request.input.input().cloned().unwrap_or_default(),
            gas_limit: request.gas.unwrap_or(u64::MAX),
            now: Timestamp(0),
            block: 0,
        };
        let height = self.height(chain, 1)?;
        if message.to == contracts::MARKET
            && let Ok(call) = abi::MarketCalls::abi_decode(&message.input)
            && let Some(result) = chain.state_at(height).ok_or_else(too_old)?.view(call)
        {
            return Ok(Effect { result, logs: Vec::new(), gas_used: 21_000 });
        }
        let effect = chain.simulate(height, message).ok_or_else(too_old)?;
        match effect.result {
            Ok(_) => Ok(effect),
            Err(data) if data.is_empty() && effect.gas_used == request.gas.unwrap_or(u64::MAX) => {
                Err(refused(-32000, "out of gas"))
            }
            Err(data) => {
                let message = "execution reverted".to_owned();
                Err(Refused { code: 3, message, data: Some(data.into()) })
            }
        }
    }

    fn call(&self, chain: &Chain) -> Answer {
        let returned = self.simulate(chain)?.result.unwrap_or_default();
        Ok(json!(Bytes::from(returned)))
    }

    fn estimate(&self, chain: &Chain) -> Answer {
        Ok(json!(U64::from(self.simulate(chain)?.gas_used)))
    }

    fn logs(&self, chain: &Chain) -> Answer {
        let filter: Filter = self.param(0)?;
        if let Some(hash) = filter.get_block_hash() {
            let known = chain.blocks.iter().rev().find(|block| block.hash == hash);
            let block = known.filter(|block| block.number <= self.head);
            let block = block.ok_or_else(|| refused(-32000, "unknown block"))?;
            let logs = block_logs(block).filter(|log| filter.address.matches(&log.inner.address));
            return Ok(json!(logs.collect::<Vec<Log>>()));
        }
        let from = filter.get_from_block().unwrap_or(self.head);
        let to = filter.get_to_block().unwrap_or(self.head).min(self.head);
        let blocks = chain.blocks.iter().skip(usize::try_from(from).unwrap_or(usize::MAX));
        let blocks = blocks.take_while(|block| block.number <= to);
        let logs =
            blocks.flat_map(block_logs).filter(|log| filter.address.matches(&log.inner.address));
        Ok(json!(logs.collect::<Vec<Log>>()))
    }

    fn receipt(&self, chain: &Chain) -> Answer {
        let hash: B256 = self.param(0)?;
        let Some((number, index)) = chain.places.get(&hash) else { return Ok(Value::Null) };
        if *number > self.head || chain.faults.hides_receipt(hash, chain.now_ms) {
            return Ok(Value::Null);
        }
        let block = &chain.blocks[usize::try_from(*number).unwrap_or(0)];
        let included = &block.included[*index];
        let logs: Vec<Log> = logs_of(block, *index, included).collect();
        let gas_used = U64::from(included.effect.gas_used);
        Ok(json!({
            "type": "0x2",
            "status": U64::from(u64::from(included.effect.result.is_ok())),
            "cumulativeGasUsed": gas_used,
            "gasUsed": gas_used,
            "effectiveGasPrice": U256::from(included.gas_price),
            "logs": logs,
            "logsBloom": alloy::primitives::Bloom::ZERO,
            "transactionHash": hash,
            "transactionIndex": U64::from(*index as u64),
            "blockHash": block.hash,
            "blockNumber": U64::from(block.number),
            "from": included.transaction.from,
            "to": included.transaction.to,
            "contractAddress": null,
        }))
    }

    fn send(&self, chain: &mut Chain) -> Answer {
        let raw: Bytes = self.param(0)?;
        let malformed = |_| refused(-32000, "rlp: cannot decode the transaction");
        let signed = TxEnvelope::decode_2718(&mut raw.as_ref()).map_err(malformed)?;
        if signed.chain_id() != Some(chain.domain.chain_id) {
            return Err(refused(-32000, "invalid chain id for signer"));
        }
        let signer = signed.signature().recover_address_from_prehash(&signed.signature_hash());
        let from = signer.map_err(|_| refused(-32000, "invalid sender"))?;
        let transaction = Transaction {
            hash: *signed.tx_hash(),
            from,
            nonce: signed.nonce(),
            to: signed.to().unwrap_or_default(),
            value: signed.value(),
            input: signed.input().clone(),
            gas_limit: signed.gas_limit(),
            max_fee: signed.max_fee_per_gas(),
            tip: signed.max_priority_fee_per_gas().unwrap_or_default(),
            signed: Some(signed),
        };
        chain.admit(transaction).map(|hash| json!(hash)).map_err(|why| refused(-32000, why))
    }
}

/// The tip that half of all others pay at most, in wei per gas.
const USUAL_TIP: u128 = 100_000_000;

/// Tips are spread evenly from half of the usual one to half as much again.
fn tip_at(percentile: f64) -> U256 {
    U256::from(USUAL_TIP as f64 * (0.5 + percentile / 100.0))
}

fn too_old() -> Refused {
    refused(-32000, "header not found")
}

fn header(block: &Block) -> Header {
    let inner = alloy::consensus::Header {
        parent_hash: block.parent,
        number: block.number,
        timestamp: block.timestamp.0,
        gas_limit: 30_000_000,
        base_fee_per_gas: Some(u64::try_from(block.base_fee).unwrap_or(u64::MAX)),
        ..Default::default()
    };
    Header { hash: block.hash, inner, total_difficulty: None, size: None }
}

/// All logs of a block, in order.
pub(super) fn block_logs(block: &Block) -> impl Iterator<Item = Log> + '_ {
    let numbered = block.included.iter().enumerate();
    numbered.flat_map(|(index, included)| logs_of(block, index, included))
}

fn logs_of<'a>(
    block: &'a Block,
    index: usize,
    included: &'a Included,
) -> impl Iterator<Item = Log> + 'a {
    let logs = included.effect.logs.iter().enumerate();
    logs.map(move |(nth, (address, data))| Log {
        inner: alloy::primitives::Log { address: *address, data: data.clone() },
        block_hash: Some(block.hash),
        block_number: Some(block.number),
        block_timestamp: Some(block.timestamp.0),
        transaction_hash: Some(included.transaction.hash),
        transaction_index: Some(index as u64),
        log_index: Some(included.first_log + nth as u64),
        removed: false,
    })
}

fn shown(transaction: &Transaction) -> Value {
    let Some(signed) = transaction.signed.clone() else { return Value::Null };
    json!(alloy::rpc::types::Transaction::<TxEnvelope> {
        inner: Recovered::new_unchecked(signed, transaction.from),
        block_hash: None,
        block_number: None,
        transaction_index: None,
        effective_gas_price: None,
        block_timestamp: None,
    })
}
