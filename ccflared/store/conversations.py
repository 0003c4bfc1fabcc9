"""The conversations of late, out of the latest requests: a bounded look, however large the history is."""

import sqlite3
from typing import Any, Final

MOST_ROWS: Final = 5000
"""Of the latest requests, how many are looked at: what is older is in no sum."""

# Rows before are only met on the way through the index: their columns are read of MOST_ROWS at most.
_LATEST: Final = """
    SELECT at, conversation, client, chain, project, account, model, served_model, outcome, status,
        cost_microusd, billing,
        input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens
    FROM requests WHERE at >= ? ORDER BY at DESC LIMIT ?
"""
# With a bare column beside max(), SQLite gives that of the row that has it.
_GROUPED: Final = f"""
    SELECT conversation, client, chain, min(at), max(at), project, account, coalesce(served_model, model), count(*),
        sum(outcome NOT IN ('complete', 'client_gone') OR outcome = 'complete' AND status >= 400),
        coalesce(sum(coalesce(input_tokens, 0) + coalesce(cache_read_tokens, 0)
            + coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0)), 0),
        coalesce(sum(output_tokens), 0),
        sum(iif(billing = 'plan', cost_microusd, 0)), sum(iif(billing IN ('api', 'overage'), cost_microusd, 0)),
        sum(cost_microusd IS NULL AND coalesce(input_tokens, output_tokens, cache_read_tokens) IS NOT NULL)
    FROM ({_LATEST})
    WHERE conversation IS NOT NULL
    GROUP BY conversation, client, chain ORDER BY max(at) DESC LIMIT ?
"""  # noqa: S608 - put together from constants
_BOUND: Final = "SELECT at FROM requests WHERE at >= ? ORDER BY at DESC LIMIT 1 OFFSET ?"


def latest_conversations(connection: sqlite3.Connection, since: float, limit: int) -> dict[str, Any]:
    """Return up to ``limit`` conversations that asked for something since then, the latest first.

    Each client has conversations of its own, and in each of them a chain its own. ``since`` of the answer: from when
    on everything was counted. Raises sqlite3.Error.
    """
    beyond = connection.execute(_BOUND, (since, MOST_ROWS - 1)).fetchone()
    found = connection.execute(_GROUPED, (since, MOST_ROWS, limit))
    return {
        "since": since if beyond is None else beyond[0],
        "conversations": [_told(row) for row in found],
    }


def _told(row: tuple[Any, ...]) -> dict[str, Any]:
    conversation, client, chain, first, last, project, account, model, *numbers = row
    requests, failed, sent, output, plan, money, unpriced = numbers
    return {
        "conversation": conversation,
        "client": client,
        "chain": chain,
        "firstAt": first,
        "lastAt": last,
        "project": project,
        "account": account,
        "model": model,
        "requests": requests,
        "failed": failed,
        "sentTokens": sent,
        "outputTokens": output,
        "planCostUsd": (plan or 0) / 1e6,
        "apiCostUsd": (money or 0) / 1e6,
        "unpricedRequests": unpriced,
    }
