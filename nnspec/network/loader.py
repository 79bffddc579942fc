"""Reads a spec file, checks it, and gives its document with its graph."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnspec.errors import Fix, Mark, Problem, SpecError, UsageError, VariableError, nearest
from nnspec.language.document import read_document
from nnspec.language.objectives import is_composed
from nnspec.language.problems import Problems
from nnspec.language.schema import Model
from nnspec.language.source import MAX_CHARACTERS, parse
from nnspec.language.tree import SourceError
from nnspec.language.weighting import is_weighted
from nnspec.network.advice import advise
from nnspec.network.graph import Graph
from nnspec.network.heads import head_problems, task_loss_problems
from nnspec.network.resolve import resolve
from nnspec.network.spec import Spec as Spec
from nnspec.support.collector import collector_paused

if TYPE_CHECKING:
    from nnspec.network.networks import Networks


AnySpec = Spec | Model | Mapping[str, object] | str | Path
"""A spec in one of the forms that functions take: see `check`."""


def load(
    path: str | Path,
    *,
    variables: Mapping[str, object] | None = None,
    model: str | None = None,
) -> Spec:
    """Read a spec from a .yaml, .yml or .json file; raises SpecError with every mistake found.

    variables: values in place of those that the spec gives its variables. model: of several
    networks, the one to return; raises UsageError where it is not said which.
    """
    return one_of(load_any(path, variables=variables), model)


def load_networks(path: str | Path, *, variables: Mapping[str, object] | None = None) -> Networks:
    """Read a spec with `models` from a file; raises SpecError, and UsageError where it has none."""
    found = load_any(path, variables=variables)
    if isinstance(found, Spec):
        raise UsageError(f"{path} holds one network, and no `models`: read it with `load`")
    return found


def load_any(path: str | Path, *, variables: Mapping[str, object] | None = None) -> Spec | Networks:
    """Read a spec, of one network or of several, from a file; raises SpecError."""
    return loads_any(read_text(path), path=path, variables=variables)


def one_of(spec: Spec | Networks, model: str | None) -> Spec:
    """Return the network that is meant; raises UsageError where it is not said, or there is none.

    A spec of one network has no other, whatever is asked for.
    """
    if isinstance(spec, Spec):
        if model is not None:
            raise UsageError(f'"{spec.name}" is one network, and has no model "{model}"')
        return spec
    if model is None:
        raise UsageError(
            f'"{spec.name}" holds several networks ({", ".join(spec.models)}): say which by `model`'
        )
    return spec.of(model)


def read_text(path: str | Path) -> str:
    """Return the text of a spec's file; raises UsageError or SpecError where there is none."""
    path = Path(path)
    try:
        # Line ends as they are: what is mended keeps them.
        with path.open(encoding="utf-8", newline="") as file:
            # One more than is allowed: enough to say so, even of a file without end.
            text = file.read(MAX_CHARACTERS + 1)
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise UsageError(f"{path} is a folder, not a spec") from None
    except UnicodeDecodeError as error:
        raise SpecError(
            [Problem("not-text", f"the file is not UTF-8 text: {error.reason}", file=str(path))]
        ) from None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"{str(path)!r}: {error}") from None
    return text


def is_json_text(text: str, path: str | Path | None) -> bool:
    """Whether a spec is JSON: by its file's name, or where it has none, by how it begins."""
    if path is not None:
        return str(path).endswith(".json")
    return (
        text.lstrip(" \t\r\n").startswith(("{\n", '{"', "{ ", "{\r", "{\t")) and '"' in text[:100]
    )


def loads(
    text: str,
    *,
    path: str | Path | None = None,
    is_json: bool | None = None,
    variables: Mapping[str, object] | None = None,
) -> Spec:
    """Read a spec from text; `path` names it in errors and anchors its relative paths.

    variables: values in place of those that the spec gives its variables.
    """
    return one_of(loads_any(text, path=path, is_json=is_json, variables=variables), None)


def loads_any(
    text: str,
    *,
    path: str | Path | None = None,
    is_json: bool | None = None,
    variables: Mapping[str, object] | None = None,
) -> Spec | Networks:
    """Return what `loads` does, or the networks of a text that has several."""
    text = text.removeprefix("\ufeff")
    if is_json is None:
        is_json = is_json_text(text, path)
    spec, found = _loaded(text, path, variables, Problems(), is_json=is_json)
    if spec is not None:
        return spec
    if any(problem.fix is not None and problem.fix.claims for problem in found):
        from nnspec.network.mending import judged  # only a mistake needs it

        attempt = attempts(path, variables, is_json=is_json)
        found = judged(text, found, attempt, is_json=is_json)
    raise SpecError(found)


