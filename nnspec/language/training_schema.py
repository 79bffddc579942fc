"""The training section of a spec: task, loss, optimizer, metrics, data."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from nnspec.language.by_output import OneOrByOutput, OrByOutput, Targets, with_task, without_task
from nnspec.language.databases import is_server, require_source, without_scheme
from nnspec.language.losses import LOSSES, Loss
from nnspec.language.metrics import METRICS, Kind, Metric
from nnspec.language.optimizers import OPTIMIZERS, Optimizer
from nnspec.language.watching import Keep, Stop
from nnspec.layers.fields import Count, Flag, Fraction, Frozen, Names, OneOrMany, Size, Text, once
from nnspec.layers.records import ByType, Lazy

if TYPE_CHECKING:
    from nnspec.language.augmentation import Augmentation
    from nnspec.language.averages import Average
    from nnspec.language.clipping import Clip
    from nnspec.language.preparation import Preparation
    from nnspec.language.regularization import Term
    from nnspec.language.splitting import Split
    from nnspec.language.streaming import Stream
    from nnspec.language.windows import Windows
else:
    Augmentation = Average = Clip = Preparation = Split = Stream = Term = Windows = (
        Frozen  # their files are read where one is given
    )

Task = Literal["regression", "binary", "multiclass", "multilabel", "language", "autoencoder"]

KINDS: dict[str, Kind] = {
    "multilabel": "binary",
    "language": "multiclass",
    "autoencoder": "regression",
}
"""Task -> the one whose targets are of the same kind: numbers, yes or no, or classes."""
TASK_LOSS = {
    "regression": "mse",
    "binary": "binary_cross_entropy",
    "multiclass": "categorical_cross_entropy",
}
"""Kind of the task -> its loss."""
TASK_METRICS: dict[str, tuple[str, ...]] = {
    "regression": ("mae", "r2"),
    "binary": ("accuracy",),
    "multiclass": ("accuracy",),
    "multilabel": ("accuracy",),
    "language": ("accuracy", "perplexity"),
    "autoencoder": ("mae",),
}


def kind_of(task: Task) -> Kind:
    """Return the kind of a task's targets: numbers, yes or no, or classes."""
    return KINDS.get(task) or task  # type: ignore[return-value]


