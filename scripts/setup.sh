#!/usr/bin/env bash
# Everything that running Rialto needs beyond Rust, Node.js and a C compiler: the chain node and
# the contract tools from npm, and the `rialto` binary. Safe to repeat; does only what is missing.
set -euo pipefail
# shellcheck source=scripts/env.sh
source "$(dirname "$0")/env.sh"

require_basics
tools/setup.sh
build_rialto
