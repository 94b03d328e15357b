"""Writes the files beside it: what Transformers, safetensors and gguf-py make of small configurations.

Made with Python 3.11, transformers 5.23.0, torch 2.15.0, gguf and safetensors as of then. Run it here:

    pip install torch transformers gguf safetensors && python make.py

families.json holds, per family, the configuration passed in, the config.json that Transformers saves, and the name and
shape of every tensor of the checkpoint that it saves (experts one by one and GPT-NeoX's head as embed_out, as published
checkpoints have them); and per model type the parameters of the class's own defaults. The .gguf files hold the first
layer of each family, all zeros.
"""
import json
import os
import tempfile

import gguf
import numpy as np
import torch
import transformers
from safetensors import safe_open
from safetensors.numpy import save_file
from transformers import CONFIG_MAPPING, AutoModelForCausalLM

SIZES = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, vocab_size=64,
             max_position_embeddings=128)
GPT2 = dict(model_type="gpt2", n_embd=32, n_layer=2, n_head=4, n_positions=128, vocab_size=64)
FAMILIES = {
    "llama": dict(SIZES, model_type="llama", num_key_value_heads=2),
    "llama_biases_tied": dict(SIZES, model_type="llama", num_key_value_heads=2, head_dim=16, attention_bias=True,
                              mlp_bias=True, tie_word_embeddings=True),
    "mistral": dict(SIZES, model_type="mistral", num_key_value_heads=2, head_dim=16),
    "qwen2": dict(SIZES, model_type="qwen2", num_key_value_heads=2, tie_word_embeddings=True),
    "qwen3": dict(SIZES, model_type="qwen3", num_key_value_heads=2, head_dim=16),
    "qwen3_biases": dict(SIZES, model_type="qwen3", num_key_value_heads=2, head_dim=16, attention_bias=True),
    "qwen3_moe": dict(SIZES, model_type="qwen3_moe", num_key_value_heads=2, head_dim=16, num_experts=4,
                      num_experts_per_tok=2, moe_intermediate_size=24),
    "qwen2_moe": dict(SIZES, model_type="qwen2_moe", num_key_value_heads=2, num_experts=4, num_experts_per_tok=2,
                      moe_intermediate_size=24, shared_expert_intermediate_size=40),
    "mixtral": dict(SIZES, model_type="mixtral", num_key_value_heads=2, num_local_experts=4, num_experts_per_tok=2),
    "gemma": dict(SIZES, model_type="gemma", num_key_value_heads=1, head_dim=16),
    "gemma2": dict(SIZES, model_type="gemma2", num_key_value_heads=2, head_dim=16),
    "gemma3_text": dict(SIZES, model_type="gemma3_text", num_key_value_heads=2, head_dim=16),
    "phi": dict(SIZES, model_type="phi"),
    "phi3": dict(SIZES, model_type="phi3", num_key_value_heads=2, pad_token_id=0),
    "gpt2": GPT2,
    "gpt2_inner": dict(GPT2, n_inner=40),
    "gpt_neox": dict(SIZES, model_type="gpt_neox"),
}
TYPES = sorted({config["model_type"] for config in FAMILIES.values()})
UNREAD = {"transformers_version", "architectures", "initializer_range", "use_cache", "bos_token_id", "eos_token_id",
          "pad_token_id"}


def configuration(config):
    rest = dict(config)
    return CONFIG_MAPPING[rest.pop("model_type")](**rest)


def checkpoint(config):
    """The config.json and the tensors that Transformers saves for a configuration."""
    with tempfile.TemporaryDirectory() as folder:
        AutoModelForCausalLM.from_config(configuration(config)).save_pretrained(folder)
        with open(os.path.join(folder, "config.json")) as file:
            saved = {key: value for key, value in json.load(file).items() if key not in UNREAD}
        with safe_open(os.path.join(folder, "model.safetensors"), "pt") as file:
            tensors = {key: list(file.get_slice(key).get_shape()) for key in file.keys()}
    return dict(config=config, saved=saved, tensors=tensors)


def defaults(model_type):
    config = CONFIG_MAPPING[model_type]()
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    epsilon = next(getattr(config, name) for name in ("rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon")
                   if hasattr(config, name))
    return dict(parameters=sum(parameter.numel() for parameter in model.parameters()),
                positions=config.max_position_embeddings, heads=config.num_attention_heads,
                layers=config.num_hidden_layers, epsilon=epsilon, tied=config.tie_word_embeddings)


