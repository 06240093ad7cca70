"""The channels file: what it may say, and that every fault is named at once without a secret in it."""

from __future__ import annotations

import re
from datetime import time
from pathlib import Path

import apprise
import pytest

from services.notify.channels import service
from services.notify.channels.apprise_child import hide
from services.notify.channels.file import read_channels_file
from services.notify.channels.signature import new_secret
from shared.settings import BadSetup
from tools.serve_setup import read_channels, read_setup

SECRET = new_secret()
GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "channels.md").read_text()


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "channels.toml"
    path.write_text(text)
    return path


def faults(path: Path) -> list[str]:
    with pytest.raises(BadSetup) as bad:
        read_channels_file(path)
    return [fault.removeprefix(f"channels file {path}: ") for fault in bad.value.faults]


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "chat-url").write_text("slack://xoxb-token/#ops\n")
    (tmp_path / "hook-secrets").write_text(f"{SECRET}\n{new_secret()}\n")
    chat, hook = read_channels_file(
        write(
            tmp_path,
            """
            [channels.chat]
            type = "apprise"
            url_file = "chat-url"
            [channels.hook]
            type = "webhook"
            url = "https://example.org/in"
            secret_file = "hook-secrets"
            [[routes]]
            channel = "chat"
            teams = ["team-a"]
            severity_min = "warning"
            phases = ["open", "resolved"]
            quiet_hours = { from = "22:00", to = 07:00:00, zone = "Asia/Shanghai", except = "none" }
            language = "zh-CN"
            timezone = "Asia/Shanghai"
            [[routes]]
            channel = "hook"
            teams = "*"
            """,
        )
    )
    assert (chat.name, chat.type, chat.url) == ("chat", "apprise", "slack://xoxb-token/#ops")
    [route] = chat.routes
    assert (route.teams, route.severity_min, route.language) == ({"team-a"}, "warning", "zh-CN")
    assert route.phases == {"open", "resolved"}
    assert str(route.zone) == "Asia/Shanghai"
    assert route.quiet_hours is not None
    assert (route.quiet_hours.start, route.quiet_hours.end, route.quiet_hours.but) == (time(22), time(7), None)
    assert len(hook.secrets) == 2
    assert hook.secrets[0] == SECRET
    assert SECRET not in repr(hook)
    assert "xoxb" not in repr(chat)


def test_every_fault_is_named_with_its_place(tmp_path: Path) -> None:
    found = faults(
        write(
            tmp_path,
            """
            colour = "red"
            [channels.Ops]
            type = "fax"
            urll = "x"
            [channels.plain]
            type = "webhook"
            url = "http://example.org/hidden-path"
            secret = "hidden-secret"
            [channels.both]
            type = "apprise"
            url = "slack://hidden"
            url_file = "there"
            [channels.gone]
            type = "apprise"
            url_file = "nowhere"
            [[routes]]
            channel = "nobody"
            kinds = ["queue.strain", "queue.joy"]
            severity_min = "loud"
            phases = ["closed"]
            language = "fr"
            timezone = "Moon"
            teams = []
            quiet_hours = { from = "25:00", to = "07:00", zone = "Mars/Base", except = "x", colour = 1 }
            """,
        )
    )
    places = [fault.split(":")[0] for fault in found]
    assert places == [
        "colour", "channels.Ops", "channels.Ops.urll", "channels.Ops.type", "channels.plain.url",
        "channels.plain.secret", "channels.both", "channels.gone.url_file", "routes[0].channel", "routes[0].teams",
        "routes[0].kinds", "routes[0].severity_min", "routes[0].phases", "routes[0].quiet_hours.colour",
        "routes[0].quiet_hours.from", "routes[0].quiet_hours.zone", "routes[0].quiet_hours.except",
        "routes[0].language", "routes[0].timezone", "channels.Ops", "channels.plain", "channels.both", "channels.gone",
    ]  # fmt: skip
    assert "hidden" not in "\n".join(found)


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ('type = "webhook"\nurl = "https://u:p@example.org/"\nsecret = "{}"', "user or password"),
        ('type = "webhook"\nurl = "ftp://example.org/"\nsecret = "{}"', "must be an address"),
        ('type = "webhook"\nurl = "https://example.org:99999/"\nsecret = "{}"', "is not a URL"),
        ('type = "webhook"\nurl = "https://example.org/"', "needs a secret"),
        ('type = "webhook"\nurl = "https://example.org/"\nsecret = "whsec_c2hvcnQ="', "stands for 5 bytes"),
        ('type = "webhook"\nurl = "https://example.org/"\nsecret = "whsec_*"', "is not base64"),
        ('type = "apprise"\nurl = "slack://a/b/c"\nsecret = "{}"', "is for webhooks"),
        ('type = "apprise"\nurl = "slack://a/b/c"\nallow_private = "yes"', "must be true or false"),
        ('type = "apprise"\nurl = "slack://a/b/c"\ngive_up_after_s = 5', "must be from 60"),
    ],
)
def test_a_channel_that_cannot_work_is_named(tmp_path: Path, channel: str, said: str) -> None:
    text = f"[channels.x]\n{channel.replace('{}', SECRET)}\n[[routes]]\nchannel = 'x'\n"
    [fault] = faults(write(tmp_path, text))
    assert said in fault
    assert SECRET not in fault


