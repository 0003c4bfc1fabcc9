"""All cases, by category."""

from dataclasses import dataclass, replace

import c_chat
import f_answers
import f_counts
import f_edges
import f_errors
import f_requests
import f_streams
import r_responses
from cases import Case


@dataclass(frozen=True)
class Category:
    name: str
    cases: list[Case]


def _of(name: str, cases: list[Case], upstream: str) -> Category:
    return Category(name, [replace(case, upstream=case.upstream or upstream) for case in cases])


BOOK = [
    _of("F request mapping", f_requests.CASES, "chat"),
    _of("F edge inputs", f_edges.CASES, "chat"),
    _of("F count_tokens", f_counts.CASES, "chat"),
    _of("F JSON responses", f_answers.CASES, "chat"),
    _of("F streams", f_streams.CASES, "chat"),
    _of("F errors", f_errors.CASES, "chat"),
    _of("C chat inbound", c_chat.CASES, "messages"),
    _of("R responses inbound", r_responses.CASES, "messages"),
]
