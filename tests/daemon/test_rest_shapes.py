"""Every request of better-ccflare's documented API that is supported answers with the keys that its scripts expect."""

from pathlib import Path
from typing import Any

import pytest
from rest import at_home, call, file_of, told
from stage import Stage, staged

from ccflared.wire import Quota, Window

ADMIN = '[admin]\ntoken = "t-1"\n'

ROW = (
    "id timestamp method path accountUsed statusCode success errorMessage responseTimeMs failoverAttempts model "
    "promptTokens completionTokens totalTokens inputTokens cacheReadInputTokens cacheCreationInputTokens outputTokens "
    "costUsd tokensPerSecond project apiKeyId apiKeyName billingType comboName originalModel appliedModel "
    "streamTerminalState clientSessionId rateLimited"
)
ACCOUNT = (
    "id name provider requestCount totalRequests lastUsed created paused pauseReason requiresReauth tokenStatus "
    "tokenExpiresAt rateLimitStatus rateLimitReset rateLimitedUntil rateLimitedReason sessionInfo priority "
    "autoFallbackEnabled autoRefreshEnabled autoPauseOnOverageEnabled peakHoursPauseEnabled customEndpoint "
    "modelMappings usageUtilization usageWindow usageData hasRefreshToken billingType sessionStats isPrimary"
)
TOTALS = (
    "requests successRate activeAccounts avgResponseTime totalTokens totalCostUsd planCostUsd apiCostUsd "
    "avgTokensPerSecond avgDailyPlanCostUsd avgDailyApiCostUsd avgWeeklyPlanCostUsd avgWeeklyApiCostUsd"
)
STATS = (
    "totalRequests successRate activeAccounts avgResponseTime totalTokens totalCostUsd topModels "
    "avgTokensPerSecond accounts recentErrors"
)
POINT = (
    "ts requests tokens costUsd planCostUsd apiCostUsd successRate errorRate cacheHitRate avgResponseTime "
    "avgTokensPerSecond"
)
SHAPES = [
    (
        "/api/stats?since=30&errorsSinceHours=24",
        "",
        STATS,
    ),
    ("/api/stats", "topModels.0", "model count percentage"),
    ("/api/stats", "accounts.0", "name requestCount successRate"),
    ("/api/stats", "recentErrors.0", "errorCode account model occurrenceCount firstSeen"),
    ("/api/requests?limit=50", "0", ROW),
    ("/api/accounts", "0", ACCOUNT),
    ("/api/analytics?range=24h", "meta", "range bucket cumulative"),
    ("/api/analytics?range=24h&mode=cumulative", "totals", TOTALS),
    ("/api/analytics?range=1h", "timeSeries.0", POINT),
    ("/api/analytics?range=7d&modelBreakdown=true", "timeSeries.0", POINT + " model"),
    (
        "/api/analytics?range=30d",
        "tokenBreakdown",
        "inputTokens cacheReadInputTokens cacheCreationInputTokens outputTokens",
    ),
    ("/api/analytics?range=30d", "modelDistribution.0", "model count"),
    ("/api/analytics?range=6h", "accountPerformance.0", "name requests successRate"),
    ("/api/analytics?range=6h", "apiKeyPerformance.0", "id name requests successRate"),
    ("/api/analytics?range=6h", "costByModel.0", "model costUsd requests totalTokens"),
    ("/api/analytics?range=6h", "accountModelUsage.0", "account model count"),
    (
        "/api/analytics?range=6h",
        "modelPerformance.0",
        "model avgResponseTime p95ResponseTime errorRate avgTokensPerSecond minTokensPerSecond maxTokensPerSecond",
    ),
    ("/api/analytics?range=30d", "projectPerformance.0", "name requests costUsd"),
    ("/api/analytics?range=30d", "heatmap.0", "weekday hour requests tokens costUsd"),
    ("/api/analytics?range=30d", "costByDay.0", "day requests tokens costUsd planCostUsd apiCostUsd"),
    ("/api/analytics?range=30d&parts=timeSeries", "timeSeries.0", POINT + " p50FirstByte p95ResponseTime"),
    (
        "/api/errors?range=24h",
        "groups.0",
        "errorCode outcome account model count atLeast first last requestId",
    ),
    ("/api/usage-history?account=first&range=24h", "windows.0", "window samples prediction"),
    ("/api/usage-history?account=first&window=5h", "windows.0.samples.0", "ts utilization resetsAt"),
    ("/api/usage-history?account=first&window=5h", "windows.0.prediction", "state"),
    ("/api/insights/cache", "totals", "cacheHitRate savingsUsd"),
    ("/api/config", "", "lb_strategy port sessionDurationMs"),
    ("/api/config/strategy", "", "strategy source"),
    ("/api/config/retention", "", "payloadDays requestDays storePayloads"),
    ("/api/system/info", "", "version"),
    ("/api/version/check", "", "current latest updateAvailable"),
    ("/api/models?provider=anthropic-compatible", "", "models"),
    ("/api/token-health", "", "success data"),
    ("/api/token-health/reauth-needed", "", "success data"),
    (
        "/api/api-keys",
        "data.0",
        "id name prefixLast8 createdAt lastUsed usageCount isActive role",
    ),
    ("/api/api-keys/stats", "data", "total active inactive"),
    ("/api/sessions/a-session/account", "", "status"),
    ("/health?detail=1", "", "status accounts timestamp strategy version pool accounts_detail"),
    ("/health", "pool", "configured routable rate_limited next_available_at"),
]


