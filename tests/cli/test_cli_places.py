"""Where the daemon is looked for, in the contract's order, with whatever file there is."""

from pathlib import Path

from ccflared.cli.places import config_file, record_name, socket_places
from ccflared.config.load.paths import instance_of


def found(config: Path | None, environ: dict[str, str], chosen: Path | None = None) -> list[str]:
    return [str(place.path) for place in socket_places(chosen, config, environ)]


def environment(home: Path) -> dict[str, str]:
    return {
        "HOME": str(home),
        "RUNTIME_DIRECTORY": "/run/one:/run/two",
        "XDG_RUNTIME_DIR": "/run/user/7",
        "STATE_DIRECTORY": str(home / "state"),
    }


USUAL = [
    "/run/one/ccflared.sock",
    "/run/two/ccflared.sock",
    "/run/user/7/ccflared/ccflared.sock",
    "/run/ccflared/ccflared.sock",
    "/run/ccflared/daemon/ccflared.sock",
]


def test_the_usual_places_come_in_the_order_of_the_contract(tmp_path: Path) -> None:
    assert found(None, environment(tmp_path)) == [
        *USUAL,
        f"{tmp_path}/state/ccflared.sock",
        f"{tmp_path}/.local/state/ccflared/ccflared.sock",
        "/var/lib/ccflared/ccflared.sock",
    ]


def test_a_socket_named_by_hand_is_the_only_place(tmp_path: Path) -> None:
    environ = environment(tmp_path)
    assert found(None, environ | {"CCFLARED_SOCKET": "/x/s"}) == ["/x/s"]
    assert found(None, environ | {"CCFLARED_SOCKET": "/x/s"}, Path("/y/s")) == ["/y/s"]


def test_the_socket_of_the_file_comes_first(tmp_path: Path) -> None:
    config = tmp_path / "ccflare.toml"
    config.write_text('[control]\nsocket = "here.sock"\n[storage]\ndirectory = "data"\n')
    places = found(config, environment(tmp_path))
    assert places[0] == f"{tmp_path}/here.sock"
    assert places[1:6] == USUAL
    assert places[6] == f"{tmp_path}/data/ccflared.sock"


def test_the_socket_is_found_in_a_file_that_is_wrong(tmp_path: Path) -> None:
    config = tmp_path / "ccflare.toml"
    config.write_text("[control]\nsocket = \"/c/s\"\n[storage]\ndirectory = 'd'\n[server\nnonsense = = =\n")
    places = found(config, environment(tmp_path))
    assert places[0] == "/c/s"
    assert places[6] == f"{tmp_path}/d/ccflared.sock"


def test_the_socket_is_found_in_an_included_file(tmp_path: Path) -> None:
    config = tmp_path / "ccflare.toml"
    config.write_text('include = ["conf.d/*.toml", "missing.toml", 7, "/**bad"]\n')
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "a.toml").write_text('[control]\nsocket = "s"\n')
    (tmp_path / "conf.d" / "b.toml").write_text('[storage]\ndirectory = "d"\n')
    places = found(config, environment(tmp_path))
    assert places[0] == f"{tmp_path}/conf.d/s"
    assert f"{tmp_path}/conf.d/d/ccflared.sock" in places


def test_where_the_file_cannot_be_read_the_socket_last_applied_from_it_helps(tmp_path: Path) -> None:
    config = tmp_path / "gone.toml"
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / record_name(config)).write_text("/last/applied.sock\n")
    assert found(config, environment(tmp_path))[0] == "/last/applied.sock"


def test_a_record_that_makes_no_sense_is_passed_over(tmp_path: Path) -> None:
    config = tmp_path / "gone.toml"
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / record_name(config)).write_bytes(b"\xff\xfe not a path")
    assert found(config, environment(tmp_path))[0] == USUAL[0]


def test_the_name_of_the_record_is_the_one_that_the_daemon_writes(tmp_path: Path) -> None:
    from ccflared.daemon.control import leave_word  # noqa: PLC0415 - slow to import, for this test only

    config = tmp_path / "ccflare.toml"
    (tmp_path / "state").mkdir()
    leave_word(tmp_path / "state", config, tmp_path / "c.sock")
    assert found(config, environment(tmp_path))[0] == f"{tmp_path}/c.sock"


def test_a_place_is_looked_at_once(tmp_path: Path) -> None:
    environ = {
        "HOME": str(tmp_path),
        "RUNTIME_DIRECTORY": "/run/ccflared",
        "STATE_DIRECTORY": "/var/lib/ccflared",
    }
    places = found(None, environ)
    assert len(places) == len(set(places))


def test_the_file_chosen_is_meant_even_if_it_is_gone(tmp_path: Path) -> None:
    assert config_file(tmp_path / "x.toml", {}) == tmp_path / "x.toml"
    assert config_file(None, {"CCFLARED_CONFIG": "/y.toml"}) == Path("/y.toml")
    assert config_file(None, {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}) in (
        None,
        Path("/etc/ccflared/ccflare.toml"),
    )


def test_who_names_the_file_of_an_instance_means_its_daemon_and_no_other(tmp_path: Path) -> None:
    places = found(Path("/etc/ccflared/none-such/ccflare.toml"), environment(tmp_path))
    assert places == ["/run/ccflared/none-such/ccflared.sock", "/run/ccflared/none-such/daemon/ccflared.sock"]


def test_an_instance_is_told_by_where_its_file_is() -> None:
    names = {
        "/etc/ccflared/ccflare.toml": "",
        "/etc/ccflared/work/ccflare.toml": "work",
        "/etc/ccflared/work/other.toml": None,
        "/etc/ccflared/credentials/ccflare.toml": None,
        "/home/ada/ccflared/work/ccflare.toml": None,
    }
    assert {file: instance_of(Path(file)) for file in names} == names
