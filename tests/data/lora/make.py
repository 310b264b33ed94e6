"""Makes two LoRA adapters of ../architectures/llama, as PEFT 0.21 writes them, and what the model with
them computes, in float64 (pip install numpy safetensors). The network here gives the logits of
transformers for the model alone, which is checked first.

What an adapter adds is what `Linear.get_delta_weight` of PEFT says: (B @ A) * alpha / r, with rsLoRA
(B @ A) * alpha / sqrt(r); rank and alpha by `rank_pattern` and `alpha_pattern` (`get_pattern_key`)."""

import json
import math
import re
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

HERE = Path(__file__).parent
MODEL = HERE.parent / "architectures/llama"
CONFIG = json.loads((MODEL / "hf/config.json").read_text())
GOLDEN = json.loads((MODEL / "golden.json").read_text())
WEIGHTS = {name: w.astype(np.float64) for name, w in load_file(MODEL / "hf/model.safetensors").items()}
LINEAR = [
    f"model.layers.{layer}.{module}_proj"
    for layer in range(CONFIG["num_hidden_layers"])
    for module in ["self_attn.q", "self_attn.k", "self_attn.v", "self_attn.o", "mlp.gate", "mlp.up", "mlp.down"]
]


def frequencies():
    """RoPE's, stretched as Llama 3.1's are."""
    dim, scaling = CONFIG["head_dim"], CONFIG["rope_scaling"]
    plain = CONFIG["rope_theta"] ** -(np.arange(0, dim, 2) / dim)
    original, factor = scaling["original_max_position_embeddings"], scaling["factor"]
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    smooth = np.clip((original * plain / (2 * np.pi) - low) / (high - low), 0, 1)
    return (1 - smooth) * plain / factor + smooth * plain


