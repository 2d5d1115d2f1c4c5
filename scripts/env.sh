# shellcheck shell=bash
# Sourced by the other scripts: where things are built, what is needed, and what to say when it
# is missing. Leaves the shell in the repository's root.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root" || exit 1

# Outside the tree: several clones share the dependencies, and deleting one deletes no hour's work.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/rialto/target}"
export RIALTO_TOOLS="${RIALTO_TOOLS:-$HOME/.cache/rialto/tools}"
export PATH="$RIALTO_TOOLS/bin:$PATH"
export CARGO_NET_RETRY="${CARGO_NET_RETRY:-5}"

readonly rust_needed="1.95"
readonly node_needed="18"

# Pinned, like the tools of .ci/run, so that every machine judges alike.
readonly nextest_version="0.9.143"

say() { printf '\n==> %s\n' "$*" >&2; }

die() {
  printf '\nerror: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf '       %s\n' "$2" >&2
  exit 1
}

# $1: version found, $2: version needed
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# Everything that a machine must bring along.
require_basics() {
  command -v cargo >/dev/null || die "Rust is missing" "install Rust $rust_needed or newer with rustup"
  local rust node
  rust="$(rustc --version | cut -d' ' -f2)"
  at_least "$rust" "$rust_needed" || die "Rust $rust is too old" "$rust_needed or newer: rustup update stable"
  command -v node >/dev/null || die "Node.js is missing" "install Node.js $node_needed or newer"
  node="$(node --version | tr -d v)"
  at_least "$node" "$node_needed" || die "Node.js $node is too old" "install Node.js $node_needed or newer"
  command -v npm >/dev/null || die "npm is missing" "it comes with Node.js; some systems package it apart"
  command -v cc >/dev/null || die "a C compiler is missing" "install gcc or clang; SQLite and the TLS library need it"
  command -v git >/dev/null || die "git is missing" "install git; some checks ask it which files are tracked"
}

# Installs a cargo subcommand unless it is on the machine.
# $1: command, $2: crate, $3: version, $4: how long it takes
cargo_tool() {
  command -v "$1" >/dev/null && return 0
  say "installing $1 $3 into $RIALTO_TOOLS ($4, once)"
  # In a target folder of its own: a release build among the dev builds would only take a lock.
  env -u CARGO_TARGET_DIR cargo install --quiet --locked --root "$RIALTO_TOOLS" --version "$3" "$2"
}

require_nextest() { cargo_tool cargo-nextest cargo-nextest "$nextest_version" "about 5 minutes on 2 cores"; }

# The cluster's queue is tested on the real thing. Tests start servers of their own from its programs.
require_postgres() {
  local found
  found="$(find /usr/lib/postgresql -name initdb 2>/dev/null | head -n 1)"
  [ -z "$found" ] && ! command -v initdb >/dev/null || return 0
  say "installing PostgreSQL"
  local as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo -n)
  if ! command -v apt-get >/dev/null || ! "${as_root[@]}" apt-get install --yes --no-install-recommends postgresql >&2; then
    die "PostgreSQL is missing" "install it (on Debian: apt-get install postgresql); no server has to run"
  fi
}

# The binary, with the very dependencies that the tests use. Cargo unites the features of all
# packages and targets that one command selects; asking for a test target as well makes that set
# the same for `make demo` and `make test`, so that nothing heavy is compiled twice.
build_rialto() {
  say "building rialto (the first time compiles some 600 packages: about 12 minutes on 2 cores)"
  cargo build --workspace --bin rialto --test tidy
}