def test_a_file_that_is_no_toml_or_not_there_is_said_so(tmp_path: Path) -> None:
    assert "is not TOML" in faults(write(tmp_path, "[channels"))[0]
    assert "cannot be read" in faults(tmp_path / "none.toml")[0]


def test_inside_ones_own_network_a_webhook_may_be_plain_http(tmp_path: Path) -> None:
    text = f'[channels.x]\ntype = "webhook"\nurl = "http://10.0.0.5/in"\nsecret = "{SECRET}"\nallow_private = true\n'
    [channel] = read_channels_file(write(tmp_path, text + '[[routes]]\nchannel = "x"\n'))
    assert channel.allow_private


def test_nothing_of_a_url_is_left_in_a_reason() -> None:
    url = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/%23ops-room"
    said = hide("Failed for T1JJ3T3L2 (TIiajkdnlazkcOXrIdevi7FQ) to #ops-room: error=401", url)
    assert said == "Failed for *** (***) to #***: error=401"


def test_the_example_of_the_guide_is_a_good_file(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    for name, text in (("slack-url", "slack://a/b/c"), ("pagerduty-url", "pagerduty://a@b"), ("wallboard", SECRET)):
        (tmp_path / "secrets" / name).write_text(text + "\n")
    [example] = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    chat, duty, wallboard = read_channels_file(write(tmp_path, example))
    assert chat.routes[0].teams == {"billing"}
    assert duty.routes[0].phases == {"escalated", "resolved"}
    assert "acknowledged" in wallboard.routes[0].phases
    assert "suppressed" not in wallboard.routes[0].phases


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what Apprise imports
def test_apprise_knows_every_url_of_the_guide() -> None:
    urls = re.findall(r"^\| [^|`]+ \| `(\w+://[^`]+)`", GUIDE, re.MULTILINE)
    assert len(urls) == 7
    assert [url for url in urls if not apprise.Apprise.instantiate(url)] == []


def test_a_start_names_what_is_wrong_with_the_channels_beside_all_else(tmp_path: Path) -> None:
    path = write(tmp_path, '[channels.x]\ntype = "pigeon"\n[[routes]]\nchannel = "x"\n')
    given = {
        "STRAINWATCH_CHANNELS": str(path),
        "STRAINWATCH_PUBLIC_URL": "strain.example.org",
        "STRAINWATCH_DATA_DIR": str(tmp_path / "data"),
    }
    with pytest.raises(BadSetup) as bad:
        read_setup(given, now_ms=0)
    assert [fault.partition(": ")[0] for fault in bad.value.faults] == [
        f"channels file {path}",
        "STRAINWATCH_PUBLIC_URL",
    ]
    with pytest.raises(BadSetup) as bad:  # ingest sends nothing, and need not be able to read the file
        read_setup(given, now_ms=0, which="ingest")
    assert len(bad.value.faults) == 1


def test_a_channel_that_needs_what_is_not_installed_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, '[channels.x]\ntype = "apprise"\nurl = "slack://a/b/c"\n[[routes]]\nchannel = "x"\n')
    assert [channel.name for channel in read_channels(path)] == ["x"]
    monkeypatch.setattr(service, "is_installed", lambda: False)
    with pytest.raises(BadSetup, match=r"install strainwatch\[channels\]"):
        read_channels(path)
