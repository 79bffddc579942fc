"""Replay a certificate of nnspec: python check_certificate.py model.certificate.json

It needs onnxruntime, numpy and safetensors, and nothing of nnspec. It compares the digest of every
file, runs the ONNX file, compares what it gives with the recorded outputs under the thresholds of
the statement, and sees that a changed weight and a changed output are found. Gradients, training
and all else that is "attested" are only stated: they take the frameworks to repeat.
Exit code 0: everything holds. 1: something does not. It checks no signature.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

try:
    import numpy as np
    import onnxruntime
    from safetensors.numpy import load_file
except ImportError as error:
    sys.exit(f"{error}: pip install onnxruntime numpy safetensors")

LARGEST = 2**26  # bytes of a statement
MOST = 2**32  # bytes of the inputs, and of the outputs
DTYPES = {"float": "float32", "double": "float64", "bool": "bool", "int64": "int64"}
failures: list[str] = []


def say(holds, text):
    """Print whether something holds, and remember what does not."""
    # A name is of who wrote the statement: it makes no line of its own, and hides none.
    text = "".join(c if c.isprintable() else "?" for c in text)
    print(f"{'ok  ' if holds else 'FAIL'} {text}")
    if not holds:
        failures.append(text)


def sha256(path):
    found = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(2**20):
            found.update(part)
    return found.hexdigest()


def file_at(home, name):
    """Return the path of a file that the statement names: FOLDER/FILE beside it, and no link."""
    parts = name.split("/")
    if len(parts) != 2 or any(p in ("", ".", "..") or set(p) & set("\\:\0") for p in parts):
        raise ValueError(f"{name!r} is not the name of a file in a folder beside the statement")
    path = home / parts[0] / parts[1]
    if path.is_symlink() or path.parent.is_symlink() or not path.is_file():
        raise ValueError(f"{name!r} is no file there")
    return path


def error_of(given, expected):
    """Return max|given - expected| / max|expected|, the largest of all tensors."""
    worst = 0.0
    if given.keys() != expected.keys():
        return np.inf
    for name, wanted in expected.items():
        if given[name].shape != wanted.shape:
            return np.inf
        a, b = given[name].astype("float64"), wanted.astype("float64")
        finite = np.isfinite(b)
        others = np.isfinite(a) != finite, a[~finite] != b[~finite], np.isnan(a) != np.isnan(b)
        if others[0].any() or (others[1] & ~np.isnan(a[~finite])).any() or others[2].any():
            return np.inf
        off, scale = (np.max(np.abs(x[finite]), initial=0.0) for x in (a - b, b))
        if off > 0:
            worst = max(worst, off / scale if scale > 0 else np.inf)
    return float(worst)


def run(path, inputs, threads, optimized=False, tensors=None):
    """Return the outputs of the ONNX file; tensors stand in for its own of the same name."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 4
    if not optimized:
        level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.graph_optimization_level = level
    held = {n: onnxruntime.OrtValue.ortvalue_from_numpy(a) for n, a in (tensors or {}).items()}
    for name, value in held.items():
        options.add_initializer(name, value)
    session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    kinds = {each.name: each.type[len("tensor(") : -1] for each in session.get_inputs()}
    feeds = {n: inputs[n].astype(DTYPES.get(kind, kind)) for n, kind in kinds.items()}
    return dict(zip((o.name for o in session.get_outputs()), session.run(None, feeds), strict=True))


def read(path):
    """Return a statement, and the part of it that nnspec wrote."""
    if path.stat().st_size > LARGEST:
        raise ValueError("it is too large for a statement")

    def refuse(text):
        raise ValueError(f"{text} is no number")

    def once(pairs):
        found = {}
        for key, value in pairs:
            if key in found:  # readers differ in which of the two they take
                raise ValueError(f"{key!r} is stated twice")
            found[key] = value
        return found

    text = path.read_text("utf-8")
    statement = json.loads(text, parse_constant=refuse, object_pairs_hook=once)
    own = statement["predicate"]["nnspec"]
    stated = own.pop("sha256_of_the_rest")
    rest = json.dumps(statement, sort_keys=True, separators=(",", ":")).encode()
    say(stated == hashlib.sha256(rest).hexdigest(), "the statement is as it was written")
    return statement, own


def check_files(home, statement, sizes):
    """Compare every file with its digest, and return the paths."""
    paths, wrong = {}, []
    read = statement["predicate"]["configuration"]
    say(all(each in statement["subject"] for each in read), "what was read is among the files")
    for each in statement["subject"]:
        path = paths[each["name"]] = file_at(home, each["name"])
        # A file of another size is not even read.
        if path.stat().st_size != sizes[each["name"]] or sha256(path) != each["digest"]["sha256"]:
            wrong.append(each["name"])
    for folder in {path.parent for path in paths.values()}:
        wrong += [str(p) for p in folder.iterdir() if p not in paths.values()]
    say(not wrong, f"the digests of {len(paths)} files: {', '.join(wrong) or 'no other file'}")
    return paths


