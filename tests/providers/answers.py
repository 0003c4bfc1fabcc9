"""Answers as upstreams give them, at least one for each row of the table in providers/rows.py.

Each is whole: status, header fields and body can be replayed over a socket. Times in them are made for a given now.
"""

import datetime as dt
import json
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Any

from ccflared.formats.sse import encode
from ccflared.wire import Head, Headers

MESSAGES, COUNT = "/v1/messages", "/v1/messages/count_tokens"
MODEL = "claude-sonnet-4-5-20250929"
HOUR, DAY = 3600.0, 86400.0

JSON = {"content-type": "application/json"}
HTML = {"content-type": "text/html; charset=utf-8"}
SSE = {"content-type": "text/event-stream; charset=utf-8"}
START = encode(
    "message_start",
    b'{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m",'
    b'"content":[],"stop_reason":null,"usage":{"input_tokens":9,"output_tokens":1}}}',
)


@dataclass(frozen=True, slots=True)
class Fixture:
    """One answer, and the row it falls into."""

    name: str
    row: str
    status: int
    headers: Headers
    body: bytes
    event: bytes | None = None
    """The ``event: error`` inside it; the answer is then a 200 stream that ``body`` holds whole."""
    path: str = MESSAGES
    model: str | None = MODEL
    expect_until_offset: float | None = None
    """Seconds after now; None: nothing is told."""
    provider: str = "anthropic"
    """Whose codes are known."""

    @property
    def head(self) -> Head:
        return Head(self.status, self.headers)


def fields(**values: Any) -> dict[str, str]:
    return {
        name.replace("__", "_x_").replace("_", "-").replace("-x-", "_"): str(v) for name, v in values.items()
    }


def unified(**values: Any) -> dict[str, str]:
    """``five_h_status=…`` is the field of the 5h window, ``seven_d__opus_status=…`` that of 7d_opus."""
    return {
        "anthropic-ratelimit-unified-" + name.replace("five-h", "5h").replace("seven-d", "7d"): value
        for name, value in fields(**values).items()
    }


def error(kind: str | None, message: str, **more: Any) -> bytes:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message, **more}}).encode()


def openai(message: str, kind: str | None = None, code: Any = None) -> bytes:
    return json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}}).encode()


