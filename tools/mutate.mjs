#!/usr/bin/env node
// Changes the contracts in small ways, one at a time, and says which changes no test notices.
//
//   tools/mutate.mjs                     every mutant of the files in tools/mutate/targets.json; exits with 1 on a survivor not accepted
//   tools/mutate.mjs --only ' _settle'   the mutants whose name (file, function, line) matches a regular expression
//   tools/mutate.mjs --since main        only lines that differ from a commit
//   tools/mutate.mjs --every 10          every tenth mutant
//   tools/mutate.mjs --fresh             forget what earlier runs found
//   tools/mutate.mjs --list              names the mutants and runs nothing
//   tools/mutate.mjs --known             says what earlier runs found and runs nothing
//   tools/mutate.mjs --jobs 2            copies of the tree that work at the same time
//
// Mutants run in copies under ~/.cache/rialto/mutants, never here. Tests are built once and take the contracts that get the
// mutant (a group's `subjects`) as artifacts, which are built in this process: a mutant takes seconds. A killed mutant is not
// tried again while its function is unchanged, as tests are only ever added; a survivor is tried again when tests have changed.
import { spawn, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join, posix } from "node:path";
import { mutantsOf } from "./mutate/operators.mjs";
import { buildAsDeployed, contracts, copy, deep, forge, putArtifact, root, withoutOptimiser } from "./plain/copy.mjs";

const work = process.env.RIALTO_MUTANTS ?? join(homedir(), ".cache/rialto/mutants");
const TIMEOUT_MS = 1_800_000;
/** Enough for every test; callees that burn all they get need not burn forge's billion. */
const GAS_LIMIT = "200000000";

const options = { jobs: 1, every: 1 };
for (let i = 2; i < process.argv.length; ++i) {
  const name = process.argv[i].replace(/^--/, "");
  if (["fresh", "list", "known"].includes(name)) options[name] = true;
  else if (["only", "since", "every", "jobs"].includes(name)) options[name] = process.argv[++i];
  else throw new Error(`unknown option ${process.argv[i]}`);
}

// groups: files to change, each with tests that are tried before the others, or null; the contracts that have these files;
// and the tests that judge them.
// accepted: survivors that make no difference, by name, each with its reason.
const { groups, accepted } = JSON.parse(readFileSync(join(root, "tools/mutate/targets.json"), "utf8"));
const groupOf = new Map(groups.flatMap((group) => Object.keys(group.files).map((file) => [file, group])));
const files = [...groupOf.keys()];

// ---------------------------------------------------------------------------------------------------------- generating

const solc = createRequire(import.meta.url)("solc");

/** The text of `files` and of all that they import, by path; `changed` is put in the place of what lies on disk. */
function sourcesOf(files, changed = {}) {
  const sources = {};
  const load = (name) => {
    if (sources[name]) return;
    const at = name.startsWith("solady/") ? join(root, "tools/node_modules/solady/src", name.slice(7)) : join(contracts, name);
    const content = changed[name] ?? readFileSync(at, "utf8");
    sources[name] = { content };
    for (const [, path] of content.matchAll(/from "([^"]+)"/g)) {
      load(path.startsWith(".") ? posix.normalize(posix.join(posix.dirname(name), path)) : path);
    }
  };
  files.forEach(load);
  return sources;
}

/** Output of the compiler, and what it says is wrong. */
function compile(sources, settings) {
  const input = { language: "Solidity", sources, settings: { evmVersion: "cancun", ...settings } };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  const errors = (output.errors ?? []).filter((error) => error.severity === "error").map((error) => error.formattedMessage);
  return { output, errors };
}

/** The compiler's syntax trees of the targets, analysed but not compiled. */
function parse(files) {
  const sources = sourcesOf(files);
  const { output, errors } = compile(sources, { outputSelection: { "*": { "": ["ast"] } } });
  if (errors.length > 0) throw new Error(errors.join("\n"));
  return files.map((file) => ({ file, source: sources[file].content, ast: output.sources[file].ast }));
}

