#!/bin/sh
# @TITLE@ @VERSION@ for Linux on @MACHINE@: this script, and behind it the program as an archive.
#
#     sh @FILE@ --help
#
# It is plain text up to the archive, which begins after the last line: read it before you run it.
set -u
umask 022

TITLE='@TITLE@'
VERSION='@VERSION@'
KIND='@KIND@'
MACHINE='@MACHINE@'
GLIBC='@GLIBC@'
KIBIBYTES=@KIBIBYTES@
SHA256=@DIGEST@
LINES_BEFORE=@LINES@
# The part of Qt that draws on a screen, and what it needs of the system: each library with the
# package that holds it for apt-get, dnf and pacman.
SCREEN='@SCREEN@'
LIBRARIES='@LIBRARIES@'

SELF=$0
PREFIX=
WORK=
MADE=
MOVED=
DONE=

say() { printf '%s\n' "$*"; }
fail() {
    printf 'lensbench: %s\n' "$*" >&2
    exit 1
}

usage() {
    cat <<END
$TITLE $VERSION for Linux on $MACHINE

    sh $SELF
        installs it: for you in ~/.local, as root for all in /opt/lensbench and /usr/local
    sh $SELF --prefix DIR
        installs it in DIR/opt/lensbench, DIR/bin and DIR/share
    sh $SELF --uninstall
        removes what was installed (with --prefix DIR: there)
    sh $SELF --extract-only DIR
        unpacks it into a new folder and installs nothing
    sh $SELF --check
        says whether this file is whole

An older version is replaced. Sessions, settings and model packs are never touched.
END
}

need_tools() {
    for tool in "$@"; do
        command -v "$tool" >/dev/null 2>&1 || fail "this needs $tool; install that and try again."
    done
}

