"""The tools and resources of `nnspec mcp`, by the official SDK of the Model Context Protocol."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from nnspec.cli.assistant.answers import Checked, Compared, Explained, Verified, Words, Written
from nnspec.cli.assistant.child import answer_of
from nnspec.errors import MissingDependencyError, UsageError
from nnspec.verification.settings import Settings

if TYPE_CHECKING:
    from mcp.server import MCPServer

__all__ = ["Compared", "Tools", "server"]

AT_ONCE = 2
"""Calls that run at the same time; others wait."""
INSTRUCTIONS = """\
nnspec describes a neural network once, as YAML or JSON, compiles it to PyTorch, Keras and ONNX, and
proves by running them that they compute the same. Read nnspec://llms.txt for the language. After
you write a spec, call check and mend every problem. After you write or change code that is to
compute what a spec says, call verify with against: only passed=true means that it does; not_checked
says what nobody has compared. Paths are relative to the server's folder; a spec may also be given
as its text."""

SpecGiven = Annotated[str, Field(description="A path in the server's folder, or the spec's text.")]
Variables = Annotated[
    dict[str, Any] | None, Field(description="Other values for the spec's variables.")
]
ModelGiven = Annotated[str | None, Field(description="Of a spec with `models`, the one meant.")]
Arguments = Annotated[
    list[Any] | dict[str, Any] | None,
    Field(description="Of the call that makes the network of a Python file."),
]
Side = Annotated[
    str,
    Field(description="A spec (path or text), net.onnx, net.keras or model.py:Net."),
]
Levels = Annotated[
    list[str] | None,
    Field(description="Of interface, outputs, gradients, training, meaning; null: all."),
]


class Tools:
    """The tools, for one folder. python: whether Python files may be run. seconds: of a call."""

    def __init__(self, root: Path, *, python: bool, seconds: float) -> None:
        self.root = root.resolve()
        self.python = python
        self.seconds = seconds
        self._limit: Any = None

    async def check(
        self,
        spec: SpecGiven,
        variables: Variables = None,
        fix: Annotated[bool, Field(description="Return the text with certain fixes made.")] = False,
    ) -> Checked:
        """Say every mistake of a spec, with its line, the cure and a code, and what may be one."""
        answer = await self._ask("check", spec=spec, variables=variables, fix=fix)
        return Checked.model_validate(answer)

    async def compile(
        self,
        spec: SpecGiven,
        to: Annotated[str, Field(description="An installed backend: torch, keras or onnx.")],
        training: Annotated[bool, Field(description="Add loss, optimizer, data, main.")] = False,
        variables: Variables = None,
    ) -> Written:
        """Return a spec as the source of a framework; the source imports nothing of nnspec."""
        given = {"spec": spec, "to": to, "training": training, "variables": variables}
        return Written.model_validate(await self._ask("compile", **given))

    async def verify(
        self,
        spec: SpecGiven,
        against: Annotated[
            str | None,
            Field(
                description="A file to judge: net.onnx, net.keras, model.py:Net (a class, function "
                "or network); null compares the sources that nnspec writes."
            ),
        ] = None,
        arguments: Arguments = None,
        map: Annotated[
            str | None, Field(description="A JSON file that maps parameters to tensors.")
        ] = None,
        model: ModelGiven = None,
        variables: Variables = None,
        levels: Levels = None,
        require: Annotated[
            list[str] | None, Field(description="Levels that fail where they are not checked.")
        ] = None,
        backends: Annotated[
            list[str] | None, Field(description="Without `against`: what to compare; null: all.")
        ] = None,
        exporters: Annotated[
            bool | None,
            Field(description="Without `against`: the frameworks' ONNX exporters too; null: no."),
        ] = None,
        batch: Annotated[
            int, Field(ge=2, le=1000, description="Rows of a batch.")
        ] = Settings.batch,
        steps: Annotated[
            int | None,
            Field(
                ge=1,
                le=1000,
                description=f"Without `against`: of training; null: {Settings.steps}.",
            ),
        ] = None,
        seed: Annotated[int, Field(ge=0, description="Of weights and inputs.")] = 0,
    ) -> Verified:
        """Run a spec and a file, or the sources of a spec, and say whether they compute the same.

        Outputs, gradients, training steps and more are compared; a difference is blamed on a layer
        and a line. Python files are run only where the server was started with --allow-python.
        """
        answer = await self._ask(
            "verify", spec=spec, against=against, arguments=arguments, map=map, model=model,
            variables=variables, levels=levels, require=require, backends=backends,
            exporters=exporters, batch=batch, steps=steps, seed=seed,
        )  # fmt: skip
        return Verified.model_validate(answer)

    async def compare(
        self,
        a: Side,
        b: Side,
        arguments_a: Arguments = None,
        arguments_b: Arguments = None,
        inputs: Annotated[
            list[str] | None,
            Field(
                description="Of two files, what neither says, without the batch: image=3,32,32 or "
                "ids=20:int64:1000 (below 1000).",
            ),
        ] = None,
        map: Annotated[
            str | None, Field(description="A JSON file that maps tensors to tensors.")
        ] = None,
        batch: Annotated[int, Field(ge=2, le=1000, description="Rows of a batch.")] = 4,
        seed: Annotated[int, Field(ge=0, description="Of the inputs.")] = 0,
    ) -> Verified:
        """Say whether any two networks compute the same, and the first place where they part."""
        answer = await self._ask(
            "compare", a=a, b=b, arguments_a=arguments_a, arguments_b=arguments_b, inputs=inputs,
            map=map, batch=batch, seed=seed,
        )  # fmt: skip
        return Verified.model_validate(answer)

    async def explain(
        self, code: Annotated[str, Field(description="Of a problem, such as shape-mismatch.")]
    ) -> Explained:
        """Say what a code of check means, why it is told and how to mend it, with an example."""
        return Explained.model_validate(await self._ask("explain", code=code))

    async def layers(
        self,
        names: Annotated[
            list[str], Field(default_factory=list, description="To explain; none lists them all.")
        ],
    ) -> Words:
        """List layers, losses, optimizers, schedules and metrics, or explain some.

        Of each: arguments, formula, shapes, an example. Names of PyTorch and Keras are known too.
        """
        return Words.model_validate(await self._ask("layers", names=names))

    def all(self) -> list[Callable[..., Any]]:
        """Return the tools in the order in which they are listed."""
        return [self.check, self.compile, self.verify, self.compare, self.explain, self.layers]

    async def _ask(self, do: str, **given: Any) -> dict[str, Any]:
        import anyio
        from mcp.server.mcpserver.exceptions import ToolError

        if self._limit is None:
            self._limit = anyio.CapacityLimiter(AT_ONCE)
        request = {
            "do": do, "root": str(self.root), "allow_python": self.python,
            "seconds": self.seconds, **given,
        }  # fmt: skip
        async with self._limit:
            try:
                return await answer_of(request, self.seconds)
            except UsageError as error:
                raise ToolError(str(error)) from None


def server(tools: Tools) -> MCPServer[Any]:
    """Return the server; `run` serves standard input and output."""
    from importlib.util import find_spec

    if find_spec("mcp") is None:
        raise MissingDependencyError("mcp", "mcp")
    from mcp.server import MCPServer
    from mcp.server.mcpserver.resources import FunctionResource
    from mcp_types import ToolAnnotations

    from nnspec import __version__

    made: MCPServer[Any] = MCPServer(
        "nnspec", instructions=INSTRUCTIONS, version=__version__, log_level="WARNING"
    )
    for tool in tools.all():
        runs = tool.__name__ in ("verify", "compare") and tools.python
        hints = ToolAnnotations(
            read_only_hint=not runs, destructive_hint=runs, idempotent_hint=not runs,
            open_world_hint=runs,
        )  # fmt: skip
        made.add_tool(tool, annotations=hints)
    for uri, text, kind, description in _resources():
        name = uri.partition("//")[2]
        made.add_resource(
            FunctionResource(uri=uri, name=name, fn=text, mime_type=kind, description=description)
        )
    return made


def _resources() -> list[tuple[str, Callable[[], str], str, str]]:
    from nnspec.show.compact import compact_text
    from nnspec.show.jsonschema import schema_text
    from nnspec.show.sheet import sheet, training_sheet

    return [
        ("nnspec://llms.txt", sheet, "text/plain", "The language on one page."),
        ("nnspec://llms-training.txt", training_sheet, "text/plain", "Training, on another."),
        ("nnspec://schema", schema_text, "application/schema+json", "The JSON Schema of specs."),
        (
            "nnspec://schema/compact",
            compact_text,
            "application/schema+json",
            "A small one for strict structured output.",
        ),
    ]
