"""BERT, GPT-2, ViT and Llama are what Hugging Face's transformers computes by these names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

# Nothing here is downloaded, and nothing should be tried. The tests import transformers themselves:
# it takes seconds, and most processes of a run have none of them.
os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import torch
from numpy.typing import NDArray
from torch.overrides import TorchFunctionMode

from tests.independent.agreement import (
    Array,
    assert_agree,
    factor,
    images,
    kernel,
    offset,
    renamed,
    softmax,
    tokens,
    with_scores,
    zoo,
)

DEPTH = 2
BATCH = 3


class KeepDouble(TorchFunctionMode):
    """Leaves numbers in float64 where code asks for float32.

    transformers computes rotary angles, the normalisation of Llama and some softmaxes in float32
    whatever the model's type is, which would hide all but coarse differences.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any | None = None
    ) -> Any:
        if func is torch.Tensor.float:
            func = torch.Tensor.double
        args = [torch.float64 if value is torch.float32 else value for value in args]
        kwargs = {
            key: torch.float64 if value is torch.float32 else value
            for key, value in (kwargs or {}).items()
        }
        return func(*args, **kwargs)


def randomize(model: torch.nn.Module) -> dict[str, Array]:
    """Give every parameter random numbers, none of them trivial, and return them."""
    given: dict[str, Array] = {}
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            shape = tuple(parameter.shape)
            if len(shape) == 1:
                make = factor if name.endswith("weight") else offset
                given[name] = make(name, shape)
            elif isinstance(model.get_submodule(name.rpartition(".")[0]), torch.nn.Embedding):
                given[name] = kernel(name, shape, 1)
            else:
                # The fan of Conv2d, of Linear, or of GPT-2's Conv1D, which is (in, out).
                terms = shape[0] if ".h." in name else int(np.prod(shape[1:]))
                given[name] = kernel(name, shape, terms, gain=1.5)
            parameter.copy_(torch.from_numpy(given[name]))
    return given


def results(
    model: torch.nn.Module, inputs: Mapping[str, NDArray[np.generic]], *outputs: str
) -> list[NDArray[Any]]:
    given = {name: torch.from_numpy(array) for name, array in inputs.items()}
    with torch.no_grad():
        computed = model(**given)
    return [computed[name].numpy() for name in outputs]


def in_both(
    make: Any, inputs: Mapping[str, NDArray[np.generic]], *outputs: str
) -> tuple[dict[str, Array], list[Array], list[NDArray[Any]]]:
    """Return a model's weights, and its outputs in float64 and in float32."""
    with KeepDouble():
        model = make().double().eval()
        weights = randomize(model)
        exact = results(model, inputs, *outputs)
    single = make().eval()
    randomize(single)
    rounded = {
        name: array.astype(np.float32) if array.dtype.kind == "f" else array
        for name, array in inputs.items()
    }
    return weights, exact, results(single, rounded, *outputs)


def layers(theirs: str, ours: str, names: Mapping[str, str]) -> dict[str, str]:
    """Return the names within every repetition of a layer."""
    return {
        f"{theirs}.{i}.{key}": f"{ours}.{i}.{value}"
        for i in range(DEPTH)
        for key, value in names.items()
    }


def test_bert() -> None:
    from transformers import BertConfig, BertModel

    spec = zoo("bert_base", vocabulary=31, length=10, width=24, depth=DEPTH, heads=3)
    config = BertConfig(
        vocab_size=31,
        max_position_embeddings=10,
        hidden_size=24,
        num_hidden_layers=DEPTH,
        num_attention_heads=3,
        intermediate_size=96,
        hidden_act="gelu",
        layer_norm_eps=1e-12,
    )
    inputs = {"tokens": tokens("words", BATCH, 10, 31), "segments": tokens("sides", BATCH, 10, 2)}
    weights, exact, single = in_both(
        lambda: BertModel(config),
        {
            "input_ids": inputs["tokens"],
            "token_type_ids": inputs["segments"],
            "attention_mask": np.ones((BATCH, 10), np.int64),
        },
        "last_hidden_state",
        "pooler_output",
    )
    names = {
        "embeddings.word_embeddings": "words",
        "embeddings.token_type_embeddings": "sides",
        "embeddings.position_embeddings": "positions",
        "embeddings.LayerNorm": "norm",
        **layers("encoder.layer", "encoder", {
            "attention.self.query": "attention.q",
            "attention.self.key": "attention.k",
            "attention.self.value": "attention.v",
            "attention.output.dense": "attention.out",
            "attention.output.LayerNorm": "norm1",
            "intermediate.dense": "widen",
            "output.dense": "narrow",
            "output.LayerNorm": "norm2",
        }),
        "pooler.dense": "pooled",
    }  # fmt: skip
    outputs = ("encoder", "pooled")
    assert_agree(
        spec,
        renamed(weights, names),
        inputs,
        dict(zip(outputs, exact, strict=True)),
        dict(zip(outputs, single, strict=True)),
    )