def attempts(
    path: str | Path | None, variables: Mapping[str, object] | None, *, is_json: bool
) -> Callable[[str], tuple[Spec | Networks | None, tuple[Problem, ...], list[Any]]]:
    """Return what reads a text: its spec or None, what is wrong or its advice, the layers seen."""

    def attempt(text: str) -> tuple[Spec | Networks | None, tuple[Problem, ...], list[Any]]:
        problems = Problems()
        problems.seen = []
        spec, found = _loaded(text, path, variables, problems, is_json=is_json)
        return spec, spec.advice if spec is not None else found, problems.seen

    return attempt


def _loaded(
    text: str,
    path: str | Path | None,
    variables: Mapping[str, object] | None,
    problems: Problems,
    *,
    is_json: bool,
) -> tuple[Spec | Networks | None, tuple[Problem, ...]]:
    """Return the spec of a text, or None and what is wrong with it."""
    file = str(path) if path is not None else None
    with collector_paused():
        try:
            tree = parse(text, is_json=is_json)
        except SourceError as error:
            return None, tuple(located(error.problems, text, file))
        if variables:
            from nnspec.language.strict import usual_form

            tree = usual_form(tree) or tree
            _set_variables(tree, variables)
        read = _read(tree, problems)
    # What is set stands elsewhere than in the text, which is right there, it may be.
    has_edits = not any("." in name for name in variables or ())
    edited = partial(_with_edits, text=text, is_json=is_json) if has_edits else _without_fixes
    if read is None:
        found = edited(problems.found)
        return None, tuple(located(found, text, file))
    place = Path(path) if path is not None else None
    if not isinstance(read, tuple):
        advice = edited(list(read.advice))
        return read.located(place, tuple(located(advice, text, file))), ()
    advice = edited([*problems.advice, *advise(*read)])
    return Spec(*read, place, tuple(located(advice, text, file))), ()


def check(spec: AnySpec, *, folder: str | Path | None = None) -> Spec:
    """Return the checked spec of a file's path, a text, a dict, a Model, or a Spec.

    A str of several lines is a text, of one line a path. folder: that relative paths start from,
    where the spec is no file. Raises SpecError with every mistake found.
    """
    return one_of(check_any(spec, folder=folder), None)


def check_any(spec: AnySpec | Networks, *, folder: str | Path | None = None) -> Spec | Networks:
    """Return what `check` does, or the networks of a spec that has several."""
    if not isinstance(spec, Model | Mapping | str | Path):
        return spec
    if isinstance(spec, Path) or (isinstance(spec, str) and "\n" not in spec):
        return load_any(spec)
    if isinstance(spec, str):
        checked = loads_any(spec)
        if folder is None:
            return checked
        place = _in(folder, checked.name)
        if isinstance(checked, Spec):
            return replace(checked, path=place)
        return checked.located(place, checked.advice)
    from nnspec.language.placed import at_places, given_of, placed  # `nnspec check` does without

    problems = Problems()
    read = None
    if isinstance(spec, Model):
        read = _read(given_of(spec), problems)
    if read is None:
        # A model is placed when it is wrong: it may hold very many layers.
        problems = Problems()
        tree = placed(spec)
        read = _read(tree, problems)
        if read is None:
            raise SpecError(at_places(_with_hints(problems.found, tree)))
    name = read[0].name if isinstance(read, tuple) else read.name
    path = _in(folder, name) if folder is not None else None
    if not isinstance(read, tuple):
        return read.located(path, read.advice)
    return Spec(*read, path, (*problems.advice, *advise(*read)))


def _with_hints(problems: list[Problem], tree: object) -> list[Problem]:
    """Return the problems of an object, with what its text is told of keys that are inferred."""
    if not any(problem.fix is not None and problem.fix.claims for problem in problems):
        return problems
    import json

    try:
        loads_any(json.dumps(tree), is_json=True)
    except SpecError as error:
        hints = {(each.code, each.message): each.hint for each in error.problems}
        return [
            each._replace(hint=hints.get((each.code, each.message), each.hint)) for each in problems
        ]
    except TypeError:  # a record of Python has no text
        pass
    return problems


def _in(folder: str | Path, name: str) -> Path:
    return Path(folder) / f"{name}.yaml"


def _set_variables(tree: Any, variables: Mapping[str, object]) -> None:
    own = tree.get("variables") if isinstance(tree, dict) else None
    if not isinstance(own, dict):
        own = {}
    for name, value in variables.items():
        if name not in own and "." in name:
            from nnspec.language.setting import set_at  # which few calls need

            set_at(tree, name, value)
            continue
        if name not in own:
            raise VariableError(
                f'the spec has no variable "{name}"{nearest(name, own)}'
                + (f" (it has {', '.join(own)})" if own else "")
            )
        # Its place stays: what is wrong with the new value shows at what it replaces.
        own[name] = value


