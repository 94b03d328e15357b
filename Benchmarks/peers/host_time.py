"""Processor time that eager PyTorch takes for every tensor of a step, in microseconds.

A Llama so small that arithmetic costs next to nothing: what is left is Python and torch's dispatcher, which a GPU has to
wait for where its kernels are short. Needs torch, transformers and peft. Prints CSV.
"""

import time
import warnings

import torch
from peft import LoraConfig, get_peft_model
from torch.profiler import ProfilerActivity, profile
from transformers import LlamaConfig, LlamaForCausalLM

warnings.filterwarnings("ignore")
torch.set_num_threads(1)


def measure(has_checkpoints, has_adapters):
    config = LlamaConfig(
        hidden_size=64, intermediate_size=128, num_hidden_layers=16, num_attention_heads=4, num_key_value_heads=4,
        vocab_size=64)
    model = LlamaForCausalLM(config)
    if has_adapters:
        model = get_peft_model(model, LoraConfig(target_modules="all-linear", r=8))
    model.train()
    if has_checkpoints:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        if has_adapters:
            model.enable_input_require_grads()
    tokens = torch.zeros(1, 4, dtype=torch.long)

    def step():
        model(input_ids=tokens, labels=tokens).loss.backward()

    for _ in range(3):
        step()
    seconds = []
    for _ in range(15):
        start = time.process_time()
        step()
        seconds.append(time.process_time() - start)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as trace:
        step()
    events = trace.profiler.kineto_results.events()
    tensors = sum(1 for event in events if event.name() == "[memory]" and event.nbytes() > 0)
    median = sorted(seconds)[len(seconds) // 2]
    return tensors, median * 1e3, median * 1e6 / tensors


print("checkpoints,adapters,tensors,milliseconds,microseconds_a_tensor")
for has_checkpoints in (False, True):
    for has_adapters in (False, True):
        tensors, milliseconds, microseconds = measure(has_checkpoints, has_adapters)
        print(f"{has_checkpoints},{has_adapters},{tensors},{milliseconds:.1f},{microseconds:.1f}")
