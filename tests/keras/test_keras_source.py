"""What the emitted Keras source reads like, and what it needs."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from keras_cases import arrays_of, spec_of

from nnspec.backend import Options
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, lower
from nnspec.errors import UnsupportedError, UsageError
from nnspec.layers.shapes import TensorType
from nnspec.network.loader import load, loads
from nnspec_keras import activations, backend
from nnspec_keras.module import function_name

ROOT = Path(__file__).parents[2]


def functions(spec, **options):
    """Return the source after its imports."""
    source = backend.compile(spec, Options(**options)).source
    return source[source.index("\n\n\n") :].strip("\n")


def text(source):
    return textwrap.dedent(source).strip("\n")


def test_a_small_network():
    spec = loads(
        text("""
        nnspec: 1
        name: SimpleNN
        inputs: {x_in: {shape: [2]}}
        layers:
          - {name: hidden, type: dense, units: 4, activation: relu}
          - {name: output_layer, type: dense, units: 1, kernel_initializer: he_normal}
        """)
    )
    assert (
        backend.compile(spec).source
        == text('''
        """SimpleNN."""

        import keras
        from keras import layers


        def simple_nn() -> keras.Model:
            """x_in (batch, 2) -> output_layer (batch, 1)."""
            x_in = keras.Input((2,), name="x_in")
            x = layers.Dense(4, activation="relu", name="hidden")(x_in)
            output_layer = layers.Dense(
                1,
                kernel_initializer="he_normal",
                name="output_layer",
            )(x)
            return keras.Model(x_in, output_layer, name="SimpleNN")
        ''')
        + "\n"
    )


BLOCKS = """
nnspec: 1
name: Tower
inputs: {image: {shape: [3, 8, 8]}}
blocks:
  unit:
    variables: {filters: 8, rate: 0.1}
    layers:
      - {name: conv, type: conv2d, filters: "${filters}", kernel_size: 3, padding: same}
      - {name: drop, type: dropout, rate: "${rate}"}
  stage:
    variables: {width: 8}
    layers:
      - {name: units, type: unit, filters: "${width}", repeat: 2}
      - {name: scaled, type: unit, filters: "${width * (index + 1)}", repeat: 2}
layers:
  - {name: first, type: stage}
  - {name: second, type: stage, width: 16}
  - {name: rates, type: unit, filters: "${8 * (index + 1)}", rate: "${0.1 * index}", repeat: 2}
