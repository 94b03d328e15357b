"""Has Transformers and PEFT load what the engine writes, and compares their losses with the engine's.

    pip install torch==2.13.0 transformers==5.23.0 peft==0.21.2
    PLIMSOLL_PEER_FOLDER=/tmp/peer-files swift test -c release --filter "Files for the peers"
    python check_adapter.py /tmp/peer-files

Every model has a checkpoint (`base`), some also the same after full fine-tuning (`full`, and `full_bf16` rounded), an
adapter trained on the base (`adapter`), and base and adapter made one (`merged`). Losses must agree to 2e-6, merged logits with
the adapter's to 1e-4 of the largest. An adapter goes back out of PEFT as well: PEFT's own file of it must hold the same
tensors. Exits with 1 if anything differs.
"""
import json
import pathlib
import sys
import tempfile

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM


@torch.no_grad()
def run(model, tokens):
    logits = model.double().eval()(input_ids=tokens).logits.double()
    return torch.nn.functional.cross_entropy(logits[0, :-1], tokens[0, 1:]).item(), logits


def load(folder):
    model, report = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    for key in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not report[key], (folder, key, report[key])
    return model


failed = False


def check(what, difference, bound):
    global failed
    failed |= not difference <= bound
    print(f"{what:28} {difference:.2e} {'ok' if difference <= bound else 'DIFFERS, bound ' + str(bound)}")


for folder in sorted(path.parent for path in pathlib.Path(sys.argv[1]).glob("*/expected.json")):
    expected = json.loads((folder / "expected.json").read_text())
    tokens = torch.tensor([expected["tokens"]])
    logits = {}
    for name, ours in sorted(expected["losses"].items()):
        if name == "adapter":
            model = PeftModel.from_pretrained(load(folder / "base"), folder / "adapter")
            with tempfile.TemporaryDirectory() as again:
                model.save_pretrained(again)
                theirs = load_file(pathlib.Path(again) / "adapter_model.safetensors")
            mine = load_file(folder / "adapter" / "adapter_model.safetensors")
            assert theirs.keys() == mine.keys(), theirs.keys() ^ mine.keys()
            check(f"{folder.name} adapter tensors", max((theirs[k] - mine[k]).abs().max().item() for k in mine), 0)
        else:
            model = load(folder / name)
        loss, logits[name] = run(model, tokens)
        check(f"{folder.name} {name} loss", abs(loss - ours) / loss, 2e-6)
    if "merged" in logits:
        scale = logits["adapter"].abs().max()
        check(f"{folder.name} merged logits", ((logits["merged"] - logits["adapter"]).abs().max() / scale).item(), 1e-4)
sys.exit(failed)
