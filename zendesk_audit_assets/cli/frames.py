"""A frame as text, or as a file: CSV, JSON, Parquet, and tab-separated values for a pipe."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.text import INVISIBLE, utf16_escapes, visible

FILE_FORMATS = ("csv", "json", "parquet")

# A spreadsheet takes a text that begins so for a formula, also in the wide forms of East Asian fonts.
_FORMULA = re.compile("[=+\\-@\t\r\n＝＋－＠]")  # noqa: RUF001
_LINE = str.maketrans({"\n": "\\n", "\t": "\\t"})


class CannotWrite(AuditError):
    """A result cannot be written to a file."""


def to_csv(frame: pl.DataFrame, *, raw: bool = False) -> str:
    """CSV with a header. Unless `raw`, what acts on a terminal is visible, and no text begins like a formula."""
    return _texts(frame, (lambda text: text) if raw else _harmless).write_csv()


def to_tsv(frame: pl.DataFrame) -> str:
    """Tab-separated values with a header: one line a row, tabs and newlines within a text escaped."""
    return _texts(frame, _on_one_line).write_csv(separator="\t", quote_style="never")


def to_json(frame: pl.DataFrame, notes: Sequence[str] | None = None) -> str:
    """A JSON array of objects; with `notes`, an object of these `rows` and the `notes` about them.

    What acts on a terminal is escaped, which a reader of JSON takes back.
    """
    text = frame.write_json()
    if notes is not None:
        text = f'{{"rows":{text},"notes":{_json(list(notes))}}}'
    return INVISIBLE.sub(lambda match: utf16_escapes(match[0]), text)


def write_file(frame: pl.DataFrame, path: Path, *, raw: bool = False, notes: Sequence[str] | None = None) -> None:
    """Write a frame to a file, by the ending of its name, readable by its owner only. Replaces a file as a whole.

    `raw` is for CSV, `notes` for JSON.

    Raises `CannotWrite`.
    """
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                if path.suffix.lower() == ".parquet":
                    frame.write_parquet(file)
                elif path.suffix.lower() == ".json":
                    file.write(to_json(frame, notes).encode())
                else:
                    file.write(to_csv(frame, raw=raw).encode())
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CannotWrite(f"{path} cannot be written ({error.strerror}).", "Name another file.") from error


def _harmless(text: str) -> str:
    shown = visible(text)
    return f"'{shown}" if _FORMULA.match(text) else shown


def _on_one_line(text: str) -> str:
    return _harmless(text).translate(_LINE)


def _texts(frame: pl.DataFrame, change: Callable[[str], str]) -> pl.DataFrame:
    """The frame with `change` applied to its texts and names, and with texts for what CSV lacks.

    Lists and maps are JSON texts; times are as in JSON: 2026-03-31T14:00:00+00:00.
    """
    columns = {}
    for name, dtype in frame.schema.items():
        column = frame[name]
        if dtype.is_nested():
            column = pl.Series(name, [None if value is None else _json(value) for value in column.to_list()])
        elif isinstance(dtype, pl.Datetime):
            column = column.dt.strftime(f"%Y-%m-%dT%H:%M:%S%.f{'%:z' if dtype.time_zone else ''}")
        elif isinstance(dtype, pl.Categorical | pl.Enum):
            column = column.cast(pl.String)
        if column.dtype == pl.String:
            values = [None if text is None else change(text) for text in column.to_list()]
            column = pl.Series(name, values, dtype=pl.String)
        columns[change(name)] = column
    return pl.DataFrame(columns)


def _json(value: Any) -> str:
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
