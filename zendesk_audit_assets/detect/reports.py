"""The SQL that turns what rules report into rows of `findings`: their uid, their sentence, and low ones by the day."""

from __future__ import annotations

import re

from zendesk_audit_assets.detect.rule import Rule
from zendesk_audit_assets.masking import mask_sql
from zendesk_audit_assets.severity import SEVERITIES
from zendesk_audit_assets.warehouse.table import Column

# The columns of an event that findings show.
SHOWN = (
    "id", "created_at", "batch_id", "actor_id", "actor_name", "ip_address", "action", "object_type", "source_id",
    "source_label", "change_description",
)  # fmt: skip

# The uid of a finding that stands for one event of this id.
EVENT_UID = "sha256(rule_id || ' ' || {})"

# The status of a finding of this severity without a decision.
NEW_STATUS = "CASE WHEN {} = 'informational' THEN 'noted' ELSE 'open' END"

_WHO = "coalesce(actor_name, 'Actor ' || actor_id, 'Somebody')"
_FROM = "coalesce(' from ' || ip_address, '')"
_DID = """
    CASE WHEN action = 'login' THEN 'signed in' ELSE
        CASE action
            WHEN 'create' THEN 'created' WHEN 'update' THEN 'changed' WHEN 'destroy' THEN 'deleted'
            ELSE coalesce(action, 'acted on')
        END || coalesce(' ' || replace(object_type, '_', ' '), '')
    END
"""
# Kinds of acts that a sentence names.
_ACTS = 5
_NAMED = """CASE WHEN action = 'login' THEN '' ELSE coalesce(' "' || source_label || '"', '') END"""

# Masked before it is cut: half a secret no longer looks like one.
_MASKED = mask_sql("change_description")
_WHAT_HAPPENED = f"""
    {_WHO} || ' ' || {_DID} || {_NAMED} || {_FROM}
    || CASE
        WHEN coalesce(change_description, '') = '' THEN '.'
        WHEN length(change_description) > 300 THEN ': ' || ({_MASKED})[:300] || '…'
        ELSE ': ' || change_description
    END
"""


def of_matches() -> str:
    """A finding for each event of `matched` and each rule that it matches."""
    return f"""
        SELECT
            {EVENT_UID.format("id")} AS uid, rule_id, rule, severity, title, {_WHAT_HAPPENED} AS explanation,
            actor_id, actor_name, object_type, source_id AS object_id, source_label AS object_label, ip_address,
            created_at AS first_event_at, created_at AS last_event_at, 1 AS events, [id] AS event_ids,
            [{{'at': created_at, 'id': id}}] AS moments, attack, experimental, remedy,
            {NEW_STATUS.format("severity")} AS status, now() AS found_at, batch_id
        FROM matched JOIN rules USING (number)
    """


def insert_single(reported: str) -> str:
    """Insert the findings of `reported` that stand for themselves: all but the low ones."""
    return f"""
        INSERT INTO findings BY NAME
        SELECT * EXCLUDE (moments) FROM {reported} WHERE severity <> 'low' ORDER BY first_event_at, uid
    """


# The low findings of a rule and an actor on a day are one: by the day of their last event, in UTC.
_DAY = "(last_event_at AT TIME ZONE 'UTC')::DATE"
DAY_UID = f"sha256(concat_ws(' ', rule_id, 'day', {_DAY}, actor_id))"
_LAST = "ORDER BY last_event_at, event_ids[-1], uid"

MOMENTS = Column("moments", 'STRUCT("at" TIMESTAMPTZ, id BIGINT)[]', "Its events, each with its time.", required=True)
INSERT_DAYS = f"""
    INSERT INTO findings BY NAME
    WITH days AS (
        SELECT
            {DAY_UID} AS uid, rule_id, severity, actor_id, any_value(rule) AS rule, any_value(title) AS title,
            CASE
                WHEN count(*) = 1 THEN any_value(explanation)
                ELSE format('{{}} times on this day. The last: {{}}', count(*), last(explanation {_LAST}))
            END AS explanation,
            last(actor_name {_LAST}) AS actor_name, last(object_type {_LAST}) AS object_type,
            last(object_id {_LAST}) AS object_id, last(object_label {_LAST}) AS object_label,
            last(ip_address {_LAST}) AS ip_address,
            min(first_event_at) AS first_event_at, max(last_event_at) AS last_event_at,
            list_sort(list_distinct(flatten(list(moments)))) AS moments,
            any_value(attack) AS attack, any_value(experimental) AS experimental, any_value(remedy) AS remedy,
            'open' AS status, now() AS found_at, max(batch_id) AS batch_id
        FROM reported
        WHERE severity = 'low'
        GROUP BY rule_id, severity, actor_id, {_DAY}
    )
    SELECT
        * EXCLUDE (moments), len(moments) AS events, list_transform(moments, lambda moment: moment.id) AS event_ids
    FROM days
    ORDER BY first_event_at, uid
"""


