"""Optimizers that treat a matrix otherwise than a vector, or that step around an average."""

from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT
from torch.optim.swa_utils import AveragedModel


class Muon(torch.optim.Optimizer):
    """Orthogonal steps of the matrices in groups that say `use_muon`, Adam's of all others."""

    def __init__(
        self,
        params: ParamsT,
        lr: float,
        momentum: float,
        nesterov: bool,
        ns_steps: int,
        least_norm: float,
        match_rms_adamw: bool,
        betas: tuple[float, float],
        eps: float,
    ) -> None:
        muon = {"momentum": momentum, "nesterov": nesterov, "ns_steps": ns_steps}
        muon |= {"least_norm": least_norm, "match_rms_adamw": match_rms_adamw}
        adam = {"betas": betas, "eps": eps}
        super().__init__(params, {"lr": lr, **muon, **adam, "use_muon": False})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                move = self.orthogonal if group["use_muon"] else self.adam
                move(parameter, parameter.grad, self.state[parameter], group)
        return loss

    def orthogonal(
        self, parameter: Tensor, gradient: Tensor, state: Any, group: Any
    ) -> None:
        if not state:
            state["velocity"] = torch.zeros_like(parameter)
        velocity, momentum = state["velocity"], group["momentum"]
        velocity.lerp_(gradient, 1 - momentum)
        x = gradient.lerp(velocity, momentum) if group["nesterov"] else velocity
        # In the parameter's precision, where torch.optim.Muon takes bfloat16.
        x = x / x.norm().clamp(min=group["least_norm"])
        rows, columns = parameter.shape
        if rows > columns:
            x = x.T
        for _ in range(group["ns_steps"]):
            square = x @ x.T
            x = 3.4445 * x + (-4.775 * square + 2.0315 * square @ square) @ x
        if rows > columns:
            x = x.T
        if group["match_rms_adamw"]:
            scale = 0.2 * max(rows, columns) ** 0.5
        else:
            scale = max(1.0, rows / columns) ** 0.5
        parameter.sub_(x, alpha=group["lr"] * scale)

    def adam(self, parameter: Tensor, gradient: Tensor, state: Any, group: Any) -> None:
        if not state:
            state["step"] = torch.zeros(())
            state["mean"] = torch.zeros_like(parameter)
            state["square"] = torch.zeros_like(parameter)
        state["step"] += 1
        number, (first, second) = int(state["step"]), group["betas"]
        mean, square = state["mean"], state["square"]
        mean.lerp_(gradient, 1 - first)
        square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        root = (square / (1 - second**number)).sqrt() + group["eps"]
        parameter.addcdiv_(mean, root, value=-group["lr"] / (1 - first**number))


class ScheduleFreeAdamW(torch.optim.Optimizer):
    """AdamW whose gradients are taken between a sequence and the average of it."""

    def __init__(
        self,
        params: ParamsT,
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
    ) -> None:
        defaults = {"betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, {"lr": lr, **defaults})
        for group in self.param_groups:
            group["first_lr"] = group["lr"]

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            lr, (first, second) = group["lr"], group["betas"]
            # Groups of other rates weigh their steps alike.
            weight = (self.defaults["lr"] * lr / group["first_lr"]) ** 2
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["step"] = torch.zeros(())
                    state["weight_sum"] = torch.zeros((), dtype=torch.float64)
                    state["base"] = parameter.clone()
                    state["square"] = torch.zeros_like(parameter)
                state["step"] += 1
                state["weight_sum"] += weight
                total, number = float(state["weight_sum"]), int(state["step"])
                share = weight / total if total else 0.0
                base, square, gradient = state["base"], state["square"], parameter.grad
                square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
                root = (square / (1 - second**number)).sqrt() + group["eps"]
                move = (gradient / root).add_(parameter, alpha=group["weight_decay"])
                # Of (1 - first) * base + first * average, when both have moved.
                parameter.lerp_(base, share)
                parameter.sub_(move, alpha=lr * (1 - first * (1 - share)))
                base.sub_(move, alpha=lr)
        return loss

    @torch.no_grad()
    def average(self, parameter: Tensor) -> Tensor:
        """Return the average that a parameter is a step away from."""
        base = self.state.get(parameter, {}).get("base", parameter)
        (first,) = {group["betas"][0] for group in self.param_groups}
        return parameter.lerp(base, 1 - 1 / first)


@torch.no_grad()
def averaged(model: torch.nn.Module, optimizer: ScheduleFreeAdamW) -> Any:
    """Return the model with the averages of its weights."""
    kept = AveragedModel(model).module
    for live, copied in zip(model.parameters(), kept.parameters(), strict=True):
        copied.copy_(optimizer.average(live))
    return kept
