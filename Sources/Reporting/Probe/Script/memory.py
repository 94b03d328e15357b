

# ---------------------------------------------------------------- Memory


class CudaMeter:
    """Reads torch's caching allocator and the driver."""

    def __init__(self, device):
        import torch

        self.torch, self.device = torch, device
        torch.cuda.set_device(device)
        torch.cuda.init()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return None

    def adopt(self):
        """Nothing to do: the allocator has seen every tensor."""

    def reset_peak(self):
        self.torch.cuda.reset_peak_memory_stats(self.device)

    def read(self):
        cuda = self.torch.cuda
        cuda.synchronize(self.device)
        free, total = cuda.mem_get_info(self.device)
        return {
            "peak_allocated": cuda.max_memory_allocated(self.device),
            "live_allocated": cuda.memory_allocated(self.device),
            "peak_reserved": cuda.max_memory_reserved(self.device),
            "live_reserved": cuda.memory_reserved(self.device),
            "device_used": total - free,  # of all processes on the device, contexts included
        }


def storage_meter():
    """A meter for machines without CUDA: it adds up the storages of all tensors that are alive.

    A mode of torch's dispatcher sees what every operation returns. A storage is counted once, whatever views there are
    of it, and is let go when a weak reference to it dies. What an operation borrows inside its kernel is not seen.
    """
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    class StorageMeter(TorchDispatchMode):
        def __init__(self):
            super().__init__()
            self.sizes, self.references = {}, {}
            self.live = self.peak = 0

        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
            result = operation(*args, **(kwargs or {}))
            self.count(result)
            return result

        def count(self, value):
            if isinstance(value, torch.Tensor):
                self.count_storage(value)
            elif isinstance(value, (list, tuple)):
                for element in value:
                    self.count(element)

        def count_storage(self, tensor):
            if tensor.device.type != "cpu":
                return
            storage = tensor.untyped_storage()
            key, size = storage._cdata, storage.nbytes()
            if key not in self.sizes:
                self.references[key] = weakref.ref(storage, lambda _, key=key: self.forget(key))
            self.live += size - self.sizes.get(key, 0)
            self.sizes[key] = size
            self.peak = max(self.peak, self.live)

        def forget(self, key):
            self.live -= self.sizes.pop(key, 0)
            self.references.pop(key, None)

        def adopt(self):
            """Counts the tensors that were made before, or on threads that this mode was not on: loaders have such."""
            gc.collect()
            for candidate in gc.get_objects():
                if issubclass(type(candidate), torch.Tensor):
                    self.count_storage(candidate)

        def reset_peak(self):
            self.peak = self.live

        def read(self):
            return {"peak_allocated": self.peak, "live_allocated": self.live}

    return StorageMeter()


class Recorder:
    """Cuts the run into phases and reads the meter at every cut."""

    def __init__(self, meter, save):
        self.meter, self.save = meter, save
        self.phase, self.began = None, 0.0
        self.steps, self.phases = [], []

    def switch(self, phase):
        """Ends the phase that runs, if any, and begins `phase`; `None` begins nothing."""
        if self.phase is not None:
            reading = self.meter.read()  # first: on CUDA it waits for the device
            self.phases.append({"phase": self.phase, "seconds": time.perf_counter() - self.began, **reading})
        self.phase, self.began = phase, time.perf_counter()
        self.meter.reset_peak()

    def begin_step(self):
        self.phases = []
        self.switch("forward")

    def end_decoder(self):
        """The decoder has made the last hidden state: what follows is head and loss."""
        if self.phase == "forward":
            self.switch("loss")

    def end_micro_batch(self):
        """No optimizer's step follows this backward pass, but the next micro-batch."""
        if self.phase == "optimizer":
            self.phase = "between"
        self.switch("forward")

    def end_step(self):
        if self.phase is not None:
            self.switch(None)
        self.steps.append({"step": len(self.steps) + 1, "phases": self.phases})
        self.phases = []
        self.save()
