"""Run a command, unless it already ran for exactly these inputs.

    python tools/once.py STAMP [--input GLOB]... [--value TEXT]... [--output FILE]... -- COMMAND...

Make compares modification times, which a fresh clone, a branch switch or a second interpreter all get wrong.  This
compares contents: the stamp holds one hash over the input files, the values, the command and the output files, and is
written only after the command succeeded.  A missing or foreign output (say, a debug build copied over a release build)
makes the command run again.
"""

import argparse
import hashlib
import subprocess
import sys
from pathlib import Path


def digest(files: list[Path], values: list[str]) -> str:
    """One hash over names and contents; a file that does not exist counts as such."""
    total = hashlib.sha256()
    for value in values:
        total.update(f"value {value}\n".encode())
    for path in files:
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"
        total.update(f"file {path.as_posix()} {content}\n".encode())
    return total.hexdigest()


def matching(globs: list[str]) -> list[Path]:
    """The files that match; a glob that matches nothing is a mistake in the Makefile."""
    found: set[Path] = set()
    for glob in globs:
        matches = [path for path in Path().glob(glob) if path.is_file()]
        if not matches:
            sys.exit(f"once.py: no input file matches {glob!r}")
        found.update(matches)
    return sorted(found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stamp", type=Path)
    parser.add_argument("--input", action="append", default=[], metavar="GLOB")
    parser.add_argument("--value", action="append", default=[], metavar="TEXT")
    parser.add_argument("--output", action="append", default=[], metavar="FILE")
    if "--" not in sys.argv:
        parser.error("a command must follow --")
    end = sys.argv.index("--")
    options, command = parser.parse_args(sys.argv[1:end]), sys.argv[end + 1 :]
    outputs = [Path(name) for name in options.output]

    def state() -> str:
        return digest([*matching(options.input), *outputs], [*options.value, *command])

    if all(path.is_file() for path in outputs) and options.stamp.is_file():
        if options.stamp.read_text() == state():
            return 0
    before = digest(matching(options.input), [])
    code = subprocess.run(command, check=False).returncode
    if code:
        return code
    if digest(matching(options.input), []) != before:
        print(f"once.py: inputs of {options.stamp.name} changed while it ran; the next run repeats it", file=sys.stderr)
        options.stamp.unlink(missing_ok=True)
        return 0
    missing = [str(path) for path in outputs if not path.is_file()]
    if missing:
        sys.exit(f"once.py: {command[0]} succeeded but did not make {', '.join(missing)}")
    options.stamp.parent.mkdir(parents=True, exist_ok=True)
    options.stamp.write_text(state())
    return 0


if __name__ == "__main__":
    sys.exit(main())
