#!/usr/bin/env bash
# Prints the numbers that the design promises, each beside its bar. Nothing here fails because a
# machine is slow: a bar is judged by who reads it.
set -euo pipefail
# shellcheck source=scripts/env.sh
source "$(dirname "$0")/env.sh"

scripts/setup.sh

# Bench targets print a table each. They are built with the dev profile, which is optimised and
# already compiled.
benches="$(git ls-files --cached --others --exclude-standard 'crates/*/benches/*/main.rs')"
for bench in $benches; do
  name="$(basename "$(dirname "$bench")")"
  say "$name"
  cargo bench --profile dev --bench "$name"
done
[ -n "$benches" ] || say "no Rust benchmark is written yet"

say "the node under faults: 2000 simulated runs and 56 on anvil, outages of the prover, a day at a bad endpoint"
require_nextest
RIALTO_FAULT_RUNS=2000 RIALTO_FAULT_ANVIL_RUNS=56 cargo nextest run --no-fail-fast --success-output final \
  -p rialto-node --test faults || die "a run under faults failed; its message says how to replay it"

say "gas, as the contract tests recorded it"
tools/forge.sh test --match-path 'test/**/*Gas.t.sol' || die "the gas tests failed"
for table in contracts/snapshots/*.json; do
  [ -f "$table" ] || continue
  basename "$table" .json
  sed -n 's/^ *"\(.*\)": *"\{0,1\}\([0-9]*\)"\{0,1\},*$/\2\t\1/p' "$table" | awk -F '\t' '{ printf "  %10d  %s\n", $1, $2 }'
done
