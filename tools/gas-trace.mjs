#!/usr/bin/env node
// Where the gas of recorded transactions goes, opcode group by opcode group. Without arguments it traces every row below and
// writes docs/gas-traces.json, which tools/gas-table.mjs turns into a table of docs/gas.md; with the number of a row it prints
// that one. It runs a test of contracts/test/Gas.t.sol under forge's debugger, finds the transaction whose gas is the one in
// contracts/snapshots, and adds up its steps.
import { execFileSync } from "node:child_process";
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** Group and name of the snapshot, and the test that records it. */
const ROWS = [
  ["Market", "lockinRequest: base case", "test_lock"],
  ["Market", "fulfill: a locked request", "test_fulfill"],
  ["Market", "fulfill: a locked request with 10kB journal", "test_fulfill_10kB"],
  ["Market", "fulfillAndWithdraw: a locked request", "test_fulfillAndWithdraw"],
  ["Market", "priceAndFulfill: single, not locked", "test_priceAndFulfill_not_locked"],
  ["Market", "slash: base case", "test_slash"],
  ["Bench", "submitRootAndFulfill: a locked request", "test_submitRootAndFulfill"],
  ["Bench", "fulfill: batch of 001", "test_one"],
  ["Bench", "fulfill: batch of 002", "test_two"],
];
const CONTRACTS = { Market: "GasTest", Bench: "BenchGasTest", Network: "NetworkGasTest" };
const TEST = "0x7fa9385be102ac3eac297483dd6233d62b3e1496"; // forge's address of the test contract
const INTRINSIC = 21_000;

const GROUPS = [
  "intrinsic", "calldata", "SLOAD", "SSTORE", "calls", "logs", "hashing", "market", "others", "refund",
];
const GROUP_OF = new Map([
  [0x20, "hashing"],
  [0x31, "calls"], // BALANCE
  [0x3b, "calls"], // EXTCODESIZE
  [0x54, "SLOAD"],
  [0x55, "SSTORE"],
  [0x5c, "SLOAD"],
  [0x5d, "SSTORE"],
  ...[0xa0, 0xa1, 0xa2, 0xa3, 0xa4].map((op) => [op, "logs"]),
  ...[0xf0, 0xf1, 0xf2, 0xf4, 0xf5, 0xfa].map((op) => [op, "calls"]),
]);
const CALLS = new Set([0xf1, 0xf2, 0xf4, 0xfa]);

/** The debugger's dump without memory contents, which are nearly all of it. */
async function dump(contract, test) {
  const folder = mkdtempSync(join(tmpdir(), "gas-trace-"));
  const file = join(folder, "dump.json");
  try {
    const filter = ["--match-contract", `^${contract}$`, "--match-test", `^${test}\\(`];
    execFileSync(join(root, "tools/forge.sh"), ["test", ...filter, "--debug", "--dump", file], {
      env: { ...process.env, FOUNDRY_SNAPSHOTS: join(folder, "snapshots") }, // a single test would leave only its own rows
      stdio: ["ignore", "ignore", "inherit"],
    });
    let text = "";
    let rest = "";
    for await (const chunk of createReadStream(file, { encoding: "latin1", highWaterMark: 1 << 24 })) {
      rest += chunk;
      const whole = rest.lastIndexOf('"memory":"'); // what comes before it is complete
      if (whole <= 0) continue;
      text += rest.slice(0, whole).replace(/"memory":"[^"]*"/g, '"memory":""');
      rest = rest.slice(whole);
    }
    text += rest.replace(/"memory":"[^"]*"/g, '"memory":""');
    return JSON.parse(text).debug_arena;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Splits the segments between calls into the transactions that the test sends. */
function transactions(segments) {
  const found = [];
  let current;
  for (const segment of segments) {
    if (segment.address === TEST) current = undefined;
    else if (current) current.push(segment);
    else found.push((current = [segment]));
  }
  return found;
}

/**
 * Gas by group of one transaction. A call ends its caller's segment; a segment that does not start at pc 0 is the return. What
 * fits no group is the code of the market (stack, memory, copying, jumps) or that of the others.
 */
function account(segments) {
  const groups = Object.fromEntries(GROUPS.map((group) => [group, 0]));
  const add = (group, gas) => (groups[group] += gas);
  const market = segments[0].address;
  const bytes = Buffer.from(segments[0].calldata.slice(2), "hex");
  add("intrinsic", INTRINSIC);
  add("calldata", bytes.reduce((sum, byte) => sum + (byte === 0 ? 4 : 16), 0));
  const frames = []; // each: its gas at the start, and its call under way
  let ended = 0; // what the last frame to end has spent
  for (const { steps, address } of segments) {
    if (steps[0].pc === 0) {
      frames.push({ start: steps[0].gas_remaining });
    } else {
      const { step, gas } = frames.at(-1).call;
      const group = BigInt(step.stack.at(-2)) < 16n ? "hashing" : "calls"; // precompiles have no segment
      add(group, gas - steps[0].gas_remaining - ended);
    }
    ended = 0;
    for (const [index, step] of steps.entries()) {
      const next = steps[index + 1];
      if (!next && CALLS.has(step.op)) {
        frames.at(-1).call = { step, gas: step.gas_remaining };
      } else {
        const gas = next ? step.gas_remaining - next.gas_remaining : step.gas_cost;
        add(GROUP_OF.get(step.op) ?? (address === market ? "market" : "others"), gas);
        if (!next) ended = frames.pop().start - step.gas_remaining + step.gas_cost;
      }
    }
  }
  const spent = total(groups);
  add("refund", -Math.min(segments.at(-1).steps.at(-1).gas_refund_counter, Math.floor(spent / 5)));
  return groups;
}

const total = (groups) => Object.values(groups).reduce((sum, gas) => sum + gas, 0);

async function trace([group, name, test]) {
  const recorded = Number(JSON.parse(readFileSync(join(root, `contracts/snapshots/${group}.json`), "utf8"))[name]);
  const accounts = transactions(await dump(CONTRACTS[group], test)).map(account);
  const found = accounts.find((groups) => total(groups) === recorded);
  if (found) return { group, name, gas: recorded, parts: found };
  const sums = accounts.map(total).join(", ");
  throw new Error(`no transaction of ${test} takes the ${recorded} gas recorded for "${name}"; they take ${sums}`);
}

const only = process.argv[2];
if (only !== undefined) {
  console.log(await trace(ROWS[Number(only)]));
} else {
  const traces = [];
  for (const row of ROWS) traces.push(await trace(row));
  writeFileSync(join(root, "docs/gas-traces.json"), JSON.stringify(traces, null, 1) + "\n");
}
