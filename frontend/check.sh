#!/usr/bin/env bash
# The page's own check: types, tests, and that the committed bundle is what these sources build. Needs node 20 or newer;
# where there is none it says so, and fails only in CI (CI=true): nothing else in retort needs it.
set -uo pipefail
cd "$(dirname "$0")"

if ! command -v npm >/dev/null || ! node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)'; then
    echo "frontend: node 20 or newer is not here, so the page is not checked" >&2
    [ "${CI:-}" = true ] && exit 1
    exit 0
fi
npm ci --silent --no-audit --no-fund || { echo "frontend: npm ci failed (no registry?)" >&2; exit 1; }

failed=0
npm run --silent check || failed=1
npm run --silent test -- --reporter=dot || failed=1
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
npm run --silent build -- --outDir "$fresh" --logLevel warn || failed=1
if ! diff -rq "$fresh" ../src/retort/studio/static; then
    echo "frontend: the committed bundle is not what the sources build; run npm run build and commit it" >&2
    failed=1
fi
exit $failed
