"""province.yml: what is right is read, what is wrong is all said at once, each with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from onestop import config
from onestop.errors import ConfigurationError

GOOD = """\
province: {code: H15, name_vi: Đắk Lắk}
sources:
  - {id: igate, kind: one_stop_api, base_url: "http://127.0.0.1:8801", credentials: IGATE}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "province.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults(tmp_path: Path) -> None:
    settings = config.load(write(tmp_path, GOOD))
    source = settings.source("igate")
    assert (settings.province.timezone, source.every, source.quarantine_limit, source.overlap_minutes) == (
        "Asia/Ho_Chi_Minh",
        "0 2 * * *",
        0.05,
        60,
    )
    assert settings.reports_path == tmp_path / ".local/reports"
    assert settings.reference_path == tmp_path / "reference"
    assert settings.landing_url == str(tmp_path / ".local/landing")


def test_an_address_is_kept_as_it_stands(tmp_path: Path) -> None:
    assert (
        config.load(write(tmp_path, GOOD + "landing: {url: 's3://bucket/landing'}\n")).landing_url
        == "s3://bucket/landing"
    )


def test_every_mistake_at_once_with_its_line(tmp_path: Path) -> None:
    text = """\
province: {code: h15, name_vi: Đắk Lắk, timezone: Asia/Saigonx}
colour: red
reports: {language: fr}
sources:
  - {id: igate, kind: one_stop_apix, base_url: "http://x", credentials: IGATE}
  - {id: i-gate, kind: one_stop_api, credentials: igate, quarantine_limit: 5, every: "0 2 * *"}
"""
    with pytest.raises(ConfigurationError) as caught:
        config.load(write(tmp_path, text))
    lines = caught.value.message.splitlines()[1:]
    assert [line.split(":")[0].strip() for line in lines] == ["line 1"] * 2 + ["line 2", "line 3", "line 5"] + [
        "line 6"
    ] * 5
    for words in (
        "province.code",
        "timezone",
        "colour: is not a known key",
        "'vi' or 'en'",
        "'one_stop_api'",
        "base_url: is missing",
    ):
        assert words in caught.value.message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("province: [", "not YAML"),
        ("province: {code: H15, name_vi: x}\n", "sources: is missing"),
        ("province: {code: H15, name_vi: x}\nsources: []\n", "at least 1 item"),
        (GOOD + "file: x\n", "line 4: unknown key 'file'"),
        (GOOD + GOOD.splitlines()[2] + "\n", "igate is used more than once"),
        (GOOD.replace("igate,", "reference,"), "the reference files' own"),
    ],
)
def test_mistakes_of_the_whole(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        config.load(write(tmp_path, text))


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read") as caught:
        config.load(tmp_path / "province.yml")
    assert "province.example.yml" in str(caught.value.next_step)


def test_the_example_file_is_in_order() -> None:
    settings = config.load(Path(__file__).parents[2] / "province.example.yml")
    assert settings.sources


def test_secrets_come_from_the_environment_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("from the file\n")
    monkeypatch.setenv("X_CLIENT_ID", "one")
    monkeypatch.setenv("X_CLIENT_SECRET_FILE", str(tmp_path / "secret"))
    assert config.required_secrets("X_CLIENT_ID", "X_CLIENT_SECRET") == ("one", "from the file")
    monkeypatch.delenv("X_CLIENT_ID")
    monkeypatch.delenv("X_CLIENT_SECRET_FILE")
    with pytest.raises(ConfigurationError, match="X_CLIENT_ID, X_CLIENT_SECRET"):
        config.required_secrets("X_CLIENT_ID", "X_CLIENT_SECRET")


def test_as_of_wins_over_the_environment_and_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = config.load(write(tmp_path, GOOD))
    monkeypatch.setenv("ONESTOP_AS_OF", "2024-09-25T08:00:00")
    assert config.now(settings).isoformat() == "2024-09-25T08:00:00+07:00"
    assert config.now(settings, "2024-01-01T00:00:00Z").isoformat() == "2024-01-01T00:00:00+00:00"
    with pytest.raises(ConfigurationError, match="is not a moment"):
        config.now(settings, "yesterday")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ('window: "20:00"', "line 3: .*window: not two different local times"),
        ('window: "22:00-22:00"', "line 3: .*window: not two different local times"),
        ('window: "20:00-01:00", every: "0 2 * * *"', "line 3: .*no time of `every` .* it would never run"),
        ("requests_per_second: 0", "line 3: .*requests_per_second"),
    ],
)
def test_hours_and_rates_that_cannot_be_kept(tmp_path: Path, keys: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        config.load(write(tmp_path, GOOD.replace("credentials: IGATE", f"credentials: IGATE, {keys}")))


def test_hours_and_rates(tmp_path: Path) -> None:
    text = GOOD.replace("credentials: IGATE", 'credentials: IGATE, window: "20:00-05:00", requests_per_second: 0.5')
    text += '  - {id: pakn, kind: feedback_api, base_url: "http://127.0.0.1:8803", credentials: PAKN}\n'
    igate, pakn = config.load(write(tmp_path, text)).sources
    assert isinstance(igate, config.OneStopApiSource) and isinstance(pakn, config.FeedbackApiSource)
    assert (str(igate.window), igate.requests_per_second) == ("20:00 to 05:00", 0.5)
    assert (pakn.window, pakn.requests_per_second) == (None, 5)  # the contract's own limit


def portal(folder: Path, entry: str) -> config.PortalExportSource:
    text = f"province: {{code: H15, name_vi: Đắk Lắk}}\nsources:\n  - {{id: dvcqg, kind: portal_export, {entry}}}\n"
    source = config.load(write(folder, text)).source("dvcqg")
    assert isinstance(source, config.PortalExportSource)
    return source


def test_an_sftp_folder_needs_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DVCQG_KEY_FILE", raising=False)
    assert portal(tmp_path, "path: exports").secrets == ()
    source = portal(tmp_path, 'path: "sftp://host:22/exports", credentials: DVCQG')
    assert source.is_sftp and source.secrets == ("DVCQG_USER", "DVCQG_PASSWORD")
    monkeypatch.setenv("DVCQG_KEY_FILE", "/keys/dvcqg")
    assert source.secrets == ("DVCQG_USER",)
    with pytest.raises(ConfigurationError, match="line 3: .*credentials is missing: an sftp:// path needs it"):
        portal(tmp_path, 'path: "sftp://host/exports"')


@pytest.mark.parametrize(
    "address",
    [
        "sftp://user:private@host/exports",
        "ssh://host/exports",
        "SFTP://host/exports",
        "simplecache::sftp://host/exports",
        "sftp:///exports",
        "sftp://host:99999/exports",
        "sftp://[::1/exports",
        "sftp://host/exports?x",
    ],
)
def test_addresses_of_sftp_that_are_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(ConfigurationError, match="an SFTP folder is written sftp://host:port/folder") as caught:
        portal(tmp_path, f'path: "{address}", credentials: DVCQG')
    assert "private" not in str(caught.value)


def delivery(folder: Path, recipients: str, mail: str = "mail: {host: m.vn, sender: a@b.vn}, ") -> config.Settings:
    return config.load(write(folder, f"{GOOD}delivery: {{{mail}recipients: [{recipients}]}}\n"))


def test_recipients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OFFICE_KEY_FILE", raising=False)
    found = delivery(
        tmp_path,
        '{id: a, mail: x@y.vn}, {id: b, unit: H15.07, sftp: "sftp://h/in", credentials: OFFICE}, {id: c, folder: out}',
    ).delivery
    assert [(one.channel, one.address, one.unit) for one in found.recipients] == [
        ("mail", "x@y.vn", None), ("sftp", "sftp://h/in", "H15.07"), ("folder", "out", None),
    ]  # fmt: skip
    assert [one.secrets for one in found.recipients] == [(), ("OFFICE_USER", "OFFICE_PASSWORD"), ()]
    assert found.mail is not None and (found.mail.port, found.mail.security, found.mail.secrets) == (
        587,
        "starttls",
        (),
    )


@pytest.mark.parametrize(
    ("recipients", "mail", "said"),
    [
        ("{id: a}", "", "give one of mail, sftp and folder"),
        ("{id: a, mail: x@y.vn, folder: out}", None, "give one of mail, sftp and folder"),
        ("{id: a, mail: x@y.vn}", "", "recipients by e-mail need a server"),
        ('{id: a, mail: "x@y.vn, z@y.vn"}', None, "String should match pattern"),
        ('{id: a, mail: "x@y.vn\\nBcc: z@y.vn"}', None, "String should match pattern"),
        ('{id: a, mail: "x@y.vn\\n"}', None, "String should match pattern"),
        ('{id: a, sftp: "sftp://h/in"}', "", "credentials: sftp needs it"),
        ('{id: a, sftp: "sftp://u:p@h/in", credentials: A}', "", "with no user or password in it"),
        ("{id: a, folder: out, credentials: A}", "", "mail and folder have none"),
        ("{id: a, folder: out}, {id: a, folder: other}", "", "the id a is used more than once"),
        ("{id: a, folder: out}, {id: b, folder: out}", "", "a, b would receive the same at the same place"),
        (
            "{id: a, folder: out}",
            "mail: {host: h, sender: a@b.vn, security: none, credentials: S}, ",
            "a password is sent",
        ),
    ],
)
def test_recipients_that_cannot_be_served(tmp_path: Path, recipients: str, mail: str | None, said: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        delivery(tmp_path, recipients, *(() if mail is None else (mail,)))
    assert said in str(raised.value)
