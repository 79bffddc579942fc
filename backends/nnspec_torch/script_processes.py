"""Writes what a script does where several processes run it."""

from __future__ import annotations

from nnspec_torch.options import TorchOptions


def joined() -> list[str]:
    """Return the lines that join the other processes, each of them with a GPU of its own."""
    return [
        "    dist.init_process_group()  # as torchrun says",
        '    if device.type == "cuda":',
        '        device = torch.device("cuda", dist.get_node_local_rank())',
        "        torch.cuda.set_device(device)",
    ]


def agreed(options: TorchOptions) -> list[str]:
    """Return the lines by which all processes go on by what the first has measured.

    Of a batch of fewer rows than processes each takes all, with a dropout of its own.
    """
    if not options.processes:
        return []
    return [
        "        agreed: list[Any] = [train_loss, measured]",
        "        dist.broadcast_object_list(agreed)  # small batches drop otherwise in each",
        "        train_loss, measured = agreed",
    ]


def first(lines: list[str], options: TorchOptions) -> list[str]:
    """Return lines as the first process alone takes them."""
    if not options.processes or not lines:
        return lines
    indent = " " * (len(lines[0]) - len(lines[0].lstrip()))
    return [f"{indent}if dist.get_rank() == 0:", *(f"    {line}" for line in lines)]
