#!/bin/sh
# Brings one of the programs that tests and benchmarks run against, and unpacks it under target/peers.
#
# Usage: scripts/peers.sh prometheus|alertmanager|victoria-metrics|clients|packages|systemd|grafana|browser|
#                         keystone|debian|images|nginx|pushgateway|wrk
#
# Nothing is started, and nothing outside target/peers changes, with some exceptions on a machine that
# lacks them, all for root alone: apt's package lists, curl, Node.js, Chromium, python3 with its venv module and, for
# make test-long, debootstrap, buildah and bubblewrap. Whoever is not root is told the command instead.
set -eu

peers=target/peers

say() {
    printf 'peers: %s\n' "$*"
}

# Ends with what is missing ($1) and the command that brings it ($2).
missing() {
    printf 'peers: %s is missing. Bring it with\n\n    %s\n\nand run make again.\n' "$1" "$2" >&2
    exit 1
}

is_root() {
    [ "$(id -u)" -eq 0 ]
}

apt_get() {
    # The unprivileged user apt switches to cannot write below root's home.
    apt-get -q -o APT::Sandbox::User=root "$@"
}

# Makes sure that apt knows the package.
know() {
    command -v apt-get >/dev/null ||
        missing "apt-get, from which $1 would come," "(a Debian or Ubuntu machine)"
    if apt-cache show "$1" >/dev/null 2>&1; then
        return
    fi
    is_root || missing "apt's package list, which names $1," "sudo apt-get update"
    say "reading the package lists"
    apt_get update
}

# Downloads a Debian package into the present directory; lists that are too old are renewed once.
download() {
    apt_get download "$1" && return
    is_root || missing "an apt package list of today" "sudo apt-get update"
    apt_get update
    apt_get download "$1"
}

# Unpacks Debian packages ($2 …) into one folder ($1) without installing them.
debian() {
    folder=$1
    shift
    rm -rf "${peers:?}/$folder"
    mkdir -p "$peers/$folder"
    for package in "$@"; do
        say "unpacking $package"
        know "$package"
        (
            cd "$peers/$folder"
            download "$package"
            dpkg -x "$package"_*.deb .
            rm -- *.deb
        )
    done
}

# Says what a program ($1 …) answers when asked for its version, which must be something.
check() {
    # wrk fails once it has told it, and VictoriaMetrics of Debian does not know its own.
    version=$("$@" 2>&1) || [ "${1##*/}" = wrk ]
    say "${1##*/}: ${version:-runs}" | head -n 1
}

# Makes a virtual environment ($1) of what its requirements name, and runs a command of it ($2 …) once.
python() {
    name=$1
    shift
    if ! python3 -c 'import ensurepip, venv' >/dev/null 2>&1; then
        is_root || missing "python3 with its venv module" \
            "sudo apt-get update && sudo apt-get install --no-install-recommends python3 python3-venv"
        know python3-venv
        say "installing python3 and python3-venv"
        DEBIAN_FRONTEND=noninteractive \
            apt_get install -y --no-install-recommends python3 python3-venv
    fi
    say "making the environment $name"
    rm -rf "${peers:?}/$name"
    python3 -m venv "$peers/$name"
    "$peers/$name/bin/python" -m pip install --disable-pip-version-check --progress-bar off --quiet \
        --requirement "tests/peers/$name.txt"
    program=$1
    shift
    version=$(PYTHONWARNINGS=ignore "$peers/$name/bin/$program" "$@")
    say "$name: $version"
}

# Makes sure that programs ($1), which need too much beside them to be unpacked alone, are on the machine,
# from packages ($2).
are_there() {
    for program in $1; do
        if ! command -v "$program" >/dev/null; then
            is_root || missing "$program" \
                "sudo apt-get update && sudo apt-get install --no-install-recommends $2"
            know "${2%% *}"
            say "installing $2"
            # Words, one a package.
            # shellcheck disable=SC2086
            DEBIAN_FRONTEND=noninteractive apt_get install -y --no-install-recommends $2
            return
        fi
    done
}

# Where apt takes the packages of this machine's own release from.
mirror() {
    apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
        awk -v release="$1" '$1 == release { print $2; exit }'
}

