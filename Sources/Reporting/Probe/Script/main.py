

# ---------------------------------------------------------------- One number of layers


def machine(device):
    """What the run ran on."""
    import torch

    facts = {"platform": platform.platform(), "python": platform.python_version(), "device": device}
    if device != "cpu":
        properties = torch.cuda.get_device_properties(device)
        facts |= {
            "name": properties.name,
            "total_bytes": properties.total_memory,
            "multiprocessors": properties.multi_processor_count,
            "compute_capability": f"{properties.major}.{properties.minor}",
            "cuda": torch.version.cuda,
            "allocator_settings": os.environ.get("PYTORCH_CUDA_ALLOC_CONF", os.environ.get("PYTORCH_ALLOC_CONF", "")),
        }
    return facts


def packages():
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def explain(error):
    """What went wrong, in a form that can be told apart without reading prose."""
    is_memory = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    kind = "out_of_memory" if is_memory else "missing_package" if isinstance(error, ImportError) else "failed"
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return {"kind": kind, "type": type(error).__name__, "message": str(error)[:2000], "traceback": "".join(lines)[-6000:]}


def measure(layers, steps, device, output, scratch):
    """Runs the steps on a model of so many layers, and writes down as much of it as there was."""
    record, recorder = {"layers": layers, "steps": []}, None

    def save():
        write_json(output, record)

    save()
    try:
        import torch

        record["machine"], record["packages"] = machine(device), packages()
        torch.manual_seed(0)
        with tempfile.TemporaryDirectory(prefix="probe-", dir=scratch) as folder:
            make_checkpoint(folder, layers)
            gc.collect()
            meter = storage_meter() if device == "cpu" else CudaMeter(device)
            recorder = Recorder(meter, save)
            record["steps"] = recorder.steps
            record["before"] = meter.read()
            recorder.switch("load")
            model = load_model(folder, device)
            model, train = RUNNERS[SETTINGS["runner"]](model, folder, device, steps, recorder)
            meter.adopt()
            recorder.switch(None)
            record["load"], record["parameters"] = recorder.phases[0], summary(model)
            save()
            with meter:
                train()
            record["device_used_at_the_end"] = meter.read().get("device_used")
    except Exception as error:  # whatever it is, it is a result
        record["error"] = explain(error)
        if recorder is not None:
            record["error"]["phase"], record["unfinished"] = recorder.phase, recorder.phases
    save()
    return 1 if "error" in record else 0


# ---------------------------------------------------------------- All of them


def write_json(path, value):
    """Writes beside the old file first, so that whatever happens one of the two is whole."""
    draft = f"{path}.part"
    with open(draft, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)
        file.write("\n")
    os.replace(draft, path)


def run_in_process(layers, arguments):
    """Measures in a process of its own; one that is killed leaves what it had written."""
    environment = dict(os.environ)
    device = arguments.device
    if device.startswith("cuda"):
        # Only one device is to be seen, or Trainer would spread its batches over all of them.
        index = int(device.partition(":")[2] or 0)
        visible = [name for name in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
        environment["CUDA_VISIBLE_DEVICES"] = visible[index] if index < len(visible) else str(index)
        device = "cuda:0"
    with tempfile.TemporaryDirectory(prefix="probe-", dir=arguments.scratch) as folder:
        part = Path(folder) / "part.json"
        command = [sys.executable, os.path.abspath(__file__), "--one", "--layers", str(layers)]
        command += ["--steps", str(arguments.steps), "--device", device, "--output", str(part)]
        command += ["--scratch", arguments.scratch] if arguments.scratch else []
        code = subprocess.run(command, env=environment, check=False).returncode
        record = json.loads(part.read_text(encoding="utf-8")) if part.exists() else {"layers": layers, "steps": []}
    if code != 0 and "error" not in record:
        ending = f"signal {-code}" if code < 0 else f"code {code}"
        record["error"] = {"kind": "killed", "type": "", "message": f"the process ended with {ending}"}
    return record


def chosen_device(name):
    if name != "auto":
        return name
    # In a process of its own, since asking makes a context on the device.
    question = "import torch; print('cuda:0' if torch.cuda.is_available() else 'cpu')"
    answer = subprocess.run([sys.executable, "-c", question], capture_output=True, text=True, check=False)
    return (answer.stdout.split() or ["cpu"])[-1]


def highest(record, phase, figure="peak_allocated"):
    """The highest figure of a phase in the last step; None where that was not reached."""
    if not record["steps"]:
        return None
    found = [entry.get(figure) for entry in record["steps"][-1]["phases"] if entry["phase"] == phase]
    return max((value for value in found if value is not None), default=None)


def print_table(records):
    phases = ["forward", "loss", "backward", "optimizer"]
    print("layers" + "".join(f"{name:>12}" for name in ["load", *phases, "reserved"]) + "   MiB, last step")
    for record in records:
        reserved = [highest(record, phase, "peak_reserved") for phase in phases]
        figures = [record.get("load", {}).get("live_allocated"), *(highest(record, phase) for phase in phases)]
        figures.append(max((value for value in reserved if value is not None), default=None))
        cells = "".join(f"{'-' if value is None else f'{value / 2**20:.1f}':>12}" for value in figures)
        print(f"{record['layers']:>6}{cells}")
        if "error" in record:
            first_line = record["error"]["message"].strip().partition("\n")[0]
            print(f"       {record['error']['kind']}: {first_line}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--layers", type=int, nargs="+", default=[1, 2, 3], help="numbers of layers (1 2 3)")
    parser.add_argument("--steps", type=int, default=3, help="optimizer steps of each; the first makes the states (3)")
    parser.add_argument("--output", default="probe.json", help="the result (probe.json)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1 (auto)")
    parser.add_argument("--scratch", help="folder for the checkpoints, deleted at the end (the system's)")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if min(arguments.layers) < 1 or max(arguments.layers) > MODEL["layers"]:
        parser.error(f"--layers: {MODEL['name']} has {MODEL['layers']}")
    if arguments.steps < 2:
        parser.error("--steps: at least 2, since the first step makes the optimizer's states")
    if arguments.one:
        return measure(
            arguments.layers[0], arguments.steps, arguments.device, arguments.output, arguments.scratch
        )

    arguments.device = chosen_device(arguments.device)
    result = {
        "format": "plimsoll-probe",
        "version": 1,
        "created": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "settings": SETTINGS,
        "machine": {},
        "packages": {},
        "depths": [],
    }
    for layers in sorted(set(arguments.layers)):
        print(f"{MODEL['name']}, {layers} of {MODEL['layers']} layers, on {arguments.device} …", file=sys.stderr)
        record = run_in_process(layers, arguments)
        for key in ("machine", "packages"):
            result[key] = result[key] or record.get(key, {})
            record.pop(key, None)
        result["depths"].append(record)
        write_json(arguments.output, result)
    print_table(result["depths"])
    print(f"written to {arguments.output}: plimsoll validate --probe {arguments.output}")
    return 1 if any("error" in record for record in result["depths"]) else 0


if __name__ == "__main__":
    sys.exit(main())
