"""Signatures of statements, by OpenSSF model-signing where that is installed.

https://github.com/sigstore/model-transparency. What is signed is the statement; it holds the digest
of every other file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nnspec.errors import MissingDependencyError, UsageError
from nnspec.support.causes import cause_of

SUFFIX = ".sig"

Signer = Callable[[Path, Path], None]
"""(file, place of the signature): signs a file."""


def signer(key: str | Path) -> Signer:
    """Return what signs with a private key on an elliptic curve, a .pem file without a password.

    Raises MissingDependencyError, or UsageError for a key that cannot be used.
    """
    try:
        from model_signing import signing
    except ImportError as error:
        raise MissingDependencyError("model-signing", "sign") from error
    if not Path(key).is_file():
        raise UsageError(f"{key}: there is no such file; give a private key in a .pem file")
    try:
        config = signing.Config().use_elliptic_key_signer(private_key=key)  # type: ignore[no-untyped-call]  # theirs
    except Exception as error:
        raise UsageError(
            f"{key} is no private key that model-signing can use: {cause_of(error)}; "
            "`openssl ecparam -name prime256v1 -genkey -noout -out key.pem` makes one"
        ) from error
    sign: Signer = config.sign
    return sign
