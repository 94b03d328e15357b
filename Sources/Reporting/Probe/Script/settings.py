#!/usr/bin/env python3
"""Measures what one fine-tuning step really takes in memory, phase by phase, on the software of this machine.

Written by `plimsoll probe`. It needs nothing of Plimsoll, and downloads nothing: the model is made from its
configuration, with random weights, at its real width and with few layers. Every number of layers runs in a process of
its own, so that none finds what another left in the allocator.

    python3 probe.py                          # 1, 2 and 3 layers, 3 steps each, into probe.json
    python3 probe.py --layers 1 2 3 4 --steps 5 --output my-machine.json
    python3 probe.py --device cpu             # counts the bytes of live tensors instead of asking an allocator

Then `plimsoll validate --probe probe.json` says where its plan of the same step is off, and by how much.
"""

import argparse
import datetime
import gc
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import traceback
import weakref
from pathlib import Path

# The model's configuration and every setting of the step, as `plimsoll` resolved them. Change them freely: they are
# written into the result, and the plan that it is compared with is made from there.
SETTINGS = json.loads(
    r"""
@SETTINGS@
"""
)
MODEL, RECIPE = SETTINGS["model"], SETTINGS["recipe"]

# What has a say in the memory of a step; those that are installed are named in the result.
PACKAGES = """torch transformers peft trl accelerate bitsandbytes datasets tokenizers safetensors liger_kernel unsloth
unsloth_zoo flash_attn xformers kernels torchao triton""".split()
