#!/usr/bin/env bash
# Rebuilds the guest programs into guests/elf and records their digests.
#
#   guests/build.sh          build and replace
#   guests/build.sh --check  build and compare with what is committed
#
# The target riscv32im-risc0-zkvm-elf has no prebuilt standard library, so the compiler needs
# its own sources. Debian's packages carry them; another toolchain works through the variables
# RIALTO_GUEST_RUSTC and RIALTO_GUEST_CARGO if it is the same release with `rust-src`. Another
# release builds too, but gives another ELF and so another image id.
set -euo pipefail

guests="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(dirname "$guests")"
readonly guests root
readonly programs=(block-header)
readonly release="1.96.0"
readonly target="riscv32im-risc0-zkvm-elf"
readonly rustc="${RIALTO_GUEST_RUSTC:-/usr/bin/rustc}"
readonly cargo="${RIALTO_GUEST_CARGO:-/usr/bin/cargo}"
readonly build="${RIALTO_GUEST_BUILD:-$HOME/.cache/rialto/guests}"

fail() {
  echo "guests/build.sh: $1" >&2
  echo "On Debian: apt-get install rustc-web cargo-web rust-web-src lld" >&2
  exit 1
}

require_tools() {
  [ -x "$rustc" ] || fail "no Rust compiler at $rustc"
  [ -x "$cargo" ] || fail "no cargo at $cargo"
  command -v ld.lld >/dev/null || fail "the linker ld.lld is missing"
  local version
  version="$("$rustc" --version | cut -d' ' -f2)"
  [ "$version" = "$release" ] || fail "$rustc is $version, the committed programs are built with $release"
  local sources
  sources="$("$rustc" --print sysroot)/lib/rustlib/src/rust/library/std"
  [ -d "$sources" ] || fail "the standard library's sources are missing: $sources"
}

# Panic messages name source files. Where this machine keeps them must not reach the ELF.
remapped_flags() {
  local flags=(
    -C passes=lower-atomic
    -C link-arg=-Ttext=0x00200800
    -C link-arg=--fatal-warnings
    -C panic=abort
    --cfg 'getrandom_backend="custom"'
    -C linker=ld.lld
    --remap-path-prefix "$root=rialto"
    --remap-path-prefix "${CARGO_HOME:-$HOME/.cargo}/registry/src=registry"
    --remap-path-prefix "$("$rustc" --print sysroot)/lib/rustlib/src/rust=rust"
  )
  local IFS=$'\x1f'
  echo "${flags[*]}"
}

# $1: program
compile() {
  CARGO_TARGET_DIR="$build" RUSTC="$rustc" RUSTC_BOOTSTRAP=1 RUSTFLAGS='' \
    CARGO_ENCODED_RUSTFLAGS="$(remapped_flags)" \
    "$cargo" build --quiet --locked --release --target "$target" \
    --manifest-path "$guests/$1/Cargo.toml" \
    -Z build-std=core,alloc,panic_abort -Z build-std-features=compiler-builtins-mem
}

main() {
  require_tools
  for program in "${programs[@]}"; do
    compile "$program"
    local made="$build/$target/release/$program"
    if [ "${1:-}" = --check ]; then
      cmp "$made" "$guests/elf/$program.elf" || {
        echo "guests/elf/$program.elf is not what its sources build: run guests/build.sh" >&2
        exit 1
      }
    else
      install -m 644 "$made" "$guests/elf/$program.elf"
    fi
  done
  cd "$guests/elf"
  if [ "${1:-}" = --check ]; then
    sha256sum --check --quiet SHA256SUMS
  else
    sha256sum -- *.elf >SHA256SUMS
    cat SHA256SUMS
  fi
}

main "$@"
