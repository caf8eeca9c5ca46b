#!/usr/bin/env bash
# Fetches Cerbos from npm, once, and measures it beside brevet: `benches/peers/cerbos.sh`, from anywhere.
# CERBOS=/path/to/cerbos measures a binary that is there already.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

version=0.55.0
if [ -z "${CERBOS:-}" ]; then
    if [ "$(uname -s)-$(uname -m)" != Linux-x86_64 ]; then
        echo "cerbos.sh: only for Linux on x86-64 is Cerbos fetched; set CERBOS to a binary" >&2
        exit 1
    fi
    platform=linux-x64
    folder="benches/peers/target/cerbos-$version"
    CERBOS="$PWD/$folder/package/cerbos-$platform"
    if [ ! -x "$CERBOS" ]; then
        mkdir -p "$folder"
        if ! archive="$(cd "$folder" && npm pack --silent "@cerbos/cerbos-$platform@$version")"; then
            echo "cerbos.sh: @cerbos/cerbos-$platform@$version could not be fetched from npm; set CERBOS to a binary" >&2
            exit 1
        fi
        tar --extract --gzip --file "$folder/$archive" --directory "$folder"
    fi
fi
export BREVET_BENCH_CERBOS="$CERBOS"
exec cargo bench --bench servers
