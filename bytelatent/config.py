"""Configurations: reading settings from a YAML file and ``key.sub=value`` overrides.

``config=path/to.yaml optim.lr=1e-3`` on a command line reads the file, applies the overrides and
checks the result: an unknown key is an error whose message names the nearest known key. A shipped
configuration is also found by its name (``config=debug``, ``config=scaling/cpu``), and
``${package:NAME}`` in a file is the path of ``NAME`` in this package. The key ``include`` of a file
lists other files, relative to the folder of the file, whose values are its defaults.
"""

import difflib
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import BaseModel, ValidationError
from yaml import YAMLError

logger = logging.getLogger(__name__)

CONFIGS = Path(__file__).resolve().parent / "configs"
"""Configurations that come with the package."""

UNREADABLE = (OSError, ValueError, RecursionError, OmegaConfBaseException, YAMLError)
"""Errors of reading YAML. A ``ValueError`` is about bytes that are not UTF-8 or about an integer
with thousands of digits; a ``RecursionError`` is about values that are nested too deeply."""

Args = TypeVar("Args", bound=BaseModel)

OmegaConf.register_resolver("package", lambda name: str(CONFIGS.parent / name), replace=True)


def load_args(kind: type[Args], argv: Sequence[str]) -> Args:
    """Read settings from command-line words such as ``config=FILE`` and ``key.sub=value``.

    Args:
        kind: class of the settings.
        argv: words of the command line.

    Raises:
        ValueError: a file or a key is wrong; the message names it, its value and the accepted
            values.
    """
    words = dict(_split(word) for word in argv)
    files = [OmegaConf.create()]
    path = words.pop("config", None)
    if path is not None:
        files.append(_read_yaml(find_config(path)))
    try:
        overrides = OmegaConf.from_dotlist([f"{key}={value}" for key, value in words.items()])
        merged = OmegaConf.to_container(OmegaConf.merge(*files, overrides), resolve=True)
    except UNREADABLE as error:
        raise ValueError(f"configuration: {str(error).splitlines()[0]}") from None
    for old, new in getattr(kind, "retired_keys", {}).items():
        if isinstance(merged, dict) and old in merged:
            logger.warning("the setting %s is called %s now", old, new)
    return check_args(kind, merged)


def check_args(kind: type[Args], values: Any) -> Args:
    """Check values and convert them to settings of the class ``kind``.

    Raises:
        ValueError: a key is wrong; the message has a line for every wrong key with its value and
            the accepted values.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise ValueError(_explain(kind, error)) from None


def save_args(args: BaseModel) -> str:
    """Return settings as YAML, which :func:`load_args` can read."""
    return OmegaConf.to_yaml(OmegaConf.create(args.model_dump(mode="json")))


def find_config(name_or_path: str) -> Path:
    """Return the file of a configuration.

    Args:
        name_or_path: a file, or the name of a configuration that comes with the package.

    Raises:
        ValueError: there is no such file and no such name; the message lists the names.
    """
    path = Path(name_or_path)
    named = CONFIGS / f"{name_or_path}.yaml"
    if path.exists() or path.suffix:
        return path
    if named.is_file() and CONFIGS in named.resolve().parents:
        return named
    files = sorted(CONFIGS.rglob("*.yaml"))
    names = [str(file.relative_to(CONFIGS).with_suffix("")) for file in files]
    known = ", ".join(name for name in names if not name.startswith("parts/"))
    raise ValueError(f"config: {path} does not exist; the names of those that come along: {known}")


def _split(word: str) -> tuple[str, str]:
    key, equals, value = word.partition("=")
    if not equals or not key:
        raise ValueError(f"{word!r} is no setting; write key=value, for example optim.lr=1e-3")
    return key, value


def _read_yaml(path: Path, within: tuple[Path, ...] = ()) -> Any:
    """Read the values of a file on top of the values of the files that it includes."""
    if path in within:
        raise ValueError(f"config: {path} includes itself")
    try:
        values = OmegaConf.load(path)
    except FileNotFoundError:
        raise ValueError(f"config: {path} does not exist") from None
    except UNREADABLE as error:
        raise ValueError(f"config: {path} cannot be read: {str(error).splitlines()[0]}") from None
    if not isinstance(values, DictConfig) or "include" not in values:
        return values
    names = values.pop("include")
    if not isinstance(names, ListConfig) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"config: include in {path} must be a list of files, got {names!r}")
    included = [_read_yaml(path.parent / name, (*within, path)) for name in names]
    return OmegaConf.merge(*included, values)


def _explain(kind: type[BaseModel], error: ValidationError) -> str:
    """Return one line for every error, with the nearest known key for an unknown key."""
    lines = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"]) or "config"
        if problem["type"] == "extra_forbidden":
            near = difflib.get_close_matches(key, list(_keys(kind)), n=1, cutoff=0.0)
            lines.append(f"{key}: unknown key; the nearest known one is {near[0]}")
        elif problem["type"] == "missing":
            lines.append(f"{key}: missing")
        else:
            lines.append(f"{key}: {problem['msg']} (got {problem['input']!r})")
    return "\n".join(lines)


def _keys(kind: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in kind.model_fields.items():
        yield prefix + name
        for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from _keys(part, f"{prefix}{name}.")
