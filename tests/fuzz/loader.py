"""Fuzzing of the loader by coverage: any text gives a spec, or a SpecError that can be shown.

`make fuzz-loader` runs it, with atheris, which is installed for it alone. Texts begin as those of
specs/ and the examples of every code, and are put together of the language's own words.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from nnspec.errors import SpecError
from nnspec.network.fixing import mend
from nnspec.network.loader import loads_any

ROOT = Path(__file__).parents[2]
SECONDS = 20
"""That one text may take, instrumented, on a busy machine."""
MEGABYTES = 2048
LONGEST = 6000
"""Characters of a text: what is longer only says the same more often."""


def tried(text: str, *, is_json: bool) -> None:
    """Load a text; raises what is no SpecError, or where that cannot be shown."""
    try:
        spec = loads_any(text, is_json=is_json)
    except SpecError as error:
        problems = error.problems
        if not problems:
            raise AssertionError("an error without a problem") from error
    else:
        repr(spec)
        problems = spec.advice
    shown = "\n".join(each.render() for each in problems)
    assert shown.replace("\n", "").isprintable(), shown
    json.dumps([each.as_json() for each in problems], allow_nan=False).encode()


def mended(text: str, *, is_json: bool) -> None:
    """Mend a text; what is mended for certain reads at least as well as before."""
    try:
        found = mend(text, path="a.json" if is_json else "a.yaml")
    except SpecError:
        return
    if found.fixed:
        assert found.text != text
        tried(found.text, is_json=is_json)


def texts() -> Iterator[str]:
    """Yield the texts to begin with."""
    from nnspec.show.rules import rules

    for rule in rules().values():
        yield from (text for text in (rule.bad, rule.mended) if text)
    for path in sorted((ROOT / "specs").glob("**/*.yaml")):
        text = path.read_text(encoding="utf-8", errors="replace")
        if len(text) <= LONGEST:
            yield text


def words() -> list[str]:
    """Return the words of the language, and some that parsers trip over."""
    from nnspec.show.reference import known_names

    odd = ["<<: *a", "&a ", "*a", "${", "}", "${x ** 9}", "- ", ": ", "? ", "|\n", "!!int ", ".inf",
           ".nan", "1e400", "-0", "0x1f", "null", "~", "true", "\\u0000", "\ufeff", "[[[[", "{{{{",
           "9" * 30, "repeat: ", "inputs: ", "shape: ", "models: ", "blocks: ", "training: ",
           "data: ", "optimizer: ", "loss: ", "metrics: ", "groups: ", "match: "]  # fmt: skip
    return [*known_names(), *odd]


def main() -> None:
    """Fuzz; the arguments are those of libFuzzer, such as -max_total_time=600."""
    import atheris

    kept = ROOT / "build" / "fuzz-loader"
    kept.mkdir(parents=True, exist_ok=True)

    def one(data: bytes) -> None:
        try:
            both(data)
        except Exception:
            # The libFuzzer that atheris brings writes no such file after an exception of Python.
            name = f"found-{hashlib.sha256(data).hexdigest()[:12]}.txt"
            (kept / name).write_bytes(data[1:])
            raise

    def both(data: bytes) -> None:
        text = data[1:].decode("utf-8", "replace")
        is_json = bool(data[:1]) and data[0] % 4 == 0
        tried(text, is_json=is_json)
        if data[:1] and data[0] % 2:
            mended(text, is_json=is_json)

    with tempfile.TemporaryDirectory() as folder:
        seeds, dictionary = Path(folder) / "seeds", Path(folder) / "words"
        seeds.mkdir()
        for i, text in enumerate(texts()):
            (seeds / f"{i}").write_bytes(b"1" + text.encode())
        escaped = ("".join(f"\\x{byte:02x}" for byte in word.encode()) for word in words())
        dictionary.write_text("".join(f'"{word}"\n' for word in escaped))
        given = [f"-timeout={SECONDS}", f"-rss_limit_mb={MEGABYTES}", f"-max_len={LONGEST}",
                 f"-dict={dictionary}", f"-artifact_prefix={kept}/found-"]  # fmt: skip
        corpus = kept / "corpus"
        corpus.mkdir(exist_ok=True)
        atheris.instrument_all()
        atheris.Setup([sys.argv[0], *given, *sys.argv[1:], str(corpus), str(seeds)], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
