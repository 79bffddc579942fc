import os

import pytest

from nnspec import files
from nnspec.errors import UsageError


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "model.py"
    files.write_text(path, "old")

    def fail_halfway():
        with files.replacing(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_appears_only_at_the_end(tmp_path):
    path = tmp_path / "history.png"
    with files.replacing(path) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".png"
        temporary.write_bytes(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"


def test_text_is_utf8_with_the_line_ends_given(tmp_path):
    assert files.write_text(tmp_path / "a.txt", "é\n").read_bytes() == b"\xc3\xa9\n"


def test_the_mode_of_a_replaced_file_stays(tmp_path):
    path = files.write_text(tmp_path / "run.sh", "1")
    path.chmod(0o750)
    files.write_text(path, "2")
    assert path.stat().st_mode & 0o777 == 0o750


def test_a_new_file_has_the_usual_mode(tmp_path):
    (tmp_path / "usual").touch()
    path = files.write_text(tmp_path / "ours", "")
    assert path.stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_link_stays_a_link(tmp_path):
    target = files.write_text(tmp_path / "target", "old")
    link = tmp_path / "link"
    link.symlink_to(target)
    files.write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_device_is_written_and_not_replaced():
    files.write_text(os.devnull, "gone")
    assert not os.path.isfile(os.devnull)  # noqa: PTH113


@pytest.mark.parametrize(
    ("path", "message"),
    [("missing/a.py", "there is no folder .*create it"), (".", "is a folder")],
)
def test_what_cannot_be_written_is_a_usage_error(tmp_path, path, message):
    with pytest.raises(UsageError, match=message):
        files.write_text(tmp_path / path, "x")