class Training(Frozen):
    """The training of the network."""

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            task: Task | Mapping[str, Task],
            loss: Loss | str | Mapping[str, Any] | None = None,
            optimizer: Optimizer | str | Mapping[str, Any] = "adam",
            metrics: Iterable[Metric | str | Mapping[str, Any]] | None = None,
            clip: Clip | Mapping[str, float] | None = None,
            accumulate: int = 1,
            average: Average | Mapping[str, Any] | None = None,
            epochs: int = 10,
            batch_size: int = 32,
            shuffle: bool = True,
            seed: int = 0,
            stop: Stop | Mapping[str, Any] | None = None,
            keep: Keep | Mapping[str, Any] | None = None,
            mask: str | None = None,
            regularization: Iterable[Term | Mapping[str, Any]] | None = None,
        ) -> None: ...

    model_config = ConfigDict(json_schema_extra=without_task)

    task: Annotated[Task, OrByOutput()] = Field(
        description="What is predicted: a number, a yes or no, one of classes; a yes or no for "
        "each label, the word at each position of a text, or the input itself; "
        "or of each output."
    )
    loss: Annotated[Loss | dict[str, Loss], OneOrByOutput("loss", lambda: LOSSES)] | None = Field(
        default=None,
        description="What is minimised; by default mse, binary_cross_entropy or "
        "categorical_cross_entropy, by the task. Of outputs by name, their sum.",
    )
    optimizer: Annotated[Optimizer, ByType("optimizer", lambda: OPTIMIZERS)] = Field(
        default_factory=once(lambda: OPTIMIZERS["adam"].model_validate({"type": "adam"})),
        description="How the parameters follow the gradient; adam by default.",
    )
    metrics: (
        Annotated[
            tuple[Annotated[Metric, ByType("metric", lambda: METRICS)], ...], Field(strict=False)
        ]
        | None
    ) = Field(
        default=None,
        description="What is reported beside the loss; by default accuracy, or mae and r2.",
    )
    clip: Annotated[Clip, Lazy("nnspec.language.clipping:Clip")] | None = Field(
        default=None, description="What the gradients are limited to, such as {norm: 1.0}."
    )
    accumulate: Size = Field(
        default=1, description="Batches to an optimizer step, which takes their mean gradient."
    )
    average: Annotated[Average, Lazy("nnspec.language.averages:Average")] | None = Field(
        default=None,
        description="Of the weights, what is measured and kept: {type: ema, decay: 0.999} or "
        "{type: swa, start: 100}.",
    )
    epochs: Size = Field(default=10, description="Passes over the training rows.")
    batch_size: Size = Field(default=32, description="Rows per step.")
    shuffle: Flag = Field(
        default=True, description="Whether each epoch draws the rows in a new order."
    )
    seed: Count = Field(
        default=0, description="Of the first weights, the split and the order of the rows."
    )
    stop: Stop | None = Field(
        default=None, description="When to stop early; by default all epochs are trained."
    )
    keep: Keep | None = Field(
        default=None, description="Which epoch's weights are the best; by default by the loss."
    )

    mask: Text | None = Field(
        default=None,
        description="An input that says which places of a row count: its length, or not 0.",
    )

    regularization: (
        Annotated[
            tuple[Annotated[Term, Lazy("nnspec.language.regularization:Term")], ...],
            Field(strict=False, min_length=1),
        ]
        | None
    ) = Field(
        default=None,
        description="What parameters, or what layers give, add to the loss, such as "
        "{type: l2, factor: 0.0001}.",
    )

    _with_task = model_validator(mode="before")(with_task)

    @model_validator(mode="after")
    def _has_one_average(self) -> Self:
        if self.average is not None and self.optimizer.keeps_average:
            raise PydanticCustomError(
                "surplus_key",
                "{type} keeps an average of its own: no `average` is expected beside it",
                {"type": self.optimizer.type},
            )
        return self

    @property
    def kind(self) -> Kind:
        """The kind of the task's targets: numbers, yes or no, or classes."""
        task: object = self.task
        return "regression" if isinstance(task, dict) else kind_of(self.task)

    @property
    def metric_kind(self) -> Kind:
        """The kind of what metrics compare, which the loss may make another than the task's."""
        task: object = self.task
        if isinstance(self.loss, dict) or isinstance(task, dict):
            return self.kind
        return self.resolved_loss.measured_as or self.kind

    def takes_metric(self, metric: Metric) -> bool:
        """Whether a metric says something of what the one output gives and its loss compares."""
        only = self.resolved_loss.only_metrics
        fits = self.metric_kind in metric.fits and (not only or metric.type in only)
        return fits and self.resolved_loss.compares != "nothing"

    @property
    def keeps_average(self) -> bool:
        """Whether an average of the weights is measured and kept."""
        return self.average is not None or self.optimizer.keeps_average

    @property
    def resolved_loss(self) -> Loss:
        """The loss of the one output, by the task where none is given."""
        if self.loss is not None:
            assert isinstance(self.loss, Loss)
            return self.loss
        return self.usual_loss(self.task)

    @staticmethod
    def kind_of(task: Task) -> Kind:
        """Return the kind of a task's targets."""
        return kind_of(task)

    @staticmethod
    def usual_loss(task: Task) -> Loss:
        """Return the loss of a task where none is given."""
        kind = TASK_LOSS[kind_of(task)]
        return LOSSES[kind](type=kind)

    @property
    def resolved_metrics(self) -> tuple[Metric, ...]:
        """The metrics, by the task where none are given."""
        if self.metrics is not None:
            return self.metrics
        loss, kind = self.resolved_loss, self.metric_kind
        usual = loss.usual_metrics
        if usual is None or (usual and kind not in METRICS[usual[0]].fits):
            usual = TASK_METRICS[self.task if kind == self.kind else kind]
        found = [METRICS[name](type=name) for name in usual]
        return tuple(each for each in found if loss.leaves_out or not each.needs_probabilities)