def test_gpt2() -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    spec = zoo("gpt2", vocabulary=31, length=12, width=24, depth=DEPTH, heads=3)
    config = GPT2Config(
        vocab_size=31,
        n_positions=12,
        n_embd=24,
        n_layer=DEPTH,
        n_head=3,
        activation_function="gelu_new",
        layer_norm_epsilon=1e-5,
        bos_token_id=0,
        eos_token_id=0,
    )
    # Shorter than the longest: positions count from the first.
    inputs = {"tokens": tokens("gpt2", BATCH, 9, 31)}
    weights, [exact], [single] = in_both(
        lambda: GPT2LMHeadModel(config), {"input_ids": inputs["tokens"]}, "logits"
    )
    names = {
        "transformer.wte": "embedding",
        "transformer.wpe": "positions",
        **layers("transformer.h", "transformers", {
            "ln_1": "norm1",
            "attn.q": "attention.q",
            "attn.k": "attention.k",
            "attn.v": "attention.v",
            "attn.c_proj": "attention.out",
            "ln_2": "norm2",
            "mlp.c_fc": "widen",
            "mlp.c_proj": "narrow",
        }),
        "transformer.ln_f": "norm",
    }  # fmt: skip
    assert_agree(
        spec, renamed(unpacked(weights), names), inputs, {"scores": exact}, {"scores": single}
    )


def unpacked(weights: Mapping[str, Array]) -> dict[str, Array]:
    """Return GPT-2's weights with (out, in) kernels, and q, k and v each of its own."""
    result: dict[str, Array] = {}
    for name, array in weights.items():
        turned = array.T if ".h." in name and array.ndim == 2 else array
        if "c_attn" in name:
            for part, piece in zip("qkv", np.split(turned, 3), strict=True):
                result[name.replace("c_attn", part)] = piece
        else:
            result[name] = turned
    return result


def test_vit() -> None:
    from transformers import ViTConfig, ViTForImageClassification

    spec = with_scores(zoo("vit_b16", image=24, patch=8, width=24, depth=DEPTH, heads=3, classes=5))
    config = ViTConfig(
        image_size=24,
        patch_size=8,
        hidden_size=24,
        num_hidden_layers=DEPTH,
        num_attention_heads=3,
        intermediate_size=96,
        hidden_act="gelu",
        # The paper's own code has 1e-6; the default here is 1e-12.
        layer_norm_eps=1e-6,
        num_labels=5,
    )
    inputs = {"image": images("vit", BATCH, 3, 24, 24)}
    weights, [exact], [single] = in_both(
        lambda: ViTForImageClassification(config), {"pixel_values": inputs["image"]}, "logits"
    )
    token = weights.pop("vit.embeddings.cls_token")
    positions = weights.pop("vit.embeddings.position_embeddings")
    names = {
        "vit.embeddings.patch_embeddings.projection": "patches",
        **layers("vit.layers", "encoder", {
            "layernorm_before": "norm1",
            "attention.q_proj": "attention.q",
            "attention.k_proj": "attention.k",
            "attention.v_proj": "attention.v",
            "attention.o_proj": "attention.out",
            "layernorm_after": "norm2",
            "mlp.fc1": "widen",
            "mlp.fc2": "narrow",
        }),
        "vit.layernorm": "norm",
        "classifier": "scores",
    }  # fmt: skip
    ours = {
        "class_token.weight": token[0],
        "positions.weight": positions[0],
        **renamed(weights, names),
    }
    assert_agree(
        spec,
        ours,
        inputs,
        {"scores": exact, "probabilities": softmax(exact)},
        {"scores": single, "probabilities": softmax(single)},
    )


def test_llama() -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    spec = zoo(
        "llama",
        vocabulary=31,
        length=16,
        width=32,
        hidden=48,
        depth=DEPTH,
        heads=4,
        kv_heads=2,
        wavelength=500000.0,
    )
    config = LlamaConfig(
        vocab_size=31,
        max_position_embeddings=16,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=DEPTH,
        num_attention_heads=4,
        num_key_value_heads=2,
        hidden_act="silu",
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 500000.0},
        tie_word_embeddings=True,
    )
    inputs = {"tokens": tokens("llama", BATCH, 13, 31)}
    weights, [exact], [single] = in_both(
        lambda: LlamaForCausalLM(config), {"input_ids": inputs["tokens"]}, "logits"
    )
    names = {
        "model.embed_tokens": "embedding",
        **layers("model.layers", "transformers", {
            "input_layernorm": "norm1",
            "self_attn.q_proj": "attention.q",
            "self_attn.k_proj": "attention.k",
            "self_attn.v_proj": "attention.v",
            "self_attn.o_proj": "attention.out",
            "post_attention_layernorm": "norm2",
            "mlp.gate_proj": "gate",
            "mlp.up_proj": "up",
            "mlp.down_proj": "down",
        }),
        "model.norm": "norm",
    }  # fmt: skip
    assert_agree(spec, renamed(weights, names), inputs, {"scores": exact}, {"scores": single})
