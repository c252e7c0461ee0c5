#!/usr/bin/env bash
# Installs llama.cpp's server (out of the wheel of xllamacpp, 34 MB) for test_vllm_llamacpp.py, once,
# outside the clone, beside the vLLM of install.sh and in the same way.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${OCRGATE_LLAMACPP_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/ocrgate/llamacpp}
mkdir -p "$(dirname "$home")"
home=$(cd "$(dirname "$home")" && pwd)/$(basename "$home")
venv=$home-$(sha256sum "$here/install_llamacpp.sh" | cut -c1-12)

exec 9>"$home.lock"
flock 9
[ ! -e "$venv/complete" ] || [ "$(readlink "$home" || true)" != "$venv" ] || exit 0

rm -rf "$venv"
install() {
  "${OCRGATE_VLLM_PYTHON:-python3.11}" -m venv "$venv" &&
    timeout 600 "$venv/bin/python" -m pip --disable-pip-version-check --no-input install \
      --no-cache-dir --only-binary :all: xllamacpp==2026.10.11549 gguf==0.19.0 &&
    "$venv/bin/python" -c 'import gguf, xllamacpp'
}
if ! install >"$home.log" 2>&1; then
  echo "*** No llama.cpp on this machine, see $home.log" | tee "$home.failed" >&2
  exit 1
fi
touch "$venv/complete"
ln -sfn "$venv" "$home.next"
mv -T "$home.next" "$home"
rm -f "$home.failed"
echo "llama.cpp is in $home"
