#!/bin/sh
# progress.sh TEXT COMMAND...: a long command whose own output matters only where it fails. On a terminal one line tells what it is
# at, anew each second; elsewhere a line every ten seconds. What the command printed comes where it fails, and its status always.
text=$1
shift
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
"$@" >"$log" 2>&1 </dev/null &
pid=$!
# A shell without job control starts its children deaf to Ctrl-C.
trap 'kill "$pid" 2>/dev/null; wait "$pid"; exit 130' INT TERM HUP

line() { # the last that matters, without what moves a cursor, short enough for a terminal
  tr '\r' '\n' <"$log" | sed '/^ *$/d; /WARNING/d' | tail -n 1 | tr -cd '[:print:]' | cut -c -60
}

echo "$text ..." >&2
seconds=0
while kill -0 "$pid" 2>/dev/null; do
  sleep 1
  seconds=$((seconds + 1))
  if [ -t 2 ]; then
    printf '\r\033[K  %s s  %s' "$seconds" "$(line)" >&2
  elif [ $((seconds % 10)) -eq 0 ]; then
    echo "  $seconds s  $(line)" >&2
  fi
done
[ -t 2 ] && printf '\r\033[K' >&2
wait "$pid"
status=$?
[ $status -eq 0 ] || cat "$log" >&2
exit $status