def _one_name(value: object) -> object:
    """Return the name of a list that holds but one, and no pattern."""
    if isinstance(value, list | tuple) and len(value) == 1 and isinstance(value[0], str):
        return value if any(sign in value[0] for sign in "*?[") else value[0]
    return value


def _suffix(path: str) -> str:
    """Return what a path ends in: its kind, or nothing of a folder."""
    name = path.replace("\\", "/").rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name else ""


class Data(Frozen):
    """The rows: their files, and the columns or arrays that are inputs and targets."""

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            source: str,
            query: str | None = None,
            features: Mapping[str, str | Iterable[str]],
            target: str | Iterable[str] | Mapping[str, str | Iterable[str]] | None = None,
            validation: float = 0.2,
            test: float = 0.0,
            standardize: bool = False,
            standardize_target: bool = False,
            sample_weight: str | None = None,
            balance: str | None = None,
            resample: str | None = None,
            prepare: Mapping[str, Preparation | Mapping[str, Any]] | None = None,
            augment: Mapping[str, Augmentation | Mapping[str, Any]] | None = None,
            split: Split | Mapping[str, str] | None = None,
            windows: Windows | Mapping[str, Any] | None = None,
            stream: Stream | Mapping[str, int] | None = None,
        ) -> None: ...

    source: Annotated[Text, BeforeValidator(without_scheme)] = Field(
        description="A .csv, .parquet, .jsonl, .txt or .npz file, arrays/*.npy, a .zarr group, a "
        "folder of images with a folder for each label, relative to the spec; or a database, with "
        "`query`.",
        min_length=1,
    )
    query: Text | None = Field(
        default=None, description="The rows of a file of SQLite, or of postgresql://user@host/name."
    )
    features: dict[str, Annotated[OneOrMany, Field(min_length=1)]] = Field(
        description='For each input, its columns: names or patterns such as "pixel_*"; for .npz, '
        "the array's name."
    )
    target: (
        Annotated[Text | Names, Field(min_length=1), BeforeValidator(_one_name), Targets()] | None
    ) = Field(
        default=None,
        description="The column to predict (for .npz the array), or a list of names and patterns; "
        "of each output; {input: x}, {shifted: ids}; by default an autoencoder's is its input.",
    )
    validation: Fraction = Field(
        default=0.2, description="Share of the rows that choose the best weights."
    )
    test: Fraction = Field(default=0.0, description="Share of the rows that only the report sees.")
    standardize: Flag = Field(
        default=False,
        description="Whether each feature is shifted and scaled to mean 0 and deviation 1 over "
        "the training rows; kept with the weights and in what is exported.",
    )
    standardize_target: Flag = Field(
        default=False,
        description="Whether a regression learns its target at mean 0 and deviation 1 over the "
        "training rows; what is predicted and measured by metrics has the target's own units.",
    )

    sample_weight: Text | None = Field(
        default=None, description="The column (or array) of what each row counts: 2 as two rows."
    )
    balance: Text | None = Field(
        default=None, description="The column whose values count as much as each other, in all."
    )
    resample: Text | None = Field(
        default=None, description="The column whose values each epoch draws equally often."
    )
    prepare: (
        dict[str, Annotated[Preparation, Lazy("nnspec.language.preparation:Preparation")]] | None
    ) = Field(
        default=None,
        description="For columns of features, by name or pattern, what they become: missing "
        "values filled, numbers scaled, categories encoded, as {sex: {categories: one_hot}}.",
    )
    augment: (
        dict[str, Annotated[Augmentation, Lazy("nnspec.language.augmentation:Augmentation")]] | None
    ) = Field(
        default=None,
        description="For inputs of images, what training changes at random in each epoch, as "
        "{photo: {flip: horizontal, shift: 2}}.",
    )

    split: Annotated[Split, Lazy("nnspec.language.splitting:Split")] | None = Field(
        default=None, description="How rows are split; by default at random, windows by time."
    )
    windows: Annotated[Windows, Lazy("nnspec.language.windows:Windows")] | None = Field(
        default=None, description="Consecutive rows of the file that are one of the network."
    )
    stream: Annotated[Stream, Lazy("nnspec.language.streaming:Stream")] | None = Field(
        default=None, description="Read rows as they are needed: of a file larger than memory."
    )

    @model_validator(mode="after")
    def _has_parts(self) -> Self:
        if self.query is not None or is_server(self.source):
            require_source(self.source, self.query)
        if self.balance is not None and self.sample_weight is not None:
            raise PydanticCustomError(
                "nnspec", "rows count by `sample_weight` or by `balance`, not both"
            )
        if self.balance is not None and self.resample is not None:
            raise PydanticCustomError(
                "nnspec",
                "classes are balanced by weights (`balance`) or by draws (`resample`), not both",
            )
        if self._named_parts is not None:
            self._require_no_shares(self._named_parts)
            if self._named_parts.files:
                self._require_files(self._named_parts.files)
        elif self.split is not None and not self.validation and not self.test:
            raise PydanticCustomError(
                "nnspec", "`split` says how rows are parted: give `validation` or `test` a share"
            )
        if self.windows is not None:
            self._require_windows()
        if self.stream is not None:
            from nnspec.language.streaming import require_streamable

            require_streamable(self)
        return self

    def _require_no_shares(self, how: Split) -> None:
        is_files = bool(how.files)
        for key in ("validation", "test"):
            if getattr(self, key) != type(self).model_fields[key].default:
                raise PydanticCustomError(
                    "nnspec",
                    "{given} which rows are in each part: write {key} within `split`, as {what}",
                    {
                        "given": "the files of `split` say" if is_files else "`split.part` says",
                        "key": f"`{key}`",
                        "what": "their file" if is_files else "the value of their column",
                    },
                )

    def _require_files(self, files: Mapping[str, str]) -> None:
        """Raise an error for what rows in several files do not go with."""
        for key in ("query", "stream"):
            if getattr(self, key) is not None:
                raise PydanticCustomError(
                    "nnspec",
                    "{key} takes rows of one source: name a column of them by `split`, as {part}",
                    {"key": f"`{key}`", "part": "`{part: fold, validation: val}`"},
                )
        for file in files.values():
            if _suffix(file) != _suffix(self.source) or file == self.source:
                raise PydanticCustomError(
                    "nnspec",
                    'the rows of each part are in a file of one kind: "{file}" beside "{source}"',
                    {"file": file, "source": self.source},
                )

    def _require_windows(self) -> None:
        """Raise an error for what windows over rows do not go with."""
        for key in ("sample_weight", "balance", "resample", "augment"):
            if getattr(self, key) is not None:
                raise PydanticCustomError(
                    "nnspec", "`{key}` is of single rows, and `windows` take several", {"key": key}
                )
        if self.split is not None and self.split.kind == "stratify":
            raise PydanticCustomError(
                "nnspec",
                "windows share rows, so that they are split by `time` or `group`, not `stratify`",
            )

    @property
    def has_validation(self) -> bool:
        """Whether some rows choose the best weights."""
        part = self._named_parts
        return self.validation > 0 if part is None else part.validation is not None

    @property
    def has_test(self) -> bool:
        """Whether some rows are measured once, at the end."""
        part = self._named_parts
        return self.test > 0 if part is None else part.test is not None

    @property
    def _named_parts(self) -> Split | None:
        return self.split if self.split is not None and self.split.names_parts else None

    @property
    def targets(self) -> tuple[str, ...]:
        """The names and patterns of the target's columns; none where it is the input."""
        return (self.target,) if isinstance(self.target, str) else self.target or ()

    @property
    def one_target(self) -> str | None:
        """The name of the target's column or array, where it is one; a list takes patterns."""
        return self.target if isinstance(self.target, str) else None
