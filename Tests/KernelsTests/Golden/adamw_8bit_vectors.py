"""Golden vectors for AdamW with moments in 8 bits, from bitsandbytes' own plain-PyTorch reference on the CPU.

    pip install bitsandbytes==0.50.2 torch triton safetensors numpy
    TORCHDYNAMO_DISABLE=1 python adamw_8bit_vectors.py

bitsandbytes has no kernel of this optimizer for processors; `optimizer_update_8bit_blockwise_pytorch`
(bitsandbytes/backends/triton/kernels_optim.py) is the reference beside its GPU kernels. Gradients span many orders of
magnitude, one block's are all zero at first, and the last block is ragged.
"""

import torch
from bitsandbytes.backends.triton.kernels_optim import optimizer_update_8bit_blockwise_pytorch as update
from bitsandbytes.functional import create_dynamic_map
from safetensors.torch import save_file

torch.manual_seed(11)
count, steps, blocks = 600, 4, 3
signed, unsigned = create_dynamic_map(signed=True), create_dynamic_map(signed=False)
weight = torch.randn(count) * 0.02
gradients = torch.randn(steps, count) * torch.exp(torch.randn(count) * 3)
gradients[0, 256:512] = 0
tensors = {"map.signed": signed, "map.unsigned": unsigned, "weight.0": weight.clone()}
states = [torch.zeros(count, dtype=torch.uint8) for _ in range(2)]
scales = [torch.zeros(blocks) for _ in range(2)]
for step in range(1, steps + 1):
    gradient = gradients[step - 1].clone()
    tensors[f"gradient.{step}"] = gradient
    # The reference keeps new states by copying over the old ones.
    update(
        weight, gradient, states[0], states[1], 0.9, 0.999, 0.0, 0.0, 1e-8, step, 1e-3, signed, unsigned, scales[0],
        scales[1], 0.0, 1.0, False, optimizer_name="adam")
    tensors[f"weight.{step}"] = weight.clone()
    for index in range(2):
        tensors[f"codes{index + 1}.{step}"] = states[index].clone()
        tensors[f"absmax{index + 1}.{step}"] = scales[index].clone()
save_file(tensors, "adamw_8bit_vectors.safetensors")
