

# ---------------------------------------------------------------- The model


def torch_type(name):
    import torch

    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[name]


def named_type(name):
    """The argument that names a model's type: Transformers renamed it in 4.56."""
    import transformers

    version = tuple(int(part) for part in transformers.__version__.split(".")[:2])
    return {"dtype" if version >= (4, 56) else "torch_dtype": torch_type(name)}


def shortened(config, layers):
    """The configuration with so many layers; lists with a value for each layer are cut to as many."""
    depth = MODEL["layers"]
    config = {
        key: value[:layers] if isinstance(value, list) and len(value) == depth else value
        for key, value in config.items()
    }
    for key in ("num_hidden_layers", "n_layer"):
        if key in config:
            config[key] = layers
    return config


def make_checkpoint(folder, layers):
    """Writes a checkpoint of random weights, so that the stack loads it just as it would load a published one."""
    from transformers import AutoConfig, AutoModelForCausalLM

    settings = dict(shortened(MODEL["config"], layers))
    config = AutoConfig.for_model(settings.pop("model_type"), **settings)
    if config.num_hidden_layers != layers:  # a configuration that leaves its depth to a default
        config.num_hidden_layers = layers
    model = AutoModelForCausalLM.from_config(config, **named_type(RECIPE["dtype"]))
    model.save_pretrained(folder)


def quantization():
    """What bitsandbytes is asked for, or None."""
    if RECIPE["quant"] == "none":
        return None
    from transformers import BitsAndBytesConfig

    if RECIPE["quant"] == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    kind, _, double = RECIPE["quant"].partition("+")
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=kind,
        bnb_4bit_use_double_quant=double == "dq",
        bnb_4bit_compute_dtype=torch_type(compute_type()),
    )


def compute_type():
    """The type of matrix products: autocast's, or that of the weights."""
    if RECIPE["precision"] == "autocast":
        return "fp16" if RECIPE["dtype"] == "fp16" else "bf16"
    return RECIPE["dtype"]


def load_model(folder, device):
    from transformers import AutoModelForCausalLM

    attention = {"flash": "flash_attention_2"}.get(RECIPE["attention"], RECIPE["attention"])
    model = AutoModelForCausalLM.from_pretrained(
        folder,
        attn_implementation=attention,
        quantization_config=quantization(),
        device_map={"": device} if device != "cpu" or RECIPE["quant"] != "none" else None,
        **named_type(RECIPE["dtype"]),
    )
    return model


def adapter():
    """PEFT's configuration, or None where every weight trains."""
    if RECIPE["method"] == "full":
        return None
    from peft import LoraConfig

    return LoraConfig(
        r=RECIPE["rank"],
        lora_alpha=RECIPE["alpha"],
        lora_dropout=RECIPE["lora_dropout"],
        target_modules=RECIPE["target_modules"],
        task_type="CAUSAL_LM",
    )


def add_adapters(model, config):
    """Wraps the model as PEFT's guides do, with adapters in the recipe's type."""
    from peft import get_peft_model, prepare_model_for_kbit_training

    if SETTINGS["prepares"] and RECIPE["quant"] != "none":
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=RECIPE["checkpointing"])
    elif RECIPE["checkpointing"]:
        model.enable_input_require_grads()  # or no gradient would find its way back to the first layer
    # fp32 adapters are PEFT's default; on a quantized base the other choice has to be made by hand.
    model = get_peft_model(model, config, autocast_adapter_dtype=RECIPE["adapter_dtype"] == "fp32")
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(torch_type(RECIPE["adapter_dtype"]))
    return model


def plain_model(model):
    """The model under all wrappers."""
    return model.get_base_model() if hasattr(model, "peft_config") and hasattr(model, "get_base_model") else model


def summary(model):
    """Counts and types of the parameters, so that a plan can be held against what was really made."""
    parameters = list(model.parameters())
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    return {
        "trainable": sum(parameter.numel() for parameter in trained),
        "trainable_types": sorted({str(parameter.dtype).removeprefix("torch.") for parameter in trained}),
        "stored_bytes": sum(parameter.numel() * parameter.element_size() for parameter in parameters),
    }
