"""Keys of profiles that say where keys come from: a role, single sign-on, a program.

AWS's own ``botocore`` (extra ``aws``) finds them, by the rules of AWS's tools; it is loaded when a profile needs it.
"""

from __future__ import annotations

import threading
from typing import Any

from frazil import _core
from frazil.errors import StorageError
from frazil.forking import renew_in_children


class ProfileKeys:
    """Gives the keys of a profile, asked for again before they expire; safe to share between threads.

    Nothing is read or asked for before the first call.  The profile counts as that of the environment, not as one chosen
    in code, so that what the environment says of regions and endpoints holds.

    Raises ``StorageError`` of kind ``storage-config`` if ``botocore`` is not installed.
    """

    def __init__(self, profile: str, source: str) -> None:
        self._profile = profile
        self._session = _botocore(profile, source)
        self._lock = threading.Lock()
        self._keys: Any = None
        renew_in_children(self)

    def renew_locks(self) -> None:
        """The thread that was asking for keys does so in the parent."""
        self._lock = threading.Lock()

    def __call__(self) -> dict[str, str]:
        """The keys to use now, by the names of the object store client.

        Raises ``StorageError`` of kind ``storage-config`` if there are none.
        """
        try:
            with self._lock:
                if self._keys is None:
                    self._keys = self._session.Session(profile=self._profile).get_credentials()
            # Renews them as they end, and lets other threads go on with those that still hold.
            keys = None if self._keys is None else self._keys.get_frozen_credentials()
        except Exception as failure:  # noqa: BLE001 - programs and files may be broken in any way
            keys, problem = None, _reason(failure)
        else:
            problem = "nothing that the profile names has keys"
        if keys is None:
            # Out here, without cause and context: what a program printed, keys perhaps, is in some of those errors, and
            # goes with a pickle where tblib is in use.
            raise self._failed(problem)
        options = {"aws_access_key_id": keys.access_key, "aws_secret_access_key": keys.secret_key}
        return {**options, "aws_session_token": keys.token} if keys.token else options

    def _failed(self, reason: str) -> StorageError:
        return StorageError(
            f"the profile {self._profile!r} of AWS's tools gives no keys: {reason}; correct the profile or renew what it "
            "stands on, and see with `aws sts get-caller-identity`",
            kind="storage-config",
        )


def _botocore(profile: str, source: str) -> Any:
    try:
        import botocore.session
    except ImportError:
        raise StorageError(
            f"the profile {profile!r} of AWS's tools takes its keys from {source}, for which botocore is needed: "
            "pip install 'frazil[aws]', or give get_credentials=, a function that asks for keys",
            kind="storage-config",
        ) from None
    return botocore.session


def _reason(failure: Exception) -> str:
    """What went wrong, as far as it can be shown: the text of other errors may repeat what was read."""
    from botocore.exceptions import BotoCoreError, ClientError

    shown = isinstance(failure, BotoCoreError | ClientError)
    return _core.without_secrets(str(failure)) if shown else f"{type(failure).__name__} in what it names"
