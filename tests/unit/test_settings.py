"""The settings file and the environment: what is read, and that every fault is named at once."""

import re
from pathlib import Path

import pytest

from services.scoring.core.parameters import check_settings
from shared.settings import BadSetup, Environment, digest_of, read_settings, settings_of, utc_offsets
from tools.serve_setup import Setup, read_setup

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
            "STRAINWATCH_CONFIRM_REPLICAS": "2",
            "STRAINWATCH_CONFIRM_ON": "disk",
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
        confirm_replicas=2,
        confirm_on="disk",
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
                "STRAINWATCH_CONFIRM_ON": "tape",
                "STRAINWATCH_JWT_SECRET": "a",
                "STRAINWATCH_JWT_SECRET_FILE": str(empty),
                "STRAINWATCH_CALLER_SECRET_FILE": str(empty),
                "STRAINWATCH_REDIS_URL_FILE": str(tmp_path / "none"),
            }
        )
    assert len(bad.value.faults) == 7
    told = str(bad.value)
    for part in (
        "enableServiceLinks",
        "PARTITIONS",
        "SHARD",
        "one of memory, disk",
        "given twice",
        "is empty",
        "cannot be read",
    ):
        assert part in told


@pytest.mark.parametrize("shard", ["1", "1/0", "-1/2", "2/2", "a/b", "1/2/3", "١/٢"])
def test_a_shard_is_i_of_n(shard: str) -> None:
    with pytest.raises(BadSetup, match="such as 0/2"):
        Environment.read({"STRAINWATCH_SCORING_SHARD": shard})


def test_several_servers_are_checked_at_the_start(tmp_path: Path) -> None:
    secret = "x" * 32
    good = "redis+cluster://:password@a,b:7000"
    assert serving(tmp_path, JWT_SECRET=secret, REDIS_URL=good, CONFIRM_REPLICAS="1").environment.confirm_replicas == 1
    for wrong in ("redis+cluster://:password@a,b/3", "redis+sentinel://:password@a,b", "redis+cluster://pass:word@@a"):
        with pytest.raises(BadSetup, match="STRAINWATCH_REDIS_URL") as bad:
            serving(tmp_path, JWT_SECRET=secret, REDIS_URL=wrong)
        assert len(bad.value.faults) == 1
        assert "word" not in str(bad.value).replace("user and password", "")
    with pytest.raises(BadSetup, match="the server of our own has no replicas"):
        serving(tmp_path, JWT_SECRET=secret, REDIS_URL="", CONFIRM_REPLICAS="1")


def test_the_issuer_of_tokens_is_set_by_the_environment() -> None:
    found = Environment.read(
        {
            "STRAINWATCH_JWT_JWKS_URL": "https://id.example/keys",
            "STRAINWATCH_JWT_ISSUER": "https://id.example",
            "STRAINWATCH_JWT_AUDIENCE": "strainwatch",
            "STRAINWATCH_JWT_CLAIMS": "tenant=https://acme.example/org, teams=groups role=realm.roles",
            "STRAINWATCH_OIDC_CLIENT_ID": "page",
        }
    )
    assert (found.jwt_jwks_url, found.jwt_issuer) == ("https://id.example/keys", "https://id.example")
    assert (found.jwt_audience, found.oidc_client_id, found.oidc_scope) == ("strainwatch", "page", "openid profile")
    assert found.jwt_claims == {"tenant": "https://acme.example/org", "teams": "groups", "role": "realm.roles"}


@pytest.mark.parametrize(
    "url", ["id.example/keys", "ftp://id.example", "https://", "https://me:pw@id.example", "http://["]
)
def test_what_is_no_web_address_is_a_fault(url: str) -> None:
    with pytest.raises(BadSetup, match="must be an https:// address"):
        Environment.read({"STRAINWATCH_JWT_JWKS_URL": url})


@pytest.mark.parametrize("pairs", ["groups", "group=g", "teams=", "=x"])
def test_claims_are_pairs_of_known_names(pairs: str) -> None:
    with pytest.raises(BadSetup, match="write pairs such as tenant="):
        Environment.read({"STRAINWATCH_JWT_CLAIMS": pairs})