need_absolute() {
    case $1 in
        *[\"\`\$\\%]* | *'
'*) fail "$1 holds a character that a desktop entry cannot name; choose another folder." ;;
        /*) ;;
        *) fail "$1 is not an absolute path; begin it with /." ;;
    esac
}

# Where things go. `installed.txt` in the program's folder says what of it lies elsewhere.
choose_places() {
    if [ -n "$PREFIX" ]; then
        OPT=$PREFIX/opt/lensbench BIN=$PREFIX/bin SHARE=$PREFIX/share
    elif [ "$(id -u)" -eq 0 ]; then
        OPT=/opt/lensbench BIN=/usr/local/bin SHARE=/usr/local/share
    else
        [ -n "${HOME:-}" ] || fail 'HOME names no folder; use --prefix DIR.'
        OPT=$HOME/.local/opt/lensbench BIN=$HOME/.local/bin
        SHARE=${XDG_DATA_HOME:-$HOME/.local/share}
    fi
    need_absolute "$OPT"
    need_absolute "$SHARE"
    MARK=$OPT/installed.txt
}

check_system() {
    [ "$(uname -s)" = Linux ] || fail "this is for Linux, and here is $(uname -s)."
    [ "$(uname -m)" = "$MACHINE" ] ||
        fail "this is for $MACHINE processors, and here is $(uname -m)."
    [ -n "$GLIBC" ] || return 0
    here=$(getconf GNU_LIBC_VERSION 2>/dev/null | sed 's/^glibc //')
    [ -n "$here" ] ||
        fail "this needs the GNU C library $GLIBC or newer, and this system has another one."
    least=$(printf '%s\n%s\n' "$here" "$GLIBC" | sort -t . -k 1,1n -k 2,2n | sed -n 1p)
    [ "$least" = "$GLIBC" ] ||
        fail "this needs the GNU C library $GLIBC or newer, and here is $here; use a newer system."
}

payload() { tail -n "+$((LINES_BEFORE + 1))" -- "$SELF"; }

check_whole() {
    need_tools tail sed cut sha256sum
    [ -f "$SELF" ] || fail 'this file must be run by its name: sh FILE.'
    [ "$(payload | sha256sum | cut -d ' ' -f 1)" = "$SHA256" ] ||
        fail "$SELF is damaged or was not copied to its end; fetch it again."
}

check_space() {
    place=$1
    while [ ! -d "$place" ]; do place=$(dirname -- "$place"); done
    free=$(df -Pk -- "$place" | sed -n '2s/.* \([0-9][0-9]*\)  *[0-9][0-9]*% .*/\1/p')
    [ "${free:-$KIBIBYTES}" -ge "$KIBIBYTES" ] || fail "$place has $((free / 1024)) MB free, and" \
        "$((KIBIBYTES / 1024)) MB are needed; make room or use --prefix DIR."
}

unpack() {
    need_tools tar xz
    say "Unpacking $TITLE $VERSION ($((KIBIBYTES / 1024)) MB) ..."
    payload | xz -dc | (cd -- "$1" && tar -xof -) || fail "$1 cannot be filled; is the disk full?"
    [ -f "$1/lensbench/files.txt" ] || fail "$1 cannot be filled; is the disk full?"
}

check_target() {
    [ -e "$OPT" ] || [ -h "$OPT" ] || return 0
    { [ -f "$MARK" ] && [ ! -h "$OPT" ]; } || fail "$OPT is there and was not made by this" \
        'installer; move it away or use --prefix DIR.'
    # A program that reads its own parts as it needs them cannot be exchanged while it runs. The
    # system names it by its real path: a home may be reached through a link.
    real=$(cd -- "$OPT" && pwd -P) || exit 1
    if ls -l /proc/[0-9]*/exe 2>/dev/null | grep -qF -- "-> $real/lensbench"; then
        fail 'Lensbench is running; close it and try again.'
    fi
}

# Each file outside the program's folder: it is ours already, or there is none.
check_outside() {
    while IFS= read -r file; do
        if [ -e "$file" ] || [ -h "$file" ]; then
            { [ -f "$MARK" ] && grep -qxF -- "file $file" "$MARK"; } || fail "$file is there and" \
                'was not made by this installer; move it away or use --prefix DIR.'
        fi
    done <"$WORK/outside" || exit 1
}

make_folder() {
    [ ! -d "$1" ] || return 0
    make_folder "$(dirname -- "$1")"
    mkdir -- "$1" 2>/dev/null || fail "$1 cannot be made; run this as root or use --prefix DIR."
    MADE="folder $1
$MADE"
}

# Whatever is ended before it was done leaves everything as it was.
tidy() {
    status=$?
    trap - EXIT
    trap '' HUP INT TERM
    if [ -z "$DONE" ]; then
        [ "$status" -ne 0 ] || status=1
        restore
        printf 'lensbench: nothing was changed.\n' >&2
    fi
    [ -z "$WORK" ] || rm -rf -- "$WORK"
    [ -n "$DONE" ] || printf '%s' "$MADE" | while read -r _ folder; do
        rmdir -- "$folder" 2>/dev/null
    done
    exit "$status"
}

restore() {
    [ -z "$WORK" ] || [ ! -f "$WORK/written" ] || while IFS= read -r file; do
        rm -f -- "$file" "$file.new"
        [ ! -e "$WORK/kept$file" ] && [ ! -h "$WORK/kept$file" ] ||
            cp -P -- "$WORK/kept$file" "$file"
    done <"$WORK/written"
    [ -z "$MOVED" ] || rm -rf -- "$OPT"
    [ -z "$WORK" ] || [ ! -d "$WORK/old" ] || mv -- "$WORK/old" "$OPT" || {
        say "The version before cannot be put back; it is in $WORK/old." >&2
        WORK=
    }
}

write_outside() {
    while IFS= read -r file; do
        make_folder "$(dirname -- "$file")"
        if [ -e "$file" ] || [ -h "$file" ]; then
            { mkdir -p -- "$WORK/kept$(dirname -- "$file")" &&
                cp -P -- "$file" "$WORK/kept$file"; } || fail "$file cannot be replaced."
        fi
        printf '%s\n' "$file" >>"$WORK/written"
        # Written beside and renamed, so that nobody reads half of it.
        rm -f -- "$file.new"
        if [ "$file" = "$BIN/lensbench" ]; then
            ln -s -- "$OPT/lensbench" "$file.new"
        else
            cp -- "$WORK/share${file#"$SHARE"}" "$file.new"
        fi 2>/dev/null && mv -f -- "$file.new" "$file" ||
            fail "$file cannot be written; run this as root or use --prefix DIR."
    done <"$WORK/outside" || exit 1
}

# What the version before had outside, and this one has not.
remove_leftovers() {
    sed -n 's/^file //p' "$WORK/old/installed.txt" | while IFS= read -r file; do
        grep -qxF -- "$file" "$WORK/outside" || rm -f -- "$file"
    done
}

# Removes what a version brought into its folder; what somebody else put there stays.
empty_folder() {
    (cd -- "$1" && sort -r files.txt | while IFS= read -r name; do
        case $name in
            */) rmdir -- "$name" 2>/dev/null ;;
            *) rm -f -- "$name" ;;
        esac
    done
    rm -f -- installed.txt files.txt)
    rmdir -- "$1" 2>/dev/null
}

tell_desktop() {
    # A desktop that has none of these looks for itself.
    update-desktop-database -q "$SHARE/applications" 2>/dev/null
    update-mime-database "$SHARE/mime" >/dev/null 2>&1
    gtk-update-icon-cache -q -t "$SHARE/icons/hicolor" 2>/dev/null
    return 0
}