def check_verdicts(statement, own):
    """See that every stated number keeps to the stated verdict."""
    predicate, checks, control = statement["predicate"], own["checks"], own["negative_control"]
    kind = statement["_type"], statement["predicateType"]
    known = "https://in-toto.io/Statement/v1", "https://in-toto.io/attestation/test-result/v0.1"
    say(kind == known, "the statement is of the known type")
    passed = predicate["result"] == "PASSED" and not predicate["failedTests"] and bool(checks)
    passed = passed and predicate["passedTests"] == [each["name"] for each in checks]
    off = [
        each["name"]
        for each in checks
        if not 0 <= each["error"] <= each["threshold"] < 1 or each["passed"] is not True
    ]
    told = f"each of the {len(checks)} stated errors is within its threshold, below 1"
    say(passed and not off, f"{told}{': not ' if off else ''}{'; '.join(off)}")
    found = [c["error"] is None or c["error"] > c["threshold"] for c in control["injected"]]
    levels = {each["level"] for each in control["injected"]}
    needed = {each["level"] for each in checks if each["level"] in ("gradients", "training")}
    say(all(found) and levels >= {"outputs", *needed}, f"{len(found)} injected faults exceed it")


def check_outputs(own, paths):
    """Run the model, and compare it and all that is recorded with the recorded outputs."""
    at = {role: paths[name] for role, name in own["files"].items()}
    if any(at[role].stat().st_size > MOST for role in ("inputs", "expected")):
        raise ValueError(f"more than {MOST:,} bytes of inputs or of outputs")
    inputs, threads = load_file(at["inputs"]), own["environment"]["threads"]
    threads = min(max(int(threads or 0), 0), os.cpu_count() or 1)  # 0: as many as it likes
    arrays: dict[str, dict[str, np.ndarray]] = {}
    for key, array in load_file(at["expected"]).items():
        whose, _, output = key.rpartition("/")
        arrays.setdefault(whose, {})[output] = array
    ran = {flag: run(at["model"], inputs, threads, flag) for flag in (False, True)}
    limits = []
    for check in own["checks"]:
        if check["assurance"] == "attested":
            continue
        wanted, limit, name = arrays[check["expected"]], check["threshold"], check["name"]
        told = {n if n in arrays else f"{n} {check['dtype']}" for n in check["between"]}
        say(told == {check["given"], check["expected"]}, f"{name}: of the outputs that it names")
        recorded = error_of(arrays[check["given"]], wanted)
        same = abs(recorded - check["error"]) <= 1e-9 * check["error"]
        say(same and recorded <= limit, f"{name}: recorded {recorded:.3g}, at most {limit:.3g}")
        if check["assurance"] == "replayed":
            error = error_of(ran[check["optimized"]], wanted)
            say(error <= limit, f"{name}: run here {error:.3g}, at most {limit:.3g}")
            limits.append((limit, wanted))
    say(bool(limits), "the outputs of the ONNX file were compared")
    check_control(own, at, inputs, threads, ran[False], limits)


def check_control(own, at, inputs, threads, plain, limits):
    """See that the model has the weights of their file, and that faults are found."""
    weights, control = load_file(at["weights"]), own["negative_control"]["replay"]
    stored = {name: weights[name] for name in own["stored_weights"]}
    if weights and not stored:
        say(True, f"0 of {len(weights)} weights stand in the model as in their file: attested")
    if stored:
        again = run(at["model"], inputs, threads, tensors=stored)
        same = all(np.array_equal(again[n], plain[n], equal_nan=True) for n in plain)
        say(same, f"with {len(stored)} of {len(weights)} weights of their file it gives the same")
    limit, wanted = max(limits, key=lambda both: both[0])
    if control["tensor"] is not None:
        changed = weights[control["tensor"]].copy()
        largest = float(np.max(np.abs(changed))) or 1.0
        off = abs(control["value"] - float(changed.reshape(-1)[control["index"]]))
        changed.reshape(-1)[control["index"]] = control["value"]
        tensors = {control["tensor"]: changed}
        error = error_of(run(at["model"], inputs, threads, tensors=tensors), wanted)
        what = f"one number of {control['tensor']} in the model changed"
        seen = error > limit and off <= 1.01 * largest  # more than that moves any output
        say(seen, f"control, {what} by {off:.3g}: {error:.3g}, more than {limit:.3g}")
    name, array = max(wanted.items(), key=lambda item: np.isfinite(item[1]).sum())
    turned = plain[name].astype("float64")
    if (finite := np.flatnonzero(np.isfinite(array))).size:
        largest = float(np.max(np.abs(array.astype("float64").reshape(-1)[finite])))
        turned.reshape(-1)[finite[0]] += 3 * limit * (largest or 1.0) or 1.0
    else:
        turned.reshape(-1)[0] = 0.0
    error = error_of({**plain, name: turned}, wanted)
    say(error > limit, f"control, one number of {name} changed: {error:.3g}, more than {limit:.3g}")


def main(path):
    try:
        statement, own = read(path)
        paths = check_files(path.parent, statement, own["sizes"])
        check_verdicts(statement, own)
        if not failures:  # nothing of a changed file is run
            check_outputs(own, paths)
    except json.JSONDecodeError as error:
        say(False, f"{path} is no JSON: {error}")
    except KeyError as error:
        say(False, f"{path}: no {error}, which a statement of nnspec and its files have")
    except (TypeError, AttributeError, IndexError) as error:
        say(False, f"{path} has a value of another kind than a statement of nnspec: {error}")
    except Exception as error:  # whatever is wrong with a file of others
        say(False, f"{path}: {type(error).__name__}: {error}")
    stated = "gradients, training and all else that is attested are stated, not repeated here"
    print(f"certificate FAILS: {len(failures)}" if failures else f"certificate holds; {stated}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])) if len(sys.argv) == 2 else __doc__)
