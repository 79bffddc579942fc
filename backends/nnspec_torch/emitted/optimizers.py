"""Optimizers that PyTorch has not, or whose formula is another."""

from typing import Any

import torch
from torch.optim.optimizer import ParamsT


class Lion(torch.optim.Optimizer):
    """Steps by the sign of a mean of the gradients."""

    def __init__(self, params: ParamsT, lr: float, betas: tuple[float, float]) -> None:
        super().__init__(params, {"lr": lr, "betas": betas})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            first, second = group["betas"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["mean"] = torch.zeros_like(parameter)
                mean = state["mean"]
                towards = first * mean + (1 - first) * parameter.grad
                parameter.sub_(group["lr"] * towards.sign())
                mean.mul_(second).add_(parameter.grad, alpha=1 - second)
        return loss


class Lamb(torch.optim.Optimizer):
    """Adam's step, as long as each parameter times the learning rate."""

    def __init__(
        self, params: ParamsT, lr: float, betas: tuple[float, float], eps: float
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            first, second = group["betas"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["step"] = torch.zeros(())
                    state["mean"] = torch.zeros_like(parameter)
                    state["square"] = torch.zeros_like(parameter)
                state["step"] += 1
                number = int(state["step"])
                mean, square, gradient = state["mean"], state["square"], parameter.grad
                mean.mul_(first).add_(gradient, alpha=1 - first)
                square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
                root = (square / (1 - second**number)).sqrt() + group["eps"]
                move = mean / (1 - first**number) / root
                size, length = parameter.norm(), move.norm()
                ratio = torch.where((size > 0) & (length > 0), size / length, 1.0)
                parameter.sub_(group["lr"] * ratio * move)
        return loss


class DecreasingSGD(torch.optim.Optimizer):
    """Gradient descent with a rate that falls as averaging wants it."""

    def __init__(self, params: ParamsT, lr: float, lambd: float, alpha: float) -> None:
        super().__init__(params, {"lr": lr, "lambd": lambd, "alpha": alpha})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            lr, lambd = group["lr"], group["lambd"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["step"] = torch.zeros(())
                taken = int(state["step"])
                eta = lr / (1 + lambd * lr * taken) ** group["alpha"]
                parameter.mul_(1 - lambd * eta).sub_(parameter.grad, alpha=eta)
                state["step"] += 1
        return loss


class Ftrl(torch.optim.Optimizer):
    """Follows the regularised leader: a parameter is made anew of sums of gradients."""

    def __init__(
        self,
        params: ParamsT,
        lr: float,
        power: float,
        initial_sum: float,
        l1: float,
        ridge: float,
        beta: float,
    ) -> None:
        defaults = {"lr": lr, "power": power, "l1": l1, "ridge": ridge, "beta": beta}
        super().__init__(params, {**defaults, "initial_sum": initial_sum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            lr, power, limit = group["lr"], -group["power"], group["l1"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["sum"] = torch.full_like(parameter, group["initial_sum"])
                    state["linear"] = torch.zeros_like(parameter)
                total, linear = state["sum"], state["linear"]
                square = parameter.grad**2
                # The power after less the power before: to subtract them would lose digits.
                change = total**power * torch.expm1(power * torch.log1p(square / total))
                total.add_(square)
                linear.add_(parameter.grad - change / lr * parameter)
                curve = (total**power + group["beta"]) / lr + 2 * group["ridge"]
                parameter.copy_((linear.clamp(-limit, limit) - linear) / curve)
        return loss