UNKNOWN_LEVEL = "unknown level"
# The level that the query of a rule returns, if it may and does.
_SEVERITY = f"""
    CASE
        WHEN level_is_fixed OR level IS NULL THEN severity
        WHEN level IN {SEVERITIES} THEN level
        ELSE error('{UNKNOWN_LEVEL}')
    END
"""
_EVENTS_RESULT = "NULL::VARCHAR AS group_key, NULL::BIGINT[] AS event_ids, NULL::VARCHAR AS explanation"
_LOG_RESULT = """
    NULL::VARCHAR AS group_key, NULL::VARCHAR AS explanation, NULL::TIMESTAMPTZ AS began_at,
    NULL::TIMESTAMPTZ AS ended_at
"""
_LEVEL, _EVENTS = "NULL::VARCHAR AS level", "NULL::BIGINT AS events"


def _results(rule: Rule, columns: str, optional: str) -> str:
    """The rows that the query of a rule returns in these `columns`, NULL in the `optional` ones that it leaves out."""
    # It must return the others: without event_ids, for example, it would find nothing for ever, unnoticed.
    required = ", ".join(f"{name} AS {name}" for name in re.findall(r"AS (\w+)", columns))
    return f"""
        SELECT row_number() OVER () AS finding, *
        FROM (
            SELECT * FROM (SELECT {columns}, {optional} LIMIT 0)
            UNION ALL BY NAME
            SELECT * REPLACE ({required}) FROM ({rule.sql}
            )
        )
    """


def results_of(rule: Rule) -> str:
    """The rows of `results`: what the query of a rule about events or findings returns."""
    return _results(rule, _EVENTS_RESULT, _LEVEL)


# Whether a row of `results` names no event at all. It may name one that was found earlier, before the window.
HAS_NO_EVENT = """
    SELECT count(DISTINCT finding) < (SELECT count(*) FROM results)
    FROM (SELECT finding, unnest(event_ids) AS id FROM results) SEMI JOIN audit_logs USING (id)
"""


def _uid(began: str) -> str:
    return f"sha256(concat_ws(' ', rule_id, {began}, last_event_at::DATE, group_key))"


# A late event may move the start of a finding, or join two. The finding keeps the uid under which it was found: that of
# its rule, its group, its day, and the start that it had then. That start is one of its events, or an event of one of
# its actors that belongs to no finding any more, in whose place it has an earlier or a nearer one. Nothing but the log
# and `finding_decisions` decides this, so that a rebuild gives the same uids; and a uid that is known stays.
_EARLIER = f"""
        fresh AS (
            SELECT finding, uid, rule_id, group_key, first_event_at, last_event_at
            FROM counted ANTI JOIN finding_decisions USING (uid)
        ),
        taken AS (SELECT DISTINCT group_key, created_at FROM counted JOIN parts USING (finding)),
        starts AS (
            SELECT finding, created_at, true AS is_own FROM parts
            UNION ALL
            SELECT finding, near.created_at, false
            FROM fresh
            JOIN (SELECT DISTINCT finding, actor_id FROM parts) USING (finding)
            JOIN history AS near USING (actor_id)
            ANTI JOIN taken
                ON taken.group_key IS NOT DISTINCT FROM fresh.group_key AND taken.created_at = near.created_at
            WHERE near.created_at >= first_event_at - INTERVAL 1 HOUR AND near.created_at::DATE <= last_event_at::DATE
        ),
        candidates AS (
            SELECT uid, first_event_at, {_uid("epoch(created_at)::BIGINT")} AS earlier, bool_or(is_own) AS is_own
            FROM fresh JOIN starts USING (finding)
            GROUP BY ALL
        ),
        known AS (
            SELECT candidates.*, decided.found_at
            FROM candidates
            JOIN (SELECT uid, min(decided_at) AS found_at FROM finding_decisions GROUP BY uid) AS decided
                ON decided.uid = earlier
            WHERE earlier NOT IN (SELECT uid FROM counted)
            QUALIFY row_number() OVER (PARTITION BY earlier ORDER BY is_own DESC, first_event_at, candidates.uid) = 1
        ),
        carried AS (
            SELECT uid, arg_min(earlier, {{'near': NOT is_own, 'at': found_at, 'uid': earlier}}) AS earlier
            FROM known GROUP BY uid
        )
"""


