#!/usr/bin/env bash
# Removes what was built and what runs left behind. Tools and proving keys, which take minutes to
# make and never go stale, stay in ~/.cache/rialto.
set -euo pipefail
# shellcheck source=scripts/env.sh
source "$(dirname "$0")/env.sh"

cargo clean
rm -rf target tools/node_modules contracts/out contracts/cache contracts/broadcast .rialto
