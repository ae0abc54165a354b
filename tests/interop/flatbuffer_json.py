"""Files of the format as JSON and back, through the compiler of FlatBuffers, under any schema."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numcodecs import Zstd  # type: ignore[import-untyped]

FLATC = shutil.which("flatc")
SCHEMA = Path(__file__).parents[2] / "docs" / "format.fbs"
HEADER = 39
ROOTS = {"snapshots": "Snapshot", "manifests": "Manifest", "transactions": "TransactionLog", "repo": "Repo"}
"""Folder, or name of the file in the root, to root table."""

Edit = Callable[[str, dict[str, Any]], None]
"""Changes a table in place; it gets the name of the table's type."""


@dataclass(frozen=True)
class Schema:
    """The text of a schema, and its tables and unions."""

    text: str

    @property
    def tables(self) -> dict[str, dict[str, str]]:
        found = re.findall(r"table (\w+) \{([^}]*)\}", self.text)
        return {name: dict(re.findall(r"(\w+): (\[?\w+\]?)", fields)) for name, fields in found}

    @property
    def unions(self) -> dict[str, dict[str, str]]:
        """Of each union the table by the name of the member."""
        unions = {}
        for name, members in re.findall(r"union (\w+) \{([^}]*)\}", self.text):
            pairs = [part.strip().split(": ") for part in members.split(",")]
            unions[name] = {pair[0]: pair[-1] for pair in pairs}
        return unions

    def with_more_fields(self) -> Schema:
        """Every table with two more slots at its end, as a later version may have them."""
        more = r"table \1 {\2 later_number: ulong; later_text: string; }"
        return Schema(re.sub(r"table (\w+) \{([^}]*)\}", more, self.text))

    def with_member(self, union: str, member: str) -> Schema:
        """A union with one more member at its end, a table with one field."""
        text = re.sub(rf"(union {union} \{{[^}}]*?)\s*\}}", rf"\1, {member} }}", self.text)
        return Schema(text.replace(f"union {union}", f"table {member} {{ what: string; }}\n\nunion {union}", 1))

    def edit(self, table: str, value: dict[str, Any], edit: Edit) -> None:
        """Apply ``edit`` to a table and to all that are inside."""
        for name, kind in self.tables[table].items():
            plain = kind.strip("[]")
            if name not in value:
                continue
            inside = value[name] if kind.startswith("[") else [value[name]]
            if plain in self.unions:
                plain = self.unions[plain][value[f"{name}_type"]]
            if plain in self.tables:
                for item in inside:
                    self.edit(plain, item, edit)
        edit(table, value)


def schema() -> Schema:
    return Schema(SCHEMA.read_text())


def rewrite(
    file: Path, root: str, written_as: Schema, edit: Edit, folder: Path, *, read_as: Schema | None = None
) -> int:
    """Write a file as another schema has it, after an edit of its tables; returns its new size."""
    data = file.read_bytes()
    value = to_json(data, root, read_as or schema(), folder)
    written_as.edit(root, value, edit)
    made = data[:HEADER] + from_json(value, root, written_as, folder)
    file.write_bytes(made)
    return len(made)


def to_json(data: bytes, root: str, of: Schema, folder: Path) -> dict[str, Any]:
    (folder / "schema.fbs").write_text(of.text)
    (folder / "body.bin").write_bytes(Zstd().decode(data[HEADER:]))
    options = ["--json", "--strict-json", "--raw-binary", "--root-type", root]
    run(*options, "-o", folder, folder / "schema.fbs", "--", folder / "body.bin")
    found: dict[str, Any] = json.loads((folder / "body.json").read_text())
    return found


def from_json(value: dict[str, Any], root: str, of: Schema, folder: Path) -> bytes:
    """The compressed body."""
    (folder / "schema.fbs").write_text(of.text)
    (folder / "made.json").write_text(json.dumps(value))
    run("--binary", "--root-type", root, "-o", folder, folder / "schema.fbs", folder / "made.json")
    (made,) = [path for path in folder.glob("made.*") if path.suffix != ".json"]
    body = made.read_bytes()
    made.unlink()
    return bytes(Zstd().encode(body))


def run(*arguments: str | Path) -> None:
    subprocess.run([str(FLATC), *map(str, arguments)], check=True, capture_output=True, timeout=60)
