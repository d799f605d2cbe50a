#!/usr/bin/env bash
#SBATCH --job-name=create_env
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=8
#SBATCH --mem=32G
#SBATCH --time=02:00:00
#
# Make an environment with everything that constraints.txt pins.
#
#   bash setup/create_env.sh [conda|venv|uv] [options]     here
#   sbatch setup/create_env.sh [conda|venv|uv] [options]   as a job, from the root of the checkout
#
# Without a first word it takes conda, uv or Python's own venv, whichever is there first.
#
#   --name NAME        of the conda environment (default blt_<date>), or the folder (default .venv)
#   --python VERSION   for conda and uv (default 3.11); for venv a program (default python3)
#   --cuda[=TAG]       torch for NVIDIA GPUs: PyPI's, or that of a version such as cu128
#   --torch-index URL  where torch comes from, in place of PyTorch's own index; "none": pip's own
#   --extras LIST      parts of the package (default dev)
#   --dry-run          print the commands, run none
set -Eeuo pipefail

die() {
  echo "error: $*" >&2
  exit 1
}

usage() {
  sed -n '/^# Make an/,/^#   --dry-run/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

run() {
  printf '+'
  printf ' %q' "$@"
  printf '\n'
  [ "$dry_run" = yes ] || "$@"
}

# A job runs a copy of this file in a folder of Slurm's; the checkout is where it was submitted.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
[ -f "$root/constraints.txt" ] || root=${SLURM_SUBMIT_DIR:-$PWD}
[ -f "$root/constraints.txt" ] || die "$root is no checkout; call sbatch from the checkout's root"
cd "$root"

method='' name='' version='' cuda='' index='' extras=dev dry_run=no
while [ $# -gt 0 ]; do
  case $1 in
    conda | venv | uv) method=$1 ;;
    --cuda) cuda=default ;;
    --cuda=*) cuda=${1#*=} ;;
    --dry-run) dry_run=yes ;;
    --name | --python | --torch-index | --extras)
      [ -n "${2:-}" ] || die "$1 needs a value"
      case $1 in
        --name) name=$2 ;;
        --python) version=$2 ;;
        --torch-index) index=$2 ;;
        --extras) extras=$2 ;;
      esac
      shift
      ;;
    -h | --help)
      usage
      exit 0
      ;;
    *)
      echo "error: unknown word $1" >&2
      usage >&2
      exit 2
      ;;
  esac
  shift
done

if [ -z "$method" ]; then
  for method in conda uv venv; do
    command -v "$method" > /dev/null && break
  done
elif [ "$method" != venv ] && [ "$dry_run" = no ]; then
  command -v "$method" > /dev/null || die "there is no $method here; choose conda, venv or uv"
fi

# PyPI's torch for Linux brings CUDA; for a CPU that is gigabytes for nothing.
case $cuda in
  '') backend=cpu ;;
  default) backend='' ;;
  cu[0-9]*) backend=$cuda ;;
  *) die "--cuda=$cuda is no CUDA version; an example is --cuda=cu128" ;;
esac
if [ -z "$index" ] && [ -n "$backend" ]; then
  index=https://download.pytorch.org/whl/$backend
fi
torch_from=()
[ -z "$index" ] || [ "$index" = none ] || torch_from=(--extra-index-url "$index")

trap 'echo "error: not finished; remove ${name} before another try" >&2' ERR
case $method in
  conda)
    name=${name:-blt_$(date +%Y%m%d)}
    run conda create --yes --name "$name" "python=${version:-3.11}"
    python=(conda run --no-capture-output --name "$name" python)
    activate=(conda activate "$name")
    ;;
  venv)
    name=${name:-.venv}
    program=${version:-python3}
    [ ! -e "$name" ] || [ "$dry_run" = yes ] || die "$name exists; remove it or choose a --name"
    "$program" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
      || die "$program is older than Python 3.11; name a newer one with --python"
    run "$program" -m venv "$name"
    python=("$name/bin/python")
    activate=(source "$name/bin/activate")
    ;;
  uv)
    name=${name:-.venv}
    [ ! -e "$name" ] || [ "$dry_run" = yes ] || die "$name exists; remove it or choose a --name"
    run uv venv --python "${version:-3.11}" "$name"
    python=("$name/bin/python")
    activate=(source "$name/bin/activate")
    ;;
esac

if [ "$method" = uv ]; then
  pip=(uv pip install --python "${python[0]}" --constraint constraints.txt)
  # uv takes a package from the first index that has it, unless it is told to compare them.
  [ ${#torch_from[@]} -eq 0 ] || torch_from+=(--index-strategy unsafe-best-match)
else
  pip=("${python[@]}" -m pip install --constraint constraints.txt)
fi
run "${pip[@]}" ${torch_from[@]+"${torch_from[@]}"} torch
run "${pip[@]}" --editable ".[$extras]"
run "${python[@]}" -c 'import bytelatent, torch; print("torch", torch.__version__)'
printf 'activate it with:'
printf ' %q' "${activate[@]}"
printf '\n'
