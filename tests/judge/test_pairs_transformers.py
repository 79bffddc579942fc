"""Networks of transformers beside the zoo's specs: right ones, and ones with a fault planted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nnspec.backend import get_backend
from nnspec.judge.against import judge
from nnspec.judge.judgement import Judgement
from nnspec.judge.process import reader_of, reference_of
from nnspec.network.loader import load

pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

ZOO = Path(__file__).parents[2] / "specs" / "zoo"
MODEL = """\
import torch
from torch import nn
from transformers import {config}, {model}


class Net(nn.Module):
    def __init__(self, attention="eager"):
        super().__init__()
        config = {config}({fields})
        config._attn_implementation = attention
        self.body = {model}(config)
        torch.manual_seed(1)
        with torch.no_grad():
            for each in self.body.parameters():
                each.add_(0.1 * torch.randn_like(each))

    def forward(self, {inputs}):
        {result}


def eager():
    return Net("eager")


def sdpa():
    return Net("sdpa")
"""
PAIRS: dict[str, dict[str, Any]] = {
    "gpt2": {
        "zoo": "gpt2",
        "set": {"vocabulary": 40, "length": 16, "width": 24, "depth": 2, "heads": 3},
        "config": "GPT2Config",
        "model": "GPT2LMHeadModel",
        "fields": "vocab_size=40, n_positions=16, n_embd=24, n_layer=2, n_head=3, "
        "bos_token_id=0, eos_token_id=0",
        "inputs": "tokens",
        "result": "return self.body(tokens).logits",
    },
    "bert": {
        "zoo": "bert_base",
        "set": {"vocabulary": 40, "length": 12, "width": 24, "depth": 2, "heads": 3},
        "config": "BertConfig",
        "model": "BertModel",
        "fields": "vocab_size=40, max_position_embeddings=12, hidden_size=24, "
        "num_hidden_layers=2, num_attention_heads=3, intermediate_size=96, pad_token_id=None",
        "inputs": "tokens, segments",
        "result": "found = self.body(tokens, token_type_ids=segments)\n"
        "        return found.last_hidden_state, found.pooler_output",
    },
    "vit": {
        "zoo": "vit_b16",
        "set": {"image": 16, "patch": 4, "width": 24, "depth": 2, "heads": 3, "classes": 5},
        "config": "ViTConfig",
        "model": "ViTForImageClassification",
        "fields": "image_size=16, patch_size=4, hidden_size=24, num_hidden_layers=2, "
        "num_attention_heads=3, intermediate_size=96, num_labels=5, layer_norm_eps=1e-6",
        "inputs": "image",
        "result": "return self.body(image).logits.softmax(-1)",
    },
    "llama": {
        "zoo": "llama",
        "set": {"vocabulary": 40, "length": 32, "width": 24, "hidden": 40, "depth": 2, "heads": 6,
                "kv_heads": 2},
        "config": "LlamaConfig",
        "model": "LlamaForCausalLM",
        "fields": "vocab_size=40, max_position_embeddings=32, hidden_size=24, "
        "num_hidden_layers=2, num_attention_heads=6, num_key_value_heads=2, "
        "intermediate_size=40, tie_word_embeddings=True, rms_norm_eps=1e-5, pad_token_id=None, "
        "bos_token_id=0, eos_token_id=0",
        "inputs": "tokens",
        "result": "return self.body(tokens).logits",
    },
}  # fmt: skip
FAULTS = {
    "gpt2-epsilon": ("gpt2", "n_head=3", "n_head=3, layer_norm_epsilon=1e-3", "sdpa",
                     "transformers.0.norm1", "epsilon 0.001, and not 1e-05", "h.0.ln_1"),
    "gpt2-gelu": ("gpt2", "n_head=3", "n_head=3, activation_function='gelu'", "sdpa",
                  "transformers.0.widen", "the exact form of gelu", "h.0.mlp.act"),
    "gpt2-scale": ("gpt2", "n_head=3", "n_head=3, scale_attn_weights=False", "eager",
                   "transformers.0.attention", "scale 1.0", "h.0.attn (GPT2Attention"),
    "gpt2-mask": ("gpt2", "return self.body(tokens).logits",
                  "every = torch.zeros(1, 1, tokens.shape[1], tokens.shape[1])\n"
                  "        return self.body(tokens, attention_mask=every).logits", "eager",
                  "transformers.0.attention", "causal False", "h.0.attn (GPT2Attention"),
    "gpt2-positions": ("gpt2", "self.body(tokens)",
                       "self.body(tokens, position_ids=torch.arange(1, tokens.shape[1] + 1)[None])",
                       "sdpa", "positions", "", "transformer"),
    "bert-gelu": ("bert", "num_attention_heads=3", "num_attention_heads=3, hidden_act='gelu_new'",
                  "sdpa", "encoder.0.widen", "the tanh approximation of gelu",
                  "layer.0.intermediate.intermediate_act_fn"),
    "bert-epsilon": ("bert", "num_attention_heads=3", "num_attention_heads=3, layer_norm_eps=1e-5",
                     "eager", "norm", "epsilon 1e-05, and not 1e-12", "embeddings.LayerNorm"),
    "vit-activation": ("vit", "num_attention_heads=3", "num_attention_heads=3, hidden_act='relu'",
                       "sdpa", "encoder.0.widen", "relu, and not gelu", "layers.0.mlp"),
    "vit-epsilon": ("vit", "1e-6", "1e-12", "sdpa", "encoder.0.norm1",
                    "epsilon 1e-12, and not 1e-06", "layers.0.layernorm_before"),
    "llama-epsilon": ("llama", "1e-5", "1e-6", "sdpa", "transformers.0.norm1",
                      "epsilon 1e-06, and not 1e-05", "layers.0.input_layernorm"),
    "llama-wavelength": ("llama", "num_attention_heads=6",
                         "num_attention_heads=6, rope_theta=500000.0", "sdpa",
                         "transformers.0.attention", "rotary_wavelength 500000.0",
                         "layers.0.self_attn (LlamaAttention"),
    "llama-halves": ("llama", "class Net(", """\