ARCHITECTURES = {
    "llama": gguf.MODEL_ARCH.LLAMA, "qwen2": gguf.MODEL_ARCH.QWEN2, "qwen3": gguf.MODEL_ARCH.QWEN3,
    "qwen3_moe": gguf.MODEL_ARCH.QWEN3MOE, "mixtral": gguf.MODEL_ARCH.LLAMA, "gemma": gguf.MODEL_ARCH.GEMMA,
    "gemma2": gguf.MODEL_ARCH.GEMMA2, "gemma3_text": gguf.MODEL_ARCH.GEMMA3, "phi": gguf.MODEL_ARCH.PHI2,
    "phi3": gguf.MODEL_ARCH.PHI3, "gpt2": gguf.MODEL_ARCH.GPT2, "gpt_neox": gguf.MODEL_ARCH.GPTNEOX,
}


def add_tensor(writer, name, shape):
    if len(shape) == 1:
        writer.add_tensor(name, np.zeros(shape, np.float32))
    elif shape[-1] % 32:
        writer.add_tensor(name, np.zeros(shape, np.float16))
    else:  # Q4_0: 32 elements in 18 bytes
        writer.add_tensor(name, np.zeros(shape[:-1] + [shape[-1] // 32 * 18], np.uint8),
                          raw_dtype=gguf.GGMLQuantizationType.Q4_0)


def write_gguf(name, architecture, family):
    config = family["saved"]

    def value(*keys):
        return next((config[key] for key in keys if config.get(key) is not None), None)

    writer = gguf.GGUFWriter(name.replace("_", "-") + ".gguf", gguf.MODEL_ARCH_NAMES[architecture])
    hidden, heads = value("hidden_size", "n_embd"), value("num_attention_heads", "n_head")
    writer.add_name(name)
    writer.add_context_length(value("max_position_embeddings", "n_positions"))
    writer.add_embedding_length(hidden)
    writer.add_block_count(1)
    writer.add_feed_forward_length(value("intermediate_size", "n_inner") or 4 * hidden)
    writer.add_head_count(heads)
    if value("num_key_value_heads"):
        writer.add_head_count_kv(value("num_key_value_heads"))
    if value("rms_norm_eps"):
        writer.add_layer_norm_rms_eps(value("rms_norm_eps"))
    else:
        writer.add_layer_norm_eps(value("layer_norm_eps", "layer_norm_epsilon"))
    if value("head_dim"):
        writer.add_key_length(config["head_dim"])
        writer.add_value_length(config["head_dim"])
    rotary = value("rope_parameters")
    if rotary:
        rotary = rotary.get("full_attention", rotary)
        writer.add_rope_freq_base(rotary["rope_theta"])
        head = value("head_dim") or hidden // heads
        writer.add_rope_dimension_count(int(head * rotary.get("partial_rotary_factor", 1)))
    if value("num_experts", "num_local_experts"):
        writer.add_expert_count(value("num_experts", "num_local_experts"))
        writer.add_expert_used_count(config["num_experts_per_tok"])
    if value("moe_intermediate_size"):
        writer.add_expert_feed_forward_length(config["moe_intermediate_size"])
    if name == "gemma2":
        writer.add_attn_logit_softcapping(50.0)
        writer.add_final_logit_softcapping(30.0)
        writer.add_sliding_window(4096)
    if name == "gpt_neox":
        writer.add_parallel_residual(True)
    if name == "llama":
        writer.add_tokenizer_model("gpt2")
        writer.add_token_list(["<s>", "</s>", "ä"] + [f"t{index}" for index in range(61)])
        writer.add_token_scores([0.5] * 64)
        writer.add_token_types([1] * 64)
        writer.add_bos_token_id(0)
        writer.add_add_bos_token(True)
    names = gguf.get_tensor_name_map(architecture, 1)
    experts = {}
    for key, shape in family["tensors"].items():
        if "layers.1." in key or ".h.1." in key:
            continue
        if ".experts." in key:
            before, after = key.split(".experts.")
            experts.setdefault(before + ".experts." + after.split(".", 1)[1], []).append(shape)
            continue
        # GGUF stores GPT-2's Conv1D weights as linear layers.
        is_transposed = name == "gpt2" and len(shape) == 2 and ".h." in key
        add_tensor(writer, names.get_name(key, (".weight", ".bias")), shape[::-1] if is_transposed else shape)
    for key, shapes in experts.items():
        add_tensor(writer, names.get_name(key, (".weight",)), [len(shapes)] + shapes[0])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    families = {name: checkpoint(config) for name, config in FAMILIES.items()}
    rows = ",\n".join(json.dumps(dict(name=name, **family)) for name, family in families.items())
    with open("families.json", "w") as file:
        file.write(f'{{"madeWith": "transformers {transformers.__version__}", "families": [\n{rows}\n],\n')
        file.write(f'"defaults": {json.dumps({name: defaults(name) for name in TYPES})}}}\n')
    for name, architecture in ARCHITECTURES.items():
        write_gguf(name, architecture, families[name])
    for name in ("qwen3", "gemma3_text", "llama"):
        tensors = {key: np.zeros(shape, np.float16) for key, shape in families[name]["tensors"].items()}
        save_file(tensors, name.replace("_text", "") + ".safetensors", metadata={"format": "pt"})
