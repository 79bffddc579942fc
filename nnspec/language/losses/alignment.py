"""Losses of sequences whose places in the input are not known."""

from typing import Literal

from pydantic import Field

from nnspec.language.losses import Loss
from nnspec.layers.fields import Count, Whole
from nnspec.layers.shapes import Shape

ROWS: dict[str, type[Loss]] = {}
"""Those of this file: each row stands below its class."""


class Ctc(Loss):
    """Mean over rows of -log of the probability of all alignments of the labels with the steps.

    The output is (steps, classes); the network may end in softmax. The target is a row's labels,
    filled up with `padding`. Graves et al. 2006, as keras.losses.CTC; torch.nn.CTCLoss divides by
    the count of labels. A row with more labels than its steps can hold costs 0.
    """

    leaves_out = "softmax"
    takes = "labels"
    least_classes = 2
    compares = "labels"
    measured_as = "labels"
    usual_metrics = ("label_error_rate",)

    type: Literal["ctc"] = "ctc"
    blank: Count = Field(default=0, description="The class that stands for no label.")
    padding: Whole = Field(default=-1, description="The label that fills up shorter rows.")

    def refusal(self, output: Shape) -> str:
        if len(output) != 2:
            return "takes an output of two axes, steps and classes"
        classes = output[1]
        if isinstance(classes, int) and not self.blank < classes:
            return f"has the blank {self.blank}, and the output {classes} classes"
        if isinstance(classes, int) and 0 <= self.padding < classes and self.padding != self.blank:
            return f"has the padding {self.padding}, which is a class of its output"
        return super().refusal(output)

    def places(self, output: Shape) -> Shape:
        return ()


ROWS["ctc"] = Ctc
