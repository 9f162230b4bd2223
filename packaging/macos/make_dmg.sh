#!/bin/sh
# Makes the disk image of a built program:
#
#   sh packaging/macos/make_dmg.sh APP IMAGE VOLUME
#
# APP is dist/Lensbench.app, IMAGE the .dmg to be made, VOLUME the name that the Finder shows.
# Signed and notarised where these variables say how; otherwise it says that it is neither:
#   LENSBENCH_SIGN_IDENTITY   "Developer ID Application: NAME (TEAM)", in a keychain that is open
#   LENSBENCH_NOTARY_PROFILE  as `xcrun notarytool store-credentials` called it
set -eu

here=$(cd "$(dirname "$0")" && pwd)
say() { printf '%s\n' "make_dmg: $*" >&2; }
fail() { say "$*"; exit 1; }

[ $# -eq 3 ] || fail "say which program, which image and which name: make_dmg.sh APP IMAGE VOLUME"
app=${1%/} image=$2 volume=$3
[ "$(uname -s)" = Darwin ] || fail "disk images can be made on macOS alone."
[ -d "$app/Contents/MacOS" ] || fail "$app is no program; build it first."
identity=${LENSBENCH_SIGN_IDENTITY:-} profile=${LENSBENCH_NOTARY_PROFILE:-}
[ -z "$profile" ] || [ -n "$identity" ] || fail "only what is signed can be notarised: name LENSBENCH_SIGN_IDENTITY, too."

plutil -lint -s "$app/Contents/Info.plist" || fail "the Info.plist of $app cannot be read."
program=$(plutil -extract CFBundleExecutable raw -o - "$app/Contents/Info.plist")
[ -x "$app/Contents/MacOS/$program" ] || fail "$app lacks its program $program."

staging=$(mktemp -d "${TMPDIR:-/tmp}/lensbench-dmg.XXXXXX")
trap 'rm -rf "$staging"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

ditto "$app" "$staging/$(basename "$app")"
ln -s /Applications "$staging/Applications"
app=$staging/$(basename "$app")

sign() { codesign --force --timestamp --options runtime --sign "$identity" "$@"; }

if [ -n "$identity" ]; then
    # From the inside out: the signature of the whole covers those of its parts.
    find "$app/Contents" -type f \( -name '*.so' -o -name '*.dylib' -o -perm -100 \) -print |
        while IFS= read -r file; do
            case $(file -b "$file") in
            Mach-O*executable*) sign --entitlements "$here/entitlements.plist" "$file" ;;
            Mach-O*) sign "$file" ;;
            esac
        done
    sign --entitlements "$here/entitlements.plist" "$app"
else
    # PyInstaller has sealed each part and the whole, and the licences came in after that.
    codesign --force --sign - "$app"
    say "LENSBENCH_SIGN_IDENTITY is not set: the program is NOT signed by a developer, and macOS asks before its first start."
fi
codesign --verify --deep --strict "$app" || fail "the signature of $app does not hold."

# Now and then the system still holds the image that it has just filled.
tries=0
until hdiutil create -quiet -volname "$volume" -srcfolder "$staging" -fs HFS+ -format UDZO -ov "$image"; do
    tries=$((tries + 1))
    [ "$tries" -lt 5 ] || fail "hdiutil could not make $image."
    say "hdiutil failed; trying again."
    sleep 5
done

if [ -n "$identity" ]; then
    codesign --force --timestamp --sign "$identity" "$image"
fi
if [ -n "$profile" ]; then
    xcrun notarytool submit "$image" --keychain-profile "$profile" --wait
    xcrun stapler staple "$image"
    spctl --assess --type open --context context:primary-signature "$image" || fail "macOS would refuse $image."
elif [ -n "$identity" ]; then
    say "LENSBENCH_NOTARY_PROFILE is not set: the image is signed and NOT notarised, so macOS refuses what was downloaded."
fi
hdiutil verify -quiet "$image" || fail "$image is damaged."
say "made $image"
