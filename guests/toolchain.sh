#!/bin/sh
# Make a Rust toolchain for wasm32-unknown-unknown and wasm32-wasip2 out of Debian
# packages, without installing any: for machines where rustup cannot fetch the
# targets. Where it can, `rustup target add` is all that is needed.
#
# Usage: toolchain.sh DIR
#
#   DIR/rustc     the compiler, with a standard library for each target
#   DIR/rust-lld  the linker, of the rustc in $PATH
#
# Debian has no standard library for the targets, so this builds them from
# Debian's sources, and takes the C library of wasm32-wasip2 from `wasi-libc`. No
# path of this machine gets into them: the same packages give the same bytes in
# any DIR.
#
# The linker makes core modules. For wasm32-wasip2 rustup's makes components; here
# that last step is left to `cargo xtask guests`.
set -eu

host=x86_64-unknown-linux-gnu

[ $# -eq 1 ] || { echo "usage: $0 DIR" >&2; exit 2; }
linker=$(rustc --print sysroot)/lib/rustlib/$host/bin/rust-lld
[ -x "$linker" ] || { echo "$0: no $linker" >&2; exit 1; }
mkdir -p "$1"
dir=$(cd "$1" && pwd)
work=$(mktemp -d "$dir/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

# The names of the packages that $1 depends on and that match $2.
depends() {
    apt-cache depends "$1" | awk -v pattern="$2" '/ Depends: / && $2 ~ pattern { print $2 }'
}

echo "fetching packages" >&2
version=$(apt-cache policy rustc-web | awk '/Candidate/ { print $2 }')
std=$(depends "libstd-rust-web-dev=$version" '^libstd-rust-web-[0-9]')
llvm=$(depends "$std" '^libllvm')
(
    cd "$work"
    apt-get -qq -o APT::Sandbox::User=root download "rustc-web=$version" "libstd-rust-web-dev=$version" \
        "rust-web-src=$version" "$std=$version" "$llvm" wasi-libc
)
rm -rf "$dir/root" "$dir/sysroot"
for package in "$work"/*.deb; do
    dpkg -x "$package" "$dir/root"
done
usr=$dir/root/usr
source=$usr/lib/rustlib/src/rust

# $1: name in $dir, $2: arguments. Debian's compiler needs its own libraries.
wrap() {
    printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s %s"$@"\n' \
        "$usr/lib/x86_64-linux-gnu" "$usr/bin/rustc" "$2" > "$dir/$1"
    chmod +x "$dir/$1"
}

echo "building the standard libraries" >&2
wrap rustc-seed ""
commit=$("$dir/rustc-seed" -vV | awk '/commit-hash/ { print $2 }')
mkdir -p "$work/seed/src"
cat > "$work/seed/Cargo.toml" <<'EOF'
[package]
name = "seed"
version = "0.0.0"
edition = "2021"
[lib]
crate-type = ["rlib"]
[profile.release]
opt-level = 3
panic = "abort"
[workspace]
EOF
echo '#![no_std] extern crate std;' > "$work/seed/src/lib.rs"
(
    # -Zbuild-std is what RUSTC_BOOTSTRAP is for. Bitcode: guests are built with
    # link-time optimisation. The remapped paths are those of Rust's own builds.
    cd "$work/seed"
    RUSTC=$dir/rustc-seed RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$work/target \
        CARGO_ENCODED_RUSTFLAGS=$(printf '%s\037%s\037%s\037%s' -Cembed-bitcode=yes \
            "--remap-path-prefix=$source=/rustc/$commit" \
            "--remap-path-prefix=$(readlink -f "$source")=/rustc/$commit" \
            "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=/registry") \
        cargo build --quiet --release -Zbuild-std=std,panic_abort \
            --target wasm32-unknown-unknown --target wasm32-wasip2
)

rustlib=$dir/sysroot/lib/rustlib
for target in wasm32-unknown-unknown wasm32-wasip2; do
    mkdir -p "$rustlib/$target/lib"
    for library in "$work/target/$target/release/deps"/*.rlib; do
        case $library in
            */libseed-*) ;;
            *) cp "$library" "$rustlib/$target/lib/" ;;
        esac
    done
done
mkdir -p "$rustlib/wasm32-wasip2/lib/self-contained"
cp "$usr/lib/wasm32-wasi/libc.a" "$usr/lib/wasm32-wasi"/crt1*.o \
    "$rustlib/wasm32-wasip2/lib/self-contained/"
ln -s "$usr/lib/rustlib/$host" "$rustlib/$host"
rm -rf "$usr/src" "$usr/lib/rustlib/src" "$dir/rustc-seed"
ln -sf "$linker" "$dir/rust-lld"
# Last, since it is what says that the toolchain is there.
wrap rustc "--sysroot $dir/sysroot "
"$dir/rustc" --version >&2
