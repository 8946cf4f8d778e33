"""A lack of memory or of disk space is told as what it is, wherever it shows."""

from __future__ import annotations

import errno
import os
import sqlite3

import duckdb
import pytest

from zendesk_audit_assets.warehouse.damage import exhausted

LIMIT = "failed to offload data block: This limit was set by the 'max_temp_directory_size' setting."


@pytest.mark.parametrize(
    ("error", "lack"),
    [
        (MemoryError(), "The query ran out of memory."),
        (duckdb.OutOfMemoryException("Out of Memory Error: could not allocate block"), "The query ran out of memory."),
        (duckdb.OutOfMemoryException(f"Out of Memory Error: {LIMIT}"), "The disk is full"),
        (duckdb.IOException('IO Error: Could not write file "a.tmp": No space left on device'), "The disk is full"),
        (sqlite3.OperationalError("database or disk is full"), "The disk is full"),
        *((OSError(number, os.strerror(number)), "The disk is full") for number in (errno.ENOSPC, errno.EDQUOT)),
    ],
    ids=repr,
)
def test_a_lack_is_told_also_by_an_error_that_it_caused(error: Exception, lack: str) -> None:
    outer = RuntimeError("the step failed")
    outer.__cause__ = error
    for one in (error, outer):
        told = exhausted(one, "The query")
        assert told is not None
        assert told.cause.startswith(lack)
        assert told.remedy.endswith("then run again.")


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOENT, "No such file"),
        duckdb.IOException("IO Error: Could not set lock"),
        KeyError("disk is full"),
    ],
    ids=repr,
)
def test_any_other_error_is_not_taken_for_one(error: Exception) -> None:
    assert exhausted(error, "The query") is None


def test_a_query_beyond_the_memory_of_duckdb_is_known() -> None:
    with (
        duckdb.connect(config={"memory_limit": "10MB", "temp_directory": ""}) as connection,
        pytest.raises(duckdb.Error) as failed,
    ):
        connection.execute("SELECT max(h) FROM (SELECT hash(i) AS h FROM range(3000000) AS t(i) ORDER BY h OFFSET 1)")
    told = exhausted(failed.value, "The query")
    assert told is not None
    assert told.cause == "The query ran out of memory."
