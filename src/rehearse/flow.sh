#!/bin/sh
# A small flow runner. It carries the fork's patches onto a new release, and pushes the result as a
# candidate branch. Called as `flow.sh --cwd WORKTREE fire --event FILE`; prints a result document.
set -eu

worktree=$2
event=$5

# The event is data from elsewhere: what is not a plain tag is not taken.
tag=$(sed -n 's/.*"tag":"\([A-Za-z0-9][A-Za-z0-9._-]*\)".*/\1/p' "$event")
[ -n "$tag" ] || { echo "the event has no tag" >&2; exit 1; }
candidate=candidate/$tag

answer() { # STATUS MESSAGE [ARTIFACTS]
    printf '{"eventId":"%s","results":[{"flow":"carry","step":"rebase","result":' "$PATCH_EVENT_ID"
    printf '{"status":"%s","message":"%s","artifacts":{%s}}}]}\n' "$1" "$2" "${3-}"
}

cd "$worktree"
git fetch --quiet upstream "refs/tags/$tag:refs/tags/$tag"
base=$(git describe --tags --abbrev=0 main)

# In a worktree of its own: the fork's checkout stays as it is.
scratch=$(mktemp -d)
trap 'git worktree remove --force "$scratch"' EXIT
git worktree add --quiet --detach "$scratch" main

# The same patches on the same release are the same commits, so that a second run changes nothing.
if git -C "$scratch" rebase --quiet --committer-date-is-author-date --onto "$tag" "$base" >&2; then
    sha=$(git -C "$scratch" rev-parse HEAD)
    count=$(git rev-list --count "$tag..$sha")
    git branch --force "$candidate" "$sha" >&2
    git push --quiet origin "$sha:refs/heads/$candidate" >&2
    answer changed "$count patches carried onto $tag, pushed $candidate" \
        "\"candidateRef\":{\"kind\":\"branch\",\"ref\":\"refs/heads/$candidate\",\"sha\":\"$sha\",\"pushed\":true}"
else
    git -C "$scratch" rebase --abort
    answer needs_intervention "the patches conflict with $tag"
fi
