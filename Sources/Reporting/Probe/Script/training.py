

# ---------------------------------------------------------------- The stacks


def token_rows(count):
    """Sequences of one length, every token with a label, from a generator with a fixed seed."""
    import random

    generator = random.Random(0)
    vocabulary = SETTINGS["vocabulary_size"]
    for _ in range(count):
        tokens = [generator.randrange(vocabulary) for _ in range(RECIPE["seq"])]
        yield {"input_ids": tokens, "attention_mask": [1] * len(tokens), "labels": tokens}


def rows_needed(steps):
    return steps * RECIPE["batch"] * RECIPE["grad_accum"]


def trainer_settings(folder, device, steps):
    """What Trainer and SFTTrainer are told alike."""
    name, arguments = {
        "adamw": ("adamw_torch_fused", None),
        "adamw-8bit": ("adamw_bnb_8bit", None),
        "paged-adamw": ("paged_adamw_32bit", None),
        "paged-adamw-8bit": ("paged_adamw_8bit", None),
        "adafactor": ("adafactor", None),
        "lion": ("lion_32bit", None),
        "sgd": ("sgd", None),
        "sgd-momentum": ("sgd", "momentum=0.9"),
    }[RECIPE["optimizer"]]
    if RECIPE["optimizer"] == "adamw" and RECIPE["optimizer_implementation"] == "foreach":
        name = "adamw_torch"
    autocasts = RECIPE["precision"] == "autocast"
    return dict(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=RECIPE["batch"],
        gradient_accumulation_steps=RECIPE["grad_accum"],
        gradient_checkpointing=RECIPE["checkpointing"],
        optim=name,
        optim_args=arguments,
        learning_rate=RECIPE["learning_rate"],
        weight_decay=RECIPE["weight_decay"],
        bf16=autocasts and compute_type() == "bf16",
        fp16=autocasts and compute_type() == "fp16",
        use_cpu=device == "cpu",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        **({"use_liger_kernel": True} if SETTINGS["liger"] else {}),
    )


def observe(trainer, recorder):
    """Marks the phases of a Trainer's steps, and changes nothing of what it does."""
    from transformers import TrainerCallback

    class Phases(TrainerCallback):
        def on_step_begin(self, *_, **__):
            recorder.begin_step()

        def on_substep_end(self, *_, **__):
            recorder.end_micro_batch()

        def on_optimizer_step(self, *_, **__):
            recorder.switch("zero_grad")

        def on_step_end(self, *_, **__):
            recorder.end_step()

    trainer.add_callback(Phases())
    backward, training_step = trainer.accelerator.backward, trainer.training_step

    def observed_backward(*args, **kwargs):
        recorder.switch("backward")
        return backward(*args, **kwargs)

    def observed_training_step(*args, **kwargs):
        loss = training_step(*args, **kwargs)
        # Only now the graph is gone, which the loss had kept.
        recorder.switch("optimizer")
        return loss

    trainer.accelerator.backward, trainer.training_step = observed_backward, observed_training_step
    observe_decoder(trainer.model, recorder)


def observe_decoder(model, recorder):
    """A forward pass has ended when the decoder returns its last hidden state."""
    model = plain_model(model)
    decoder = getattr(model, model.base_model_prefix)
    decoder.register_forward_hook(lambda *_: recorder.end_decoder())


def with_trainer(model, folder, device, steps, recorder):
    """Transformers' Trainer on a model that was prepared by hand, as in PEFT's guides."""
    from torch.utils.data import Dataset
    from transformers import Trainer, TrainingArguments, default_data_collator

    class Rows(Dataset):
        rows = list(token_rows(rows_needed(steps)))

        def __len__(self):
            return len(self.rows)

        def __getitem__(self, index):
            return self.rows[index]

    config = adapter()
    if config is not None:
        model = add_adapters(model, config)
    arguments = TrainingArguments(**trainer_settings(folder, device, steps))
    trainer = Trainer(model=model, args=arguments, train_dataset=Rows(), data_collator=default_data_collator)
    observe(trainer, recorder)
    return trainer.model, trainer.train


def with_sft_trainer(model, folder, device, steps, recorder):
    """TRL's SFTTrainer on tokens, which needs a tokenizer for nothing but its padding token."""
    from datasets import Dataset
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast
    from trl import SFTConfig, SFTTrainer

    words = Tokenizer(WordLevel({"<pad>": 0, "<eos>": 1}, unk_token="<pad>"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<eos>")
    rows = Dataset.from_list([{"input_ids": row["input_ids"]} for row in token_rows(rows_needed(steps))])
    config = adapter()
    if config is not None and RECIPE["adapter_dtype"] != SETTINGS["adapter_default"]:
        # SFTTrainer would make them in its own type.
        model, config = add_adapters(model, config), None
    arguments = SFTConfig(max_length=RECIPE["seq"], **trainer_settings(folder, device, steps))
    trainer = SFTTrainer(
        model=model, args=arguments, train_dataset=rows, processing_class=tokenizer, peft_config=config
    )
    observe(trainer, recorder)
    return trainer.model, trainer.train


def with_loop(model, folder, device, steps, recorder):
    """The loop that people write themselves: model, loss, backward, step."""
    import torch

    config = adapter()
    if config is not None:
        model = add_adapters(model, config)
    model = model.to(device) if RECIPE["quant"] == "none" else model
    if RECIPE["checkpointing"]:
        model.gradient_checkpointing_enable()
    observe_decoder(model, recorder)
    rows = list(token_rows(rows_needed(steps)))

    def train():
        model.train()
        parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        optimizer = make_optimizer(parameters)
        autocast = torch.autocast(
            torch.device(device).type, torch_type(compute_type()), enabled=RECIPE["precision"] == "autocast"
        )
        for _ in range(steps):
            recorder.begin_step()
            for part in range(RECIPE["grad_accum"]):
                if part > 0:
                    recorder.end_micro_batch()
                taken = [rows.pop() for _ in range(RECIPE["batch"])]
                batch = {key: torch.tensor([row[key] for row in taken], device=device) for key in taken[0]}
                with autocast:
                    outputs = model(**batch)
                recorder.switch("backward")
                (outputs.loss / RECIPE["grad_accum"]).backward()
                recorder.switch("optimizer")
            optimizer.step()
            recorder.switch("zero_grad")
            optimizer.zero_grad()
            recorder.end_step()

    return model, train


def make_optimizer(parameters):
    import torch

    settings = dict(lr=RECIPE["learning_rate"], weight_decay=RECIPE["weight_decay"])
    kind, implementation = RECIPE["optimizer"], RECIPE["optimizer_implementation"]
    if kind == "adamw":
        return torch.optim.AdamW(
            parameters, fused=implementation == "fused", foreach=implementation == "foreach", **settings
        )
    if kind in ("sgd", "sgd-momentum"):
        return torch.optim.SGD(parameters, momentum=0.9 if kind == "sgd-momentum" else 0, **settings)
    if kind == "adafactor":
        from transformers.optimization import Adafactor

        return Adafactor(parameters, scale_parameter=False, relative_step=False, **settings)
    import bitsandbytes

    names = {
        "adamw-8bit": "AdamW8bit",
        "paged-adamw": "PagedAdamW32bit",
        "paged-adamw-8bit": "PagedAdamW8bit",
        "lion": "Lion32bit",
    }
    return getattr(bitsandbytes.optim, names[kind])(parameters, **settings)


RUNNERS = {"trainer": with_trainer, "sft_trainer": with_sft_trainer, "loop": with_loop}
