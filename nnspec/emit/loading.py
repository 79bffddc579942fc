"""Runs emitted source as the module that a user would import."""

from __future__ import annotations

import hashlib
from importlib.abc import SourceLoader
from importlib.util import module_from_spec, spec_from_loader
from types import ModuleType


class _TextLoader(SourceLoader):
    """Loads a module from text; tracebacks show its lines, because `inspect` asks the loader."""

    def __init__(self, name: str, source: str) -> None:
        self.name = name
        self.text = source

    def get_filename(self, fullname: str) -> str:
        return f"<{fullname}>"

    def get_data(self, path: str | bytes) -> bytes:
        return self.text.encode()


def load_source(source: str, name: str) -> ModuleType:
    """Return the module that `source` defines; `name` is what tracebacks call it."""
    digest = hashlib.sha256(source.encode()).hexdigest()[:12]
    unique = f"nnspec_emitted_{name}_{digest}"
    loader = _TextLoader(unique, source)
    spec = spec_from_loader(unique, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


class Emitted:
    """A program of an emitted module."""

    emitted: ModuleType

    def source_text(self) -> str:
        """Return the text that the module was loaded from."""
        loader = self.emitted.__loader__
        assert isinstance(loader, _TextLoader)
        return loader.text

    def source_sha256(self) -> str:
        """Return the SHA-256 of the text that the module was loaded from."""
        return hashlib.sha256(self.source_text().encode()).hexdigest()
