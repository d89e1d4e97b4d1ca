"""What the environment says about where the fleet's Redis and ESC system are."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

DEFAULT_REDIS_URL = "redis://localhost:6379/0"
DEFAULT_ESC_TIMEOUT_SECONDS = 10.0
MAXIMUM_ESC_TIMEOUT_SECONDS = 240.0
# As if somebody had to decide: a run's progress can be watched.
DEFAULT_ESC_STAND_IN_SECONDS = 0.3


class SettingsError(ValueError):
    """An environment variable holds a value the fleet can't start with."""


@dataclass(frozen=True)
class Settings:
    """The environment, checked.

    `esc_url` is None where approvals go to the embedded stand-in. It holds no
    credentials, as it is logged; they are apart, and what may hold a password
    stays out of the repr.
    """

    broker_url: str = field(repr=False)
    result_backend: str = field(repr=False)
    redis_master_name: str | None
    sentinel_credentials: Mapping[str, str] = field(repr=False)
    esc_url: str | None
    esc_credentials: tuple[str, str] | None = field(repr=False)
    esc_timeout_seconds: float
    esc_stand_in_seconds: float

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the variables; an empty one counts as unset.

        Raises SettingsError, naming the variable, on a value of no use.
        """
        redis_url = _redis_url(environment, "REDIS_URL") or DEFAULT_REDIS_URL
        broker_url = _redis_url(environment, "CELERY_BROKER_URL") or redis_url
        result_backend = _redis_url(environment, "CELERY_RESULT_BACKEND") or redis_url
        master_name = _text(environment, "REDIS_MASTER_NAME")
        if master_name is None and any(map(_names_sentinels, (broker_url, result_backend))):
            raise SettingsError("REDIS_MASTER_NAME must be set with sentinel:// addresses")
        sentinel_login = {
            "username": _text(environment, "REDIS_SENTINEL_USERNAME"),
            "password": _text(environment, "REDIS_SENTINEL_PASSWORD"),
        }
        esc = _http_url(environment, "ESC_URL")
        return cls(
            broker_url=broker_url,
            result_backend=result_backend,
            redis_master_name=master_name,
            sentinel_credentials={name: text for name, text in sentinel_login.items() if text},
            esc_url=esc and esc._replace(netloc=esc.netloc.rpartition("@")[2]).geturl(),
            esc_credentials=(unquote(esc.username), unquote(esc.password or ""))
            if esc and esc.username
            else None,
            esc_timeout_seconds=_seconds(environment, "ESC_TIMEOUT_SECONDS")
            or DEFAULT_ESC_TIMEOUT_SECONDS,
            esc_stand_in_seconds=_seconds(environment, "ESC_STAND_IN_SECONDS")
            or DEFAULT_ESC_STAND_IN_SECONDS,
        )

    def transport_options(self, url: str) -> dict[str, object]:
        """Give what Celery must know of a broker or result backend beside its URL."""
        if not _names_sentinels(url):
            return {}
        return {
            "master_name": self.redis_master_name,
            "sentinel_kwargs": dict(self.sentinel_credentials),
        }

    @property
    def esc_name(self) -> str:
        """What logs and results call the ESC system."""
        return self.esc_url or "embedded stand-in"


def _text(environment: Mapping[str, str], name: str) -> str | None:
    return environment.get(name, "").strip() or None


def _split_url(url: str, schemes: set[str]) -> SplitResult | None:
    """Return the URL's parts, or None if it has another scheme, no host or a bad port."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in schemes and parts.hostname and parts.port != 0
    except ValueError:
        return None
    return parts if usable else None


def _redis_url(environment: Mapping[str, str], name: str) -> str | None:
    url = _text(environment, name)
    if url is None:
        return None
    usable = (
        all(_is_redis_url(sentinel, {"sentinel"}) for sentinel in url.split(";"))
        if _names_sentinels(url)
        else _is_redis_url(url, {"redis", "rediss"})
    )
    if not usable:
        # The value may hold a password, so the message doesn't repeat it.
        raise SettingsError(
            f"{name} must be a URL such as {DEFAULT_REDIS_URL}, "
            "or sentinels such as sentinel://a:26379/0;sentinel://b:26379/0"
        )
    return url


def _names_sentinels(url: str) -> bool:
    return url.startswith("sentinel://")


def _is_redis_url(url: str, schemes: set[str]) -> bool:
    parts = _split_url(url, schemes)
    database = parts.path.removeprefix("/") if parts else ""
    return parts is not None and (not database or database.isdecimal())


def _http_url(environment: Mapping[str, str], name: str) -> SplitResult | None:
    url = _text(environment, name)
    if url is None:
        return None
    parts = _split_url(url, {"http", "https"})
    if parts is None or parts.query or parts.fragment:
        raise SettingsError(
            f"{name} must be an http or https URL without query and fragment, "
            "such as http://esc.example:8080"
        )
    return parts


def _seconds(environment: Mapping[str, str], name: str) -> float | None:
    text = _text(environment, name)
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= MAXIMUM_ESC_TIMEOUT_SECONDS:
        raise SettingsError(
            f"{name} must be a number of seconds above 0 and up to "
            f"{MAXIMUM_ESC_TIMEOUT_SECONDS:g}, not {text!r}"
        )
    return seconds
