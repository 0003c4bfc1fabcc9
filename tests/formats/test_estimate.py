"""Estimates of tokens: never below what tokenizers count, never less for more, and fast."""

import base64
import struct
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccflared.formats.estimate import estimate, tokens_of
from ccflared.formats.request import (
    Call,
    Document,
    Format,
    Image,
    Part,
    Request,
    Result,
    Text,
    Thinking,
    Tool,
    Turn,
)

# What four vocabularies make of it: cl100k, o200k, DeepSeek V3's, and that of Claude 2.
COUNTED: list[tuple[str, str, int, int, int, int]] = [
    ("english", "All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience and should act towards one another in a spirit of brotherhood.", 33, 33, 33, 33),
    ("german", "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen begabt und sollen einander im Geist der Brüderlichkeit begegnen.", 44, 38, 43, 50),
    ("polish", "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni obdarzeni rozumem i sumieniem i powinni postępować wobec innych w duchu braterstwa.", 64, 53, 56, 79),
    ("vietnamese", "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền lợi. Mọi con người đều được tạo hóa ban cho lý trí và lương tâm và cần phải đối xử với nhau trong tình bằng hữu.", 87, 50, 76, 137),
    ("russian", "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и совестью и должны поступать в отношении друг друга в духе братства.", 74, 41, 46, 89),  # noqa: RUF001 - its own letters
    ("greek", "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα. Είναι προικισμένοι με λογική και συνείδηση, και οφείλουν να συμπεριφέρονται μεταξύ τους με πνεύμα αδελφοσύνης.", 172, 71, 92, 210),  # noqa: RUF001 - its own letters
    ("arabic", "يولد جميع الناس أحراراً متساوين في الكرامة والحقوق. وقد وهبوا عقلاً وضميراً وعليهم أن يعامل بعضهم بعضاً بروح الإخاء.", 88, 43, 45, 109),
    ("hebrew", "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם. כולם חוננו בתבונה ובמצפון, לפיכך חובה עליהם לנהוג איש ברעהו ברוח של אחווה.", 129, 50, 55, 119),
    ("hindi", "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है। उन्हें बुद्धि और अन्तरात्मा की देन प्राप्त है और परस्पर उन्हें भाईचारे के भाव से बर्ताव करना चाहिए।", 180, 54, 92, 199),
    ("thai", "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ ต่างมีเหตุผลและมโนธรรม และควรปฏิบัติต่อกันด้วยเจตนารมณ์แห่งภราดรภาพ", 135, 63, 52, 240),
    ("chinese", "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。", 52, 37, 27, 49),
    ("japanese", "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。人間は、理性と良心とを授けられており、互いに同胞の精神をもって行動しなければならない。", 93, 72, 51, 87),
    ("korean", "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. 인간은 천부적으로 이성과 양심을 부여받았으며 서로 형제애의 정신으로 행동하여야 한다.", 85, 51, 57, 95),
    ("georgian", "ყველა ადამიანი იბადება თავისუფალი და თანასწორი თავისი ღირსებითა და უფლებებით.", 144, 21, 54, 83),
    ("emoji", "😀👍🏽🎉 👩\u200d👩\u200d👧\u200d👦 🇩🇪🏳️\u200d🌈 ❤️✅🚀", 50, 31, 33, 47),
    ("python", 'def first(rows: list[dict[str, int]], *, key: str = "id") -> int | None:\n    """Return the smallest."""\n    if not rows:\n        return None\n    return min(row[key] for row in rows if row.get(key) is not None)\n', 58, 58, 59, 64),
    ("javascript", "export const fetchUser = async (userId) => {\n  const res = await fetch(`/api/users/${userId}?t=${Date.now()}`);\n  if (!res.ok) throw new Error(`HTTP ${res.status}`);\n  return (await res.json()).data ?? null;\n};\n", 56, 58, 58, 68),
    ("json", '{"type":"object","properties":{"file_path":{"type":"string","description":"The absolute path"},"limit":{"type":"integer","minimum":1,"maximum":2000}},"required":["file_path"],"additionalProperties":false}', 46, 48, 49, 48),
    ("shell", "find . -name '*.py' -not -path './.venv/*' -print0 | xargs -0 grep -nE 'TODO|FIXME' | sort -t: -k1,1 -k2,2n | head -n 50 > /tmp/out.txt 2>&1", 65, 66, 69, 64),
    ("table", "| name | size | date |\n|------|-----:|------|\n| a.txt | 1,024 | 2026-11-22 |\n| b.bin | 73,400,320 | 2026-01-02 |\n", 51, 51, 51, 53),
    ("digits", "31415926535897932384626433832795028841971693993751058209749445923078164062862089986280348253421170679", 34, 34, 34, 43),
    ("uuid", "6f1d2c34-9b7a-4e55-8c1f-0a9e3d7b2f64", 33, 33, 33, 33),
    ("base64", "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/w38GIAXDIBKE0DHxgljNBAAO9TXL0Y4OHwAAAABJRU5ErkJggg==", 67, 66, 68, 67),
    ("path", "/home/user/projects/service/src/main/java/com/example/app/HttpRequestHandlerFactoryBean.java:142", 18, 19, 21, 29),
    ("spaces", " " * 400, 4, 4, 4, 3),
    ("newlines", "\n" * 200, 7, 13, 13, 7),
    ("tabs", "\t" * 200, 13, 13, 25, 25),
]  # fmt: skip


