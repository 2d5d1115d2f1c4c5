#!/usr/bin/env bash
# Runs slither's detectors over contracts/src; exits with 1 on a finding that tools/slither/triage.json has no reason for, and
# on a reason that no longer has a finding. Slither is installed once, from PyPI, into ~/.cache/rialto.
set -euo pipefail
version=0.11.6
root="$(cd "$(dirname "$0")/.." && pwd)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/rialto"
venv="$cache/slither-$version"
"$root/tools/setup.sh"
if [ ! -x "$venv/bin/slither" ]; then
  echo "slither: installing $version from PyPI" >&2
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "slither-analyzer==$version"
fi

# Slither would take foundry.toml for a project that it should build itself, so it sees a copy of the sources alone.
work="$cache/slither-run"
rm -rf "$work"
mkdir -p "$work/contracts"
ln -s "$root/tools" "$work/tools"
cp -R "$root/contracts/src" "$work/contracts/src"
cd "$work/contracts"
node ../tools/slither/input.mjs >input.json
exec "$venv/bin/python3" ../tools/slither/run.py input.json ../tools/slither/solc.mjs ../tools/slither/triage.json
