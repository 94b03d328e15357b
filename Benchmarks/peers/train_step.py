"""Training steps of one configuration with PyTorch, Transformers, PEFT and bitsandbytes on the CPU.

One process, one configuration: what the system says of the process is then the configuration's. Weights are random, so
the speed is real and the loss is not. Prints one line of JSON: seconds of every timed step, the losses, and the growth of
the process's peak over what importing takes.
"""

import argparse
import contextlib
import importlib
import importlib.metadata
import json
import sys
import time
import warnings

PACKAGES = ["torch", "transformers", "peft", "bitsandbytes"]
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only say which packages are there")
    parser.add_argument("--shape", help="a config.json")
    parser.add_argument("--method", choices=["full", "lora", "qlora"], default="full")
    parser.add_argument("--dtype", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--autocast", action="store_true", help="fp32 weights, bf16 products")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--checkpointing", action="store_true")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--seq", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--warmup", type=int, default=1)
    return parser.parse_args()


def versions():
    """The version of every package, or an end with a message that says what is missing."""
    found = {}
    for package in PACKAGES:
        try:
            importlib.import_module(package)
            found[package] = importlib.metadata.version(package)
        except ImportError as error:
            sys.exit(f"{package} cannot be imported ({error}): run Benchmarks/peers/setup")
    return found


def status(key):
    """A figure of /proc/self/status in bytes, or 0 where there is no such file."""
    with contextlib.suppress(OSError), open("/proc/self/status") as lines:
        for line in lines:
            if line.startswith(key + ":"):
                return int(line.split()[1]) * 1024
    return 0


def quantize(model, dtype):
    """Puts bitsandbytes' 4-bit layers in the place of every linear layer but the head, one at a time."""
    import bitsandbytes
    import torch

    for name, module in list(model.named_modules()):
        if not isinstance(module, torch.nn.Linear) or name == "lm_head":
            continue
        layer = bitsandbytes.nn.Linear4bit(
            module.in_features, module.out_features, bias=module.bias is not None, compute_dtype=dtype,
            compress_statistics=True, quant_type="nf4")
        layer.weight = bitsandbytes.nn.Params4bit(
            module.weight.data, requires_grad=False, quant_type="nf4", compress_statistics=True)
        parent, _, own = name.rpartition(".")
        setattr(model.get_submodule(parent), own, layer.to("cpu"))
    model.is_loaded_in_4bit = True
    return model


def build(options):
    import peft
    import torch
    import transformers

    config = transformers.LlamaConfig.from_json_file(options.shape)
    config.use_cache = False
    config._attn_implementation = "sdpa"
    dtype = torch.bfloat16 if options.dtype == "bf16" and not options.autocast else torch.float32
    torch.manual_seed(0)
    torch.set_default_dtype(dtype)
    model = transformers.LlamaForCausalLM(config)
    torch.set_default_dtype(torch.float32)
    if options.method == "qlora":
        model = quantize(model, torch.bfloat16 if options.dtype == "bf16" else torch.float32)
    if options.checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    if options.method != "full":
        if options.checkpointing:
            model.enable_input_require_grads()
        model = peft.get_peft_model(
            model,
            peft.LoraConfig(
                r=options.rank, lora_alpha=2 * options.rank, lora_dropout=0.0, target_modules=TARGETS,
                task_type="CAUSAL_LM"))
    model.train()
    return model, config


def main():
    options = arguments()
    warnings.filterwarnings("ignore")
    found = versions()
    if options.check:
        print(json.dumps(found))
        return
    import torch

    torch.set_num_threads(options.threads)
    imported = status("VmRSS")
    model, config = build(options)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-5, weight_decay=0.0, fused=True)
    run = torch.compile(model) if options.compile else model
    tokens = torch.randint(
        config.vocab_size, (options.batch, options.seq), generator=torch.Generator().manual_seed(1))
    seconds, losses = [], []
    for _ in range(options.warmup + options.steps):
        start = time.perf_counter()
        context = torch.autocast("cpu", torch.bfloat16) if options.autocast else contextlib.nullcontext()
        with context:
            loss = run(input_ids=tokens, labels=tokens).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        seconds.append(time.perf_counter() - start)
        losses.append(loss.item())
    print(json.dumps({
        "seconds": seconds[options.warmup:], "losses": losses, "tokens": options.batch * options.seq,
        "trained": sum(parameter.numel() for parameter in trained), "imported_bytes": imported,
        "peak_bytes": status("VmHWM"), "versions": found,
    }))


if __name__ == "__main__":
    main()
