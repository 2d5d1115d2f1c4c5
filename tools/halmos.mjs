#!/usr/bin/env node
// Proves the `check_` functions of contracts/test/symbolic for all inputs, on the plain build (see plain/copy.mjs). Exits with
// 1 when one has a counterexample or the solver does not decide it in a minute. What each assumes is in docs/verification.md.
//
//   tools/halmos.mjs                     every proof, in some minutes
//   tools/halmos.mjs check_slash         the proofs whose names match
//
// Halmos is installed once, from PyPI, into ~/.cache/rialto/halmos-VERSION.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { copy, forge } from "./plain/copy.mjs";

const VERSION = "0.3.3";
const cache = join(homedir(), ".cache/rialto");
const venv = join(cache, `halmos-${VERSION}`);
const halmos = join(venv, "bin/halmos");
const SECONDS_EACH = 60;

if (!existsSync(halmos)) {
  console.error(`halmos: installing ${VERSION} from PyPI`);
  execFileSync("python3", ["-m", "venv", venv]);
  execFileSync(join(venv, "bin/pip"), ["install", "--quiet", "--disable-pip-version-check", `halmos==${VERSION}`], { stdio: "inherit" });
}
// No tests take part, only the proofs and what they import.
const cwd = copy(join(cache, "symbolic"), "^$");
const args = ["--match-contract", "Proofs$", "--match-test", `^.*(?:${process.argv[2] ?? "check_"})`, "--loop", "4"];
args.push("--solver-timeout-assertion", `${SECONDS_EACH}s`, "--solver-timeout-branching", "1s", "--storage-layout", "generic");
const path = [dirname(forge), process.env.PATH].join(delimiter);
const { status } = spawnSync(halmos, args, { cwd, stdio: "inherit", env: { ...process.env, PATH: path, FOUNDRY_PROFILE: "default" } });
process.exit(status ?? 1);
