#!/usr/bin/env bash
# One proof over three workers: a queue on PostgreSQL, a shared folder of artifacts, a coordinator and three
# worker processes, one of which is killed in the middle. Ends with a verified proof and a picture of who did what.
set -euo pipefail
# shellcheck source=scripts/env.sh
source "$(dirname "$0")/env.sh"

readonly headers="${RIALTO_DEMO_HEADERS:-6}"
readonly where="$root/.rialto/demo-cluster"
readonly address="127.0.0.1:${RIALTO_DEMO_PORT:-7171}"
readonly rialto="$CARGO_TARGET_DIR/debug/rialto"
children=()
server=""

# Everything that was started ends with this script, the server last.
clean_up() {
  local child
  for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
  wait 2>/dev/null || true
  [ -z "$server" ] || rm -rf "$server"
}
trap clean_up EXIT

# PostgreSQL refuses to be run by root.
as_server=()
[ "$(id -u)" -ne 0 ] || as_server=(setpriv --reuid=postgres --regid=postgres --clear-groups --)

start_postgres() {
  local bin
  bin="$(find /usr/lib/postgresql -name initdb -printf '%h\n' 2>/dev/null | sort -V | tail -n 1)"
  bin="${bin:-$(dirname "$(command -v initdb)")}"
  # On a path of its own: the names of sockets are short, and root's folders are closed to the server.
  server="$(mktemp -d /tmp/rialto-demo.XXXXXX)"
  [ "$(id -u)" -ne 0 ] || chown postgres:postgres "$server"
  "${as_server[@]}" "$bin/initdb" --username=rialto --auth=trust --no-sync --pgdata "$server/data" >"$where/postgres.log"
  "${as_server[@]}" "$bin/postgres" -D "$server/data" -k "$server" -c listen_addresses= >>"$where/postgres.log" 2>&1 &
  children=("$!" "${children[@]}")
  until "$bin/pg_isready" -q -h "$server" -U rialto; do sleep 0.1; done
}

# $1: its number
start_worker() {
  "$rialto" cluster worker --coordinator "http://$address" --artifacts "$where/artifacts" \
    --name "worker-$1" --segment-mib 512 >"$where/worker-$1.log" 2>&1 &
  children=("$!" "${children[@]}")
}

# What a line of JavaScript makes of `rialto cluster status`; `it` is what was told.
# $1: the line, then arguments for the command
told() {
  local line="$1"
  shift
  "$rialto" cluster status "$@" --coordinator "http://$address" --json |
    node -e "let t='';process.stdin.on('data',d=>t+=d).on('end',()=>{const it=JSON.parse(t);console.log($line)})"
}

# Whether all segments are known and worker-3 has one of them.
is_busy() {
  [ "$(told "it.jobs[0]?.standing.segments && it.workers.find(w=>w.name==='worker-3')?.leases ? 1 : 0")" = 1 ]
}

main() {
  require_basics
  require_postgres
  build_rialto
  rm -rf "$where"
  mkdir -p "$where"
  say "starting PostgreSQL, a coordinator and three workers; logs are in $where"
  start_postgres
  RIALTO_CLUSTER_DATABASE="postgres://rialto@localhost/postgres?host=$server" \
    "$rialto" cluster coordinator --listen "$address" --artifacts "$where/artifacts" --data-dir "$where" \
    >"$where/coordinator.log" 2>&1 &
  children=("$!" "${children[@]}")
  until told 1 >/dev/null 2>&1; do sleep 0.2; done
  local victim
  for number in 1 2 3; do start_worker "$number"; done
  victim="${children[0]}"

  say "proving that $headers block headers follow each other"
  "$rialto" prove --headers "$headers" --cluster "http://$address" --output "$where/proof" >"$where/prove.log" 2>&1 &
  local proving=$!
  until is_busy || ! kill -0 "$proving" 2>/dev/null; do sleep 0.5; done
  sleep 3
  say "worker-3 is killed (kill -9) with a task in its hands"
  kill -9 "$victim"
  wait "$proving" || { cat "$where/prove.log" >&2; die "there is no proof" "see the logs in $where"; }
  cat "$where/prove.log"

  local job
  job="$(told "it.jobs[0].job" --ended)"
  "$rialto" cluster status --ended --coordinator "http://$address"
  "$rialto" verify "$where/proof" --program block-header
  "$rialto" cluster gantt "$job" --coordinator "http://$address" --output "$where/gantt.svg"
}

main "$@"
