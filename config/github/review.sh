#!/usr/bin/env bash
# The steps of action.yml. usage: review.sh prepare|check|test|prove|replay|summarize
set -uo pipefail

state=$RUNNER_TEMP/portcullis
sarif=$state/sarif
# an unset input is an empty text, which is no file
[ -n "${PORTCULLIS_CONFIG:-}" ] || unset PORTCULLIS_CONFIG

# run_step NAME COMMAND...: runs COMMAND, shows its output, and keeps output and exit code for the summary
run_step() {
    local name=$1
    shift
    "$@" 2>&1 | tee "$state/$name.txt"
    echo "${PIPESTATUS[0]}" >"$state/$name.code"
}

prepare() {
    if ! command -v "$PROGRAM" >/dev/null; then
        echo "::error::the program '$PROGRAM' is not there: install Portcullis in a step before, or set 'program'"
        exit 1
    fi
    rm -rf "$state" && mkdir -p "$sarif" && echo "sarif=$sarif" >>"$GITHUB_OUTPUT"
}

check() {
    # the machine of the review has none of the certificates and keys of a gateway
    run_step check "$PROGRAM" check --strict --no-files --sarif "$sarif/check.sarif" "$POLICIES"
}

# named `test_policies` because `test` is a command of the shell
test_policies() {
    run_step test "$PROGRAM" test --fail-on-empty --mutate --min-killed "$MIN_KILLED" --sarif "$sarif/test.sarif" "$POLICIES"
}

prove() {
    local old=$state/old
    if ! git worktree add --quiet --detach "$old" "$BASE"; then
        echo "::error::the commit '$BASE' is not in this checkout: check out with 'fetch-depth: 0'"
        echo "the commit '$BASE' is not in this checkout" >"$state/prove.txt"
        echo 1 >"$state/prove.code"
        return
    fi
    run_step prove "$PROGRAM" prove --fail-on "$FAIL_ON" --sarif "$sarif/prove.sarif" "$old/$POLICIES" "$POLICIES"
    git worktree remove --force "$old"
}

replay() {
    run_step replay "$PROGRAM" replay --log "$LOG" --policies "$POLICIES"
}

summarize() {
    local failed=0 name
    for name in check test prove replay; do
        [ -e "$state/$name.code" ] || continue
        local code mark=passed
        code=$(cat "$state/$name.code")
        if [ "$code" != 0 ]; then
            failed=1 mark="failed (exit code $code)"
        fi
        # a fence longer than any in the output, so that none of it is taken for Markdown
        # a fence longer than any in the output, so that none of it is taken for Markdown; a summary has at most a mebibyte
        printf '### portcullis %s: %s\n\n``````text\n' "$name" "$mark"
        head -c 200000 "$state/$name.txt"
        printf '\n``````\n\n'
    done >>"$GITHUB_STEP_SUMMARY"
    exit "$failed"
}

case ${1:-} in
prepare | check | prove | replay | summarize) "$1" ;;
test) test_policies ;;
*) echo "usage: review.sh prepare|check|test|prove|replay|summarize" >&2 && exit 2 ;;
esac
