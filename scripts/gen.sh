#!/usr/bin/env bash
# Writes every generated file anew; with --check writes nothing and fails when one is not current.
set -euo pipefail
# shellcheck source=scripts/env.sh
source "$(dirname "$0")/env.sh"

say "interfaces of the contracts, for Rust"
tools/setup.sh
node tools/gen-abi.mjs "$@"
say "the table of gas, from the snapshots"
node tools/gas-table.mjs "$@"
if [ "${1:-}" = --check ]; then
  # Vectors and settings are held to their code by the Rust tests.
  exit 0
fi
say "golden vectors, for the contract tests"
UPDATE_EXPECT=1 cargo test --quiet --workspace --test vectors
say "the example and the table of a node's settings, from their doc comments"
UPDATE_EXPECT=1 cargo test --quiet --package rialto-node --lib settings::document