def serving(tmp_path: Path, **variables: str) -> Setup:
    """The setup of notify beside a store of one's own."""
    given = {"REDIS_URL": "redis://db", "DATA_DIR": str(tmp_path), **variables}
    return read_setup({f"STRAINWATCH_{name}": value for name, value in given.items()}, now_ms=WINTER_MS, which="notify")


ISSUER = {"JWT_JWKS_URL": "https://id.example/keys", "JWT_ISSUER": "https://id.example"}


def test_with_an_issuer_no_shared_secret_is_needed(tmp_path: Path) -> None:
    with pytest.raises(BadSetup, match="STRAINWATCH_JWT_SECRET: is needed"):
        serving(tmp_path)
    assert serving(tmp_path, **ISSUER, JWT_AUDIENCE="strainwatch").jwt_secret == b""
    assert serving(tmp_path, **ISSUER, OIDC_CLIENT_ID="page", JWT_SECRET="s" * 32).jwt_secret == b"s" * 32


@pytest.mark.parametrize(
    ("given", "lacks"),
    [
        ({"JWT_JWKS_URL": "https://id.example/keys", "JWT_AUDIENCE": "a"}, "JWT_ISSUER"),
        (ISSUER, "JWT_AUDIENCE"),
        ({"JWT_ISSUER": "https://id.example", "JWT_SECRET": "s" * 32}, "JWT_JWKS_URL"),
        ({"OIDC_CLIENT_ID": "page", "JWT_SECRET": "s" * 32}, "JWT_JWKS_URL"),
    ],
)
def test_an_issuer_is_named_whole_or_not_at_all(given: dict[str, str], lacks: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetup, match=f"STRAINWATCH_{lacks}: is needed"):
        serving(tmp_path, **given)


def test_the_zone_of_a_tenant_is_that_of_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('timezone = "Europe/Madrid"\n[tenants.far]\ntimezone = "Asia/Shanghai"\n')
    setup = serving(tmp_path, JWT_SECRET="s" * 32, SETTINGS=str(path))
    assert (setup.zone_of("near"), setup.zone_of("far")) == ("Europe/Madrid", "Asia/Shanghai")
    assert serving(tmp_path, JWT_SECRET="s" * 32).zone_of("near") is None


@pytest.mark.parametrize(
    ("pod", "shard"), [("scoring-0", (0, 2)), ("scoring-1", (1, 2)), ("scoring-2", (0, 2)), ("a-3-scoring-13", (1, 2))]
)
def test_a_pod_of_a_statefulset_takes_its_shard_from_its_number(pod: str, shard: tuple[int, int]) -> None:
    given = {"STRAINWATCH_SCORING_SHARD": "ordinal/2", "HOSTNAME": pod}
    assert Environment.read(given).scoring_shard == shard


def test_a_standby_waits_for_every_partition_and_gives_way() -> None:
    assert Environment.read({"STRAINWATCH_SCORING_SHARD": "standby"}).scoring_shard is None
    assert Environment.read({}).scoring_shard == (0, 1)


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"STRAINWATCH_SCORING_SHARD": "ordinal/2"}, "does not end in -<number>"),
        ({"STRAINWATCH_SCORING_SHARD": "ordinal/2", "HOSTNAME": "scoring-7f6d-x2"}, "give i/N instead"),
        ({"STRAINWATCH_SCORING_SHARD": "ordinal/0", "HOSTNAME": "scoring-0"}, "N must be at least 1"),
        ({"STRAINWATCH_SCORING_SHARD": "ordinal"}, "or ordinal/N"),
        ({"STRAINWATCH_LOG_LEVEL": "loud"}, "must be one of debug, info, warning, error"),
    ],
)
def test_a_shard_or_a_log_level_that_cannot_be_is_a_clear_fault(variables: dict[str, str], told: str) -> None:
    with pytest.raises(BadSetup, match=re.escape(told)):
        Environment.read(variables)
