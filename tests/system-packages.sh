#!/usr/bin/env bash
# What the tests need beyond Python: Chromium (browser tests) and bubblewrap (contained grading).
# Installs what is missing where it may: as root on Debian or Ubuntu, or by sudo on a CI's machine.
# Elsewhere says what is missing; the tests that need it are skipped then.
set -euo pipefail
missing=()
command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing+=(chromium)
command -v bwrap >/dev/null || missing+=(bubblewrap)
[ ${#missing[@]} -eq 0 ] && exit 0
as_root=()
[ "${CI:-}" = true ] && [ "$(id -u)" -ne 0 ] && as_root=(sudo -n)
if command -v apt-get >/dev/null && [ "$("${as_root[@]}" id -u)" = 0 ]; then
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
  echo "Some tests will be skipped, because this is not installed: ${missing[*]}"
fi
