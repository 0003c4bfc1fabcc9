import json

from hypothesis import given
from hypothesis import strategies as st

from ccflared.formats.said import LATEST, MOST, said_in_answer, said_in_request


def test_what_people_said_is_found_and_what_files_and_names_are_is_not() -> None:
    body = {
        "model": "claude-sonnet-4-5",
        "system": [{"type": "text", "text": "Be brief."}],
        "tools": [{"name": "Bash", "description": "Runs a command."}],
        "messages": [
            {"role": "user", "content": "First question"},
            {"role": "assistant", "content": [{"type": "text", "text": "First answer"}]},
            {
                "role": "user",
                "content": [
                    {"type": "image", "source": {"type": "base64", "data": "iVBORw0KGgo" * 100}},
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": "ls: cannot access"},
                ],
            },
        ],
    }
    said = said_in_request(json.dumps(body).encode())
    assert said.split("\n") == ["Be brief.", "First question", "First answer", "ls: cannot access"]


def test_of_a_long_conversation_the_latest_is_kept() -> None:
    turns = [{"role": "user", "content": f"turn {number} " + "word " * 1000} for number in range(30)]
    said = said_in_request(json.dumps({"messages": turns}).encode())
    assert len(said) <= LATEST
    assert "turn 29 " in said
    assert "turn 20 " not in said


def test_words_in_pieces_over_events_are_whole() -> None:
    deltas = ["Hel", "lo, wor", "ld\\u00e4", ' \\"quoted\\"']
    stream = "".join(
        f'event: content_block_delta\ndata: {{"type":"content_block_delta","delta":{{"type":"text_delta","text":"{piece}"}}}}\n\n'
        for piece in deltas
    )
    assert said_in_answer(stream.encode(), stream=True) == 'Hello, worldä "quoted"'


def test_a_stream_of_responses_says_nothing_twice() -> None:
    events: list[tuple[str, dict[str, object]]] = [
        ("response.created", {"response": {"id": "resp_1"}}),
        ("response.output_text.delta", {"delta": "Only "}),
        ("response.output_text.delta", {"delta": "once"}),
        ("response.output_text.done", {"text": "Only once"}),
        ("response.completed", {"response": {"output": [{"content": [{"text": "Only once"}]}]}}),
    ]
    stream = "".join(
        f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n" for kind, more in events
    )
    assert said_in_answer(stream.encode(), stream=True) == "Only once"


def test_what_is_cut_off_or_no_json_is_searched_too() -> None:
    assert (
        said_in_request(b'{"messages":[{"role":"user","content":"broken o')
        == "messages\nrole\nuser\ncontent\nbroken o"
    )
    assert said_in_answer(b"Bad gateway", stream=False) == "Bad gateway"
    assert said_in_answer(b"[" * 100_000, stream=False) != ""
    assert said_in_request(b"") == ""


@given(st.binary(max_size=200), st.booleans())
def test_anything_can_be_read(body: bytes, stream: bool) -> None:
    for text in (said_in_request(body), said_in_answer(body, stream=stream)):
        text.encode()
        assert len(text) <= MOST


_JSON = st.recursive(
    st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(_JSON)
def test_any_document_can_be_read(document: object) -> None:
    body = json.dumps(document).encode()
    assert len(said_in_request(body)) <= LATEST
    assert len(said_in_answer(body, stream=False)) <= MOST
