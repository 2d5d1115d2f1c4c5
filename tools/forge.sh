#!/usr/bin/env bash
# Runs the pinned forge of this platform inside contracts/: `tools/forge.sh test`.
set -euo pipefail
tools="$(cd "$(dirname "$0")" && pwd)"
"$tools/setup.sh"

case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) platform=linux-amd64 ;;
  Linux-aarch64 | Linux-arm64) platform=linux-arm64 ;;
  Darwin-x86_64) platform=darwin-amd64 ;;
  Darwin-arm64) platform=darwin-arm64 ;;
  *) platform= ;;
esac
forge="$tools/node_modules/@foundry-rs/forge-$platform/bin/forge"
if [ ! -x "$forge" ]; then
  forge="$(command -v forge || true)"
fi
if [ -z "$forge" ]; then
  echo "forge: no binary for $(uname -s) $(uname -m); install Foundry 1.7 and put forge on PATH" >&2
  exit 1
fi
cd "$tools/../contracts"
# With a filter forge compiles only what the chosen tests import, but they reach contracts and the deployment script by
# artifact: without this they would test what was built before.
[ "${1:-}" != test ] || "$forge" build >&2
exec "$forge" "$@"
