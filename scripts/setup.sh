# Sourced by the other scripts: goes to the top of the tree and installs what is missing from Debian's packages.
# With nothing to install it needs neither network nor root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

install_missing_packages() {
  local package missing=() as_root=()
  for package in $(grep -v '^#' scripts/packages.txt); do
    dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "Installing from Debian: ${missing[*]}"
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get -qq update
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}"
}

# configure_and_build PRESET [TARGET...]: no target means all of them
configure_and_build() {
  local preset=$1 target=()
  shift
  [ $# -eq 0 ] || target=(--target "$@")
  cmake --preset "$preset"
  cmake --build "build/$preset" --parallel "$(nproc)" "${target[@]}"
}

install_missing_packages