"""


def test_blocks_are_functions_and_repetitions_are_loops():
    assert functions(loads(BLOCKS)) == text('''
        def unit(x, filters, rate, name):
            """x (batch, 8, 8, channels) -> drop (batch, 8, 8, filters)."""
            x = layers.Conv2D(
                filters, 3, padding="same", data_format="channels_last", name=f"{name}.conv"
            )(x)
            return layers.Dropout(rate, name=f"{name}.drop")(x)


        def stage(x, filters, width, name):
            """x (batch, 8, 8, channels) -> scaled (batch, 8, 8, filters)."""
            for i in range(2):
                x = unit(x, filters=width, rate=0.1, name=f"{name}.units.{i}")
            for i, filters_ in enumerate([width, filters]):
                x = unit(x, filters=filters_, rate=0.1, name=f"{name}.scaled.{i}")
            return x


        def tower() -> keras.Model:
            """image (batch, 3, 8, 8) -> rates (batch, 16, 8, 8)."""
            image = keras.Input((3, 8, 8), name="image")
            x = layers.Permute((2, 3, 1))(image)  # channels last
            x = stage(x, filters=16, width=8, name="first")
            x = stage(x, filters=32, width=16, name="second")
            for i, (filters, rate) in enumerate([(8, 0.0), (16, 0.1)]):
                x = unit(x, filters=filters, rate=rate, name=f"rates.{i}")
            rates = layers.Permute((3, 1, 2))(x)  # channels first
            return keras.Model(image, rates, name="Tower")
        ''')


def test_native_layout_has_no_transpose():
    source = functions(loads(BLOCKS), layout="native")
    assert "Permute" not in source
    assert "image (batch, 8, 8, 3) -> rates (batch, 8, 8, 16)." in source


def test_what_keras_defaults_differently_is_written_out():
    spec = spec_of(
        [
            {"type": "conv2d", "filters": 4, "kernel_size": 3, "padding": [[2, 0], [1, 1]]},
            {"type": "batch_normalization"},
            {"type": "leaky_relu"},
            {"type": "max_pooling2d", "pool_size": 3, "strides": 2, "padding": 1},
            {"type": "average_pooling2d", "pool_size": 2, "padding": [[1, 0], [1, 0]]},
        ],
        inputs=(8, 8, 3),
        data_format="channels_last",
    )
    assert functions(spec) == text('''
        def average_pooling2d(pool_size, strides, padding, name):
            """Return a layer's function: the mean of each window, padding not counted."""
            pad = layers.ZeroPadding2D(
                padding, data_format="channels_last", name=f"{name}.padding"
            )
            pool = layers.AveragePooling2D(
                pool_size, strides, data_format="channels_last", name=name
            )
            return lambda x: pool(pad(x)) / pool(pad(ops.ones_like(x)))


        def case() -> keras.Model:
            """image (batch, 8, 8, 3) -> average_pooling2d_1 (batch, 2, 2, 4)."""
            image = keras.Input((8, 8, 3), name="image")
            x = layers.ZeroPadding2D(((2, 0), (1, 1)), data_format="channels_last")(image)
            x = layers.Conv2D(4, 3, data_format="channels_last", name="conv2d_1")(x)
            x = layers.BatchNormalization(
                momentum=0.9, epsilon=1e-5, name="batch_normalization_1"
            )(x)
            x = layers.LeakyReLU(negative_slope=0.01, name="leaky_relu_1")(x)
            x = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=float("-inf"))
            x = layers.MaxPooling2D(
                3, strides=2, data_format="channels_last", name="max_pooling2d_1"
            )(x)
            average_pooling2d_1 = average_pooling2d(
                2, strides=2, padding=((1, 0), (1, 0)), name="average_pooling2d_1"
            )(x)
            return keras.Model(image, average_pooling2d_1, name="Case")
        ''')


def test_a_layer_may_have_the_name_that_keras_would_give_a_transpose():
    layers = [
        {"name": "permute", "type": "conv2d", "filters": 3, "kernel_size": 1},
        {"name": "zero_padding2d", "type": "conv2d", "filters": 3, "kernel_size": 3,
         "padding": [[2, 0], [0, 1]]},
    ]  # fmt: skip
    spec = spec_of(layers, inputs=(3, 6, 6))
    output = backend.compile(spec).build().forward(arrays_of(spec.graph))
    assert output["zero_padding2d"].shape == (4, 3, 6, 5)


def test_a_layer_may_have_the_name_that_keras_would_give_an_operation():
    pool = {"type": "max_pooling2d", "pool_size": 3, "padding": [[2, 1], [1, 0]]}
    spec = spec_of([{"name": "pad", "type": "relu"}, pool], inputs=(3, 6, 6))
    output = backend.compile(spec).build().forward(arrays_of(spec.graph))
    assert output["max_pooling2d_1"].shape == (4, 3, 3, 2)


def test_names_are_freed_in_blocks_too():
    blocks = {
        "scaled": {
            "inputs": ["given"],
            "layers": [
                {"name": "moved", "type": "rescaling", "scale": 0.5, "offset": 1.0},
                {"name": "both", "type": "divide", "inputs": ["moved", "given"]},
            ],
        }
    }
    layers = [
        {"name": "add_1", "type": "exp"},
        {"name": "add", "type": "dense", "units": 3},
        {"name": "true_divide", "type": "dense", "units": 3},
        {"name": "one", "type": "scaled"},
        {"name": "more", "type": "scaled", "repeat": 2},
    ]
    spec = spec_of(layers, inputs=(3,), blocks=blocks)
    compiled = backend.compile(spec)
    assert 'name=f"{name}.both"' in compiled.source
    assert compiled.build().forward(arrays_of(spec.graph))["more"].shape == (4, 3)


def test_a_name_that_cannot_be_freed_is_refused():
    pool = {"type": "average_pooling2d", "pool_size": 3, "padding": [[2, 1], [1, 0]]}
    spec = spec_of([{"name": "ones_like", "type": "relu"}, pool], inputs=(3, 6, 6))
    with pytest.raises(UnsupportedError, match='"ones_like": give the layer'):
        backend.compile(spec)


def test_the_native_layout_is_for_networks_alone():
    spec = load(ROOT / "specs" / "digits_cnn.yaml")
    with pytest.raises(UsageError, match="layout spec"):
        backend.compile(spec, Options(training=True, layout="native"))


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("DigitsCNN", "digits_cnn"),
        ("MiniLM", "mini_lm"),
        ("VGG16", "vgg16"),
        ("Import", "import_model"),
        ("Keras", "keras_model"),
        ("Sum", "sum_model"),
    ],
)
def test_the_function_has_the_network_name_in_snake_case(name, function):
    spec = spec_of([{"type": "relu"}], name=name)
    assert backend.compile(spec).function == function
    assert f"def {function}() -> keras.Model:" in backend.compile(spec).source


def python(code, *, cwd):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def test_compiling_imports_no_framework(tmp_path):
    code = f"""
        import sys
        from nnspec.backend import Options, get_backend
        from nnspec.network.loader import load
        spec = load({str(ROOT / "specs" / "digits_cnn.yaml")!r})
        get_backend("keras").compile(spec, Options(training=True)).write("digits.py")
        found = {{"keras", "tensorflow", "torch", "onnx"}} & set(sys.modules)
        assert not found, found
    """
    run = python(code, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "digits.py").read_text().startswith('"""DigitsCNN, compiled from digits')


def test_the_source_needs_no_nnspec(tmp_path):
    spec = load(ROOT / "specs" / "digits_cnn.yaml")
    backend.compile(spec, Options(training=True)).write(tmp_path / "digits.py")
    code = """
        import sys
        class Refuse:
            def find_spec(self, name, path=None, target=None):
                assert not name.startswith("nnspec"), name
        sys.meta_path.insert(0, Refuse())
        import digits
        model = digits.compiled(digits.digits_cnn())
        assert model.optimizer.name == "adam"
        assert not any(name.startswith("nnspec") for name in sys.modules)
    """
    run = python(code, cwd=tmp_path)
    assert run.returncode == 0, run.stderr


def test_a_missing_keras_says_what_to_install(tmp_path):
    code = """
        import sys
        sys.modules["keras"] = None
        from nnspec.errors import MissingDependencyError
        from nnspec.network.loader import loads
        from nnspec_keras import backend
        text = "{nnspec: 1, name: A, inputs: {a: {shape: [2]}}, layers: [{type: relu}]}"
        try:
            backend.compile(loads(text)).build()
        except MissingDependencyError as error:
            assert str(error) == 'keras is not installed; pip install "nnspec[keras]"', error
        else:
            raise AssertionError
    """
    run = python(code, cwd=tmp_path)
    assert run.returncode == 0, run.stderr


def test_an_input_may_have_the_name_of_a_variable():
    """The model is made of its input at the end, so no other value may take its name."""
    hidden = [{"name": name, "type": "dense", "units": 3} for name in ("a", "b", "c")]
    spec = spec_of(hidden, inputs={"x": (4,)})
    model = backend.compile(spec).build().model
    assert [layer.name for layer in model.layers] == ["x", "a", "b", "c"]


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("SimpleNN", "simple_nn"),
        ("DigitsCNN", "digits_cnn"),
        ("MyCNNCell", "my_cnn_cell"),
        ("Net2D", "net2_d"),
        ("A", "a"),
        ("already_snake", "already_snake"),
        ("Layers", "layers_model"),
        ("Print", "print_model"),
    ],
)
def test_a_network_is_named_as_functions_are(name, function):
    assert function_name(name) == function


def test_one_row_gives_an_activation_alone_and_as_an_argument():
    kind = TensorType((3,), "float32")
    context = Context((kind,), (kind,), "channels_last")
    taken = 0
    for cls, row in activations.ROWS.items():
        layer = cls.model_construct()
        fused = activations.fuse(call("layers.Dense", use_bias=False), layer)
        assert (fused is not None) == isinstance(row, activations.Argument)
        if fused is None:
            continue
        taken += 1
        # What follows the activation as a person would write it, stays behind it.
        (name, value), last = fused.keywords
        assert (name, last) == ("activation", ("use_bias", False))
        alone = lower(row, layer, context).module
        assert alone == call("layers.Activation", ("activation", value)) or value == "elu"
    assert taken == 17


def test_an_activation_with_other_settings_is_a_layer_of_its_own():
    dense = {"name": "a", "type": "dense", "units": 3}
    spec = spec_of([{**dense, "activation": {"type": "elu", "alpha": 0.5}}], inputs={"x": (4,)})
    source = functions(spec)
    assert "activation=" not in source
    assert 'layers.ELU(alpha=0.5, name="a.elu")' in source
