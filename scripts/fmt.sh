#!/usr/bin/env bash
# Formats Rust, guests and contracts; with --check only says what it would change.
set -euo pipefail
# shellcheck source=scripts/env.sh
source "$(dirname "$0")/env.sh"

cargo fmt --all "$@"
# Guests are workspaces of their own.
git ls-files 'guests/*/Cargo.toml' | while IFS= read -r manifest; do
  cargo fmt --manifest-path "$manifest" "$@"
done
tools/forge.sh fmt "$@"
