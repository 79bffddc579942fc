"""A run for TensorBoard: files of events in the run's folder, so that `tensorboard --logdir runs`
shows each run by the name of its folder.

Written by TensorBoard's own records and protocols, which need neither TensorFlow nor PyTorch.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import IO, Any

from nnspec.errors import MissingDependencyError
from nnspec.training.logged import LoggedRun
from nnspec.training.runs import EVENTS, RunFolder

_VERSION = "brain.Event:2"
_SPEC = "spec/text_summary"


class TensorBoard:
    """Writes scalars, the settings (for the tab of hyperparameters) and the spec as a text."""

    def __init__(self) -> None:
        try:
            from tensorboard.compat.proto import event_pb2
            from tensorboard.summary.writer import record_writer  # noqa: F401
        except ImportError:
            raise MissingDependencyError("TensorBoard", "tensorboard") from None
        self._event = event_pb2.Event
        self._file: IO[bytes] | None = None
        self._known: dict[str, set[int]] = {}
        self._last = 0

    def begin(self, run: LoggedRun) -> None:
        """Open a file after those that the folder has, and log the epochs that they lack."""
        from tensorboard.summary.writer.record_writer import RecordWriter

        before = [path for path in RunFolder(run.folder).logs if path.suffix == ".nnspec"]
        for path in before:
            for event in self._read(str(path)):
                for value in event.summary.value:
                    self._known.setdefault(value.tag, set()).add(event.step)
        # Sorted by their names, as TensorBoard reads them.
        path = run.folder / f"{EVENTS}{int(time.time()):010}.{len(before):04}.nnspec"
        self._file = path.open("xb")
        self._writer = RecordWriter(self._file)
        self._write(file_version=_VERSION)
        self._summarize(0, *_of_settings({**run.settings, "backend": run.backend}))
        self._summarize(0, _of_text(_SPEC, run.spec))
        for number, values in run.history:
            self.epoch(number, values)
        self._flush()

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        """Log the measures of an epoch as scalars, its number as their step."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        self._last = number
        found = (Summary.Value(tag=name, simple_value=value) for name, value in values.items())
        try:
            self._summarize(number, *found)
            self._flush()
        except OSError:
            self._close()
            raise

    def end(self, status: str, values: Mapping[str, float]) -> None:
        """Log what is measured at the end, at the step of the last epoch."""
        try:
            self.epoch(self._last, values)
            self._summarize(self._last, _of_end(status))
        finally:
            self._close()

    def _summarize(self, step: int, *values: Any) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        new = [value for value in values if step not in self._known.setdefault(value.tag, set())]
        for value in new:
            self._known[value.tag].add(step)
        if new:
            self._write(step=step, summary=Summary(value=new))

    def _write(self, **fields: Any) -> None:
        event = self._event(wall_time=time.time(), **fields)
        self._writer.write(event.SerializeToString())

    def _close(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # what is left to write
                self._file.close()

    def _flush(self) -> None:
        if self._file is not None:
            self._file.flush()

    def _read(self, path: str) -> Iterator[Any]:
        """Yield the events of a file, up to one that a kill has cut."""
        # TensorBoard's usual readers import TensorFlow where it is installed.
        from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import PyRecordReader_New

        try:
            reader = PyRecordReader_New(path)
            while True:
                reader.GetNext()
                yield self._event.FromString(reader.record())
        except Exception:
            return


def _of_text(tag: str, text: str) -> Any:
    """Return a text as TensorBoard's tab of texts shows it: as it stands, in Markdown."""
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto

    lines = "".join(f"    {line}\n" for line in text.splitlines())
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
    tensor = TensorProto(
        dtype="DT_STRING",
        string_val=[lines.encode()],
        tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)]),
    )
    return Summary.Value(tag=tag, metadata=metadata, tensor=tensor)


def _of_settings(settings: Mapping[str, Any]) -> Iterator[Any]:
    from tensorboard.plugins.hparams.metadata import SESSION_START_INFO_TAG
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionStartInfo

    started = SessionStartInfo(start_time_secs=time.time())
    for name, value in settings.items():
        match value:
            case bool():
                started.hparams[name].bool_value = value
            case int() | float():
                started.hparams[name].number_value = value
            case _:
                text = value if isinstance(value, str) else json.dumps(value)
                started.hparams[name].string_value = text
    yield _of_hparams(SESSION_START_INFO_TAG, HParamsPluginData(session_start_info=started))


def _of_end(status: str) -> Any:
    from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE, STATUS_SUCCESS
    from tensorboard.plugins.hparams.metadata import SESSION_END_INFO_TAG
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo

    told = STATUS_SUCCESS if status == "finished" else STATUS_FAILURE
    ended = SessionEndInfo(status=told, end_time_secs=time.time())
    return _of_hparams(SESSION_END_INFO_TAG, HParamsPluginData(session_end_info=ended))


def _of_hparams(tag: str, content: Any) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams.metadata import NULL_TENSOR, create_summary_metadata

    metadata = create_summary_metadata(content)
    return Summary.Value(tag=tag, metadata=metadata, tensor=NULL_TENSOR)
