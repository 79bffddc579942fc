"""Writes how a training script reads sounds: a folder of them, or a table of their paths."""

from __future__ import annotations

from typing import Any

from nnspec.data.sounds import FORMATS, MOST_SAMPLES, sounded
from nnspec.emit.code import literal, wrap
from nnspec.emit.pictures import FOLDER, Names, mixed_of_files
from nnspec.emit.prepared_columns import Mixed
from nnspec.emit.snippets import snippets
from nnspec.errors import UsageError
from nnspec.language.prepared_columns import sound_of
from nnspec.language.sounds import SUFFIXES, Sound, misfit
from nnspec.layers.shapes import show
from nnspec.network.loader import Spec

_WHOLE = ("heard", "learnt_samples")
"""Definitions that are the same for every spec."""


def sound_inputs(spec: Spec) -> dict[str, Sound]:
    """Return for each input that holds sounds what is declared of them."""
    data = spec.model.data
    if data is None or not data.prepare:
        return {}
    found = {name: sound_of(data, name) for name in spec.graph.inputs}
    return {name: sound for name, sound in found.items() if sound is not None}


def sound_imports(spec: Spec) -> list[str]:
    """Return what a script imports to read sounds."""
    declared = sound_inputs(spec).values()
    if not declared:
        return []
    resampled = any(each.resample for each in declared)
    return ["import soundfile", *(["import soxr"] if resampled else [])]


def told_sounds(spec: Spec, name: str) -> dict[str, Any]:
    """Return how a script is told what the sounds of an input become; raises UsageError."""
    wanted, type_ = sound_inputs(spec)[name], spec.graph.inputs[name]
    data_format = spec.graph.data_format
    is_float = type_.dtype.startswith("float")
    if wrong := misfit(wanted, type_.shape, data_format, is_float=is_float):
        raise UsageError(f'input "{name}" is {show(type_.shape)}: {wrong}')
    return sounded(wanted, data_format).model_dump(mode="json", exclude_none=True)


def _is_learned(spec: Spec, wanted: Sound) -> bool:
    data = spec.model.data
    assert data is not None
    return wanted.normalize == "learned" or (data.standardize and wanted.normalize is None)


def sounds_source(spec: Spec, suffix: str) -> Mixed | None:
    """Return what reads the sounds of a spec; None where it has none."""
    declared = sound_inputs(spec)
    if not declared:
        return None
    known = snippets("nnspec.emit.emitted", "sounds")
    learned = [name for name, wanted in declared.items() if _is_learned(spec, wanted)]
    flags = {
        "HAS_NORMALIZED": bool(learned),
        "HAS_PEAK": any(each.normalize == "peak" for each in declared.values()),
        "HAS_RATES": any(each.resample for each in declared.values()),
        "HAS_FIRST": spec.graph.data_format == "channels_first",
    }
    used = ["at_rate", "heard", "samples_of", *(["learnt_samples"] if learned else []), "sounds"]
    constant = [
        *wrap(f"SOUND_FORMATS = {literal(list(FORMATS))}"),
        f"MOST_SAMPLES = 2**{MOST_SAMPLES.bit_length() - 1}",
    ]
    if suffix == FOLDER:
        constant += wrap(f"SUFFIXES = {literal(list(SUFFIXES))}")
    names = Names("sound", "learnt_samples", _WHOLE)
    return mixed_of_files(constant, [known[name] for name in used], flags, learned, names)
