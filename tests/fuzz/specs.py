"""Grows random specs layer by layer, each from shapes that its rule accepts.

Equal numbers give equal specs. Nearly all are valid; `check` has the last word.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

import nnspec
from nnspec.layers import LAYERS
from nnspec.layers.shapes import Shape
from nnspec.network.loader import Spec, loads
from tests.fuzz.arguments import arguments_of, rank_wanted
from tests.fuzz.place import Place
from tests.fuzz.training import data_for, training_for

Document = dict[str, Any]
LONG = "an_exceedingly_long_name_that_leaves_little_of_the_line_to_others"
# Of Python, of the frameworks and of the emitted code: what may be in the way, and is allowed.
NAMES = """
gelu average_pooling2d permute_1 i j k y z h h_ filters units filter hash id input_ vars lambda_
residual inner value_ given_native first_declared Adam loss_function batches step loop logits_ x1
relu dense conv attention steps_before without_mask heads scale exec_ l O data mask lengths E
""".split()  # noqa: SIM905 - a list of quoted words would be longer
POSITIVE = ("log", "sqrt", "reciprocal", "power", "divide")
TRIES = 12


@dataclass
class Value:
    name: str
    shape: Shape
    dtype: str
    is_used: bool = False


@dataclass
class Body:
    """Layers of a network or a block, and what they give."""

    values: list[Value]
    layers: list[Document] = field(default_factory=list)


class Grower:
    """Grows one spec."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.data_format = rng.choice(["channels_first", "channels_last"])
        self.names = rng.sample(NAMES, len(NAMES)) if rng.random() < 0.6 else []
        self.count = 0
        self.inputs: dict[str, Document] = {}
        self.blocks: dict[str, Document] = {}
        self.tables: list[str] = []
        """Embeddings, whose tables others may use."""

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def name(self) -> str:
        self.count += 1
        if self.names and self.chance(0.5):
            return self.names.pop()
        if self.chance(0.06):
            return f"{LONG[: self.rng.choice([30, 40, 52, 60])].rstrip('_')}_{self.count}"
        return f"n{self.count}"

    def shape(self, rank: int) -> Shape:
        """Return a small shape; now and then an axis is dynamic, but never the channels."""
        sizes = [self.rng.choice([1, 2, 2, 3, 4, 5, 6, 8]) for _ in range(rank)]
        shape: list[int | str] = list(sizes)
        channels = 0 if self.data_format == "channels_first" and rank > 2 else -1
        if rank > 1 and self.chance(0.15):
            axis = self.rng.choice([a for a in range(rank) if a != channels % rank])
            shape[axis] = self.rng.choice(["time", "extent"])
        return tuple(shape)

    def given(self, rank: int, dtype: str = "float32", like: Shape | None = None) -> Value:
        """Return a new input of the network."""
        value = Value(self.name(), like if like is not None else self.shape(rank), dtype)
        self.inputs[value.name] = {"shape": list(value.shape), "dtype": dtype}
        return value

    def source(self, body: Body, kind: str, rank: int | None) -> Value | None:
        """Return a value that the layer may take, a new input if there is none."""
        dtypes = LAYERS[kind].model_construct().input_dtypes(0, ((2, 2), (2, 2)))
        fitting = [
            value
            for value in body.values
            if value.dtype in dtypes and rank in (None, len(value.shape))
        ]
        fresh = [value for value in fitting if not value.is_used]
        if fitting and (len(self.inputs) > 2 or self.chance(0.9)):
            return self.rng.choice(fresh or fitting)
        if len(self.inputs) > 3 or (body.layers and body.values[0].name not in self.inputs):
            return None
        dtype = (
            "float32"
            if "float32" in dtypes and self.chance(0.9)
            else self.rng.choice(sorted(dtypes))
        )
        value = self.given(
            self.rng.choice([1, 1, 2, 2, 3, 3, 4, 0]) if rank is None else rank, dtype
        )
        body.values.append(value)
        return value

    def add(
        self,
        body: Body,
        kind: str,
        taken: list[Value],
        arguments: Document,
        masks: tuple[Value, ...] = (),
    ) -> Value | None:
        """Append the layer if its rule accepts the shapes; return its first output."""
        try:
            layer = LAYERS[kind].model_validate(arguments)
            shapes = tuple(value.shape for value in (*taken, *masks))
            outputs = layer.infer_shape(shapes, self.data_format)
            dtypes = layer.infer_dtype(tuple(value.dtype for value in taken))
            layer.parameters(shapes, self.data_format)
        except (ValueError, IndexError):
            return None
        if any(isinstance(size, int) and size > 64 for shape in outputs for size in shape):
            return None
        name = self.name()
        document = {"name": name, "type": kind, "inputs": [v.name for v in taken], **arguments}
        for value in taken:
            value.is_used = True
        body.layers.append(document)
        made = [
            Value(name if i == 0 else f"{name}.{i}", shape, dtypes[i])
            for i, shape in enumerate(outputs)
        ]
        body.values += made
        for other in made[1:]:
            # The network need not give every part.
            other.is_used = self.chance(0.6)
        return made[0]

    def grow(self, body: Body, kind: str) -> Value | None:
        """Append one layer of this kind, with what it needs before it."""
        for _ in range(TRIES):
            rank = rank_wanted(kind, self.rng)
            first = self.source(body, kind, rank)
            if first is None:
                return None
            if kind in POSITIVE:
                first = self.positive(body, first) or first
            taken = [first, *self.others(body, kind, first)]
            place = Place(self.rng, first.shape, self.data_format)
            try:
                arguments = arguments_of(kind, place)
            except (IndexError, ValueError):
                continue  # the layer wants more axes
            masks: tuple[Value, ...] = ()
            if "attention" in kind and body.values[0].name in self.inputs and self.chance(0.3):
                taken = [first]
                square = (first.shape[0],) * 2
                field, shape = self.rng.choice([("mask", square), ("key_padding", square[:1])])
                masks = (self.given(0, "bool", shape),)
                arguments[field] = masks[0].name
            made = self.add(body, kind, taken, arguments, masks)
            if made is not None:
                if kind == "embedding":
                    self.tables.append(made.name)
                return made
            for field in ("mask", "key_padding"):
                self.inputs.pop(arguments.get(field, ""), None)
        return None

    def positive(self, body: Body, value: Value) -> Value | None:
        made = self.add(body, "softplus", [value], {}) if value.dtype == "float32" else None
        return made and self.add(body, "rescaling", [made], {"scale": 1.0, "offset": 0.5})

    def others(self, body: Body, kind: str, first: Value) -> list[Value]:
        """Return the inputs after the first."""
        low, high = LAYERS[kind].arity
        if kind in ("lstm", "gru", "simple_rnn", "bidirectional"):
            is_top = body.values[0].name in self.inputs
            if is_top and self.chance(0.2) and len(self.inputs) < 4:
                lengths = self.given(0, self.rng.choice(["int32", "int64"]), ())
                lengths.is_used = True
                return [lengths]
            return []
        if "attention" in kind:
            alike = [v for v in body.values if v.dtype == "float32" and len(v.shape) == 2]
            count = self.rng.choice([0, 0, 1, 2])
            return [self.rng.choice(alike) for _ in range(count if alike else 0)]
        if kind == "where":
            alike = [v for v in body.values if v.dtype == "float32" and v.shape == first.shape]
            return [self.rng.choice(alike) for _ in range(2 if alike else 0)]
        if kind in ("take", "take_along_axis"):
            if body.values[0].name not in self.inputs or len(self.inputs) > 3:
                return []
            shape = first.shape if kind == "take_along_axis" else self.rng.choice([(), (2,)])
            places = self.given(0, self.rng.choice(["int32", "int64"]), shape)
            places.is_used = True
            return [places]
        wanted = (low if high == low else self.rng.choice([low, low, low + 1])) - 1
        alike = [v for v in body.values if v.dtype == first.dtype and v.shape == first.shape]
        near = [
            v for v in body.values if v.dtype == first.dtype and len(v.shape) <= len(first.shape)
        ]
        found = []
        for _ in range(wanted):
            pool = near if near and self.chance(0.4) else alike
            value = self.rng.choice(pool)
            found.append((self.positive(body, value) or value) if kind == "divide" else value)
        return found

    def block(self, body: Body) -> None:
        """Append uses of a block that keeps the shape of what it takes."""
        floats = [v for v in body.values if v.dtype == "float32"]
        if not floats:
            return
        start = self.rng.choice(floats)
        inner = Body([Value("x", start.shape, "float32")])
        kinds = [kind for kind in LAYERS if kind not in ("shared", "tied_dense", "cast")]
        for _ in range(self.rng.randint(1, 3)):
            before = len(inner.layers), len(inner.values)
            made = self.grow(inner, self.rng.choice(kinds))
            if made is None or made.shape != start.shape or made.dtype != "float32":
                del inner.layers[before[0] :], inner.values[before[1] :]
        if not inner.layers:
            self.add(inner, "relu", [inner.values[0]], {})
        variable = self.rng.choice(["rate", "units_", "width"])
        last = inner.values[-1]
        if last.name == "x" or "." in last.name:
            last = inner.values[0]
        drop = self.name()
        inner.layers.append(
            {"name": drop, "type": "dropout", "rate": f"${{{variable}}}", "inputs": [last.name]}
        )
        inner.values.append(Value(drop, start.shape, "float32"))
        loose = [
            v.name for v in inner.values if not v.is_used and v.name not in ("x", drop, last.name)
        ]
        inner.layers.append({"name": self.name(), "type": "add", "inputs": [drop, "x", *loose]})
        title = self.rng.choice(["step", "residual_step", "Stage", "block", "relu_step"])
        self.blocks[title] = {"variables": {variable: 0.25}, "layers": inner.layers}
        for _ in range(self.rng.randint(1, 2)):
            name = self.name()
            use: Document = {"name": name, "type": title, "inputs": [start.name]}
            if self.chance(0.5):
                use["repeat"] = self.rng.randint(1, 3)
                if self.chance(0.4):
                    use[variable] = "${0.1 * (index + 1)}"
            elif self.chance(0.4):
                use[variable] = 0.5
            body.layers.append(use)
            start.is_used = True
            start = Value(name, start.shape, "float32")
            body.values.append(start)
        if self.chance(0.3):
            shared = self.name()
            body.layers.append(
                {"name": shared, "type": "shared", "layer": name, "inputs": [start.name]}
            )
            start.is_used = True
            body.values.append(Value(shared, start.shape, "float32"))

    def share(self, body: Body) -> None:
        """Append a layer that uses the weights of another."""
        owners = [
            d
            for d in body.layers
            if d["type"] in LAYERS and d["type"] not in ("shared", "tied_dense")
        ]
        if not owners:
            return
        owner = self.rng.choice(owners)
        inputs = {value.name: value for value in body.values}
        taken = [inputs.get(name) for name in owner["inputs"]]
        made = inputs.get(owner["name"])
        if (
            made is None
            or any(value is None for value in taken)
            or "mask" in owner
            or "key_padding" in owner
        ):
            return
        name = self.name()
        body.layers.append(
            {"name": name, "type": "shared", "layer": owner["name"], "inputs": owner["inputs"]}
        )
        body.values.append(Value(name, made.shape, made.dtype))
        tables = [name for name in self.tables if name in inputs]
        if tables and self.chance(0.5):
            table = inputs[tables[0]]
            owned = next(d for d in body.layers if d["name"] == table.name)
            tied = self.name()
            body.layers.append(
                {"name": tied, "type": "tied_dense", "layer": table.name, "inputs": [table.name]}
            )
            table.is_used = True
            body.values.append(Value(tied, (*table.shape[:-1], owned["input_dim"]), "float32"))

    def document(self) -> Document:
        body = Body([])
        kinds = [kind for kind in LAYERS if kind not in ("shared", "tied_dense")]
        first = self.rng.choice(kinds)
        rank = rank_wanted(first, self.rng)
        ranks = [1, 1, 2, 2, 2, 3, 3, 3, 4, 0, 5]
        dtype = (
            "float32" if "float32" in LAYERS[first].dtypes else self.rng.choice(["int32", "int64"])
        )
        body.values.append(self.given(self.rng.choice(ranks) if rank is None else rank, dtype))
        self.grow(body, first)
        for _ in range(self.rng.randint(0, 4)):
            action = self.rng.random()
            if action < 0.15 and not self.blocks:
                self.block(body)
            elif action < 0.22:
                self.share(body)
            else:
                self.grow(body, self.rng.choice(kinds))
        if not body.layers:
            self.add(body, "linear", [body.values[0]], {})
        return self.finished(body)

    def finished(self, body: Body) -> Document:
        document: Document = {
            "nnspec": 1,
            "name": self.rng.choice(["Net", "Import", "Keras", "VGG16Like", "N" + LONG[:50]]),
            "data_format": self.data_format,
        }
        loose = [value for value in body.values if not value.is_used]
        training = None
        if self.chance(0.4):
            training = self.trained(body, loose)
        elif len(loose) > 3:
            loose = [*loose[:1], self.joined(body, loose[1:])]
        outputs = [value.name for value in body.values if not value.is_used]
        unused = [name for name in outputs if name in self.inputs]
        for name in unused:
            # An input by itself is no output.
            (value,) = [value for value in body.values if value.name == name]
            self.add(body, "linear", [value], {})
        outputs = [value.name for value in body.values if not value.is_used]
        self.rng.shuffle(outputs)
        taken = json.dumps([body.layers, self.blocks])
        self.inputs = {name: each for name, each in self.inputs.items() if f'"{name}"' in taken}
        document |= {"inputs": self.inputs, "layers": body.layers, "outputs": outputs}
        if self.blocks:
            document["blocks"] = self.blocks
        if training is not None and len(outputs) == 1:
            document |= {"training": training, "data": data_for(self.rng, self.inputs)}
        return document

    def joined(self, body: Body, loose: list[Value]) -> Value:
        """Return one float vector of all of these."""
        flat = []
        for value in loose:
            if value.dtype != "float32":
                value = self.add(body, "cast", [value], {"dtype": "float32"}) or value
            while any(isinstance(size, str) for size in value.shape):
                axis = next(i for i, s in enumerate(value.shape) if isinstance(s, str))
                value = self.add(body, "reduce_mean", [value], {"axes": [axis]}) or value
            if not value.shape:
                value = self.add(body, "expand_dims", [value], {"axis": 0}) or value
            flat.append(self.add(body, "flatten", [value], {}) or value)
        return (self.add(body, "concatenate", flat, {}) or flat[0]) if len(flat) > 1 else flat[0]

    def trained(self, body: Body, loose: list[Value]) -> Document:
        """End the network in one output, and return its training."""
        task = self.rng.choice(["regression", "binary", "multiclass"])
        last = self.joined(body, loose)
        units = {"regression": self.rng.choice([1, 3]), "binary": 1, "multiclass": 3}[task]
        last = self.add(body, "dense", [last], {"units": units}) or last
        end = {"regression": None, "binary": "sigmoid", "multiclass": "softmax"}[task]
        if end and self.chance(0.7):
            self.add(body, end, [last], {})
        return training_for(task, self.rng)


def document_of(number: int) -> Document:
    """Return the spec of this number."""
    return Grower(random.Random(number)).document()


def load_document(document: Document) -> Spec | None:
    """Return the checked spec, or None where `check` refuses it."""
    try:
        return loads(json.dumps(document), is_json=True)
    except nnspec.SpecError:
        return None


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Draw a spec; Hypothesis makes one that fails smaller."""
    return Grower(draw(st.randoms(use_true_random=False))).document()
