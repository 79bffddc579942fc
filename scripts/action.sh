#!/usr/bin/env bash
# What action.yml runs: its inputs are environment variables, each read as text and never as a command.
set -euo pipefail

refuse() {
  printf '::error title=nnspec::%s\n' "$1"
  exit 2
}

# The bash of macOS is 3.2, which does not know ** in a pattern.
shopt -s globstar nullglob 2>/dev/null ||
  refuse "the action takes bash 4 or later, and this is $BASH_VERSION: install one (on macOS: brew install bash)"

case "$NNSPEC_COMMAND" in
  check | verify) ;;
  *) refuse "the input command is check or verify" ;;
esac
case "$NNSPEC_FORMAT" in
  text | json | github | sarif) ;;
  *) refuse "the input format is text, json, github or sarif" ;;
esac

# A line is a file, or a pattern of files; blanks in it are part of the name.
specs=()
while IFS= read -r line || [ -n "$line" ]; do
  line="${line%$'\r'}"
  [ -n "${line//[[:space:]]/}" ] || continue
  if [ -e "$line" ]; then
    specs+=("$line")
    continue
  fi
  before="$IFS"
  IFS=
  # shellcheck disable=SC2206 # it is to be expanded as a pattern, and as nothing else
  found=($line)
  IFS="$before"
  [ "${#found[@]}" -gt 0 ] || refuse "no file is one of those that the input specs names"
  specs+=("${found[@]}")
done <<<"$NNSPEC_SPECS"
[ "${#specs[@]}" -gt 0 ] || refuse "the input specs names no file"

given=(--format "$NNSPEC_FORMAT")
while IFS= read -r line || [ -n "$line" ]; do
  line="${line%$'\r'}"
  [ -z "$line" ] || given+=("$line")
done <<<"$NNSPEC_ARGUMENTS"

if [ -n "$NNSPEC_AGAINST" ]; then
  [ "$NNSPEC_COMMAND" = verify ] || refuse "the input against goes with the command verify"
  [ "${#specs[@]}" -eq 1 ] || refuse "the input against goes with one spec"
  given+=(--against "$NNSPEC_AGAINST")
fi

# The worst exit code of all calls; code scanning takes one log of each category, so verify of
# several specs as SARIF is for several uses of the action.
code=0
run() {
  local own=0
  if [ "$NNSPEC_FORMAT" = sarif ]; then
    nnspec "$NNSPEC_COMMAND" "${given[@]}" -- "$@" >"$NNSPEC_SARIF" || own=$?
    [ ! -s "$NNSPEC_SARIF" ] || printf 'sarif-file=%s\n' "${NNSPEC_SARIF//$'\n'/}" >>"$GITHUB_OUTPUT"
  else
    nnspec "$NNSPEC_COMMAND" "${given[@]}" -- "$@" || own=$?
  fi
  [ "$own" -le "$code" ] || code="$own"
}

if [ "$NNSPEC_COMMAND" = check ]; then
  run "${specs[@]}"
else
  [ "$NNSPEC_FORMAT" != sarif ] || [ "${#specs[@]}" -eq 1 ] ||
    refuse "verify as sarif takes one spec: use the action once for each"
  for spec in "${specs[@]}"; do
    run "$spec"
  done
fi
exit "$code"
