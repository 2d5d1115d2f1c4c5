// A copy of the contracts that builds as plainly as the compiler can: without the optimiser and without the intermediate
// representation. Coverage is then true to the source, a mutant takes seconds, and every line is there to be read.
//
// Some contracts have more variables than the stack has slots and build only by way of the intermediate representation.
// Those are put in as they are deployed, from the artifacts of the usual build, unless they are what is looked at; so are
// scripts, which import them. Tests of gas are left out.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const contracts = join(root, "contracts");
const { deep, scripts, left_out, needs_optimiser } = JSON.parse(readFileSync(join(root, "tools/plain/plain.json"), "utf8"));
export { deep };
/** Single tests that hold a contract to an amount of gas. */
export const withoutOptimiser = ["--no-match-test", needs_optimiser];

const forgeOfNpm = join(root, "tools/node_modules/@foundry-rs/forge-linux-amd64/bin/forge");
export const forge = existsSync(forgeOfNpm) ? forgeOfNpm : "forge";

/** Builds as usual, for the artifacts of what is put in as it is deployed. */
export function buildAsDeployed() {
  const build = (...args) => execFileSync(join(root, "tools/forge.sh"), ["build", ...args], { stdio: ["ignore", "ignore", "inherit"] });
  build("--skip", "test", "--skip", "script");
  build(...scripts.map((name) => `test/base/${name}.sol`));
}

/**
 * Makes or renews the copy below `at` and returns its contracts' directory. What forge has built there stays.
 * @param keep a regular expression: the test files that have a part; the others are left out
 * @param looked the deep contracts that are looked at, which are built by way of the intermediate representation
 * @param built contracts that the caller builds itself and writes with `putArtifact`; tests take them from there
 */
export function copy(at, keep, looked = [], built = []) {
  const target = join(at, "contracts");
  for (const dir of ["src", "test", "artifacts"]) rmSync(join(target, dir), { recursive: true, force: true });
  for (const dir of ["src", "test"]) cpSync(join(contracts, dir), join(target, dir), { recursive: true });
  cpSync(join(root, "vectors"), join(at, "vectors"), { recursive: true });
  // Anew each time: the link of a checkout that is gone is there and leads nowhere.
  rmSync(join(at, "tools"), { force: true });
  symlinkSync(join(root, "tools"), join(at, "tools"));

  const [kept, dropped] = [new RegExp(keep), new RegExp(left_out)];
  for (const name of readdirSync(join(target, "test"), { recursive: true })) {
    if (dropped.test(name) || (name.endsWith(".t.sol") && !kept.test(name))) rmSync(join(target, "test", name));
  }
  mkdirSync(join(target, "artifacts"), { recursive: true });
  const deployed = [...deep.map(({ contract }) => contract), ...scripts];
  const replaced = [...new Set([...deployed, ...built])].filter((name) => !looked.includes(name));
  for (const name of replaced) {
    rmSync(join(target, scripts.includes(name) ? "test/base" : "src", `${name}.sol`), { force: true });
    if (built.includes(name)) continue;
    const artifact = join(contracts, "out", `${name}.sol`, `${name}.json`);
    if (existsSync(artifact)) cpSync(artifact, join(target, "artifacts", `${name}.json`));
  }
  redirect(join(target, "test"), replaced);

  const restrictions = looked.map((name) => `{ paths = "src/${name}.sol", via_ir = true }`).join(", ");
  const settings = readFileSync(join(root, "tools/plain/foundry.toml"), "utf8");
  writeFileSync(join(target, "foundry.toml"), settings.replace('"<looked at>"', restrictions));
  putCompiler(target);
  return target;
}

/** The compiler as forge finds it. Forge asks for its version each time, and to load it for that takes longer than many a test. */
function putCompiler(target) {
  const compiler = join(root, "tools/solc.mjs");
  const version = execFileSync(compiler, ["--version"], { encoding: "utf8" });
  const script = `#!/bin/sh\nif [ "$1" = --version ]; then cat <<'END'\n${version}END\nelse exec "${compiler}" "$@"; fi\n`;
  writeFileSync(join(target, "solc"), script, { mode: 0o755 });
}

/** Writes what tests deploy in the place of a contract that is left out. */
export function putArtifact(target, name, { abi, evm }) {
  writeFileSync(join(target, "artifacts", `${name}.json`), JSON.stringify({ abi, bytecode: evm.bytecode }));
}

/** Tests name a contract `X.sol:X`, or `new X()` for one of their own; for a replaced one that becomes the path of its artifact. */
function redirect(tests, replaced) {
  for (const name of readdirSync(tests, { recursive: true }).filter((entry) => entry.endsWith(".sol"))) {
    const source = readFileSync(join(tests, name), "utf8");
    let text = source;
    for (const one of replaced) {
      text = text.replaceAll(`"${one}.sol:${one}"`, `"artifacts/${one}.json"`);
      text = text.replaceAll(`new ${one}()`, `${one}(vm.deployCode("artifacts/${one}.json", ""))`);
      text = text.replaceAll(`type(${one}).creationCode`, `vm.getCode("artifacts/${one}.json")`);
    }
    text = text.replaceAll('string.concat(name, ".sol:", name)', "artifactOf(name)");
    if (text.includes("artifactOf(name)")) text += artifactOf(replaced);
    if (text !== source) writeFileSync(join(tests, name), text);
  }
}

const artifactOf = (replaced) => `
function artifactOf(string memory name) pure returns (string memory) {
${replaced.map((name) => `    if (keccak256(bytes(name)) == keccak256("${name}")) return "artifacts/${name}.json";`).join("\n")}
    return string.concat(name, ".sol:", name);
}
`;