async def at_work(stage: Stage) -> None:
    """Make a client, let it ask well and badly, and tell of the usage of an account."""
    stage.headers = {"x-api-key": "t-1"}
    made = await call(stage, "POST", "/api/clients", {"name": "laptop"})
    key = made.json()["key"]
    stage.headers = {"authorization": f"Bearer {key}", "x-claude-code-session-id": "a-session"}
    await stage.ask()
    await stage.ask(stream=True)
    await stage.ask(max_tokens="many")
    house = stage.running.house
    target = house.target(house.world, "first")
    house.told(target, Quota(house.started_at, (Window("5h", 0.25, house.started_at + 9000),)))
    stage.headers = {"x-api-key": "t-1"}
    await stage.rows()


async def test_what_is_documented_of_that_api_answers_with_its_keys(tmp_path: Path) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        await at_work(stage)
        for path, where, keys in SHAPES:
            answer = await call(stage, "GET", path)
            assert answer.status_code == 200, f"{path}: {answer.text}"
            found: Any = answer.json()
            for step in filter(None, where.split(".")):
                found = found[int(step)] if step.isdigit() else found[step]
            lacking = set(keys.split()) - set(found)
            assert not lacking, f"{path} {where}: {lacking}"


async def test_a_key_is_made_used_listed_and_deleted(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"], more=ADMIN) as stage:
        stage.headers = {"x-api-key": "t-1"}
        made = await call(stage, "POST", "/api/api-keys", {"name": "script"})
        data = made.json()["data"]
        assert data["role"] == "api-only"
        assert data["apiKey"].startswith("ccf_")
        stage.headers = {"x-api-key": data["apiKey"]}
        assert (await stage.ask()).status_code == 200
        stage.headers = {"x-api-key": "t-1"}
        await stage.rows()
        (listed,) = (await call(stage, "GET", "/api/api-keys")).json()["data"]
        assert listed["usageCount"] == 1
        assert listed["lastUsed"] is not None
        assert data["apiKey"] not in (await call(stage, "GET", "/api/api-keys")).text
        assert (await call(stage, "POST", "/api/api-keys", {"name": "x", "role": "admin"})).status_code == 400
        assert (await call(stage, "DELETE", "/api/api-keys/script")).status_code == 409
        answer = await call(stage, "DELETE", "/api/api-keys/script", {"allowLess": 1})
        assert answer.status_code == 200, told(answer)
        assert "clients" not in file_of(stage)


async def test_retention_is_edited_in_the_file(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        body = {"payloadDays": 3, "requestDays": 30, "storePayloads": True}
        assert (await call(stage, "POST", "/api/config/retention", body)).status_code == 200
        assert file_of(stage)["storage"] | {"directory": 0} == {
            "directory": 0,
            "keep_requests": "30d",
            "keep_payloads": "3d",
        }
        answer = await call(stage, "GET", "/api/config/retention")
        assert answer.json() == body
        await call(stage, "POST", "/api/config/retention", {"storePayloads": False})
        assert file_of(stage)["storage"]["keep_payloads"] == "off"
        for wrong in (
            {},
            {"requestDays": "30"},
            {"requestDays": 0},
            {"storePayloads": 1},
            {"storePayloads": None},
            {"days": 3},
        ):
            assert (await call(stage, "POST", "/api/config/retention", wrong)).status_code == 400


async def test_a_session_names_the_account_that_served_it_last(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"], more=ADMIN) as stage:
        await at_work(stage)
        answer = await call(stage, "GET", "/api/sessions/a-session/account")
        assert answer.json() == {
            "status": "known",
            "account": {"id": "first", "name": "first", "provider": "anthropic-compatible"},
        }
        answer = await call(stage, "GET", "/api/sessions/another/account")
        assert answer.json() == {"status": "unknown", "account": None}


async def test_accounts_tell_how_much_they_were_used(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"], more=ADMIN) as stage:
        await at_work(stage)
        (account,) = (await call(stage, "GET", "/api/accounts")).json()
        assert account["requestCount"] == account["totalRequests"] == 3
        assert account["billingType"] == "api"


@pytest.mark.parametrize(
    "query",
    [
        "/api/requests?limit=0",
        "/api/requests?limit=many",
        "/api/requests?status=fine",
        "/api/requests?status=all%0A",
        "/api/analytics?range=2h",
        "/api/analytics?modelBreakdown=perhaps",
        "/api/analytics?parts=timeSeries,colours",
        "/api/errors?range=2h",
        "/api/usage?since=yesterday",
        "/api/usage?by=colour",
        "/api/stats?since=-1",
        "/api/usage-history",
    ],
)
async def test_a_question_that_is_not_understood_is_told_so(tmp_path: Path, query: str) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        answer = await at_home(stage, "GET", query)
        assert answer.status_code == 400
        assert told(answer)


async def test_models_are_asked_for_when_that_is_wanted(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"], more=ADMIN) as stage:
        stage.headers = {"x-api-key": "t-1"}
        assert (await call(stage, "GET", "/api/models")).json() == {"models": []}
        found = (await call(stage, "POST", "/api/models/refresh?accountId=first")).json()["models"]
        assert {model["source"] for model in found} == {"provider"}
        assert (await call(stage, "GET", "/api/models")).json()["models"] == found
