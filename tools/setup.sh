#!/usr/bin/env bash
# Installs the pinned tools of package-lock.json into tools/node_modules; does nothing when they are current.
set -euo pipefail
cd "$(dirname "$0")"

stamp=node_modules/.rialto-lock
if cmp --silent package-lock.json "$stamp" 2>/dev/null; then
  exit 0
fi
if ! command -v npm >/dev/null; then
  echo "tools: npm is missing; install Node.js 20 or newer and run this again" >&2
  exit 1
fi
echo "tools: installing anvil, forge and solc from npm (about 130 MB)" >&2
# The packages' own install scripts only link binaries we find by path, so none of them runs.
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
cp package-lock.json "$stamp"
echo "tools: ready" >&2