tell_missing() {
    { [ -n "$SCREEN" ] && command -v ldd >/dev/null 2>&1; } || return 0
    missing=$(LD_LIBRARY_PATH=$OPT/_internal ldd "$OPT/$SCREEN" 2>/dev/null |
        sed -n 's/^[[:space:]]*\([^ ]*\) => not found.*/\1/p' | sort -u)
    [ -n "$missing" ] || return 0
    column=0
    for installer in 'apt-get install' 'dnf install' 'pacman -S' ''; do
        column=$((column + 1))
        command -v "${installer%% *}" >/dev/null 2>&1 && break
    done
    packages=
    for library in $missing; do
        say "This system lacks $library, without which no window opens."
        packages="$packages $(say "$LIBRARIES" | sed -n "s/^$library //p" | cut -d '|' -f "$column")"
    done
    [ -n "$installer" ] || return 0
    # shellcheck disable=SC2086 # the names of packages, one to a line
    say "Install what it lacks: sudo $installer $(printf '%s\n' $packages | sort -u | tr '\n' ' ')"
}

install_it() {
    check_system
    check_whole
    check_target
    folder=$(dirname -- "$OPT")
    check_space "$folder"
    trap tidy EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    make_folder "$folder"
    WORK=$(mktemp -d "$folder/.lensbench-XXXXXX" 2>/dev/null) ||
        fail "$folder cannot be written to; run this as root or use --prefix DIR."
    unpack "$WORK"
    say "$BIN/lensbench" >"$WORK/outside"
    while IFS= read -r name; do say "$SHARE/$name"; done <"$WORK/share.txt" >>"$WORK/outside"
    check_outside
    program=$(say "$OPT/lensbench" | sed 's/[&|]/\\&/g')
    sed "s|@PROGRAM@|$program|" "$WORK/share/applications/lensbench.desktop" >"$WORK/entry" &&
        mv -f -- "$WORK/entry" "$WORK/share/applications/lensbench.desktop" || exit 1

    before=
    if [ -d "$OPT" ]; then
        before=$(sed -n 1p "$MARK")
        mv -- "$OPT" "$WORK/old" || fail "$OPT cannot be replaced; run this as root."
    fi
    MOVED=yes
    mv -- "$WORK/lensbench" "$OPT" || fail "$OPT cannot be made."
    write_outside
    {
        say "lensbench $VERSION ($KIND)"
        sed 's/^/file /' "$WORK/outside"
        printf '%s' "$MADE"
        [ -z "$before" ] || grep '^folder ' "$WORK/old/installed.txt"
    } >"$MARK"
    [ -s "$MARK" ] || fail "$MARK cannot be written; is the disk full?"
    # What is left to do holds files of others, which an interruption would remove with the rest.
    trap '' HUP INT TERM
    DONE=yes

    if [ -n "$before" ]; then
        remove_leftovers
        empty_folder "$WORK/old"
        say "It replaces version ${before#lensbench }."
        if [ -d "$WORK/old" ]; then
            kept=$OPT.before
            [ ! -e "$kept" ] || kept=$OPT.before-$$
            mv -- "$WORK/old" "$kept"
            say "What somebody else had put into its folder is in $kept."
        fi
    fi
    tell_desktop
    say "$TITLE $VERSION is installed in $OPT."
    tell_missing
    case :$PATH: in
        *:"$BIN":*) say 'Start it from the menu of programs, or by its name: lensbench' ;;
        *) say "Start it from the menu of programs, or as $BIN/lensbench ($BIN is not on your PATH)." ;;
    esac
    say "To remove it: sh $OPT/uninstall.sh"
}

uninstall_it() {
    [ -f "$MARK" ] || fail "nothing that this installer made is in $OPT; --prefix DIR names another" \
        'place.'
    exec sh "$OPT/uninstall.sh"
}

extract() {
    case $1 in /*) target=$1 ;; *) target=$PWD/$1 ;; esac
    [ ! -e "$target" ] || [ -z "$(ls -A -- "$target" 2>&1)" ] ||
        fail "$target is not an empty folder; name a new one."
    check_whole
    check_space "$target"
    mkdir -p -- "$target" || fail "$target cannot be made."
    unpack "$target"
    say "The program is $target/lensbench/lensbench."
}

action=install
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage; exit 0 ;;
        --prefix | --extract-only)
            [ $# -ge 2 ] && [ -n "$2" ] || fail "$1 wants a folder; see --help."
            if [ "$1" = --prefix ]; then PREFIX=${2%/}; else action=extract TARGET=$2; fi
            shift
            ;;
        --prefix=?*) PREFIX=${1#*=} PREFIX=${PREFIX%/} ;;
        --extract-only=?*) action=extract TARGET=${1#*=} ;;
        --check) action=check ;;
        --uninstall) action=uninstall ;;
        *) fail "$1 is not known; see --help." ;;
    esac
    shift
done

case $action in
    check)
        check_whole
        say 'This file is whole.'
        ;;
    extract) extract "$TARGET" ;;
    uninstall)
        choose_places
        uninstall_it
        ;;
    install)
        choose_places
        install_it
        ;;
esac
exit 0
