#!/bin/sh
# Installs Penstock from this folder, without any network: sh install.sh [FOLDER]   (FOLDER: /opt/penstock when not given)
# Every file is held against SHA256SUMS first, and every package against its hash in install.lock. Each release gets a folder of its own,
# so that the one before stays until it is deleted; FOLDER/current leads to the one that was installed last.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
folder=${1:-/opt/penstock}
python=${PYTHON:-python3.11}

fail() { printf 'install: %s\n' "$1" >&2; exit 1; }

command -v sha256sum >/dev/null || fail "sha256sum is not here; it comes with coreutils"
command -v "$python" >/dev/null || fail "$python is not here; Penstock needs Python 3.11: install it, or say PYTHON=/path/to/python3.11"
"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || fail "$python is not Python 3.11, which these packages are for"
"$python" -c 'import ensurepip, venv' 2>/dev/null || fail "$python has no venv; on Debian it comes with python3.11-venv"

cd "$here"
[ -f SHA256SUMS ] || fail "$here has no SHA256SUMS: unpack the whole bundle"
sha256sum --check --strict --quiet SHA256SUMS || fail "a file is not as it was bundled; nothing was installed. Fetch the bundle again"
listed=$(wc -l < SHA256SUMS)
there=$(find . -type f ! -path ./SHA256SUMS | wc -l)
[ "$listed" -eq "$there" ] || fail "$there files are here and SHA256SUMS lists $listed; nothing was installed. Fetch the bundle again"

release=$(cat RELEASE)
target=$folder/$release
if [ -e "$target/installed" ]; then
    printf 'install: release %s is installed in %s already\n' "$release" "$target"
    exit 0
fi
rm -rf "$target"  # what a killed installation left: it has no file `installed`
mkdir -p "$target"
"$python" -m venv "$target/venv"
PIP_CONFIG_FILE=/dev/null PIP_DISABLE_PIP_VERSION_CHECK=1 "$target/venv/bin/pip" install --quiet \
    --no-index --find-links wheels --only-binary :all: --require-hashes -r install.lock || fail "pip refused a package; see above"
cp -R docs deploy fonts city "$target/"
told=$("$target/venv/bin/penstock" --version)
: > "$target/installed"
ln -sfn "$release" "$folder/current"
if [ -L "$folder/bin" ] || [ ! -e "$folder/bin" ]; then ln -sfn current/venv/bin "$folder/bin"; fi  # where the units look
printf 'install: %s\ninstall: %s/current/venv/bin/penstock is the command, %s/current/city the demo city\n' "$told" "$folder" "$folder"