function changedLines(file, since) {
  const diff = execFileSync("git", ["diff", "-U0", since, "--", join(contracts, file)], { cwd: root, encoding: "utf8" });
  const lines = new Set();
  for (const [, start, count] of diff.matchAll(/^@@ \S+ \+(\d+)(?:,(\d+))? @@/gm)) {
    for (let i = 0; i < Number(count ?? 1); ++i) lines.add(Number(start) + i);
  }
  return lines;
}

function generate() {
  const only = options.only ? new RegExp(options.only) : undefined;
  const mutants = [];
  for (const { file, source, ast } of parse(files)) {
    const lines = options.since ? changedLines(file, options.since) : undefined;
    const seen = new Map();
    for (const mutant of mutantsOf(source, ast)) {
      const place = `${mutant.scope.name} ${mutant.name}`;
      const nth = seen.get(place) ?? 0;
      seen.set(place, nth + 1);
      const name = `${file} ${mutant.scope.name}: ${mutant.name}${nth > 0 ? ` (${nth + 1})` : ""}`;
      if (lines && !lines.has(mutant.line)) continue;
      if (only && !only.test(name)) continue;
      const version = createHash("sha256").update(mutant.scope.text).digest("hex").slice(0, 16);
      mutants.push({ ...mutant, file, name, key: `${version} ${name}` });
    }
  }
  return mutants.filter((_, i) => i % Number(options.every) === 0);
}

// ------------------------------------------------------------------------------------------------------------- running

