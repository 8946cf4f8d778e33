"""Find the object or the person that somebody names: by type and id, or by a part of a name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import duckdb

from zendesk_audit_assets.cli.output import NotFound, query_frame
from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.text import shorten

_TYPED = re.compile(r"([^:\s]+):(-?[0-9]{1,18})")
_MOST_NAMED = 12
_LONGEST_LABEL = 60
# Of Jaro and Winkler: a letter or two less, more or else.
_NEAR = 0.85


class Ambiguous(AuditError):
    """A name, or the beginning of a uid, stands for several things."""


class Named(NamedTuple):
    """An object of the log, or a person as the object `user`."""

    kind: str
    id: int
    label: str | None

    def __str__(self) -> str:
        label = f" ({shorten(self.label, _LONGEST_LABEL)})" if self.label else ""
        return f"{self.kind}:{self.id}{label}"


def find_object(connection: duckdb.DuckDBPyConnection, name: str) -> Named:
    """The object of this type and id, or with this text in its label. Reads `audit_events` and `actor_names`.

    Of several, the one whose label is just this text, a user before other objects. Raises NotFound, Ambiguous.
    """
    if typed := _TYPED.fullmatch(name):
        return _typed(connection, typed[1].lower(), int(typed[2]))
    found = _objects(connection, "contains(lower(source_label), lower($name))", name)
    exact = [one for one in found if name.lower() in _names_of(one.label)]
    chosen = _only(exact) or _only([one for one in exact if one.kind == "user"]) or _only(found)
    if chosen:
        return chosen
    if found:
        raise Ambiguous(_several("objects", name, exact or found), "Name one of them by type and id.")
    if _people(connection, "contains(lower(actor_name), lower($name))", name):
        raise NotFound(
            f"Nobody changed an object with {name!r} in its label.",
            "To see what the user of that name did, use --by instead.",
        )
    if near := _nearest(connection, "SELECT DISTINCT label_name AS name FROM audit_events", name):
        raise NotFound(f"The log has no object with {name!r} in its label.", f"Did you mean {near}?")
    raise NotFound(
        f"The log has no object with {name!r} in its label.",
        "Name another part of the label, or type and id, such as user:123.",
    )


def find_person(connection: duckdb.DuckDBPyConnection, name: str) -> Named:
    """The user with this id, also written user:123, or with this text in the name. Reads `actor_names`.

    Raises NotFound for one who never acted, and Ambiguous.
    """
    typed = re.fullmatch(r"(?:user:)?(-?[0-9]{1,18})", name, re.IGNORECASE)
    if typed:
        found = _people(connection, "actor_id = $name", int(typed[1]))
    else:
        found = _people(connection, "contains(lower(actor_name), lower($name))", name)
    exact = [one for one in found if (one.label or "").lower() == name.lower()]
    chosen = _only(exact) or _only(found)
    if chosen:
        return chosen
    if found:
        raise Ambiguous(_several("users", name, exact or found), "Name one of them by id.")
    if not typed and (near := _nearest(connection, "SELECT DISTINCT actor_name AS name FROM actor_names", name)):
        raise NotFound(f"The log has no act of {name!r}.", f"Did you mean {near}?")
    raise NotFound(f"The log has no act of {name!r}.", "Name another part of the name, or the id.")


def _typed(connection: duckdb.DuckDBPyConnection, kind: str, id: int) -> Named:
    found = _objects(connection, "source_id = $name AND $kind IN (object_type, lower(source_type))", id, kind=kind)
    if found:
        return found[0]
    kinds = [
        one
        for (one,) in connection.execute(
            "SELECT object_type FROM audit_events WHERE source_id IS NOT NULL AND object_type IS NOT NULL "
            "GROUP BY object_type ORDER BY jaro_winkler_similarity(object_type, $1) DESC, object_type",
            [kind],
        ).fetchall()
    ]
    if kind in kinds:
        raise NotFound(f"The log has no event about {kind}:{id}.", "Check the id, or name a part of the label.")
    known = ", ".join(kinds) or "none"
    raise NotFound(f"The log has no kind of object {kind!r}.", f"The known kinds, the nearest first: {known}.")


def _objects(connection: duckdb.DuckDBPyConnection, condition: str, name: object, **more: object) -> list[Named]:
    """The objects, the most recently changed first, each with its newest label."""
    frame = query_frame(
        connection,
        f"""
        SELECT object_type, source_id, last(source_label ORDER BY created_at, id) AS label
        FROM audit_events WHERE source_id IS NOT NULL AND object_type IS NOT NULL AND {condition}
        GROUP BY object_type, source_id ORDER BY max(created_at) DESC, object_type, source_id
        """,
        {"name": name, **more},
    )
    return [Named(*row) for row in frame.iter_rows()]


def _people(connection: duckdb.DuckDBPyConnection, condition: str, name: object) -> list[Named]:
    """The users, the most recently active first, each with the newest name that meets the condition."""
    frame = query_frame(
        connection,
        f"""
        SELECT actor_id, last(actor_name ORDER BY last_seen, actor_name) AS label
        FROM actor_names WHERE actor_id IS NOT NULL AND {condition}
        GROUP BY actor_id ORDER BY max(last_seen) DESC, actor_id
        """,
        {"name": name},
    )
    return [Named("user", *row) for row in frame.iter_rows()]


def _nearest(connection: duckdb.DuckDBPyConnection, names: str, name: str) -> str:
    """Up to three names like this one, as a message says them; empty if there are none."""
    frame = query_frame(
        connection,
        f"""
        SELECT name FROM ({names}) WHERE jaro_winkler_similarity(lower(name), lower($name)) > {_NEAR}
        ORDER BY jaro_winkler_similarity(lower(name), lower($name)) DESC, name LIMIT 3
        """,
        {"name": name},
    )
    return " or ".join(map(repr, frame["name"].to_list()))


def _only(found: Sequence[Named]) -> Named | None:
    return found[0] if len(found) == 1 else None


def _names_of(label: str | None) -> set[str]:
    text = (label or "").lower()
    return {text, text.partition(": ")[2]}


def _several(what: str, name: str, found: Sequence[Named]) -> str:
    named = "".join(f"\n  {one}" for one in found[:_MOST_NAMED])
    more = f"\n  and {len(found) - _MOST_NAMED:,} more" if len(found) > _MOST_NAMED else ""
    return f"{len(found):,} {what} have {name!r} in their name:{named}{more}."
