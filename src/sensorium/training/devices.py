"""Device, precision, processes and accumulation of a run, by Hugging Face Accelerate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from sensorium.recipe import Recipe

if TYPE_CHECKING:
    from accelerate import Accelerator


def open_accelerator(recipe: Recipe, device: str | None) -> Accelerator:
    """Accelerate set up for this recipe; joins the other processes when launched with several.

    Raises:
        ValueError: when the device is not there, or the batch cannot be shared out evenly.
    """
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState
    from accelerate.utils import DistributedDataParallelKwargs, GradientAccumulationPlugin

    cpu = _wants_cpu(device)
    joined = torch.distributed.is_available() and torch.distributed.is_initialized()
    # Accelerate keeps one state per process; an earlier run in this process must not decide ours.
    AcceleratorState._reset_state(reset_partial_state=not joined)
    accelerator = Accelerator(
        cpu=cpu,
        mixed_precision=recipe.precision,
        gradient_accumulation_plugin=GradientAccumulationPlugin(
            num_steps=recipe.accumulate, adjust_scheduler=False, sync_with_dataloader=False
        ),
        kwargs_handlers=[
            DistributedDataParallelKwargs(
                find_unused_parameters=any(stage.weights for stage in recipe.stages)
            )
        ],
    )
    if accelerator.distributed_type.name in ("FSDP", "DEEPSPEED", "MEGATRON_LM"):
        raise ValueError(
            f"launched with {accelerator.distributed_type.name}, expected plain data parallelism "
            "(its checkpoints hold whole models); launch with --multi_gpu or torchrun"
        )
    if recipe.batch < 1 or recipe.accumulate < 1:
        raise ValueError(
            f"batch and accumulate must be 1 or more, got {recipe.batch} and {recipe.accumulate}"
        )
    parts = accelerator.num_processes * recipe.accumulate
    if recipe.batch % parts:
        raise ValueError(
            f"batch {recipe.batch} cannot be shared evenly by {accelerator.num_processes} "
            f"process(es) times {recipe.accumulate} micro-batch(es); take a multiple of {parts}"
        )
    return accelerator


def _wants_cpu(device: str | None) -> bool:
    """Whether to stay on the CPU, which Accelerate must be told where several processes share it.

    Raises:
        ValueError: for a device that does not exist here.
    """
    present = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if device is None:
        return present is None
    try:
        wanted = torch.device(device)
    except RuntimeError:
        raise ValueError(f"unknown device {device!r}; expected cpu, cuda, cuda:0 or mps") from None
    if wanted.type == "cpu":
        return True
    if present is None or wanted.type != present.type:
        found = "only the CPU" if present is None else f"{present.type} and cpu"
        raise ValueError(f"device {device!r} is not there: torch finds {found}; take --device cpu")
    if wanted.index is not None:
        if wanted.index >= torch.accelerator.device_count():
            raise ValueError(
                f"device {device!r} is not there: torch finds {torch.accelerator.device_count()}"
            )
        torch.accelerator.set_device_index(wanted.index)
    return False
