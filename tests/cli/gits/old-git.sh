#!/bin/sh
# A git of version 2.34, as far as whoever calls it can tell: it says so, and refuses what later
# versions brought. @REAL@ does the work.

no() {
    echo "fatal: git 2.34 does not have that: git $*" >&2
    exit 129
}

case " $* " in
*" version "* | *" --version "*)
    echo "git version 2.34.1"
    exit 0
    ;;
# 2.35, 2.36
*" stash "*"--staged "* | *" apply "*"--allow-empty "*) no "$@" ;;
*" ls-tree "*"--format="* | *" ls-tree "*"--object-only "*) no "$@" ;;
*" cat-file "*"--batch-command"* | *" log "*"--remerge-diff "*) no "$@" ;;
# 2.38, 2.40
*" ls-files "*"--format="* | *" rebase "*"--update-refs "*) no "$@" ;;
*" merge-tree "*"--write-tree "* | *" merge-tree "*"--merge-base="*) no "$@" ;;
*" cat-file "*"--use-mailmap "*) no "$@" ;;
# 2.41 to 2.44
*" --attr-source="* | *" fetch "*"--porcelain "* | *" for-each-ref "*"--exclude="*) no "$@" ;;
*" cat-file "*"-Z "* | *" worktree "*"--orphan "* | *" replay "*) no "$@" ;;
*" rev-parse "*"--show-ref-format "* | *" update-index "*"--show-index-version "*) no "$@" ;;
# 2.45 and later
*" --ref-format="* | *" for-each-ref "*"--include-root-refs "* | *" refs "*) no "$@" ;;
*" config list "* | *" config get "* | *" config set "* | *" pack-refs "*"--auto "*) no "$@" ;;
esac

# It passes over a setting that it does not know, and would then sync nothing.
number=0
while [ "$number" -lt "${GIT_CONFIG_COUNT:-0}" ]; do
    eval "setting=\$GIT_CONFIG_KEY_$number=\$GIT_CONFIG_VALUE_$number"
    [ "$setting" != "core.fsync=all" ] || no "-c $setting" "$@"
    number=$((number + 1))
done

exec '@REAL@' "$@"
