#!/usr/bin/env node
// Checks that every test named in docs/market-behaviours.md is there: `File.t.sol: test_name`, and further names alone for
// the same file. Exits with 1 otherwise.
import { readFileSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tests = join(root, "contracts/test");
const sources = new Map();
for (const path of readdirSync(tests, { recursive: true }).filter((name) => name.endsWith(".t.sol"))) {
  sources.set(basename(path), readFileSync(join(tests, path), "utf8"));
}

let [named, missing] = [0, 0];
readFileSync(join(root, "docs/market-behaviours.md"), "utf8").split("\n").forEach((row, i) => {
  let file;
  for (const [, inFile, name] of row.matchAll(/`(?:(\w+\.t\.sol): )?((?:test|testFuzz|invariant)_\w+)`/g)) {
    file = inFile ?? file;
    ++named;
    if (new RegExp(`function ${name}\\(`).test(sources.get(file) ?? "")) continue;
    ++missing;
    console.error(`docs/market-behaviours.md:${i + 1}: ${file ?? "no file"} has no ${name}`);
  }
});
console.log(`${named} tests named, ${missing} missing`);
process.exit(missing > 0 || named === 0 ? 1 : 0);