from transformers.models.llama import modeling_llama


def turned(q, k, cos, sin, *_, **__):
    cos, sin = (each[:, None, :, :2].repeat_interleave(2, -1) for each in (cos, sin))
    return [
        each * cos + torch.stack((-each[..., 1::2], each[..., ::2]), -1).flatten(-2) * sin
        for each in (q, k)
    ]


modeling_llama.apply_rotary_pos_emb = turned


class Net(""", "eager", "transformers.0.attention", "turn neighbouring features",
                     "layers.0.self_attn (LlamaAttention"),
}  # fmt: skip
"""A pair, what is written and what stands for it, the kind of attention; the layer at fault, words
of the cause, and of the module that the line is in."""


def text_of(pair: str) -> str:
    return MODEL.format(**PAIRS[pair])


def judged(pair: str, text: str, attention: str, folder: Path) -> Judgement:
    """Judge a file in this process: one of its own takes seconds to begin."""
    path = folder / "model.py"
    path.write_text(text)
    spec = load(ZOO / f"{PAIRS[pair]['zoo']}.yaml", variables=PAIRS[pair]["set"])
    reference = reference_of(f"{path}:{attention}")
    foreign = get_backend(reader_of(reference).name).open_file(reference)
    return judge(spec, foreign, reference, batch=2, seed=0, known={})


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("pair", PAIRS)
def test_a_network_of_transformers_is_the_same(pair: str, attention: str, tmp_path: Path) -> None:
    report = judged(pair, text_of(pair), attention, tmp_path)
    assert report.passed, report.to_json()
    assert {check.dtype for check in report.checks if check.kind == "forward"} == {"float64"}
    assert any(check.kind == "gradient" for check in report.checks)
    found = next(note for note in report.notes if "parameters were found" in note)
    count = len(report.sources)
    assert found.startswith(f"{count} of {count} parameters"), report.notes


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_in_its_layer(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers.models.llama import modeling_llama

    before = modeling_llama.apply_rotary_pos_emb
    monkeypatch.setattr(modeling_llama, "apply_rotary_pos_emb", before)  # put back afterwards
    pair, old, new, attention, layer, cause, module = FAULTS[fault]
    text = text_of(pair)
    assert old in text
    report = judged(pair, text.replace(old, new, 1), attention, tmp_path)
    assert report.verdict == "not the same", report.to_json()
    first, *others = report.faults
    assert first.layer == layer
    assert cause in first.cause
    assert first.places[0].startswith("model.py:")
    assert module in first.places[0]
    # What is blamed after it has the same fault, and not the first one's consequences.
    assert {each.cause for each in others} <= {first.cause}


def test_a_row_without_a_gradient_is_said(tmp_path: Path) -> None:
    """Transformers' BERT never trains the row of its padding, which the spec does."""
    text = text_of("bert").replace(", pad_token_id=None", "")
    report = judged("bert", text, "sdpa", tmp_path)
    (failed,) = report.failures()
    assert failed.kind == "gradient"
    assert "row 0 of words.weight" in failed.detail
    assert "padding_index" in failed.detail


def test_biases_that_the_file_lacks_are_said(tmp_path: Path) -> None:
    text = text_of("vit").replace("num_labels=5", "num_labels=5, qkv_bias=False")
    report = judged("vit", text, "sdpa", tmp_path)
    (failed,) = report.failures()
    assert failed.kind == "interface"
    assert "it has no encoder.0.attention.q.bias, at model.py:" in failed.detail
