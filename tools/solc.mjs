#!/usr/bin/env node
// The Solidity compiler as forge expects to find it: `--version`, or standard JSON from stdin to stdout.
// It is the WebAssembly build from npm, because the package registries carry no native one.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const solc = createRequire(import.meta.url)("solc");

if (process.argv.includes("--version")) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`);
} else {
  process.stdout.write(solc.compile(readFileSync(0, "utf8")));
}
