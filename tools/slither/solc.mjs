#!/usr/bin/env node
// The compiler as slither asks for it, without making code: slither reads the syntax trees, and code costs minutes.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const solc = createRequire(import.meta.url)("solc");

if (process.argv.includes("--version")) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`);
} else {
  const input = JSON.parse(readFileSync(0, "utf8"));
  input.settings.outputSelection = { "*": { "*": ["abi", "devdoc", "userdoc"], "": ["ast"] } };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  output.errors = (output.errors ?? []).filter((error) => error.severity === "error");
  const none = { object: "", sourceMap: "" };
  for (const contracts of Object.values(output.contracts ?? {})) {
    for (const contract of Object.values(contracts)) contract.evm = { bytecode: none, deployedBytecode: none };
  }
  process.stdout.write(JSON.stringify(output));
}
