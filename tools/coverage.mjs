#!/usr/bin/env node
// Lines and branches of the contracts that the tests reach, measured on the plain build (see plain/copy.mjs). Exits with 1
// when a contract has less than tools/plain/coverage.json asks, or when a branch not reached is not explained there.
//
//   tools/coverage.mjs            every contract, and what is not reached
//   tools/coverage.mjs Market     only contracts whose path matches
import { execFileSync } from "node:child_process";
import { readFileSync, existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { buildAsDeployed, contracts, copy, deep, forge, root, withoutOptimiser } from "./plain/copy.mjs";

const only = new RegExp(process.argv[2] ?? "");
const { least_percent: least, explained } = JSON.parse(readFileSync(join(root, "tools/plain/coverage.json"), "utf8"));
const work = process.env.RIALTO_COVERAGE ?? join(homedir(), ".cache/rialto/coverage");

/** Runs the tests in a copy, and returns what lcov says per source file. */
function measure(at, keep, flags, looked) {
  const cwd = copy(join(work, at), keep, looked);
  const args = ["coverage", ...flags, "--report", "lcov", "--report-file", "lcov.info", ...withoutOptimiser];
  try {
    const env = { ...process.env, FOUNDRY_PROFILE: "default", FOUNDRY_FUZZ_RUNS: "256", NO_COLOR: "1" };
    execFileSync(forge, args, { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], maxBuffer: 1 << 28 });
  } catch (error) {
    const said = `${error.stdout ?? ""}${error.stderr ?? ""}`;
    console.error([...said.matchAll(/^\[FAIL.*|^Error[\s\S]*?(?=\n\n|$)/gm)].map(([text]) => text).join("\n"));
    console.error("coverage: the tests fail, or a contract does not build plainly; name it under `deep` in tools/plain/plain.json");
    process.exit(1);
  }
  return parse(readFileSync(join(cwd, "lcov.info"), "utf8"));
}

function parse(lcov) {
  const files = new Map();
  let file;
  for (const record of lcov.split("\n")) {
    const [kind, rest] = [record.slice(0, record.indexOf(":")), record.slice(record.indexOf(":") + 1)];
    if (kind === "SF") files.set(rest, (file = { lines: new Map(), branches: [] }));
    else if (kind === "DA") {
      const [line, hits] = rest.split(",").map(Number);
      file.lines.set(line, Math.max(file.lines.get(line) ?? 0, hits));
    } else if (kind === "BRDA") {
      const [line, , , hits] = rest.split(",");
      file.branches.push({ line: Number(line), hits: hits === "-" ? 0 : Number(hits) });
    }
  }
  return files;
}

/** Measured by way of the intermediate representation, lines of assembly count for nothing: the compiler does not map them. */
function withoutAssembly(source, found) {
  const hidden = new Set();
  let depth = 0;
  source.split("\n").forEach((line, i) => {
    if (depth > 0 || /\bassembly\b.*\{/.test(line)) {
      hidden.add(i + 1);
      depth += (line.match(/\{/g) ?? []).length - (line.match(/\}/g) ?? []).length;
    }
  });
  return {
    lines: new Map([...found.lines].filter(([line]) => !hidden.has(line))),
    branches: found.branches.filter(({ line }) => !hidden.has(line)),
  };
}

buildAsDeployed();
const plain = measure("plain", "", []);
/** Libraries that only a deep contract calls: what its own measurement saw counts too. */
function merge(into, from) {
  for (const [line, hits] of from.lines) into.lines.set(line, Math.max(into.lines.get(line) ?? 0, hits));
  from.branches.forEach(({ line, hits }, i) => {
    const own = into.branches[i];
    if (own?.line === line) own.hits = Math.max(own.hits, hits);
  });
}

const rows = [...plain].filter(([name]) => name.startsWith("src/")).map(([name, found]) => ({ name, found, how: "" }));
for (const { contract, tests } of deep) {
  const name = `src/${contract}.sol`;
  if (!only.test(name) || !existsSync(join(contracts, name))) continue;
  const measured = measure("deep", tests, ["--ir-minimum"], [contract]);
  const found = measured.get(name);
  for (const row of rows) if (measured.has(row.name) && row.how === "") merge(row.found, measured.get(row.name));
  rows.push({ name, found: withoutAssembly(readFileSync(join(contracts, name), "utf8"), found), how: "  without assembly" });
}

let failed = false;
const percent = (part, whole) => (whole === 0 ? 100 : (100 * part) / whole);
for (const { name, found, how } of rows.filter((row) => only.test(row.name)).sort((a, b) => (a.name < b.name ? -1 : 1))) {
  const text = readFileSync(join(contracts, name), "utf8").split("\n");
  const isExplained = (line) => explained.some((e) => e.file === name && text[line - 1].includes(e.line));
  const [lines, branches] = [[...found.lines], found.branches];
  const missed = lines.filter(([line, hits]) => hits === 0 && !isExplained(line)).map(([line]) => line);
  const untaken = branches.filter(({ line, hits }) => hits === 0 && !isExplained(line)).map(({ line }) => line);
  const share = [percent(lines.length - missed.length, lines.length), percent(branches.length - untaken.length, branches.length)];
  const short = Math.min(...share) < least;
  failed ||= short;
  const print = (part, whole) => `${percent(part, whole).toFixed(1).padStart(5)} % (${part}/${whole})`.padEnd(18);
  console.log(
    `${name.padEnd(42)} lines ${print(lines.length - missed.length, lines.length)} ` +
      `branches ${print(branches.length - untaken.length, branches.length)}${how}${short ? `  below ${least} %` : ""}`,
  );
  for (const line of new Set([...missed, ...untaken])) {
    console.log(`    ${name}:${line} ${missed.includes(line) ? "line" : "branch"} not reached: ${text[line - 1].trim()}`);
  }
}
for (const { file, line } of explained) {
  if (only.test(file) && !(existsSync(join(contracts, file)) && readFileSync(join(contracts, file), "utf8").includes(line))) {
    console.log(`explained, but no longer there: ${file}: ${line}`);
    failed = true;
  }
}
process.exit(failed ? 1 : 0);