@pytest.mark.parametrize(("text", "counts"), [pytest.param(row[1], row[2:5], id=row[0]) for row in COUNTED])
def test_no_text_is_estimated_below_what_vocabularies_of_today_count(
    text: str, counts: tuple[int, ...]
) -> None:
    assert tokens_of(text) >= max(counts)


@pytest.mark.parametrize("name", ["english", "python", "javascript", "shell", "path", "base64", "chinese"])
def test_what_is_common_is_estimated_at_less_than_twice_what_is_counted(name: str) -> None:
    text, *counts = next(row[1:] for row in COUNTED if row[0] == name)
    assert tokens_of(text) < 2 * max(counts)


@pytest.mark.parametrize("text", ["日本語", "汉字", "한국어", "한 글"])
def test_characters_of_east_asia_are_a_token_each_and_more(text: str) -> None:
    assert tokens_of(text) >= len(text.replace(" ", ""))


@given(st.text(), st.text())
def test_a_longer_text_has_no_fewer_tokens(text: str, more: str) -> None:
    assert 0 <= tokens_of(text) <= tokens_of(text + more)
    assert tokens_of(more) <= tokens_of(text + more)


@given(st.text("aA1. \n", max_size=40), st.text("aA1. \n", max_size=40))
def test_a_longer_text_of_few_characters_has_no_fewer_tokens(text: str, more: str) -> None:
    assert tokens_of(text) <= tokens_of(text + more)
    assert tokens_of(more) <= tokens_of(text + more)


@given(st.text(min_size=1))
def test_a_text_has_at_least_a_token_and_a_bounded_number_for_each_byte(text: str) -> None:
    assert 1 <= tokens_of(text) <= 3 * len(text.encode(errors="replace")) + 1


def test_nothing_said_is_nothing() -> None:
    assert tokens_of("") == 0


def test_a_megabyte_takes_no_longer_than_one_would_wait() -> None:
    text = (
        "    def name_of(self, row: dict[str, int]) -> str:\n        return f'{row} größer 汉字'\n" * 12_000
    )[:1_000_000]
    began = time.process_time()
    tokens_of(text)
    assert time.process_time() - began < 0.5  # 25 ms, on a machine that does nothing else


PARTS: st.SearchStrategy[Part] = st.one_of(
    st.builds(Text, st.text()),
    st.builds(Image, st.text(), st.just("image/png")),
    st.builds(Image, url=st.sampled_from(["https://x/y.png", "data:image/png;base64,AAAA", "data:"])),
    st.builds(Document, text=st.text(), title=st.none() | st.text()),
    st.builds(Document, data=st.text(), media_type=st.sampled_from(["application/pdf", "text/plain", None])),
    st.builds(Document, url=st.just("https://x/y.pdf")),
    st.builds(Thinking, st.text(), st.text(), st.none() | st.text()),
    st.builds(Call, st.just("id"), st.text(), st.text()),
    st.builds(Result, st.just("id"), st.lists(st.builds(Text, st.text()), max_size=3).map(tuple)),
)
TURNS = st.builds(Turn, st.sampled_from(["user", "assistant"]), st.lists(PARTS, max_size=3).map(tuple))
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
TOOLS = st.builds(Tool, st.text(), st.none() | st.text(), st.dictionaries(st.text(), JSON, max_size=3))
REQUESTS = st.builds(
    Request,
    st.just("m"),
    st.lists(TURNS, max_size=3).map(tuple),
    st.lists(st.builds(Text, st.text()), max_size=2).map(tuple),
    st.lists(TOOLS, max_size=2).map(tuple),
)


