#!/usr/bin/env bash
# Run the test suite in several settings and print the last line and the wall time of each:
#
#     tools/suite_matrix.sh [SETTING ...]        (default: all)
#
#     default   .venv, as `make test` runs it
#     avx2      PyTorch, oneDNN and MKL as on a processor without AVX-512
#     oldest    the same without AVX, for which x86-64 processors have SSE 4.1: slow
#     one       one process on one core
#     3.10, 3.12, 3.13    that Python, in an environment of its own
#
# The environment of a Python is ENVIRONMENTS followed by its version, .venv-3.12 by default; it is made, as `make`
# makes .venv, where it is missing or out of date. Interpreters are python3.X on the PATH, or pyenv's. Each setting
# writes LOGS/SETTING.log (default: a new temporary folder). Ends with 1 if a setting fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

ENVIRONMENTS=${ENVIRONMENTS:-.venv-}
LOGS=${LOGS:-$(mktemp --directory --tmpdir suite_matrix.XXXXXX)}
mkdir -p "$LOGS"
export PYTHONPATH=$PWD # this tree, also where an environment was made for another

interpreter() { # VERSION: one that starts; a shim of pyenv may not
    local candidate
    for candidate in "python$1" "$HOME/.pyenv/versions/$1".*/bin/python; do
        if "$candidate" --version > /dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
    done
    echo "there is no Python $1" >&2
    return 1
}

first_cpu() { # that this process may use; in a container that is not always 0
    python3 -c 'import os; print(min(os.sched_getaffinity(0)))'
}

suite() { # ENVIRONMENT [OPTION ...]
    local environment=$1
    shift
    "$environment/bin/pytest" --numprocesses 2 --dist loadfile --no-loadscope-reorder "$@"
}

suite_with_python() { # VERSION
    local environment=$ENVIRONMENTS$1 python
    python=$(interpreter "$1") || return
    make --no-print-directory environment VENV="$environment" PYTHON="$python" || return
    suite "$environment"
}

run() { # SETTING
    case $1 in
        default) suite .venv ;;
        avx2) ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2 suite .venv ;;
        oldest)
            ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=SSE41 MKL_CBWR=COMPATIBLE suite .venv --timeout 1800
            ;;
        one) taskset --cpu-list "$(first_cpu)" .venv/bin/pytest --numprocesses 0 --timeout 900 ;;
        3.*) suite_with_python "$1" ;;
        *)
            echo "there is no setting $1" >&2
            return 2
            ;;
    esac
}

[[ $# -gt 0 ]] || set -- default avx2 oldest one 3.10 3.12 3.13
failed=0
for setting in "$@"; do
    began=$SECONDS
    run "$setting" > "$LOGS/$setting.log" 2>&1 < /dev/null || failed=1
    printf '%-8s %5d s  %s\n' "$setting" "$((SECONDS - began))" "$(tail -n 1 "$LOGS/$setting.log")"
    grep -E '^(FAILED|ERROR) ' "$LOGS/$setting.log" || true
done
echo "logs in $LOGS"
exit "$failed"
