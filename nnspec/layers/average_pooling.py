"""Average pooling over windows."""

from typing import Literal

from pydantic import Field

from nnspec.layers.fields import Flag
from nnspec.layers.pooling import Pooling, Pooling1D, Pooling2D, Pooling3D
from nnspec.layers.shapes import DataFormat, Shape


class AveragePooling(Pooling):
    """Base of average pooling: the sum of each window over the number of what it counts."""

    count_include_pad: Flag = Field(
        default=False,
        description="Whether padding counts, as zeros; what hangs over by ceil_mode never does. "
        "Keras and ONNX leave padding out by default, PyTorch counts it.",
    )

    def counted(
        self, shape: Shape, data_format: DataFormat
    ) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
        """Return the pads that count as zeros, and those after them that do not count."""
        if not self.count_include_pad:
            return ((0, 0),) * self.axes, self.whole_pads(shape, data_format)
        over = self.overhang(shape, data_format)
        return self.pads(shape, data_format), tuple((0, more) for more in over)


class AveragePooling1D(Pooling1D, AveragePooling):
    """Mean of each window; padding is not counted, unless by count_include_pad.

    (channels, length) -> (channels, length') in channels_first.
    """

    type: Literal["average_pooling1d"] = "average_pooling1d"


class AveragePooling2D(Pooling2D, AveragePooling):
    """Mean of each window; padding is not counted, unless by count_include_pad.

    (channels, h, w) -> (channels, h', w') in channels_first.
    """

    type: Literal["average_pooling2d"] = "average_pooling2d"


class AveragePooling3D(Pooling3D, AveragePooling):
    """Mean of each window; padding is not counted, unless by count_include_pad.

    (channels, d, h, w) -> (channels, d', h', w') in channels_first.
    """

    type: Literal["average_pooling3d"] = "average_pooling3d"
