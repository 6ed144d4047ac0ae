#!/bin/sh
# Stands for `git`, its helpers and the runner: goes by a name of its own, `git-push.1`, and is
# traced or killed if it is the one that is meant.
faults=$ROOT/faults
role=${0##*/}
case $role in
    runner) real=$faults/runner ;;
    git) real=$FAULTS_GIT ;;
    *) real=$FAULTS_EXEC_PATH/$role ;;
esac
[ -n "$FAULTS_ROLE" ] || exec "$real" "$@"
if [ "$role" = git ]; then
    skip=
    for word; do
        case $skip$word in
            after*) skip= ;;
            -C | -c) skip=after ;;
            -*) ;;
            *) role=git-$word && break ;;
        esac
    done
fi
number=1
while ! mkdir "$faults/roles/$role.$number" 2> /dev/null; do number=$((number + 1)); done
role=$role.$number
# shellcheck disable=SC2086 # the words of options
case $FAULTS_ROLE in
    all | "$role") exec strace -f -b execve -y -o "$faults/traces/$role" $FAULTS_STRACE "$real" "$@" ;;
    "$role@start") kill -KILL $$ ;;
    "$role@parent") kill -KILL "$PPID" ;;
esac
exec "$real" "$@"
