#!/usr/bin/env node
// Writes crates/rialto-chain/abi/<Contract>.json = {"abi": [...], "bytecode": "0x..."} from a clean build of contracts/src.
// With --check it writes nothing and exits with 1 when a committed file is not current.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const CONTRACTS = [
  "Market",
  "VerifierRouter",
  "OnChainAssessor",
  "AttestedVerifier",
  "CollateralToken",
  "Treasury",
  "ProverRegistry",
  "WorkloadQualifier",
  "AllocationBook",
  "CommitteeBook",
  "RequesterAccount",
  "RequesterAccounts",
];
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = join(root, "crates/rialto-chain/abi");
const check = process.argv.includes("--check");

// Always from nothing and without tests: which files are compiled together can change the bytecode.
const out = "cache/abi";
execFileSync(join(root, "tools/forge.sh"), ["build", "--force", "--skip", "test", "--skip", "script", "--out", out], {
  env: { ...process.env, FOUNDRY_CACHE_PATH: "cache/abi-cache", FOUNDRY_PROFILE: "default" },
  stdio: ["ignore", "ignore", "inherit"],
});

mkdirSync(target, { recursive: true });
let stale = false;
for (const name of CONTRACTS) {
  const artifact = JSON.parse(readFileSync(join(root, "contracts", out, `${name}.sol`, `${name}.json`), "utf8"));
  // The compiler lists an error once for each place that declares it.
  const abi = [...new Map(artifact.abi.map((item) => [JSON.stringify(item), item])).values()];
  const text = JSON.stringify({ abi, bytecode: artifact.bytecode.object }, null, 1) + "\n";
  const path = join(target, `${name}.json`);
  if (existsSync(path) && readFileSync(path, "utf8") === text) continue;
  if (check) {
    console.error(`${path} is not what contracts/src builds; run make gen`);
    stale = true;
  } else {
    writeFileSync(path, text);
    console.error(`wrote ${path}`);
  }
}
process.exit(stale ? 1 : 0);