@given(REQUESTS, PARTS)
def test_another_part_makes_it_no_less(request: Request, part: Part) -> None:
    first = request.turns[0] if request.turns else Turn("user", ())
    rest = request.turns[1:]
    assert estimate(request) <= estimate(
        replace(request, turns=(replace(first, parts=(*first.parts, part)), *rest))
    )


@given(REQUESTS, TURNS, TOOLS, st.text())
def test_another_turn_tool_or_system_text_makes_it_more(
    request: Request, turn: Turn, tool: Tool, text: str
) -> None:
    few = estimate(request)
    assert 1 <= few < estimate(replace(request, turns=(*request.turns, turn)))
    assert few < estimate(replace(request, tools=(*request.tools, tool)))
    assert few <= estimate(replace(request, system=(*request.system, Text(text))))


def asked(*parts: Part) -> int:
    return estimate(Request("m", (Turn("user", parts),)))


LONG = "word " * 1000
EMPTY = asked()


@pytest.mark.parametrize(
    "request_",
    [
        Request("m", (), system=(Text(LONG),)),
        Request("m", (), tools=(Tool(LONG),)),
        Request("m", (), tools=(Tool("t", LONG),)),
        Request("m", (), tools=(Tool("t", parameters={"properties": {"a": {"description": LONG}}}),)),
        Request("m", (), tools=(Tool("t", custom=True, grammar=LONG),)),
        Request("m", (), format=Format({"description": LONG})),
        Request("m", (Turn("user", (Text(LONG),)),)),
        Request("m", (Turn("user", (Document(text=LONG),)),)),
        Request("m", (Turn("user", (Document(text="", title=LONG),)),)),
        Request("m", (Turn("user", (Document(data=base64.b64encode(LONG.encode()).decode(), media_type="text/plain"),)),)),
        Request("m", (Turn("assistant", (Thinking(LONG),)),)),
        Request("m", (Turn("assistant", (Call("i", "n", LONG),)),)),
        Request("m", (Turn("user", (Result("i", (Text(LONG),)),)),)),
    ],
    ids=["system", "tool name", "description", "schema", "grammar", "format", "text", "document", "title", "text in base64", "thinking", "call", "result"],
)  # fmt: skip
def test_everything_that_is_read_counts(request_: Request) -> None:
    assert estimate(request_) >= 1000


def png(width: int, height: int) -> str:
    return encoded(
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height) + b"\x08\x06" + bytes(90)
    )


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_a_picture_counts_the_same_whatever_its_length() -> None:
    pictures = [
        Image(png(800, 600), "image/png"),
        Image("A" * 4_000_000, "image/png"),
        Image(url="https://e.com/a.png"),
    ]
    for picture in pictures:
        assert asked(picture) - EMPTY == pytest.approx(1600, abs=20)
        assert asked(Result("i", (picture,))) - EMPTY == pytest.approx(1620, abs=20)


def test_a_pdf_counts_by_pages_as_far_as_its_size_tells() -> None:
    def pages(size: int) -> int:
        return (asked(Document(data="A" * (size * 4 // 3), media_type="application/pdf")) - EMPTY) // 3000

    assert (pages(1000), pages(120_000), pages(10_000_000_0 // 2)) == (1, 3, 600)


def test_a_schema_that_is_nested_too_deeply_counts_as_a_large_one() -> None:
    schema: dict[str, Any] = {}
    for _ in range(100_000):
        schema = {"items": schema}
    assert estimate(Request("m", (), tools=(Tool("t", parameters=schema),))) > 1000
    while schema:  # Python frees it one after another, not in one deep call
        schema = schema.pop("items")