def logits(w, ids):
    """The network, all positions at once."""
    heads, groups, dim = CONFIG["num_attention_heads"], CONFIG["num_key_value_heads"], CONFIG["head_dim"]
    norm = lambda x, gain: x / np.sqrt((x * x).mean(-1, keepdims=True) + CONFIG["rms_norm_eps"]) * gain
    angles = np.outer(np.arange(len(ids)), frequencies())[:, None]
    cos, sin = np.cos(np.concatenate([angles] * 2, -1)), np.sin(np.concatenate([angles] * 2, -1))
    rope = lambda x: x * cos + np.concatenate([-x[..., dim // 2 :], x[..., : dim // 2]], -1) * sin
    future = np.triu(np.full((len(ids), len(ids)), -np.inf), 1)
    x = w["model.embed_tokens.weight"][ids]
    for layer in range(CONFIG["num_hidden_layers"]):
        at = lambda name: w[f"model.layers.{layer}.{name}.weight"]
        h = norm(x, at("input_layernorm"))
        q, k, v = ((h @ at(f"self_attn.{n}_proj").T).reshape(len(ids), -1, dim) for n in "qkv")
        q, k, v = rope(q), np.repeat(rope(k), heads // groups, 1), np.repeat(v, heads // groups, 1)
        scores = np.einsum("ihd,jhd->hij", q, k) / math.sqrt(dim) + future
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        attended = np.einsum("hij,jhd->ihd", scores / scores.sum(-1, keepdims=True), v)
        x = x + attended.reshape(len(ids), -1) @ at("self_attn.o_proj").T
        h = norm(x, at("post_attention_layernorm"))
        gate = h @ at("mlp.gate_proj").T
        x = x + (gate / (1 + np.exp(-gate)) * (h @ at("mlp.up_proj").T)) @ at("mlp.down_proj").T
    return norm(x, w["model.norm.weight"]) @ w["model.embed_tokens.weight"].T


def by_pattern(patterns, module, other):
    found = [key for key in patterns if re.match(rf"(.*\.)?({key})$", module)]
    return patterns[found[0]] if found else other


def adapter(folder, seed, dtype, own_name, modules, whole, **config):
    """Writes an adapter, and returns what it makes of weights."""
    rng = np.random.default_rng(seed)
    config = {
        "alpha_pattern": {}, "auto_mapping": None, "base_model_name_or_path": "tiny-llama", "bias": "none",
        "corda_config": None, "eva_config": None, "exclude_modules": None, "fan_in_fan_out": False,
        "inference_mode": True, "init_lora_weights": True, "layer_replication": None, "layers_pattern": None,
        "layers_to_transform": None, "loftq_config": {}, "lora_bias": False, "lora_dropout": 0.05,
        "megatron_config": None, "megatron_core": "megatron.core", "modules_to_save": None, "peft_type": "LORA",
        "peft_version": "0.21.2", "qalora_group_size": 16, "rank_pattern": {}, "revision": None,
        "target_modules": sorted({module.split(".")[-1] for module in modules}), "target_parameters": None,
        "task_type": "CAUSAL_LM", "trainable_token_indices": None, "use_dora": False, "use_qalora": False,
        "use_rslora": False,
    } | config
    tensors, deltas = {}, {}
    for module in modules:
        rows, cols = WEIGHTS[f"{module}.weight"].shape
        rank = by_pattern(config["rank_pattern"], module, config["r"])
        alpha = by_pattern(config["alpha_pattern"], module, config["lora_alpha"])
        scaling = alpha / (math.sqrt(rank) if config["use_rslora"] else rank)
        # About as large as the weights, for what is wrong to show.
        a = rng.normal(0, 1 / math.sqrt(cols), (rank, cols)).astype(dtype)
        b = rng.normal(0, 0.5 / (scaling * math.sqrt(rank)), (rows, rank)).astype(dtype)
        tensors[f"base_model.model.{module}.lora_A{own_name}.weight"] = a
        tensors[f"base_model.model.{module}.lora_B{own_name}.weight"] = b
        deltas[f"{module}.weight"] = b.astype(np.float64) @ a.astype(np.float64) * scaling
    replaced = {name: rng.uniform(0.5, 1.5, WEIGHTS[name].shape).astype(dtype) for name in whole}
    tensors |= {f"base_model.model.{name}": tensor for name, tensor in replaced.items()}
    (HERE / folder).mkdir(exist_ok=True)
    (HERE / folder / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    save_file(tensors, HERE / folder / "adapter_model.safetensors", metadata={"format": "pt"})

    def merge(weights, scale):
        added = {name: weights[name] + scale * delta for name, delta in deltas.items()}
        return weights | added | {name: tensor.astype(np.float64) for name, tensor in replaced.items()}

    return merge


def prompts(weights):
    found = []
    for prompt in GOLDEN["prompts"][:2]:
        last = logits(weights, prompt["ids"])[-1]
        found.append({"ids": prompt["ids"], "logits": [round(x, 6) for x in last]})
    return found


for prompt in GOLDEN["prompts"]:
    ours = logits(WEIGHTS, prompt["ids"])
    for at in prompt["at"]:
        for id, logit in at["top10"]:
            assert abs(ours[at["position"], id] - logit) < 1e-5, (prompt["name"], id)

first = adapter(
    "first", 1, np.float32, "", LINEAR, ["model.norm.weight"], r=4, lora_alpha=8, modules_to_save=["norm"],
    rank_pattern={"^model.layers.1.self_attn.q_proj": 6, "down_proj": 2}, alpha_pattern={"self_attn.v_proj": 3},
)
second = adapter(
    "second", 2, np.float16, ".default", [m for m in LINEAR if re.search(r"[123].*(q|up)_proj", m)], [], r=3,
    lora_alpha=5, use_rslora=True, layers_to_transform=[1, 2, 3],
)
golden = {
    "first": prompts(first(WEIGHTS, 1.0)),
    "first and half of second": prompts(second(first(WEIGHTS, 1.0), 0.5)),
}
(HERE / "golden.json").write_text(json.dumps(golden).replace("[{", "[\n{").replace("}, {", "},\n{") + "\n")
