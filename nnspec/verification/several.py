"""The verification of several networks: each by itself, and the training of one against another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnspec.errors import UsageError
from nnspec.network.networks import Networks
from nnspec.support.plain_json import json_text
from nnspec.verification.report import Report
from nnspec.verification.settings import Settings
from nnspec.verification.verifier import verify_spec
from nnspec.verification.versus_checks import verify_versus

if TYPE_CHECKING:
    from rich.console import Console

    from nnspec.network.loader import Spec
    from nnspec.remote.processes import Workers


@dataclass(frozen=True)
class Reports:
    """The reports of several networks, and of their training; passed if all have."""

    name: str
    sha256: str
    reports: Mapping[str, Report]

    @property
    def passed(self) -> bool:
        """Whether every report passed."""
        return all(report.passed for report in self.reports.values())

    def as_json(self) -> dict[str, Any]:
        """Return the reports as `nnspec verify --json` prints them."""
        return {
            "spec": self.name,
            "spec_sha256": self.sha256,
            "passed": self.passed,
            "reports": {name: report.as_json() for name, report in self.reports.items()},
        }

    def to_json(self) -> str:
        """Return the reports as JSON text."""
        return json_text(self.as_json())

    def print(self, console: Console) -> None:
        """Print every report as a table."""
        for report in self.reports.values():
            report.print(console)

    def _repr_html_(self) -> str:
        return "".join(report._repr_html_() for report in self.reports.values())

    def to_html(self, network: Spec | Networks | None = None, command: str = "") -> str:
        """Return the reports as one page. network, command: as of `Report.to_html`."""
        from nnspec.verification.report_page import page_of

        models = network.models if isinstance(network, Networks) else {}
        return page_of(self.reports, models, self.name, self.sha256, command)


def verify_networks(
    networks: Networks, settings: Settings, workers: Workers | None = None
) -> Reports:
    """Verify each network as a spec of its own, then ten rounds of their training."""
    if settings.weights is not None or settings.data is not None:
        raise UsageError("weights and rows are of one network: say which by `model`")
    reports = {name: verify_spec(spec, settings, workers) for name, spec in networks.models.items()}
    if networks.document.training is not None and "training" not in settings.levels:
        # A report of its own without any check would not have passed.
        for report in reports.values():
            reason = 'the level "training" is not chosen'
            report.leave_out("adversarial", (), reason, by_call=True)
    elif networks.document.training is not None:
        name = "training"
        while name in networks.models:  # whose own report it is not to replace
            name += "_"
        reports[name] = verify_versus(networks, settings, workers)
        if settings.device is not None:
            reason = "the training of two networks is compared on the processor alone"
            reports[name].leave_out(None, (settings.device,), reason, by_call=True)
    return Reports(networks.name, networks.sha256, reports)
