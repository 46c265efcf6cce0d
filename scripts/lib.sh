# What the other scripts share; sourced, from the root of the checkout.
set -euo pipefail
mkdir -p .cache dist

# As in `make build`, so that one set of compiled packages serves it, vet and the tests.
export CGO_ENABLED=0 GOFLAGS="${GOFLAGS:+$GOFLAGS }-trimpath"

skipped=.cache/skipped # one line for each thing left out: what, why

step() { printf '\n== %s (at %d s)\n' "$1" "$SECONDS"; }

# skip WHAT WHY: leaves something out and says so; with CI=true that is an error.
skip() {
    if [[ ${CI:-} == true ]]; then
        echo "error: $1: $2; with CI=true nothing may be skipped" >&2
        exit 1
    fi
    echo "skipped: $1: $2"
    echo "$1: $2" >>"$skipped"
}

# have COMMAND PACKAGE…: is the command there, or can it be installed (Debian, as root)?
have() {
    local command=$1
    shift
    command -v "$command" >/dev/null && return
    [[ $EUID == 0 && -e /etc/debian_version ]] || return 1
    echo "installing $*"
    # A broker that Debian starts with its package would have the port of ours: 101 is "not allowed".
    local policy=/usr/sbin/policy-rc.d
    if [[ ! -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod +x $policy
    else
        policy=
    fi
    {
        apt-get update -q -o Acquire::Retries=3
        DEBIAN_FRONTEND=noninteractive apt-get install -q -y -o Acquire::Retries=3 --no-install-recommends "$@"
    } >.cache/apt.log 2>&1 || tail -n 5 .cache/apt.log >&2
    [[ -z $policy ]] || rm -f $policy
    command -v "$command" >/dev/null
}
