#!/usr/bin/env bash
# What the tests need beyond Python: Chromium (browser tests) and bubblewrap (the grading sandbox).
# Installs what is missing where it may: as root on Debian or Ubuntu, or by sudo on a CI's machine.
# Elsewhere says what is missing; the tests that need it are skipped then.
set -euo pipefail
as_root=()
[ "${CI:-}" = true ] && [ "$(id -u)" -ne 0 ] && as_root=(sudo -n)
may() { [ "$("${as_root[@]}" id -u 2>/dev/null)" = 0 ]; }

missing=()
command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing+=(chromium)
command -v bwrap >/dev/null || missing+=(bubblewrap)
if [ ${#missing[@]} -gt 0 ]; then
  if command -v apt-get >/dev/null && may; then
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  else
    echo "Some tests will be skipped, because this is not installed: ${missing[*]}"
  fi
fi

# Ubuntu 24.04 lets ordinary users make no user namespaces, which a sandbox needs
namespaces=kernel.apparmor_restrict_unprivileged_userns
if [ "$(id -u)" -ne 0 ] && [ "$(sysctl -n $namespaces 2>/dev/null)" = 1 ]; then
  if [ "${CI:-}" = true ] && may; then
    "${as_root[@]}" sysctl -q "$namespaces=0"
  else
    echo "The tests of the sandbox will be skipped. To allow it: sudo sysctl $namespaces=0"
  fi
fi
