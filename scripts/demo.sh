#!/usr/bin/env bash
# The whole market on this machine: chain, attester, two prover nodes, real proofs.
# Arguments go to `rialto demo`.
set -euo pipefail
# shellcheck source=scripts/env.sh
source "$(dirname "$0")/env.sh"

scripts/setup.sh
say "starting the demo"
exec "$CARGO_TARGET_DIR/debug/rialto" demo "$@"