# Brings what a lock file of npm names, for the peer $1.
npm_packages() {
    are_there "node npm" "nodejs npm"
    rm -rf "${peers:?}/$1"
    mkdir -p "$peers/$1"
    cp "tests/peers/$1/package.json" "tests/peers/$1/package-lock.json" "$peers/$1"
    (cd "$peers/$1" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
}

mkdir -p "$peers"
rm -f "$peers/${1:-}.ready"
case ${1:-} in
prometheus)
    debian prometheus prometheus
    check "$peers/prometheus/usr/bin/prometheus" --version
    check "$peers/prometheus/usr/bin/promtool" --version
    ;;
alertmanager)
    debian alertmanager prometheus-alertmanager
    # Debian's reads its templates from a fixed place. This one reads them from below the folder it runs in;
    # the path keeps its length, as it has to in a program that is built.
    LC_ALL=C sed -i 's|/usr/share/prometheus/alertmanager|usr/share/prometheus//alertmanager|g' \
        "$peers/alertmanager/usr/bin/prometheus-alertmanager"
    check "$peers/alertmanager/usr/bin/prometheus-alertmanager" --version
    check "$peers/alertmanager/usr/bin/amtool" --version
    ;;
victoria-metrics)
    debian victoria-metrics victoria-metrics
    check "$peers/victoria-metrics/usr/bin/victoria-metrics" --version
    ;;
clients)
    are_there curl curl
    python clients python -c 'import huaweicloudsdkcore.client, huaweicloudsdkmodelarts.v1, otcextensions.sdk
import prometheus_client.openmetrics.parser, zstandard
print("prometheus-client, zstandard, otcextensions and both of the vendor packages can be imported")'
    ;;
packages)
    python packages python -c 'import cloudcoil.models.prometheus_operator, helm_python, kubernetes_validate
print("Helm", helm_python.helm_sdk_version(), "and the schemas of Kubernetes and the Prometheus operator")'
    ;;
systemd)
    # With what is not on every machine of what its programs load.
    debian systemd systemd libsystemd-shared libapparmor1 libip4tc2 libkmod2
    mkdir "$peers/systemd/programs" "$peers/systemd/libraries"
    (
        cd "$peers/systemd"
        # Debian's releases differ in where they have them.
        mv bin/systemd-sysusers usr/bin/systemd-* programs
        find lib usr -name '*.so' -o -name '*.so.[0-9]*' | xargs -I{} mv {} libraries
    )
    LD_LIBRARY_PATH=$peers/systemd/libraries
    export LD_LIBRARY_PATH
    check "$peers/systemd/programs/systemd-analyze" --version
    check "$peers/systemd/programs/systemd-sysusers" --version
    ;;
debian)
    is_root || missing "root, who alone can make a Debian system below a folder," "sudo make test-long"
    are_there debootstrap debootstrap
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    # The old one may have been left half made.
    rm -rf "${peers:?}/debian"
    debootstrap --variant=minbase --include=ca-certificates,procps,systemd "$release" \
        "$peers/debian" "$(mirror "$release")"
    ;;
images)
    are_there "buildah bwrap" "buildah bubblewrap"
    check buildah --version
    check bwrap --version
    ;;
grafana)
    npm_packages grafana
    say "grafana: types of $(sed -n 's/.*"@grafana\/schema": "\(.*\)".*/\1/p' "$peers/grafana/package.json")"
    ;;
browser)
    are_there chromium "chromium fonts-dejavu-core"
    npm_packages browser
    # Debian's start script has complaints of its own.
    say "$(chromium --version 2>/dev/null)"
    ;;
keystone) python keystone keystone-manage --version ;;
nginx)
    # nginx-light is this and nothing more.
    debian nginx nginx
    check "$peers/nginx/usr/sbin/nginx" -v
    ;;
pushgateway)
    debian pushgateway prometheus-pushgateway
    check "$peers/pushgateway/usr/bin/prometheus-pushgateway" --version
    ;;
wrk)
    debian wrk wrk libluajit-5.1-2
    # Every architecture has a name of its own for this folder.
    (cd "$peers/wrk" && ln -s usr/lib/*-linux-gnu lib)
    LD_LIBRARY_PATH=$peers/wrk/lib
    export LD_LIBRARY_PATH
    check "$peers/wrk/usr/bin/wrk" -v
    ;;
*)
    sed -n '2,5s/^# *//p' "$0" >&2
    exit 2
    ;;
esac
date -u +%Y-%m-%dT%H:%M:%SZ >"$peers/$1.ready"
