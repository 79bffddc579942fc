"""What `make fuzz-loader` does with a text, on the texts that it begins with and on wrong specs."""

from __future__ import annotations

import json
import os
import time

import pytest
import yaml
from hypothesis import HealthCheck, given, seed, settings

import nnspec
from nnspec.errors import SpecError
from tests.fuzz import loader
from tests.fuzz.loader import mended, texts, tried
from tests.fuzz.mutations import wrong_document_of, wrong_documents
from tests.fuzz.specs import Document

SEED = int(os.environ.get("NNSPEC_FUZZ_SEED", "20261128"))
"""Fixed, so that a failure comes back."""
NUMBERS = range(150)
SECONDS = 10.0


def of_all_forms(document: Document) -> None:
    start = time.perf_counter()
    for text, is_json in ((json.dumps(document), True), (yaml.safe_dump(document), False)):
        tried(text, is_json=is_json)
        mended(text, is_json=is_json)
    assert time.perf_counter() - start < SECONDS


@pytest.mark.parametrize("number", NUMBERS)
def test_a_wrong_spec_gets_errors_that_can_be_shown(number: int) -> None:
    of_all_forms(wrong_document_of(number))


@pytest.mark.parametrize("key", ["name", "inputs", "layers"])
def test_an_empty_key_is_told(key: str) -> None:
    """It was dropped as structured output's null is, and then not missed: an error of nothing."""
    document = {
        "nnspec": 1,
        "name": "A",
        "inputs": {"x": {"shape": []}},
        "layers": [{"type": "relu"}],
    }
    with pytest.raises(SpecError, match=f"the spec needs `{key}`"):
        nnspec.loads(json.dumps(document | {key: None}), is_json=True)


def test_most_wrong_specs_are_wrong_each_number_the_same() -> None:
    assert wrong_document_of(5) == wrong_document_of(5) != wrong_document_of(6)
    codes = set()
    for number in NUMBERS:
        try:
            nnspec.loads(json.dumps(wrong_document_of(number)), is_json=True)
        except SpecError as error:
            codes |= {problem.code for problem in error.problems}
    assert len(codes) > 20, codes


@seed(SEED)
@settings(max_examples=50, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(wrong_documents())
def test_hypothesis_draws_wrong_specs(document: Document) -> None:
    print(f"seed {SEED}", json.dumps(document))
    of_all_forms(document)


def test_the_texts_to_begin_with_are_loaded() -> None:
    found = list(texts())
    assert len(found) > 200
    for text in found[::8]:
        tried(text, is_json=False)


def test_what_is_no_error_of_ours_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RecursionError

    monkeypatch.setattr(loader, "loads_any", broken)
    with pytest.raises(RecursionError):
        tried("a: 1", is_json=False)