def of_results(rule: Rule) -> str:
    """The findings of `results` of this rule that end in the evaluated time, which is `$1` and later."""
    # The day is part of the uid, since a finding that goes on past midnight goes on as another one. The first event is
    # not part of it for findings about findings, because these may grow.
    began = "''" if rule.input == "findings" else "epoch(first_event_at)::BIGINT"
    return f"""
        WITH parts AS (
            SELECT finding, event.*
            FROM (SELECT finding, unnest(list_distinct(event_ids)) AS event_id FROM results)
            JOIN history AS event ON event.id = event_id
        ),
        complete AS (
            SELECT
                finding, min(created_at) AS first_event_at, max(created_at) AS last_event_at, count(*) AS events,
                list(id ORDER BY created_at, id) AS event_ids,
                list({{'at': created_at, 'id': id}}) AS moments, max(batch_id) AS batch_id,
                -- The last event gives the finding its actor and its object.
                last(actor_id ORDER BY created_at, id) AS actor_id,
                last(actor_name ORDER BY created_at, id) AS actor_name,
                last(object_type ORDER BY created_at, id) AS object_type,
                last(source_id ORDER BY created_at, id) AS object_id,
                last(source_label ORDER BY created_at, id) AS object_label,
                last(ip_address ORDER BY created_at, id) AS ip_address
            FROM parts GROUP BY finding
        ),
        acts AS (
            SELECT
                finding, {_DID} AS did, count(*) AS times, any_value({_NAMED}) AS named,
                max({{'at': created_at, 'id': id}}) AS last_done
            FROM (
                SELECT parts.* FROM parts JOIN complete USING (finding)
                WHERE parts.actor_id IS NOT DISTINCT FROM complete.actor_id
            )
            GROUP BY finding, did
        ),
        -- What its actor did, in the order of the last time of each.
        said AS (
            SELECT
                finding,
                list(
                    did || CASE WHEN times = 1 THEN named ELSE format(' ({{}} times)', times) END ORDER BY last_done
                ) AS did
            FROM acts GROUP BY finding
        ),
        counted AS (
            SELECT
                {_uid(began)} AS uid, finding, group_key,
                rule_id, rule, {_SEVERITY} AS severity, title,
                {_WHO} || ' ' || array_to_string(did[-{_ACTS}:], ', ')
                || CASE WHEN len(did) > {_ACTS} THEN ' and more' ELSE '' END
                || {_FROM} || '. ' || coalesce(explanation, title || '.') AS explanation,
                complete.* EXCLUDE (finding), attack, experimental, remedy, {NEW_STATUS.format(_SEVERITY)} AS status,
                now() AS found_at
            FROM results JOIN complete USING (finding) JOIN said USING (finding) CROSS JOIN rules
            WHERE last_event_at >= $1
            QUALIFY row_number() OVER (PARTITION BY uid ORDER BY last_event_at DESC, events DESC) = 1
        ),
        {_EARLIER}
        SELECT * EXCLUDE (finding, group_key, earlier) REPLACE (coalesce(earlier, uid) AS uid)
        FROM counted LEFT JOIN carried USING (uid)
    """


def insert_states(rule: Rule) -> str:
    return f"""
        INSERT INTO states BY NAME
        WITH results AS ({_results(rule, _LOG_RESULT, f"{_LEVEL}, {_EVENTS}")})
        SELECT
            sha256(concat_ws(' ', rule_id, epoch(began_at)::BIGINT, group_key)) AS uid, rule_id, rule,
            {_SEVERITY} AS severity, title, explanation, 'log' AS object_type, group_key AS object_label,
            began_at AS first_event_at, ended_at AS last_event_at, coalesce(events, 0) AS events,
            []::BIGINT[] AS event_ids, attack, experimental, 0 AS batch_id
        FROM results CROSS JOIN rules
        QUALIFY row_number() OVER (PARTITION BY uid ORDER BY last_event_at DESC, events DESC) = 1
        ORDER BY first_event_at, uid
    """
