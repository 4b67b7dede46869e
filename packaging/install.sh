#!/bin/sh
# Installs the program that lies beside this script, upgrades it, or takes it away again. Needs no package manager.
#
#   ./install.sh [--prefix DIR] [--root DIR] [--data DIR] [--yes]     install or upgrade; with --data: as a service
#   ./install.sh --uninstall [--prefix DIR] [--root DIR] [--yes]      remove; data, key and account stay
set -eu

here=$(cd "$(dirname "$0")" && pwd)
prefix=/usr/local root= data= yes= uninstall=

fail() {
    echo "install.sh: $1" >&2
    exit "${2:-1}"
}

usage() {
    sed -n '2,6s/^# \{0,1\}//p' "$0"
}

while [ $# -gt 0 ]; do
    case "$1" in
    --prefix | --root | --data)
        [ $# -gt 1 ] || fail "$1 needs a value" 2
        case "$1" in --prefix) prefix=$2 ;; --root) root=${2%/} ;; --data) data=$2 ;; esac
        shift
        ;;
    --yes | -y) yes=yes ;;
    --uninstall) uninstall=yes ;;
    -h | --help)
        usage
        exit 0
        ;;
    *) fail "unknown option $1 (see --help)" 2 ;;
    esac
    shift
done

agree() {
    [ -z "$yes" ] || return 0
    [ -t 0 ] || fail "$1 Add --yes if you agree." 4
    printf '%s [y/N]: ' "$1"
    read -r answer
    case "$answer" in y | Y | yes) ;; *) fail "nothing was done" 4 ;; esac
}

program=$root$prefix/bin/hakobu

# Shown by --help of the program itself; made from it, so that they always fit.
papers() {
    man=$root$prefix/share/man/man1
    shells=$root$prefix/share/bash-completion/completions
    mkdir -p "$man" "$shells"
    "$program" man "$man" --lang en >/dev/null
    "$program" completions bash >"$shells/hakobu"
}

remove() {
    agree "Remove $program? Data, key and account stay."
    if [ -x "$program" ]; then
        if [ -n "$root" ]; then
            "$program" service uninstall --root "$root" --yes
        else
            "$program" service uninstall --yes
        fi
    fi
    rm -f "$program" "$root$prefix"/share/man/man1/hakobu.1 "$root$prefix"/share/man/man1/hakobu-*.1 \
        "$root$prefix/share/bash-completion/completions/hakobu"
    echo "hakobu was removed. Data and key are where they were."
}

check() {
    command -v sha256sum >/dev/null || fail "sha256sum is missing (coreutils)"
    (cd "$here" && sha256sum --check --strict --quiet SHA256SUMS) ||
        fail "the files are not those that were packed: fetch them again" 12
    [ "$(uname -s)-$(uname -m)" = "$(cat "$here/TARGET")" ] ||
        fail "this program is for $(cat "$here/TARGET"), and this machine is $(uname -s)-$(uname -m)" 12
}

put() {
    mkdir -p "$(dirname "$program")"
    # Beside, then renamed: the program is the old one or the new one, whole.
    cp "$here/hakobu" "$program.new"
    chmod 0755 "$program.new"
    sync "$program.new"
    mv -f "$program.new" "$program"
    papers
}

# A service that runs is switched with its health checked; it goes back by itself.
running() {
    [ -z "$root" ] && [ -d /run/systemd/system ] && systemctl is-active --quiet hakobu.service
}

running_data() {
    at=$(systemctl show -p FragmentPath --value hakobu.service)
    sed -n 's/^ExecStart=.* --data \([^ ]*\).*/\1/p' "$at" | head -n 1
}

if [ -n "$uninstall" ]; then
    remove
    exit 0
fi

check
agree "Install hakobu into $program?"
put
echo "Installed: $("$program" --version)"
if running; then
    "$program" update apply --this --data "$(running_data)" --yes
elif [ -n "$data" ]; then
    if [ -n "$root" ]; then
        "$program" service install --data "$data" --program "$prefix/bin/hakobu" --root "$root" ${yes:+--yes}
    else
        "$program" service install --data "$data" --program "$prefix/bin/hakobu" ${yes:+--yes}
    fi
else
    cat <<TEXT
Next, as root:
  hakobu setup --data /var/lib/hakobu --key-file /etc/hakobu/root.key
  hakobu service install --data /var/lib/hakobu
TEXT
fi