def rfc3339(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def http_date(at: float) -> str:
    return format_datetime(dt.datetime.fromtimestamp(at, dt.UTC), usegmt=True)


def singapore(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.timezone(dt.timedelta(hours=8))).strftime("%Y-%m-%d %H:%M:%S")


def answer(  # noqa: PLR0917 - a row of a table
    name: str,
    row: str,
    status: int,
    headers: dict[str, str],
    body: bytes = b"",
    until: float | None = None,
    **more: Any,
) -> Fixture:
    told = {**(JSON if body.startswith(b"{") else {}), **headers}
    return Fixture(
        name, row, status, tuple((k.encode(), v.encode("latin-1")) for k, v in told.items()), body,
        expect_until_offset=until, **more,
    )  # fmt: skip


def inside(name: str, row: str, said: bytes, until: float | None = None, **more: Any) -> Fixture:
    """An error told inside a stream that began well."""
    headers = {**SSE, **more.pop("headers", {})}
    event = encode("error", said)
    return answer(name, row, 200, headers, START + event, until, event=event, **more)


LIMITED = error(
    "rate_limit_error", "This request would exceed your account's rate limit. Please try again later."
)
BUSY = error("overloaded_error", "Overloaded")


def fixtures(now: float) -> tuple[Fixture, ...]:
    """Return all answers as they would be given at ``now``, a whole second."""
    return (
        *plans(now), *keys(now), *other_limits(now), *overloads(now), *codes(now), *middleboxes(), *accounts(), *own_faults(),
        *streams(now),
    )  # fmt: skip


def plans(now: float) -> tuple[Fixture, ...]:
    five, seven = int(now + 2 * HOUR), int(now + 3 * DAY)
    week = {"seven_d_status": "allowed", "seven_d_reset": seven, "seven_d_utilization": "0.43"}
    session = {"five_h_status": "allowed", "five_h_reset": five, "five_h_utilization": "0.2"}
    soft = {**session, **week, "reset": five, "representative_claim": "five_hour"}
    return (
        answer("the five hours are spent", "spent window", 429, unified(
            status="rejected", reset=five, five_h_status="rejected", five_h_reset=five, five_h_utilization="1.01",
            **week, representative_claim="five_hour", fallback_percentage="0.5", overage_status="rejected",
            overage_disabled_reason="org_level_disabled",
        ) | {"retry-after": str(int(2 * HOUR)), "x-should-retry": "true"}, LIMITED, 2 * HOUR),
        answer("only the fields of the five hours", "spent window", 429, unified(
            five_h_status="rejected", five_h_reset=five), LIMITED, 2 * HOUR),
        answer("both windows are spent: the later end counts", "spent window", 429, unified(
            status="rejected", reset=five, five_h_status="rejected", five_h_reset=five, seven_d_status="rejected",
            seven_d_reset=seven, representative_claim="five_hour"), LIMITED, 3 * DAY),
        answer("the week of all and that of a family: that of all counts", "spent window", 429, unified(
            status="rejected", reset=seven, five_h_status="rejected", five_h_reset=five,
            seven_d__sonnet_status="rejected", seven_d__sonnet_reset=seven), LIMITED, 2 * HOUR),
        answer("a spent window that tells no end: that of the whole", "spent window", 429, unified(
            status="rejected", reset=seven, seven_d_status="rejected"), LIMITED, 3 * DAY),
        answer("a spent window, and retry-after alone tells an end", "spent window", 429, unified(
            status="rejected", five_h_status="rejected") | {"retry-after": "90"}, LIMITED, 90),
        answer("out of credits with a spent window is the window's limit", "spent window", 429, unified(
            status="rejected", reset=five, five_h_status="rejected", five_h_reset=five, overage_status="rejected",
            overage_disabled_reason="out_of_credits"), LIMITED, 2 * HOUR),
        answer("a window that is full by its numbers", "spent window", 429, unified(
            five_h_utilization="1.0", five_h_reset=five), LIMITED, 2 * HOUR),
        answer("extra usage is in use, and refused too", "spent window", 429, unified(
            status="rejected", five_h_status="rejected", five_h_reset=five, overage_in_use="true",
            overage_status="rejected"), LIMITED, 2 * HOUR),
        answer("the week of Opus is spent", "spent window of a model family", 429, unified(
            status="rejected", reset=seven, **session, seven_d_status="allowed", seven_d__opus_status="rejected",
            seven_d__opus_reset=seven, representative_claim="seven_day_opus"), LIMITED, 3 * DAY,
            model="claude-opus-4-5-20251101"),
        answer("the week of Fable is spent", "spent window of a model family", 429, unified(
            seven_d__oi_utilization="1", seven_d__oi_reset=seven) | {"retry-after": "60"}, LIMITED, 3 * DAY,
            model="claude-fable-5"),
        answer("a family is refused by the claim alone", "family refused by a plan", 429, unified(
            status="rejected", reset=seven, representative_claim="seven_day_sonnet"), LIMITED, 3 * DAY),
        answer("the whole is rejected by its claim", "refused by a plan", 429, unified(
            status="rejected", reset=five, representative_claim="five_hour"), LIMITED, 2 * HOUR),
        answer("the claimed window's end counts before that of the whole", "refused by a plan", 429, unified(
            status="rejected", reset=five, representative_claim="seven_day", seven_d_reset=seven), LIMITED, 3 * DAY),
        *(
            answer(f"the whole is {status}", "refused by a plan", 429, unified(status=status, reset=five), LIMITED, 2 * HOUR)
            for status in ("rate_limited", "blocked", "queueing_hard", "payment_required", "Rejected", "new_word")
        ),
        answer("a reset of a plan and nothing else", "refused by a plan", 429, unified(reset=five), LIMITED, 2 * HOUR),
        answer("the limit of extra usage", "refused by a plan", 429, unified(
            status="rejected", representative_claim="overage", overage_in_use="true") | {"retry-after": "60"}, LIMITED, 60),
        answer("paid credits are used up", "out of credits", 429, unified(
            status="rejected", reset=five, **session, **week, overage_status="rejected",
            overage_disabled_reason="out_of_credits"), LIMITED),
        answer("paid credits are used up, with retry-after", "out of credits", 429, unified(
            status="allowed", overage_disabled_reason="out_of_credits") | {"retry-after": "300"}, LIMITED, 300),
        answer("extra usage is asked for (429)", "extra usage required", 429, unified(status="allowed", **soft),
            error("rate_limit_error", "Extra usage is required for long context requests.")),
        answer("extra usage is asked for (400)", "extra usage required", 400, {},
            error("invalid_request_error", "You're out of extra usage. Add more at claude.ai/settings/usage")),
        *(
            answer(f"a burst while the plan is {status}", "burst within a plan", 429, unified(status=status, **soft), LIMITED)
            for status in ("allowed", "allowed_warning", "queueing_soft")
        ),
        answer("a burst with retry-after", "burst within a plan", 429,
            unified(status="allowed", **soft) | {"retry-after": "12"}, LIMITED, 12),
        answer("a burst while extra usage serves", "burst within a plan", 429, unified(
            status="allowed", five_h_status="rejected", five_h_reset=five, overage_in_use="true",
            overage_status="allowed") | {"retry-after": "3"}, LIMITED, 3),
        answer("the week of Opus is spent, and Sonnet was asked for", "burst within a plan", 429, unified(
            status="allowed", **session, seven_d__opus_status="rejected", seven_d__opus_reset=seven), LIMITED),
    )  # fmt: skip


def keys(now: float) -> tuple[Fixture, ...]:
    def left(requests: int, tokens: int) -> dict[str, str]:
        return {
            "anthropic-ratelimit-requests-limit": "50",
            "anthropic-ratelimit-requests-remaining": str(requests),
            "anthropic-ratelimit-requests-reset": rfc3339(now + 40),
            "anthropic-ratelimit-input-tokens-limit": "30000",
            "anthropic-ratelimit-input-tokens-remaining": str(tokens),
            "anthropic-ratelimit-input-tokens-reset": rfc3339(now + 20),
        }

    money = "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing."
    regain = f"You will regain access on {rfc3339(now + DAY)[:10]} at 00:00 UTC."
    midnight = (now + DAY) // DAY * DAY - now
    per_model, per_minute = "limit a minute of a model", "limit a minute"
    return (
        answer("no requests are left", per_model, 429, left(0, 100), LIMITED, 40),
        answer("no input tokens are left", per_model, 429, left(9, 0), LIMITED, 20),
        answer("neither is left: the later end counts", per_model, 429, left(0, 0), LIMITED, 40),
        answer("retry-after counts before the resets", per_model, 429, {**left(0, 0), "retry-after": "7"}, LIMITED, 7),
        answer("something is left of each", per_model, 429, left(9, 100), LIMITED),
        answer("no model is known", per_minute, 429, left(0, 100), LIMITED, 40, model=None),
        answer("an empty prepaid balance", "error about money", 400, {}, error("invalid_request_error", money)),
        answer("a spend limit", "spend limit of an organisation", 400, {}, error(
            "invalid_request_error", f"You have reached your specified API usage limits. {regain}"), midnight),
        answer("too many connections", "limit on concurrency", 429, {"retry-after": "4"}, error(
            "rate_limit_error", "Number of concurrent connections has exceeded your rate limit."), 4),
    )  # fmt: skip


def other_limits(now: float) -> tuple[Fixture, ...]:
    fields_, names, alone = (
        "limit with x-ratelimit fields",
        "limit that names the model",
        "limit with retry-after alone",
    )

    def style(**values: Any) -> dict[str, str]:
        return {f"x-ratelimit-{name}": value for name, value in fields(**values).items()}

    said = openai("Rate limit reached for requests", "requests", "rate_limit_exceeded")
    return (
        answer("no requests are left, as OpenAI says it", fields_, 429, style(
            limit_requests=60, remaining_requests=0, reset_requests="6m0s",
            limit_tokens=150000, remaining_tokens=149984, reset_tokens="20ms"), said, 360),
        answer("no tokens are left, as Groq says it", fields_, 429, style(
            remaining_requests=14370, reset_requests="2m59.56s", remaining_tokens=0, reset_tokens="7.66s"), said, 7.66),
        answer("neither is left", fields_, 429, style(
            remaining_requests=0, reset_requests="1h2m3s", remaining_tokens=0, reset_tokens="1s"), said, 3723),
        answer("a reset in milliseconds since 1970, as OpenRouter says it", fields_, 429, style(
            limit=50, remaining=0, reset=int((now + 900) * 1000)),
            openai("Rate limit exceeded: free-models-per-day", code=429), 900),
        answer("a reset in seconds since 1970", fields_, 429, style(reset=int(now + 900)), said, 900),
        answer("a reset in seconds from now", fields_, 429, style(reset=15), said, 15),
        answer("the draft standard's field", fields_, 429, fields(ratelimit_remaining=0, ratelimit_reset=30), said, 30),
        answer("retry-after-ms counts first", fields_, 429,
            style(remaining_requests=0, reset_requests="1s") | {"retry-after": "2", "retry-after-ms": "1250"}, said, 1.25),
        answer("a limit with no end told", fields_, 429, style(limit=50), said),
        answer("the model is named", names, 429, style(remaining_tokens=0, reset_tokens="8s"), openai(
            f"Rate limit reached for {MODEL} in organization org-1 on tokens per min.", "tokens", "rate_limit_exceeded"), 8),
        answer("the model is named, and nothing else", names, 429, {}, openai(f"Too many requests for {MODEL}")),
        answer("retry-after in seconds", alone, 429, {"retry-after": "30"}, LIMITED, 30),
        answer("retry-after as a date", alone, 429, {"retry-after": http_date(now + 90)}, LIMITED, 90),
        answer("retry-after with x-should-retry", alone, 429, {"retry-after": "5", "x-should-retry": "true"}, LIMITED, 5),
        answer("a reset that has passed", alone, 429, {"retry-after": http_date(now - 90)}, LIMITED, -90),
        answer("no limit, to be retried", "429 to be retried", 429, {"x-should-retry": "true"}, LIMITED),
        answer("nothing at all", "bare 429", 429, {}),
        answer("an error alone", "bare 429", 429, {"x-should-retry": "false"}, LIMITED),
        answer("a quota that is not paid", "error about money", 429, {}, openai(
            "You exceeded your current quota, please check your plan and billing details.",
            "insufficient_quota", "insufficient_quota")),
        answer("a hard limit of billing", "error about money", 400, {}, openai(
            "Billing hard limit has been reached", "invalid_request_error", "billing_hard_limit_reached")),
        answer("counting tokens", "limit on counting tokens", 429, {"retry-after": "30"}, LIMITED, 30, path=COUNT),
        answer("counting tokens, with the plan's windows", "limit on counting tokens", 429, unified(
            status="rejected", five_h_status="rejected", five_h_reset=int(now + HOUR)), LIMITED, path=COUNT),
    )  # fmt: skip


def overloads(now: float) -> tuple[Fixture, ...]:
    named = "overload by its name"
    return (
        answer("overloaded", "529", 529, {"x-should-retry": "true"}, BUSY),
        answer("overloaded, with retry-after", "529", 529, {"retry-after": "20"}, BUSY, 20),
        answer("overloaded, with a reset", "529", 529, unified(reset=int(now + 60)), BUSY, 60),
        answer("overloaded, with both", "529", 529, unified(reset=int(now + HOUR)) | {"retry-after": "9"}, BUSY, 9),
        answer("overloaded, as a page", "529", 529, HTML, b"<html>529</html>"),
        answer("an overload as a 500", named, 500, {}, BUSY),
        answer("an overload as a 503", named, 503, {"retry-after": "8"}, BUSY, 8),
        answer("an overload as a 429, as Moonshot says it", named, 429, {}, openai(
            "The engine is currently overloaded, please try again later", "engine_overloaded_error")),
        answer("unavailable for a while", "503 with retry-after", 503, {"retry-after": "11"}, b"", 11),
        answer("unavailable", "5xx", 503, {}, b"upstream connect error"),
        answer("an internal error", "5xx", 500, {}, error("api_error", "Internal server error")),
        answer("a gateway's time-out", "5xx", 504, {}, error("timeout_error", "timed out")),
        answer("the upstream gave up waiting", "408", 408, {}, b""),
    )  # fmt: skip


def codes(now: float) -> tuple[Fixture, ...]:
    def zai(  # noqa: PLR0917 - the same
        name: str, row: str, status: int, code: str, message: str, until: float | None = None
    ) -> Fixture:
        return answer(
            name, f"code for {row}", status, {}, error(code, message), until, provider="zai", model="glm-4.6"
        )

    reset = f"Your limit will reset at {singapore(now + 5 * HOUR)}"
    return (
        zai("z.ai: a token has expired", "the credential", 401, "1003", "Authentication Token expired"),
        zai("z.ai: a locked account, with a 429", "the credential", 429, "1112", "Your account has been locked"),
        zai("z.ai: arrears, with a 429", "money", 429, "1113", "Insufficient balance or no resource package."),
        zai("z.ai: fair use", "what is forbidden", 429, "1313", "Your usage does not comply with the Fair Use Policy"),
        zai("z.ai: five hours", "a usage limit", 429, "1308", f"Usage limit reached for 5 hour. {reset}", 5 * HOUR),
        zai("z.ai: a week", "a usage limit", 429, "1310", f"Weekly/Monthly Limit Exhausted. {reset}", 5 * HOUR),
        zai("z.ai: a day", "a usage limit", 429, "1304", "Daily call limit reached"),
        zai("z.ai: frequency", "a rate limit", 429, "1303", "Rate limit: too frequent"),
        zai("z.ai: concurrency", "concurrency", 429, "1302", "High concurrency usage of this API"),
        zai("z.ai: traffic", "an overload", 429, "1305", "This API has triggered the traffic limit"),
        zai("z.ai: traffic of a model", "an overloaded model", 429, "1312", "This model is at high traffic"),
        zai("z.ai: not in the plan", "a missing model", 429, "1311", "Your plan does not include glm-4.6"),
        zai("z.ai: network", "a fault of theirs", 500, "1234", "Network error, error id: 1"),
        zai("z.ai: a fault of theirs, as a 400", "a fault of theirs", 400, "1230", "API call process error"),
        zai("z.ai: too long", "a long prompt", 400, "1261", "Prompt exceeds max length"),
        zai("z.ai: a parameter", "a fault of the request", 400, "1214", "messages: parameter is illegal"),
        zai("z.ai: a parameter, as a 500", "a fault of the request", 500, "1213", "messages is not properly received"),
        answer("Zhipu: the code as a number", "code for concurrency", 429, {"retry-after": "2"}, openai(
            "您当前使用该 API 的并发数过高", code=1302), 2, provider="zai"),
        answer("MiniMax: money, behind the message", "code for money", 429, {}, error(
            "insufficient_balance_error", "insufficient balance (1008)"), provider="minimax"),
        answer("MiniMax: its own shape, inside a success", "code for a rate limit", 200, JSON,
            b'{"base_resp":{"status_code":1002,"status_msg":"rate limit"}}', provider="minimax"),
    )  # fmt: skip


def middleboxes() -> tuple[Fixture, ...]:
    page = b"<!DOCTYPE html><html><title>Sign in</title></html>"
    return (
        *(
            answer(f"a page with {status}", "HTML page", status, HTML, page)
            for status in (200, 403, 404, 405, 429, 451)
        ),
        answer("a page with 407", "407", 407, HTML, page),
        answer("a page with 413", "413 page", 413, HTML, page),
        answer("a page that waits", "HTML page", 429, {**HTML, "retry-after": "60"}, page, 60),
        answer("a page that calls itself nothing", "HTML page", 403, {}, page),
        answer("a page with a 503", "HTML page with a 5xx", 503, {**HTML, "retry-after": "60"}, page),
        answer("a page with a 524", "HTML page with a 5xx", 524, HTML, page),
        answer(
            "plain text with a 200",
            "success that is not the API",
            200,
            {"content-type": "text/plain"},
            b"It works!",
        ),
        answer("nothing with a 204", "success that is not the API", 204, {}),
        answer(
            "a redirect to a login", "redirect", 302, {"location": "https://login.example.com", **HTML}, page
        ),
        answer("a proxy's login", "407", 407, {"proxy-authenticate": "Basic"}),
        answer("a message", "success", 200, JSON, b'{"type":"message","content":[]}'),
    )


def accounts() -> tuple[Fixture, ...]:
    missing, about = "no such model", "403 about the model"
    return (
        answer("no valid key", "401", 401, {}, error("authentication_error", "invalid x-api-key")),
        answer("no valid key, as a 400", "401", 400, {}, openai("Incorrect API key provided", None, "invalid_api_key")),
        answer("a token that was taken back", "403 for a token", 403, {}, error(
            "permission_error", "OAuth token has been revoked. Please obtain a new token.")),
        answer("money", "402", 402, {}, openai("Insufficient Balance", "unknown_error")),
        answer("not allowed", "403", 403, {}, error("permission_error", "OAuth authentication is currently not allowed")),
        answer("a closed organisation", "403", 400, {}, error(
            "invalid_request_error", "This organization has been disabled.")),
        answer("no access to the model", about, 403, {}, openai(
            "Project `p` does not have access to model `gpt-5`", "invalid_request_error")),
        answer("no access to the model, by its code", about, 403, {}, openai("no", None, "model_not_found")),
        answer("no access to the model, by its name", about, 403, {}, error("permission_error", f"not for you: {MODEL}")),
        answer("no access to the model, as Amazon says it", about, 403,
            {"x-amzn-errortype": "AccessDeniedException:http://internal.amazon.com/"},
            b'{"message":"You don\'t have access to the model with the specified model ID."}'),
        answer("no model of that name", missing, 404, {}, error("not_found_error", f"model: {MODEL}")),
        answer("no model of that name, by its code", missing, 404, {}, openai("gone", None, "model_not_found")),
        answer("no model of that name, as a 400", missing, 400, {}, openai(f"{MODEL} is not a valid model ID", code=400)),
        answer("no model of that name, as Ollama says it", missing, 404, {}, b'{"error":"model \\"m\\" not found"}'),
        answer("no model of that name, as Amazon says it", missing, 404,
            {"x-amzn-errortype": "ResourceNotFoundException:http://internal.amazon.com/"}, b'{"message":"?"}'),
    )  # fmt: skip


def own_faults() -> tuple[Fixture, ...]:
    rest, long = "any other 4xx", "prompt too long"
    return (
        answer("too many tokens", long, 400, {}, error(
            "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum")),
        answer("too many tokens, as OpenAI says it", long, 400, {}, openai(
            "This model's maximum context length is 8192 tokens.", "invalid_request_error", "context_length_exceeded")),
        answer("input and max_tokens", long, 400, {}, error(
            "invalid_request_error", "input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000")),
        answer("too many bytes", "413", 413, {}, error("request_too_large", "Request exceeds the maximum size")),
        answer("a bad parameter", rest, 400, {}, error("invalid_request_error", "max_tokens: Field required")),
        answer("a model that cannot", rest, 400, {}, error(
            "invalid_request_error", "model: this one does not support thinking")),
        answer("nothing there", rest, 404, {}, error("not_found_error", "Not found")),
        *(answer(f"a {status}", rest, status, {}, b"") for status in (400, 404, 405, 409, 410, 415, 422, 499)),
    )  # fmt: skip


def streams(now: float) -> tuple[Fixture, ...]:
    five = int(now + 2 * HOUR)
    return (
        inside("an overload, inside", "529", BUSY),
        inside("a limit, inside", "bare 429", error("rate_limit_error", "slow down")),
        inside("a limit, inside a plan", "burst within a plan", LIMITED, headers=unified(status="allowed", reset=five)),
        inside("a credential, inside", "401", error("authentication_error", "no")),
        inside("money, inside", "error about money", error("billing_error", "no")),
        inside("not allowed, inside", "403", error("permission_error", "no")),
        inside("a missing model, inside", "no such model", error("not_found_error", f"model: {MODEL}")),
        inside("too large, inside", "413", error("request_too_large", "no")),
        inside("the request's fault, inside", "any other 4xx", error("invalid_request_error", "no")),
        inside("a time-out, inside", "5xx", error("timeout_error", "no")),
        inside("an internal error, inside", "5xx", error("api_error", "no")),
        inside("an error of no known name, inside", "5xx", error("made_up", "no")),
        inside("z.ai: concurrency, inside", "code for concurrency", openai("busy", code="1302"), provider="zai"),
        inside("OpenRouter: the status as the code, inside", "402", openai("no credits", code=402)),
        inside("z.ai: five hours, inside", "code for a usage limit", error(
            "1308", f"reset at {singapore(now + HOUR)}"), HOUR, provider="zai"),
    )  # fmt: skip