def _read(tree: Any, problems: Problems) -> tuple[Model, Graph] | Networks | None:
    """Return the document and its graph, or None where `problems` has got errors.

    What does not read in its usual form is read as structured output writes it, if it is of that.
    """
    read = _read_once(tree, problems)
    if read is None:
        from nnspec.language.strict import usual_form

        usual = usual_form(tree)
        if usual is not None:
            problems.forget()
            read = _read_once(usual, problems)
    return read


def _read_once(tree: Any, problems: Problems) -> tuple[Model, Graph] | Networks | None:
    with problems.limited():
        if isinstance(tree, dict) and "models" in tree:
            from nnspec.network.networks import read_networks  # which few specs need

            return read_networks(tree, problems)
        document = read_document(tree, problems)
        if document is not None:
            graph = resolve(document.model, document.variables, problems, broken=document.broken)
            if graph is not None:
                for problem in _problems_of_training(document.model, graph, tree):
                    problems.extend([(problem, ())])
                training = document.model.training
                if training is not None and training.optimizer.is_grouped:
                    from nnspec.network.parameter_groups import check_groups  # few specs need it

                    check_groups(graph, training.optimizer, problems, tree)
                data = document.model.data
                if data is not None and data.windows is not None:
                    from nnspec.network.windows import window_problems  # few specs need it

                    problems.extend(
                        (each, ()) for each in window_problems(document.model, graph, tree)
                    )
                if data is not None and data.stream is not None:
                    from nnspec.network.streaming import stream_problems  # few specs need it

                    problems.extend(
                        (each, ()) for each in stream_problems(document.model, graph, tree)
                    )
                if data is not None and data.resample is not None and training is not None:
                    from nnspec.network.resampling import resampling_problems

                    problems.extend((each, ()) for each in resampling_problems(training, tree))
                if is_weighted(document.model):
                    from nnspec.network.weighting import weighting_problems  # few specs need it

                    found = weighting_problems(document.model, graph, tree)
                    problems.extend((each, ()) for each in found)
                if training is not None and training.regularization is not None:
                    from nnspec.network.regularization import regularization_problems

                    found = regularization_problems(graph, training, tree)
                    problems.extend((each, ()) for each in found)
                    if any(term.activity is not None for term in training.regularization):
                        from nnspec.network.activity import activity_problems

                        found = activity_problems(document.model, graph, tree)
                        problems.extend((each, ()) for each in found)
                if training is not None and training.metrics:
                    from nnspec.network.scores import metric_problems  # which few specs need

                    problems.extend((each, ()) for each in metric_problems(document.model, graph))
                if not problems.found:
                    return document.model, graph
        from nnspec.language.all_names import report_names  # only a mistake needs it

        report_names(tree, problems)
    return None


def _problems_of_training(model: Model, graph: Graph, tree: object) -> Iterator[Problem]:
    if not is_composed(model):
        return chain(head_problems(model, graph), task_loss_problems(model, graph, tree))
    from nnspec.network.objectives import objective_problems  # few specs have several losses

    return objective_problems(model, graph, tree)


def located(problems: Iterable[Problem], text: str, file: str | None) -> list[Problem]:
    """Return the problems of a text in the order of their places, each with its line."""
    lines: list[str] | None = None
    shown = []
    for problem in problems:
        excerpt = None
        if problem.mark is not None:
            if lines is None:
                lines = _LINE_BREAK.split(text)
            if problem.mark.line < len(lines):
                excerpt = lines[problem.mark.line]
        shown.append(problem._replace(file=file, excerpt=excerpt))
    shown.sort(key=_position)
    return shown


def _with_edits(problems: list[Problem], text: str, *, is_json: bool) -> list[Problem]:
    """Return the problems, each fix with the places of this text that it edits."""
    fixes = [problem.fix for problem in problems if problem.fix is not None]
    if not fixes:
        return problems
    from nnspec.language.edits import located

    found = iter(located(fixes, text, is_json=is_json))
    return [each if each.fix is None else _with_fix(each, next(found)) for each in problems]


def _without_fixes(problems: list[Problem]) -> list[Problem]:
    return [each._replace(fix=None) for each in problems]


def _with_fix(problem: Problem, fix: Fix | None) -> Problem:
    """Return a problem with its fix, and the help with the name that the fix has found free."""
    hint = problem.hint
    if fix is not None and problem.fix is not None and fix.title != problem.fix.title:
        hint = hint.replace(problem.fix.title, fix.title)
    return problem._replace(fix=fix, hint=hint)


def _position(problem: Problem) -> Mark:
    if problem.mark is not None:
        return problem.mark
    return Mark(-1, 0) if problem.code != "too-many-problems" else Mark(sys.maxsize, 0)


# What YAML counts as the end of a line.
_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
