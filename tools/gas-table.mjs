#!/usr/bin/env node
// Writes docs/gas.md from contracts/snapshots, docs/gas-published.json and docs/gas-traces.json. With --check it writes nothing
// and exits with 1 when the file is not current, when a published row was not measured, or when one costs more than published.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const read = (path) => JSON.parse(readFileSync(join(root, path), "utf8"));
const check = process.argv.includes("--check");
const problems = [];

const published = read("docs/gas-published.json");
const traces = read("docs/gas-traces.json");
const snapshots = Object.fromEntries(
  ["Market", "Bench", "Network", "Sizes"].map((group) => [group, read(`contracts/snapshots/${group}.json`)]),
);
const number = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, ",");

const rows = published.rows.map(([group, name, router, legacy]) => {
  const ours = Number(snapshots[group][name]);
  if (!ours) problems.push(`"${name}" was not measured`);
  const better = Math.min(router, legacy);
  if (ours > better) problems.push(`"${name}" takes ${ours} gas, published are ${router} and ${legacy}`);
  return { group, name, ours, router, legacy, ratio: ours / better };
});
for (const { group, name, gas } of traces) {
  if (Number(snapshots[group][name]) !== gas) problems.push(`the trace of "${name}" is old; run tools/gas-trace.mjs`);
}

function comparison(group, title) {
  const lines = rows
    .filter((row) => row.group === group)
    .map(
      ({ name, ours, router, legacy, ratio }) =>
        `| ${name} | ${number(ours)} | ${number(router)} | ${number(legacy)} | ${ratio.toFixed(3)} |`,
    );
  const head = `| ${title} | here | theirs, router | theirs, legacy | of the better |\n|---|---:|---:|---:|---:|`;
  return [head, ...lines].join("\n");
}

function anatomy() {
  const groups = Object.keys(traces[0].parts);
  const lines = traces.map(
    ({ name, gas, parts }) => `| ${name} | ${number(gas)} | ${groups.map((group) => number(parts[group])).join(" | ")} |`,
  );
  return [`| transaction | gas | ${groups.join(" | ")} |`, `|---|${"---:|".repeat(groups.length + 1)}`, ...lines].join("\n");
}

/** What a row would cost if all code of ours ran for nothing. */
const floor = (name) => {
  const { parts } = traces.find((trace) => trace.name === name);
  return Object.entries(parts).reduce((sum, [part, gas]) => (part === "market" || part === "others" ? sum : sum + gas), 0);
};
const target = (name) => Math.floor(0.85 * Math.min(...published.rows.find((row) => row[1] === name).slice(2)));
const bound = (name) => `${number(floor(name))} against ${number(target(name))}`;

const network = Object.entries(snapshots.Network).map(([name, gas]) => `| ${name} | ${number(gas)} |`);
const sizes = Object.entries(snapshots.Sizes).map(([name, size]) => `| ${name} | ${number(size)} |`);

const text = `# What the contracts cost

Gas of whole transactions, intrinsic gas and calldata included, refunds taken off. Written by \`tools/gas-table.mjs\` from
\`contracts/snapshots\`, which \`contracts/test/Gas.t.sol\` measures (\`tools/forge.sh test --match-path test/Gas.t.sol\`). The columns to
compare with are ${published.source}. "Of the better" divides by the lower of the two.

## One transaction at a time

Verification is stubbed: the market calls the router, the router looks up verifier and assessor and calls both, and both accept at once.

${comparison("Market", "transaction")}

## Batches, and roots

Real inclusion paths under a stored root; the assessor accepts at once. Where a root is submitted, storing it
is paid for and verifying it is not.

${comparison("Bench", "transaction")}

## Where the gas goes

\`tools/gas-trace.mjs\` adds up the steps of a transaction under forge's debugger. "SLOAD" and "SSTORE" count what the opcode itself is
charged, transient storage included; "calls" the cold and warm access of addresses and the transfer of value; "hashing" KECCAK256 and the
precompiles, \`ecrecover\` among them; "market" and "others" (router, verifiers, token) are all other opcodes:
stack, memory, copying, jumps.

${anatomy()}

What code can do about it is the two columns "market" and "others". Rows that stay above 0.85 of the better column, with what they
would cost if all code ran for nothing, against that mark:

* *A delivery with a journal of 10 kB*: ${bound("fulfill: a locked request with 10kB journal")}. Each of its
  bytes costs 16 as calldata and 8 in the log that
  requesters read, which is the same for everybody.
* *Slash*: ${bound("slash: base case")}. Two balances that were zero (the market's own account, the burn address in the token) and four
  slots that change. Once a lock was slashed before, each of the two balances is 17,100 cheaper.
* *One or two fills under a root*: ${bound("fulfill: batch of 001")} and ${bound("fulfill: batch of 002")}. The
  router is a contract of its own, so that
  verifiers can be added without touching the market: three more cold addresses and two more cold slots than one
  built-in verifier would take. It is paid once for a transaction; from four fills on the rows are below the mark.
* *Roots*: ${bound("submitRootAndFulfill: a locked request")}. The root's own slot (22,100), its event and the
  inclusion contract come on top.

## With everything verified

As deployed: claims that attesters signed, predicates, the prover's signature. Nothing published compares with it.

| transaction | gas |
|---|---:|
${network.join("\n")}

## Sizes

Bytes of deployed code; the limit is 24,576.

| contract | bytes |
|---|---:|
${sizes.join("\n")}
`;

const path = join(root, "docs/gas.md");
const current = existsSync(path) && readFileSync(path, "utf8") === text;
if (check && !current) problems.push("docs/gas.md is not current; run tools/gas-table.mjs");
if (!check) writeFileSync(path, text);
for (const problem of problems) console.error(problem);
process.exit(problems.length === 0 ? 0 : 1);
