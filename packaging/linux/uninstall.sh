#!/bin/sh
# Removes @TITLE@: what its installer brought, and nothing else. Sessions, settings, logs and model
# packs stay where they are.
#
#     sh uninstall.sh
set -u

fail() {
    printf 'lensbench: %s\n' "$*" >&2
    exit 1
}

OPT=$(cd -- "$(dirname -- "$0")" && pwd -P) || exit 1
cd -- "$OPT" || exit 1
{ [ -f installed.txt ] && [ -f files.txt ]; } ||
    fail "$OPT was not made by the installer; nothing was removed."
[ -w "$OPT" ] && [ -w "$(dirname -- "$OPT")" ] || fail "$OPT may not be changed; run this as root."
if ls -l /proc/[0-9]*/exe 2>/dev/null | grep -qF -- "-> $OPT/lensbench"; then
    fail 'Lensbench is running; close it and try again.'
fi

share=
while read -r kind path; do
    [ "$kind" = file ] || continue
    case $path in */applications/lensbench.desktop) share=${path%/applications/*} ;; esac
    # A link that leads elsewhere by now is somebody else's; ours may lead here through others.
    if [ -h "$path" ] && [ "$(readlink -f -- "$path")" != "$OPT/lensbench" ]; then continue; fi
    rm -f -- "$path"
done <installed.txt
if [ -n "$share" ]; then
    update-desktop-database -q "$share/applications" 2>/dev/null
    update-mime-database "$share/mime" >/dev/null 2>&1
    gtk-update-icon-cache -q -t "$share/icons/hicolor" 2>/dev/null
fi

folders=$(sed -n 's/^folder //p' installed.txt | sort -ru)
sort -r files.txt | while IFS= read -r name; do
    case $name in
        */) rmdir -- "$name" 2>/dev/null ;;
        *) rm -f -- "$name" ;;
    esac
done
rm -f -- installed.txt files.txt uninstall.sh
cd / && rmdir -- "$OPT" 2>/dev/null

# Folders that the installer made go where they are empty; what desktops noted in them goes first,
# where it is all that is left.
only() { [ "$(ls -A -- "$1" 2>/dev/null)" = "$2" ]; }
printf '%s\n' "$folders" | while IFS= read -r folder; do
    [ -n "$folder" ] || continue
    case $folder in
        "$share"/applications)
            only "$folder" mimeinfo.cache && rm -f -- "$folder/mimeinfo.cache"
            ;;
        "$share"/icons/hicolor)
            only "$folder" icon-theme.cache && rm -f -- "$folder/icon-theme.cache"
            ;;
        "$share"/mime)
            [ -d "$folder/packages" ] || for name in aliases generic-icons globs globs2 icons \
                magic mime.cache subclasses treemagic types version XMLnamespaces; do
                rm -f -- "$folder/$name"
            done
            rmdir -- "$folder/application" 2>/dev/null
            ;;
    esac
    rmdir -- "$folder" 2>/dev/null
done

printf '%s\n' '@TITLE@ is removed. Your sessions, settings and model packs are where they were.'
[ ! -d "$OPT" ] || printf '%s\n' "$OPT holds files that somebody else put there, and is kept."
exit 0
