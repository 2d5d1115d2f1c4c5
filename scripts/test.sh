#!/usr/bin/env bash
# All tests: Rust with nextest, contracts with forge. Arguments go to nextest, for example
# `scripts/test.sh -p rialto-protocol`; then only Rust tests run.
set -euo pipefail
# shellcheck source=scripts/env.sh
source "$(dirname "$0")/env.sh"

scripts/setup.sh
require_nextest
require_postgres
say "Rust tests"
if [ $# -gt 0 ]; then
  exec cargo nextest run "$@"
fi
cargo nextest run --workspace
say "contract tests"
tools/forge.sh test
