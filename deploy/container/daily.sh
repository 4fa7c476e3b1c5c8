#!/bin/sh
# daily.sh HH:MM[,HH:MM...] COMMAND...: runs COMMAND at these local times of each day (zone: TZ); the timer of a container.
# What the command ends with is told and costs the next time nothing.
set -eu
times=$1
shift
trap 'kill "$child" 2>/dev/null || true; exit 0' TERM INT
child=
while :; do
  now=$(date +%s)
  due=
  for at in $(echo "$times" | tr ',' ' '); do
    for day in today tomorrow; do
      found=$(date -d "$day $at" +%s 2>/dev/null) || continue  # no such time on the day that summer time begins
      if [ "$found" -gt "$now" ] && { [ -z "$due" ] || [ "$found" -lt "$due" ]; }; then due=$found; fi
    done
  done
  sleep $((due - now)) &
  child=$!
  wait "$child"
  "$@" &
  child=$!
  code=0
  wait "$child" || code=$?
  [ "$code" -eq 0 ] || echo "daily.sh: $* ended with $code" >&2
done
