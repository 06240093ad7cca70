"""The settings file and the environment: what is read, and that every fault is named at once."""

from pathlib import Path

import pytest

from services.scoring.core.parameters import check_settings
from shared.settings import BadSetup, Environment, digest_of, read_settings, settings_of, utc_offsets

WINTER_MS = 1_767_225_600_000  # 2026-01-01T00:00Z
SPRING_MS = 1_772_323_200_000  # 2026-03-01T00:00Z


def test_a_settings_file_becomes_an_entry(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('revision = 7\n[alerts."queue.strain"]\nopen_line = 70\n')
    settings = read_settings(path, check=check_settings, now_ms=WINTER_MS)
    assert settings.revision == 7
    assert settings.document["alerts"]["queue.strain"]["open_line"] == 70
    assert settings.digest == digest_of(settings.document)
    assert settings.utc_offsets == {}


def test_the_digest_is_of_what_a_file_says_not_of_how() -> None:
    one = settings_of(b"revision = 2\nlateness_s = 60 # short", check=check_settings, now_ms=WINTER_MS)
    two = settings_of(b"lateness_s=60\nrevision=2", check=check_settings, now_ms=SPRING_MS)
    other = settings_of(b"lateness_s=61\nrevision=2", check=check_settings, now_ms=SPRING_MS)
    assert one.digest == two.digest != other.digest


def test_without_a_revision_it_is_1() -> None:
    assert settings_of(b"", check=check_settings, now_ms=WINTER_MS).revision == 1


def test_every_fault_of_a_file_is_named_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('lateness_s = 1\ncolour = "blue"\n[alerts."queue.strain"]\nopen_line = nan\n')
    with pytest.raises(BadSetup) as bad:
        read_settings(path, check=check_settings, now_ms=WINTER_MS)
    assert len(bad.value.faults) == 3
    assert all(str(path) in fault for fault in bad.value.faults)
    for part in ("lateness_s", "colour", "open_line"):
        assert part in str(bad.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"revision = = 2", "not TOML"), (b"\xff\xfe", "not TOML"), (b"#" * (1 << 21), "at most")],
    ids=["syntax", "bytes", "size"],
)
def test_a_file_that_is_no_settings_file_says_so(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(content)
    with pytest.raises(BadSetup, match=said):
        read_settings(path, check=check_settings, now_ms=WINTER_MS)


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadSetup, match="cannot be read"):
        read_settings(tmp_path / "none.toml", check=check_settings, now_ms=WINTER_MS)


def test_zones_anywhere_in_the_document_bring_their_offsets() -> None:
    text = b'timezone = "Asia/Shanghai"\n[tenants.a]\ntimezone = "Europe/Madrid"\n'
    settings = settings_of(text, check=lambda _: [], now_ms=SPRING_MS)
    assert settings.utc_offsets == {
        "Asia/Shanghai": [(SPRING_MS, 28_800)],
        # 2026-03-29T01:00Z, 2026-10-25T01:00Z
        "Europe/Madrid": [(SPRING_MS, 3_600), (1_774_746_000_000, 7_200), (1_792_890_000_000, 3_600)],
    }


def test_a_zone_that_does_not_exist_is_a_fault() -> None:
    with pytest.raises(BadSetup, match="Middle/Earth"):
        settings_of(b'timezone = "Middle/Earth"', check=lambda _: [], now_ms=WINTER_MS)


def test_offsets_reach_a_year() -> None:
    assert utc_offsets("Europe/Madrid", WINTER_MS, weeks=8) == [(WINTER_MS, 3_600)]
    assert utc_offsets("UTC", WINTER_MS) == [(WINTER_MS, 0)]
    assert [offset_s for _, offset_s in utc_offsets("Europe/Madrid", WINTER_MS)] == [3_600, 7_200, 3_600]


# --- the environment


def test_an_empty_environment_is_the_defaults() -> None:
    found = Environment.read({"PATH": "/bin", "STRAINWATCH_HOST": ""})
    assert found == Environment()
    assert (found.host, found.port, str(found.data_dir), found.scoring_shard) == ("127.0.0.1", None, "data", (0, 1))


def test_everything_can_be_set(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from a file\n")
    found = Environment.read(
        {
            "STRAINWATCH_REDIS_URL": "redis://:pass@db:6379/1",
            "STRAINWATCH_HOST": "0.0.0.0",
            "STRAINWATCH_PORT": "8081",
            "STRAINWATCH_DATA_DIR": "/var/strainwatch",
            "STRAINWATCH_SETTINGS": "/etc/strainwatch.toml",
            "STRAINWATCH_JWT_SECRET": "given",
            "STRAINWATCH_CALLER_SECRET_FILE": str(secret),
            "STRAINWATCH_PARTITIONS": "16",
            "STRAINWATCH_SCORING_SHARD": "1/3",
        }
    )
    assert found == Environment(
        redis_url="redis://:pass@db:6379/1",
        host="0.0.0.0",
        port=8081,
        data_dir=Path("/var/strainwatch"),
        settings=Path("/etc/strainwatch.toml"),
        jwt_secret=b"given",
        caller_secret=b"from a file",
        partitions=16,
        scoring_shard=(1, 3),
    )


def test_secrets_do_not_show() -> None:
    found = Environment(redis_url="redis://:secret@db", jwt_secret=b"secret", caller_secret=b"secret")
    assert "secret@" not in repr(found)
    assert "b'secret'" not in repr(found)


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(BadSetup) as bad:
        Environment.read(
            {
                "STRAINWATCH_PORT": "tcp://10.0.0.1:8080",
                "STRAINWATCH_PARTITIONS": "0",
                "STRAINWATCH_SCORING_SHARD": "3/3",
                "STRAINWATCH_JWT_SECRET": "a",
                "STRAINWATCH_JWT_SECRET_FILE": str(empty),
                "STRAINWATCH_CALLER_SECRET_FILE": str(empty),
                "STRAINWATCH_REDIS_URL_FILE": str(tmp_path / "none"),
            }
        )
    assert len(bad.value.faults) == 6
    told = str(bad.value)
    for part in ("enableServiceLinks", "PARTITIONS", "SHARD", "given twice", "is empty", "cannot be read"):
        assert part in told


@pytest.mark.parametrize("shard", ["1", "1/0", "-1/2", "2/2", "a/b", "1/2/3", "١/٢"])
def test_a_shard_is_i_of_n(shard: str) -> None:
    with pytest.raises(BadSetup, match="such as 0/2"):
        Environment.read({"STRAINWATCH_SCORING_SHARD": shard})
