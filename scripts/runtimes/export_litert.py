"""The emitted Keras network as a LiteRT file: python export_litert.py NETWORK FORM MODEL."""

import sys

import keras
from networks import FORMS, NETWORKS, text_of

import nnspec
from nnspec.verification.samples import exercised_weights

network, form_name, path = sys.argv[1:]
assert network in NETWORKS
(form,) = (form for form in FORMS if form.name == form_name)
spec = nnspec.loads(text_of(network, form))
model = nnspec.compile(spec, "keras").build(exercised_weights(spec.graph, 0)).model
signature = None
if form.batch is not None:
    signature = [
        keras.InputSpec(shape=(form.batch, *each.shape[1:]), dtype=each.dtype, name=each.name)
        for each in model.inputs
    ]
    if len(signature) > 1:
        signature = [signature]
given = {} if signature is None else {"input_signature": signature}
model.export(path, format="litert", verbose=False, **given)
