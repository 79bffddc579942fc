"""The cases: each feature of a training by itself, and all of them by pairs.

A loss, optimizer, schedule, metric or initializer comes in by its table, and each of its options
with a value that is not the default: one that has none here fails where the cases are made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nnspec.language.losses import LOSSES
from nnspec.language.metrics import METRICS
from nnspec.language.optimizers import OPTIMIZERS
from nnspec.language.schedules import SCHEDULES
from nnspec.layers.initializers import INITIALIZERS
from tests.fuzz.records import BY_TYPE, CHOICES
from tests.fuzz.trainings import OPTIONAL_LOSSES
from tests.matrix.networks import BODIES, SGD, TASK_OF, Document, document, end
from tests.parity.rows import SETTINGS, scaled

ELSEWHERE = {"type", "schedule", "weight", "output", "axis", "learning_rate", "groups", "l2"}
"""Fields that have cases of their own."""
OTHER: dict[str, Any] = {
    "beta_2_decay": -0.6,
    "epsilon_1": 1e-9,
    "epsilon_2": 1e-2,
    "clip_threshold": 1.5,
    "ns_steps": 4,
    "least_norm": 1e-4,
    "scale": "original",
    "decay": 0.1,
    "linear": True,
    "three_phase": True,
    "metric": "train_loss",
    "mode": "max",
    "minimum": 1e-4,
    "end": 0.01,
    "average": "macro",
}
"""Option -> a value that is not its default, where the random specs have none."""
BY_NAME: dict[tuple[str, str], Any] = {
    ("binary_cross_entropy", "ignore_index"): -1,
    ("categorical_cross_entropy", "ignore_index"): 0,
    ("categorical_focal", "ignore_index"): 0,
    ("inverse_time", "decay"): 2.0,
    ("plateau", "metric"): "val_loss",
    ("muon", "momentum"): 0.5,
}
NEEDS: dict[tuple[str, str], Document] = {
    ("sgd", "nesterov"): {"dampening": 0.0},
    ("sgd", "dampening"): {"nesterov": False},
    ("plateau", "mode"): {"metric": "val_r2"},
}
"""Options that exclude one another, or need another: each gets a case, with these."""
AVERAGES = ("macro", "micro", "weighted", "per_class")
LATE: dict[str, list[Document]] = {
    "batch_normalization": [{"type": "batch_normalization", "momentum": 0.8}],
    "layer_normalization": [{"type": "layer_normalization"}],
    "dropout": [{"type": "dropout", "rate": 0.4}],
    "gaussian_noise": [{"type": "gaussian_noise", "stddev": 0.3}],
    "gaussian_dropout": [{"type": "gaussian_dropout", "rate": 0.3}],
    "alpha_dropout": [{"type": "alpha_dropout", "rate": 0.3}],
}
"""Layers that act otherwise in training than later."""


def options(kind: str, fields: Mapping[str, Any]) -> Document:
    """Return each option of a record with a value that is not its default."""
    found: Document = {}
    for name, field in fields.items():
        if name in ELSEWHERE:
            continue
        if field.default is True or field.default is False:
            found[name] = not field.default
            continue
        drawn = BY_TYPE.get((kind, name)) or CHOICES.get(name) or []
        others = [choice for choice in drawn if choice not in (field.default, 0)]
        own = BY_NAME.get((kind, name), OTHER.get(name))
        if own is None and not others:
            raise LookupError(f"the option {name} of {kind} has no value here: see OTHER")
        found[name] = others[0] if own is None else own
    return found


def losses() -> Iterator[tuple[str, Document]]:
    """Yield every loss, with its options too."""
    for kind, cls in LOSSES.items():
        given = "series" if kind == "ctc" else "vector"
        more: Document = {"training": {"metrics": []}} if kind == "ctc" else {}
        yield f"loss {kind}", document(kind, given=given, **more)
        record = {"type": kind, "weight": 0.5, **options(kind, cls.model_fields)}
        if "output" in cls.model_fields:
            record["output"] = "out_mean"
        yield f"loss {kind} with options", document(record, given=given, **more)
        if "axis" in cls.model_fields:
            layers = [
                {"name": "hidden", "type": "conv2d", "filters": 3, "kernel_size": 3},
                {"name": "out", "type": cls.leaves_out or "softmax", "axis": 0},
            ]
            found = document({"type": kind, "axis": 0}, given="image", layers=layers)
            yield f"loss {kind} of images", found


def optimizers() -> Iterator[tuple[str, Document]]:
    """Yield every optimizer, and what each may have beside its own options."""
    for kind, cls in OPTIMIZERS.items():
        yield f"optimizer {kind}", document(training={"optimizer": kind})
        record = {"type": kind, **options(kind, cls.model_fields)}
        alone = [need for (of, _), need in NEEDS.items() if of == kind] or [{}]
        for i, need in enumerate(alone):
            name = f"optimizer {kind} with options{f' {i + 1}' if i else ''}"
            yield name, document(training={"optimizer": {**record, **need}})
        groups = [
            {"match": "hidden.*", "l2": 0.1, "decay": 0.1},
            {"match": ["*.bias"], "decay": 0.0},
        ]
        if cls.takes_schedule:
            groups[0]["learning_rate"] = {"scale": 0.5}  # type: ignore[assignment]
        given = {"type": kind, "l2": 0.02, "groups": groups}
        yield f"optimizer {kind} of groups", document(training={"optimizer": given})
    for field in ("l2", "decay"):
        for name, value in (("", 0.1), (" of weights", {"rate": 0.1, "of": "weights"})):
            given = {**SGD, field: value}
            yield f"optimizer {field}{name}", document(training={"optimizer": given})


def schedules() -> Iterator[tuple[str, Document]]:
    """Yield every schedule, with its options, in the units of steps, epochs and shares."""
    for kind, cls in SCHEDULES.items():
        settings = scaled({"schedule": kind, **SETTINGS[kind]}, 0.05)
        named = {"schedule", "schedules", "lengths", "milestones", "rates", "initial", "peak"}
        more = {
            name: value for name, value in options_of_schedule(kind, cls.model_fields).items()
            if name not in named
        }  # fmt: skip
        for name, record in (("", settings), (" with options", {**settings, **more})):
            training = {"optimizer": {**SGD, "learning_rate": record}, "epochs": 4}
            yield f"schedule {kind}{name}", document(training=training)
        if kind == "plateau":
            record = {**settings, **more, "metric": "val_r2", "mode": "max"}
            training = {"optimizer": {**SGD, "learning_rate": record}, "epochs": 4}
            yield "schedule plateau of a metric", document(training=training)
    for unit, length in (("shares", "50%"), ("epochs", "1.5 epochs")):
        record = {"schedule": "linear", "initial": 0.05, "steps": length, "warmup": "20%"}
        training = {"optimizer": {**SGD, "learning_rate": record}}
        yield f"schedule in {unit}", document(training=training)


def options_of_schedule(kind: str, fields: Mapping[str, Any]) -> Document:
    """Return options that turn within the few steps of a case."""
    short = {"steps": 3, "warmup": 2, "patience": 1, "cooldown": 1, "pct_start": 0.5}
    places = {name: field for name, field in fields.items() if name not in short}
    skipped = ("schedules", "lengths", "milestones", "rates", "initial", "peak", "mode")
    rest = options(kind, {name: field for name, field in places.items() if name not in skipped})
    steps = {"steps": 12} if kind == "one_cycle" else {}
    return {**rest, **{name: short[name] for name in fields if name in short}, **steps}


def metrics() -> Iterator[tuple[str, Document]]:
    """Yield every metric with every kind of target that it fits."""
    tasks = {"regression": "mse", "binary": "binary_cross_entropy",
             "multiclass": "categorical_cross_entropy", "labels": "ctc"}  # fmt: skip
    for kind, cls in METRICS.items():
        for target in cls.fits:
            given = "series" if target == "labels" else "vector"
            loss = tasks[target]
            records: list[Any] = [{"type": kind, **({"k": 2} if "k" in cls.model_fields else {})}]
            if "average" in cls.model_fields and target == "multiclass":
                records += [{"type": kind, "average": each} for each in AVERAGES]
            for record in records:
                name = " ".join(["metric", kind, record.get("average", ""), "of", target])
                if record.get("average") == "micro" and kind in ("auc", "average_precision"):
                    continue  # there is none
                training = {"metrics": [record]}
                yield " ".join(name.split()), document(loss, given=given, training=training)


def updates() -> Iterator[tuple[str, Document]]:
    """Yield what stands between a gradient and the weights, and around the epochs."""
    found: dict[str, Document] = {
        "clip norm": {"clip": {"norm": 0.1}},
        "clip norm_each": {"clip": {"norm_each": 0.05}},
        "clip value": {"clip": {"value": 0.02}},
        "accumulate": {"accumulate": 2},
        "accumulate and clip": {"accumulate": 3, "clip": {"norm": 0.1}},
        "average ema": {"average": {"type": "ema", "decay": 0.7}},
        "average swa": {"average": {"type": "swa", "start": 3, "every": 2}},
        "keep": {"keep": {"metric": "val_r2", "mode": "max"}},
        "stop": {"stop": {"metric": "val_mae", "mode": "min", "patience": 1, "min_delta": 9.0},
                 "epochs": 5},
        "shuffle false": {"shuffle": False},
        "metrics none": {"metrics": []},
        "regularization l1": {"regularization": [{"type": "l1", "factor": 0.1, "of": "weights"}]},
        "regularization of what a layer gives": {
            "regularization": [{"type": "l2", "factor": 0.1, "activity": ["hidden"]}]
        },
        "regularization l2": {"regularization": [{"type": "l2", "factor": 0.1, "of": "hidden.*"}]},
        "defaults": {"optimizer": "adam"},
    }  # fmt: skip
    for name, training in found.items():
        yield f"training {name}", document(training=training)


def prepared() -> Iterator[tuple[str, Document]]:
    """Yield what columns become that are no plain numbers: six elements in all."""
    bucket = {"unknown": "bucket", "min_count": 2}
    listed = {"encoding": "one_hot", "values": ["b", "a", "c", "d"]}
    found: dict[str, tuple[list[str], Document]] = {
        "numbers": (["x_0", "x_1", "x_2"], {
            "x_0": {"missing": "median", "indicator": True, "scale": ["quantile", "standard"]},
            "x_1": {"missing": {"constant": 0.5}, "indicator": True, "scale": "min_max"},
            "x_2": {"missing": "mean", "indicator": True, "scale": "robust"},
        }),
        "words": (["word", "kind", "x_0"], {
            "word": {"categories": listed, "missing": "most_frequent"},
            "kind": {"categories": {"encoding": "index", **bucket}},
        }),
        "dates": (["day"], {
            "day": {"date": ["year", "month", "hour"], "format": "%d/%m/%Y %H:%M", "cyclic": True,
                    "missing": {"constant": "01/02/2000 00:00"}, "indicator": True,
                    "scale": "standard"},
        }),
        "patterns": (["x_[0-2]"], {"x_?": {"missing": "mean", "indicator": True}}),
        "texts": (["line"], {
            "line": {"missing": "most_frequent",
                     "text": {"length": 6, "tokens": "spaces", "lower": True, "most": 5,
                              "min_count": 2, "keep": "end", "pad": "start"}},
        }),
        "tokenizer": (["line"], {
            "line": {"text": {"length": 6, "tokenizer": "words.json", "padding": "a"}},
        }),
    }  # fmt: skip
    for source in ("csv", "parquet"):
        for name, (columns, prepare) in found.items():
            data = {"source": f"rows.{source}", "features": {"x": columns}, "prepare": prepare}
            found_of = document(data={**data, "target": ["wanted_*"]})
            yield f"data prepare {name} of {source}", found_of


def images() -> Iterator[tuple[str, Document]]:
    """Yield images of files and arrays, and changes of them in each epoch."""
    found: dict[str, tuple[list[int], Document]] = {
        "as they are": ([7, 9], {}),
        "resized": ([3, 6, 6], {"resize": [6, 6], "range": [-1, 1], "interpolation": "bicubic"}),
        "cropped": ([1, 6, 6], {"resize": 8, "crop": 6, "normalize": {"mean": 0.4, "std": 0.3}}),
        "learned": ([3, 6, 6], {"crop": [6, 6], "normalize": "learned"}),
    }
    flat = [{"type": "flatten"}, *BODIES["vector"]]
    for name, (shape, image) in found.items():
        more: Document = {"inputs": {"x": {"shape": shape}}, "after": [], "given": "image"}
        more["layers"] = [*flat, {"name": "out", "type": "dense", "units": 3}]
        data = {"source": "rows.csv", "features": {"x": "photo"}, "target": ["wanted_*"]}
        yield (
            f"data images {name}",
            document(data={**data, "prepare": {"photo": {"image": image}}}, **more),
        )
    image = {"file": {"image": {"crop": 6}}}
    data = {"source": "photos", "features": {"x": "file"}, "target": "label", "prepare": image}
    of_folder = {"inputs": {"x": {"shape": [3, 6, 6]}}, "given": "image"}
    classes = "categorical_cross_entropy"
    yield "data folder of images", document(classes, data=data, **of_folder)
    changed = {"x": {"flip": "both", "shift": [1, 2]}}
    yield "data augment folder", document(classes, data={**data, "augment": changed}, **of_folder)
    mixed = {"x": {"rotate": 20, "crop": 0.4, "contrast": 0.3, "mixup": 0.4, "cutmix": 1.0}}
    mixed["x"] |= {"brightness": 0.2, "saturation": 0.5}
    yield "data augment mixed", document(classes, data={**data, "augment": mixed}, **of_folder)
    for by in ({"flip": "horizontal"}, {"shift": 1}, {"contrast": 0.5, "range": [-4, 4]}):
        yield f"data augment {next(iter(by))}", document(given="image", data={"augment": {"x": by}})


def sounds() -> Iterator[tuple[str, Document]]:
    """Yield sounds of files, of a folder and of a table."""
    classes = "categorical_cross_entropy"
    flat = [{"type": "flatten"}, *BODIES["vector"]]
    found: dict[str, tuple[list[int], Document]] = {
        "mixed": ([20], {"mix": True, "keep": "end", "normalize": "peak"}),
        "learned": ([2, 50], {"keep": "middle", "normalize": "learned", "resample": True}),
    }
    for name, (shape, sound) in found.items():
        more: Document = {"inputs": {"x": {"shape": shape}}, "given": "vector"}
        layers = [*flat, {"name": "out", "type": "dense", "units": 3}, {"type": "softmax"}]
        prepare = {"file": {"sound": {"rate": 8000, **sound}}}
        data = {"source": "calls", "features": {"x": "file"}, "target": "label"}
        yield (
            f"data sounds {name}",
            document(classes, layers=layers, data={**data, "prepare": prepare}, **more),
        )


def windows() -> Iterator[tuple[str, Document]]:
    """Yield windows over rows: what follows them, what they are of, and themselves."""
    classes = "categorical_cross_entropy"
    memory = [{"name": "hidden", "type": "gru", "units": 4}]
    three = [*memory, {"name": "out", "type": "dense", "units": 3}]
    two = [*memory, {"name": "out", "type": "dense", "units": 2}]
    table: Document = {"source": "rows.csv", "features": {"x": "x_*"}}
    dated = {"series": "place", "order": "day", "format": "%Y-%m-%d", "stride": 2}
    ahead = {"order": "day", "horizon": 2, "gap": 1}
    given: dict[str, tuple[str, list[Document], Document]] = {
        "ahead": ("mse", two, {"windows": ahead, "standardize_target": True}),
        "csv": (
            classes,
            [*three, {"name": "kind", "type": "softmax"}],
            {**table, "windows": dated},
        ),
        "of themselves": (
            classes,
            [*three, {"name": "kind", "type": "softmax"}],
            {"windows": {"horizon": 0}, "standardize": True},
        ),
    }
    for name, (loss, layers, data) in given.items():
        yield f"data windows {name}", document(loss, given="series", layers=layers, data=data)


def rows() -> Iterator[tuple[str, Document]]:
    """Yield the kinds of rows, of targets, and of what rows count."""
    table: Document = {"features": {"x": "x_*"}}
    columns = {"x": [f"x_{i}" for i in range(6)]}
    classes = "categorical_cross_entropy"
    for source in ("csv", "parquet"):
        yield f"data {source}", document(classes, data={**table, "source": f"rows.{source}"})
    chosen = {"source": "rows.csv", "features": columns}
    yield "data columns", document("binary_cross_entropy", data=chosen)
    wide = [*BODIES["vector"], {"name": "out", "type": "dense", "units": 3}]
    several = {"source": "rows.csv", **table, "target": ["wanted_*"]}
    yield "target columns", document(layers=wide, data=several)
    yield from prepared()
    yield from images()
    yield from sounds()
    yield "data validation 0", document(data={"validation": 0})
    yield "data test", document(data={"test": 0.2})
    yield "data standardize", document(data={"standardize": True})
    yield "data standardize_target", document(data={"standardize_target": True, "test": 0.2})
    yield "data sample_weight", document(classes, data={"sample_weight": "w"})
    for kind in ("group", "time", "stratify"):
        by = {"split": {kind: "by"}, "test": 0.2}
        yield f"data split {kind}", document(classes, data=by)
        yield (
            f"data split {kind} csv",
            document(classes, data={**table, **by, "source": "rows.csv"}),
        )
    dates = {"split": {"time": "by", "format": "%Y-%m-%d"}}
    yield "data split format", document(classes, data={**table, **dates, "source": "rows.csv"})
    yield "data balance", document(classes, data={"balance": "class"})
    wide_rows = {**several, "balance": "class", "split": {"group": "by"}}
    yield "data balance csv", document(layers=wide, data=wide_rows)
    asked = {**table, "source": "rows.db", "query": "SELECT * FROM rows", "test": 0.2}
    yield "data query", document(classes, data=asked)
    yield "data resample", document(classes, data={"resample": "class"})
    drawn = {**several, "resample": "class", "test": 0.2}
    yield "data resample csv", document(layers=wide, data=drawn)
    parts = {"split": {"part": "by", "validation": "10", "test": "11"}, "validation": 0.2}
    yield "data split part", document(classes, data=parts)
    yield "data split part csv", document(layers=wide, data={**several, **parts})
    yield from windows()
    blocks = {"stream": {"block": 3, "buffer": 2}, "test": 0.2}
    yield "data stream", document(classes, data={**blocks, "standardize": True})
    streamed = {**table, **blocks, "source": "rows.parquet"}
    yield "data stream parquet", document(classes, data=streamed)
    yield "data stream csv", document(classes, data={**streamed, "source": "rows.csv"})
    yield "task autoencoder", document(task="autoencoder", data={"test": 0.2})
    for task, loss in (("multilabel", "binary_cross_entropy"), ("language", classes)):
        given = "ids" if task == "language" else "vector"
        yield f"task {task}", document(loss, task=task, given=given)
    # Each network reads `hidden`, and has outputs of its own.
    heads = [
        *BODIES["vector"],
        *end({"type": "mse"}, "regression", "size", inputs="hidden"),
        *end({"type": classes}, "multiclass", "kind", inputs="hidden"),
    ]
    by_output = {"size": {"type": "huber", "weight": 0.5}, "kind_given": classes}
    yield "losses by output", {
        **document(layers=heads, data={"target": {"size": "a", "kind_given": "b"}},
                   training={"loss": by_output}),
        "outputs": [*by_output],
    }  # fmt: skip
    coded = {"made": "mse"}
    layers = [*BODIES["vector"], {"name": "made", "type": "dense", "units": 6}]
    given = {"target": {"made": {"input": "x"}}}
    yield "target input", document(layers=layers, data=given, training={"loss": coded})
    words = [*BODIES["ids"], {"type": "gru", "units": 4, "return_sequences": True},
             {"name": "out", "type": "dense", "units": 7, "activation": "softmax"}]  # fmt: skip
    shifted = {"target": {"shifted": "x"}}
    cut = {"text": {"text": {"length": 5, "tokens": "characters", "windows": True}}}
    plain = {"source": "rows.txt", "features": {"x": "text"}, "prepare": cut, **shifted}
    yield (
        "windows of a plain text",
        document(classes, task="language", given="ids", layers=words, data=plain),
    )
    training = {"loss": classes, "mask": "x"}
    yield (
        "target shifted",
        document(classes, task="language", given="ids", layers=words, data=shifted),
    )
    yield (
        "mask of ids",
        document(
            classes, task="language", given="ids", layers=words, data=shifted, training=training
        ),
    )


def layers() -> Iterator[tuple[str, Document]]:
    """Yield the layers, sizes and first weights that a training meets."""
    for name, after in LATE.items():
        yield f"layer {name}", document(after=after)
    pooled = [{"type": "reduce_mean", "axes": [0]}]
    for kind in ("simple_rnn", "lstm", "gru"):
        body = [{"name": "hidden", "type": kind, "units": 3}]
        found = [*body, {"name": "out", "type": "dense", "units": 1}]
        yield f"layer {kind}", document(given="series", layers=found)
    yield "layer conv2d", document("categorical_cross_entropy", given="image")
    for given in ("ids", "open"):
        name = "dynamic axes" if given == "open" else "layer embedding"
        yield name, document("categorical_cross_entropy", given=given, after=pooled)
    attention = [{"type": "multi_head_attention", "num_heads": 2, "dropout": 0.2}, *pooled]
    yield "layer attention", document(given="ids", after=attention)
    yield (
        "layer frozen",
        document(after=[{"type": "dense", "units": 4, "trainable": False}], freeze=["hidden.*"]),
    )
    block = {"layers": [{"name": "inner", "type": "dense", "units": 5}]}
    found = document(after=[{"type": "again", "repeat": 2}])
    yield "layer blocks", {**found, "blocks": {"again": block}}
    for kind, cls in INITIALIZERS.items():
        record = {"type": kind, **({"value": 0.1} if "value" in cls.model_fields else {})}
        yield (
            f"initializer {kind}",
            document(after=[{"type": "dense", "units": 4, "kernel_initializer": record}]),
        )
    yield "initializer of all", document(initializer={"type": "normal", "stddev": 0.3})


def alone() -> dict[str, Document]:
    """Return the cases of one feature each, by name."""
    assert {loss for found in OPTIONAL_LOSSES.values() for loss in found} == TASK_OF.keys()
    every = (losses, optimizers, schedules, metrics, updates, rows, layers)
    return {name: found for family in every for name, found in family()}
