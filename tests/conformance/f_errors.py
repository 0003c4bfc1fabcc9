"""F: errors of Chat Completions servers, as a Messages client gets them.

With one account nobody is left after most of them. Then the proxy may answer for itself: 429 where limits are the reason,
503 otherwise.
"""

from typing import Any

import laws_messages
from cases import CLIENT_HEADERS, Case, Check, Outcome, client_never, encoded, mentions, merged, must
from exchange import Answer, Close, Reset, answer, document
from f_requests import BASE, PATH
from spoken import completed

_BODY = encoded(BASE)
_STREAM = encoded(merged(BASE, {"stream": True}))


def told(
    name: str, given: Answer, statuses: tuple[int, ...], kinds: tuple[str, ...], *checks: Check
) -> list[Case]:
    """The same with and without a stream."""
    check = laws_messages.error_of(statuses, *kinds)
    return [
        Case(
            f"{name}{more}",
            (check, client_never("sk-upstream", "<html"), *checks),
            PATH,
            body,
            (given,),
            CLIENT_HEADERS,
        )
        for more, body in (("", _BODY), (", to a stream", _STREAM))
    ]


def error(message: str, code: Any = None, kind: str = "x", status: int = 400, *headers: str) -> Answer:
    return document(
        {"error": {"message": message, "type": kind, "param": None, "code": code}}, status, *headers
    )


def waits(low: float, high: float) -> Check:
    def check(outcome: Outcome) -> None:
        value = outcome.reply.header("retry-after") or ""
        must(value.isdigit() and low <= int(value) <= high, f"retry-after is {value!r}, not {low} to {high}")

    return check


MISTAKE = ("invalid_request_error",)
FAULT = ("api_error", "overloaded_error")
LIMIT = ("rate_limit_error",)
UNPAID = ("billing_error", "permission_error", "rate_limit_error", "overloaded_error")

CASES = [
    *told(
        "400 is the client's mistake", error("Invalid 'messages[0]': oops"), (400,), MISTAKE, mentions("oops")
    ),
    *told(
        "422 is the client's mistake",
        document({"detail": [{"msg": "field required", "loc": ["body", "x"]}]}, 422),
        (400, 422),
        MISTAKE,
        mentions("field required"),
    ),
    *told(
        "409 is the client's mistake",
        error("conflict oops", status=409),
        (400, 409),
        MISTAKE,
        mentions("oops"),
    ),
    *told(
        "a message that is a text",
        document({"error": "oops text"}, 400),
        (400,),
        MISTAKE,
        mentions("oops text"),
    ),
    *told(
        "a message beside",
        document({"message": "oops beside", "object": "error"}, 400),
        (400,),
        MISTAKE,
        mentions("oops beside"),
    ),
    *told("a detail", document({"detail": "oops detail"}, 400), (400,), MISTAKE, mentions("oops detail")),
    *told(
        "an error in a list",
        document([{"error": {"message": "oops list", "code": 400}}], 400),
        (400,),
        MISTAKE,
    ),
    *told(
        "400 with HTML", answer(400, b"<html><h1>Bad Request</h1></html>", kind="text/html"), (400,), MISTAKE
    ),
    *told("400 with nothing", answer(400, b""), (400,), MISTAKE),
    *told(
        "a context that overflows, by code",
        error(
            "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens.",
            "context_length_exceeded",
        ),
        (400,),
        MISTAKE,
        mentions("prompt is too long", "128000"),
    ),
    *told(
        "a context that overflows, by words",
        error("maximum context length is 4096 tokens"),
        (400,),
        MISTAKE,
        mentions("prompt is too long", "4096"),
    ),
    *told(
        "401 is the account's fault",
        error("Incorrect API key provided: sk-upstream-key", "invalid_api_key", status=401),
        (401, 502, 503),
        ("authentication_error", *FAULT),
    ),
    *told(
        "403 is the account's fault",
        error("Not allowed", status=403),
        (403, 502, 503),
        ("permission_error", *FAULT),
    ),
    *told("402 is unpaid", error("Insufficient credits", 402, status=402), (402, 403, 429, 503), UNPAID),
    *told(
        "insufficient_quota is unpaid",
        error("You exceeded your current quota", "insufficient_quota", "insufficient_quota", 429),
        (402, 403, 429, 503),
        UNPAID,
    ),
    *told(
        "404 is no such model",
        error("The model `mid-1` does not exist", "model_not_found", status=404),
        (404,),
        ("not_found_error",),
    ),
    *told(
        "413 is too large",
        answer(413, b"<html>Request Entity Too Large</html>", kind="text/html"),
        (413,),
        ("request_too_large",),
    ),
    *told(
        "429 keeps its seconds",
        error("Slow down", "rate_limit_exceeded", "x", 429, "Retry-After: 17"),
        (429,),
        LIMIT,
        waits(16, 17),
    ),
    *told(
        "429 keeps its milliseconds",
        error("Slow down", None, "x", 429, "retry-after-ms: 12000"),
        (429,),
        LIMIT,
        waits(11, 12),
    ),
    *told(
        "429 with OpenAI's resets",
        error(
            "Slow down",
            None,
            "x",
            429,
            "x-ratelimit-remaining-requests: 0",
            "x-ratelimit-reset-requests: 1m30s",
        ),
        (429,),
        LIMIT,
        waits(80, 90),
    ),
    *told(
        "429 with a date that is past",
        error("Slow down", None, "x", 429, "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT"),
        (429,),
        LIMIT,
    ),
    *told("429 without anything", answer(429, b""), (429,), LIMIT, waits(1, 600)),
    # A page is no word of the API's about its limits: it may be told as an upstream that fails.
    *told(
        "429 with HTML", answer(429, b"<html>Too Many</html>", kind="text/html"), (429, 503), (*LIMIT, *FAULT)
    ),
    *told("500", error("Boom", status=500), (500, 503), FAULT),
    *told(
        "502 with HTML",
        answer(502, b"<html>Bad Gateway nginx</html>", kind="text/html"),
        (502, 503),
        FAULT,
        client_never("nginx"),
    ),
    *told("503", error("Overloaded", status=503), (503, 529), FAULT),
    *told("504 with nothing", answer(504, b""), (504, 503), FAULT),
    *told("529", error("Overloaded", status=529), (503, 529), FAULT),
    *told(
        "a redirect is not followed",
        answer(302, b"", "Location: http://127.0.0.1:9/x"),
        (502, 503, 500),
        FAULT,
    ),
    *told("no HTTP at all", Answer((b"SSH-2.0-OpenSSH_9\r\n", Close())), (502, 503, 500), FAULT),
    *told("a connection that is closed at once", Answer((Close(),)), (502, 503, 500), FAULT),
    *told("a connection that is reset at once", Answer((Reset(),)), (502, 503, 500), FAULT),
]


def _own(name: str, path: str, status: tuple[int, ...], *kinds: str, body: bytes = _BODY) -> Case:
    """What the proxy answers by itself has the client's dialect too."""
    return Case(name, (laws_messages.error_of(status, *kinds),), path, body, (completed(),), CLIENT_HEADERS)


CASES += [
    _own("a path that is not there", "/v1/nothing", (404,), "not_found_error"),
    _own("a body that is no JSON", PATH, (400,), *MISTAKE, body=b"{"),
]
