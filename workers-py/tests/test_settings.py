"""What the environment may hold, and what stops the start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from worker.settings import Settings, SettingsError


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_environment({}) == Settings(
        broker_url="redis://localhost:6379/0",
        result_backend="redis://localhost:6379/0",
        redis_master_name=None,
        sentinel_credentials={},
        esc_url=None,
        esc_credentials=None,
        esc_timeout_seconds=10.0,
        esc_stand_in_seconds=0.3,
    )


def test_an_empty_variable_counts_as_unset() -> None:
    names = ["REDIS_URL", "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND", "ESC_URL"]
    empty = dict.fromkeys([*names, "ESC_TIMEOUT_SECONDS", "ESC_STAND_IN_SECONDS"], " ")
    assert Settings.from_environment(empty) == Settings.from_environment({})


def test_redis_url_serves_as_broker_and_as_result_backend() -> None:
    settings = Settings.from_environment({"REDIS_URL": "rediss://:secret@cache:6380/2"})
    assert settings.broker_url == settings.result_backend == "rediss://:secret@cache:6380/2"
    assert "secret" not in repr(settings)


def test_broker_and_result_backend_can_be_set_apart() -> None:
    settings = Settings.from_environment(
        {
            "REDIS_URL": "redis://a",
            "CELERY_BROKER_URL": "redis://b/1",
            "CELERY_RESULT_BACKEND": "redis://c/2",
        }
    )
    assert (settings.broker_url, settings.result_backend) == ("redis://b/1", "redis://c/2")


def test_sentinels_may_stand_for_their_master() -> None:
    url = "sentinel://:secret@a:26379/1;sentinel://:secret@b:26379/1"
    settings = Settings.from_environment(
        {
            "REDIS_URL": url,
            "CELERY_RESULT_BACKEND": "redis://c/2",
            "REDIS_MASTER_NAME": "fleet",
            "REDIS_SENTINEL_PASSWORD": "other-secret",
        }
    )
    assert settings.broker_url == url
    assert settings.transport_options(settings.broker_url) == {
        "master_name": "fleet",
        "sentinel_kwargs": {"password": "other-secret"},
    }
    assert settings.transport_options(settings.result_backend) == {}
    assert "secret" not in repr(settings)


def test_sentinels_need_the_name_of_their_master() -> None:
    with pytest.raises(SettingsError, match=r"^REDIS_MASTER_NAME must be set"):
        Settings.from_environment({"CELERY_BROKER_URL": "sentinel://a:26379/0"})


def test_the_esc_systems_credentials_are_apart_from_its_url() -> None:
    settings = Settings.from_environment({"ESC_URL": "https://me:secret%2F1@esc:8443/v1"})
    assert settings.esc_url == settings.esc_name == "https://esc:8443/v1"
    assert settings.esc_credentials == ("me", "secret/1")
    assert "secret" not in repr(settings)
    assert Settings.from_environment({}).esc_name == "embedded stand-in"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "redis://"),
        ("CELERY_BROKER_URL", "amqp://broker"),
        ("CELERY_BROKER_URL", "redis://broker:65536"),
        ("CELERY_RESULT_BACKEND", "redis://:secret@backend/first"),
        ("REDIS_URL", "sentinel://:secret@a:26379/0;redis://b:26379/0"),
        ("REDIS_URL", "sentinel://a/first"),
        ("ESC_URL", "ftp://esc"),
        ("ESC_URL", "http://[esc"),
        ("ESC_URL", "http://esc?page=1"),
        ("ESC_TIMEOUT_SECONDS", "soon"),
        ("ESC_TIMEOUT_SECONDS", "0"),
        ("ESC_TIMEOUT_SECONDS", "nan"),
        ("ESC_TIMEOUT_SECONDS", "241"),
    ],
)
def test_a_bad_value_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name} must be") as refusal:
        Settings.from_environment({name: value})
    assert "secret" not in str(refusal.value)


def test_a_bad_value_stops_the_start() -> None:
    start = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "worker", "worker"],
        cwd=Path(__file__).parent.parent,
        env=os.environ | {"ESC_TIMEOUT_SECONDS": "soon"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert start.returncode == 1
    assert start.stderr.splitlines() == [
        "The environment can't be used: ESC_TIMEOUT_SECONDS must be "
        "a number of seconds above 0 and up to 240, not 'soon'"
    ]
