#!/usr/bin/env node
// Standard JSON input of everything below contracts/src, for slither.
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";

const contracts = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), "contracts");
const SOLADY = "../tools/node_modules/solady/src/";
const sources = {};

function load(name) {
  if (sources[name]) return;
  const content = readFileSync(join(contracts, name), "utf8");
  sources[name] = { content };
  for (const [, path] of content.matchAll(/from "([^"]+)"|^import "([^"]+)";/gm)) {
    if (!path) continue;
    if (path.startsWith("solady/")) load(SOLADY + path.slice(7));
    else load(posix.normalize(posix.join(posix.dirname(name), path)));
  }
}

readdirSync(join(contracts, "src"), { recursive: true })
  .filter((name) => name.endsWith(".sol"))
  .sort()
  .forEach((name) => load(`src/${name}`));
const settings = { evmVersion: "cancun", remappings: [`solady/=${SOLADY}`] };
process.stdout.write(JSON.stringify({ language: "Solidity", sources, settings }));