function run(cwd, args) {
  return new Promise((resolve) => {
    const env = { ...process.env, FOUNDRY_PROFILE: "default", FOUNDRY_GAS_LIMIT: GAS_LIMIT, NO_COLOR: "1" };
    const child = spawn(forge, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    let output = "";
    let expired = false;
    const timer = setTimeout(() => ((expired = true), process.kill(-child.pid, "SIGKILL")), TIMEOUT_MS);
    child.stdout.on("data", (data) => (output += data));
    child.stderr.on("data", (data) => (output += data));
    child.on("close", (code) => (clearTimeout(timer), resolve({ code, output, expired })));
  });
}

const ALL_TESTS = ["test", "--fail-fast", ...withoutOptimiser];

/** Writes the artifacts of the subjects to `cwd`. False when they do not compile. */
function putSubjects(cwd, subjects, changed) {
  for (const [name, file] of Object.entries(subjects)) {
    const viaIR = deep.some(({ contract }) => contract === name);
    const { output, errors } = compile(sourcesOf([file], changed), {
      viaIR,
      optimizer: { enabled: viaIR },
      metadata: { appendCBOR: false, bytecodeHash: "none" },
      outputSelection: { [file]: { [name]: ["abi", "evm.bytecode.object"] } },
    });
    if (errors.length > 0) return false;
    putArtifact(cwd, name, output.contracts[file][name]);
  }
  return true;
}

/** `invalid` when it does not compile, `survived` when every test passes, else what killed it. */
async function judge(cwd, mutant) {
  const { files, subjects } = groupOf.get(mutant.file);
  if (!putSubjects(cwd, subjects, { [mutant.file]: mutant.source })) return "invalid";
  const first = files[mutant.file];
  const verdict = first ? await test(cwd, ["test", "--fail-fast", "--match-path", first]) : "survived";
  return verdict === "survived" ? test(cwd, ALL_TESTS) : verdict;
}

async function test(cwd, args) {
  const { code, output, expired } = await run(cwd, args);
  if (expired) return "killed: out of time";
  if (/Compiler run failed|Compiler error/.test(output)) return "invalid";
  if (code === 0) return "survived";
  const failed = output.match(/^\[FAIL[^\n]*\] (\w+)\(/m) ?? output.match(/^\[FAIL[\s\S]*?^ (invariant_\w+)\(/m);
  if (!failed) throw new Error(`no test failed, yet forge did:\n${output.slice(-2000)}`);
  return `killed: ${failed[1]}`;
}

async function main() {
  const mutants = generate();
  if (options.list) {
    mutants.forEach((mutant) => console.log(mutant.name));
    return console.log(`${mutants.length} mutants`);
  }
  mkdirSync(work, { recursive: true });
  const stateFile = join(work, "state.json");
  const known = !options.fresh && existsSync(stateFile) ? JSON.parse(readFileSync(stateFile, "utf8")) : {};
  if (options.known) return report(mutants, known);
  const tests = createHash("sha256");
  for (const name of readdirSync(join(contracts, "test"), { recursive: true }).sort()) {
    if (name.endsWith(".sol")) tests.update(readFileSync(join(contracts, "test", name)));
  }
  const survived = `survived ${tests.digest("hex").slice(0, 16)}`;
  const decided = (verdict) => verdict && (!verdict.startsWith("survived") || verdict === survived);
  const open = mutants.filter((mutant) => !decided(known[mutant.key]));
  console.log(`${mutants.length} mutants, ${mutants.length - open.length} decided by earlier runs`);

  buildAsDeployed();
  for (const stage of stages(open)) {
    let next = 0;
    const worker = async (job) => {
      const cwd = copy(join(work, `job${job}`), stage.group.tests, [], Object.keys(stage.group.subjects));
      if (!putSubjects(cwd, stage.group.subjects, {})) throw new Error("the contracts do not compile without any mutant");
      const clean = await run(cwd, ALL_TESTS);
      if (clean.code !== 0) throw new Error(`the tests fail without any mutant:\n${clean.output.slice(-3000)}`);
      while (next < stage.mutants.length) {
        const mutant = stage.mutants[next++];
        const started = Date.now();
        const verdict = await judge(cwd, mutant);
        known[mutant.key] = verdict === "survived" ? survived : verdict;
        writeFileSync(stateFile, JSON.stringify(known, null, 1));
        const seconds = ((Date.now() - started) / 1000).toFixed(0);
        console.log(`${next}/${stage.mutants.length} ${seconds} s ${verdict}: ${mutant.name}`);
      }
    };
    await Promise.all(Array.from({ length: Number(options.jobs) }, (_, job) => worker(job)));
  }
  report(mutants, known);
}

/** Mutants that can run in one copy: those of one group. */
function stages(mutants) {
  const inGroup = (group) => mutants.filter((mutant) => groupOf.get(mutant.file) === group);
  return groups.map((group) => ({ group, mutants: inGroup(group) })).filter(({ mutants }) => mutants.length > 0);
}

function report(mutants, known) {
  const reasons = new Map(accepted.map(({ name, reason }) => [name, reason]));
  const verdict = (mutant) => known[mutant.key];
  const judged = mutants.filter(verdict);
  const valid = judged.filter((mutant) => verdict(mutant) !== "invalid");
  const survivors = valid.filter((mutant) => verdict(mutant).startsWith("survived"));
  const fresh = survivors.filter((mutant) => !reasons.has(mutant.name));
  const names = new Set(mutants.map((mutant) => mutant.name));
  for (const file of files) {
    const own = valid.filter((mutant) => mutant.file === file);
    const alive = own.filter((mutant) => verdict(mutant).startsWith("survived")).length;
    const open = mutants.filter((mutant) => mutant.file === file && !verdict(mutant)).length;
    if (own.length + open > 0) console.log(`${file}: ${own.length - alive} of ${own.length} killed, ${open} not judged`);
  }
  const whole = !options.only && !options.since && Number(options.every) === 1;
  const stale = whole ? accepted.filter(({ name }) => !names.has(name)) : [];
  for (const { name } of stale) console.log(`accepted, but there is no such mutant any more: ${name}`);
  for (const mutant of fresh) console.log(`SURVIVED ${mutant.file}:${mutant.line} ${mutant.name}`);
  console.log(
    `${valid.length} mutants: ${valid.length - survivors.length} killed, ` +
      `${survivors.length - fresh.length} accepted survivors, ${fresh.length} survivors; ` +
      `${mutants.length - judged.length} not judged`,
  );
  process.exitCode = fresh.length + stale.length > 0 ? 1 : 0;
}

await main();
