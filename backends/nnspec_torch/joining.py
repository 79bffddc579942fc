"""Lets a program take its steps together with those of other processes."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist

from nnspec.errors import UsageError

_WAITING = timedelta(days=30)
"""The others wait while the first measures and writes; that one has ended is noticed at once."""


class Joining:
    """The part of a program that meets other processes: see `nnspec.backend.SharesBatches`."""

    device: torch.device
    _telling: dist.ProcessGroup
    """The group by which the first process tells what is next; steps have one with less time."""

    def require_devices(self, processes: int) -> None:
        """Raise UsageError where this machine has not a device for each of so many."""
        if not dist.is_available():
            raise UsageError(f"PyTorch {torch.__version__} was built without torch.distributed")
        if self.device.type == "cuda" and torch.cuda.device_count() < processes:
            raise UsageError(
                f"{processes} devices are asked for, and there are {torch.cuda.device_count()} "
                "GPUs: ask for fewer, or for the device cpu"
            )

    def join(self, rank: int, processes: int, store: Path | None) -> None:
        """Wait for the other processes; raises UsageError."""
        if dist.is_initialized():
            raise UsageError("this process shares a training already")
        kind = "nccl" if self.device.type == "cuda" else "gloo"
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)
        elif "OMP_NUM_THREADS" not in os.environ:
            torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes))
        try:
            if store is None:
                dist.init_process_group(kind)
            else:
                file = dist.FileStore(str(store), processes)  # type: ignore[attr-defined]
                dist.init_process_group(kind, store=file, rank=rank, world_size=processes)
            self._telling = dist.new_group(backend="gloo", timeout=_WAITING)
        except (RuntimeError, ValueError) as error:
            raise UsageError(f"the processes do not find each other: {error}") from None

    def told(self, message: bytes = b"") -> bytes:
        """Return what the first process says."""
        size = torch.tensor([len(message)])
        dist.broadcast(size, 0, self._telling)
        text = torch.empty(int(size), dtype=torch.uint8)
        if message and dist.get_rank() == 0:
            text = torch.from_numpy(np.frombuffer(message, np.uint8).copy())
        dist.broadcast(text, 0, self._telling)
        return text.numpy().tobytes()

    def leave(self) -> None:
        """Part from the others."""
        if dist.is_initialized():
            dist.destroy_process_group()
