"""Makes conversion_vectors.safetensors: what gguf-py and NumPy say of GGUF's formats and of 16-bit floats.

    pip install gguf==0.19.0 numpy safetensors && python conversion_vectors.py

Blocks are random bytes, so that every code occurs, with scales that are finite: ordinary ones, subnormal ones, zero.
`<format>.blocks` are the bytes, `<format>.values` what gguf.quants.dequantize makes of them.
`narrow.source` are floats over the whole range and around every tie; `narrow.bf16` and `narrow.fp16` their roundings.
"""
import pathlib

import numpy as np
from gguf import GGMLQuantizationType, quants
from safetensors.numpy import save_file

rng = np.random.default_rng(20261121)

# Bytes of a block, blocks to make, and where its fp16 numbers lie.
FORMATS = {
    "Q4_0": (18, 24, [0]), "Q4_1": (20, 24, [0, 2]), "Q5_0": (22, 24, [0]), "Q5_1": (24, 24, [0, 2]),
    "Q8_0": (34, 24, [0]), "Q4_K": (144, 8, [0, 2]), "Q5_K": (176, 8, [0, 2]), "Q6_K": (210, 8, [208]),
}

tensors = {}
for name, (size, count, places) in FORMATS.items():
    blocks = rng.integers(0, 256, (count, size), dtype=np.uint8)
    for place in places:
        scales = (rng.standard_normal(count) * 0.02).astype(np.float16)
        scales[0] = np.float16(0)
        scales[1] = np.float16(6e-8)  # the smallest half, subnormal
        scales[2] = np.float16(-65504 if name != "Q6_K" else -1)
        blocks[:, place:place + 2] = scales.view(np.uint8).reshape(count, 2)
    tensors[f"{name}.blocks"] = blocks.reshape(-1)
    tensors[f"{name}.values"] = quants.dequantize(blocks, GGMLQuantizationType[name]).reshape(-1).astype(np.float32)

bits = rng.integers(0, 1 << 32, 2048, dtype=np.uint32)
ties = np.arange(0x38000000 - 0x2000 * 64, 0x38000000 + 0x2000 * 64, 0x800, dtype=np.uint32)
edges = np.array(
    [0, 1, 0x80000000, 0x7F7FFFFF, 0x7F800000, 0xFF800000, 0x33000000, 0x33000001, 0x32FFFFFF, 0x387FFFFF, 0x38800000,
     0x477FE000, 0x477FEFFF, 0x477FF000, 0x477FFFFF, 0x47800000, 0x3F808000, 0x3F818000, 0x3F808001], dtype=np.uint32)
halves = (rng.standard_normal(1024) * 10.0 ** rng.uniform(-8, 5, 1024)).astype(np.float32)
source = np.concatenate([bits, ties, edges, halves.view(np.uint32)]).view(np.float32)
source = np.where(np.isnan(source), np.float32(1), source)  # what a NaN's bits become is nobody's business
tensors["narrow.source"] = source
with np.errstate(over="ignore"):
    tensors["narrow.fp16"] = source.astype(np.float16).view(np.uint16).view(np.uint8)
tensors["narrow.bf16"] = quants.quantize(source.reshape(1, -1), GGMLQuantizationType.BF16).reshape(-1).view(np.uint8)

save_file(tensors, pathlib.Path(__file__).with_name("conversion_vectors.safetensors"))
