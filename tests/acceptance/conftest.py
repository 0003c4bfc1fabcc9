"""The clients, each made ready once; a test whose client cannot be had says so and is skipped."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance import clients
from acceptance.clients import Installed, Unavailable
from acceptance.engine import Engine, UnavailableError, engine
from acceptance.sdk import Sdk


@pytest.fixture(scope="session", params=list(clients.SDKS))
def sdk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sdk]:
    """One process of each generation of the SDK, kept for all tests: importing it takes a second or two."""
    generation: str = request.param
    try:
        installed = clients.sdk(generation)
    except Unavailable as reason:
        pytest.skip(f"the anthropic SDK {generation} cannot be had here: {reason}")
    with Sdk(generation, installed, tmp_path_factory.mktemp("sdk")) as player:
        yield player


@pytest.fixture(scope="session")
def claude() -> Installed:
    """The command ``claude``."""
    try:
        return clients.claude_code()
    except Unavailable as reason:
        pytest.skip(f"Claude Code cannot be had here: {reason}")


@pytest.fixture(scope="session", params=list(clients.OPENAI_SDKS))
def openai_sdk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sdk]:
    """One process of each generation of OpenAI's SDK."""
    generation: str = request.param
    try:
        installed = clients.openai_sdk(generation)
    except Unavailable as reason:
        pytest.skip(f"the openai SDK {generation} cannot be had here: {reason}")
    with Sdk(generation, installed, tmp_path_factory.mktemp("sdk"), script="openai_script") as player:
        yield player


@pytest.fixture(scope="session")
def codex() -> Installed:
    """The command ``codex``."""
    try:
        return clients.codex()
    except Unavailable as reason:
        pytest.skip(f"Codex cannot be had here: {reason}")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home directory of its own."""
    directory = tmp_path / "home"
    directory.mkdir()
    return directory


@pytest.fixture(scope="session")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Podman with the image of this tree, built once."""
    try:
        with engine(tmp_path_factory.mktemp("engine")) as made:
            yield made
    except UnavailableError as reason:
        pytest.skip(f"no container can be run here: {reason}")
