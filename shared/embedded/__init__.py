"""The log server that needs no installation: a real Valkey beside Strainwatch, its data in the data folder.

``ensure_server(data_dir)`` connects to the server of that folder, starting it when it is not running.
"""

from shared.embedded.binary import EmbeddedServerError
from shared.embedded.server import EmbeddedServer, ensure_server

__all__ = ["EmbeddedServer", "EmbeddedServerError", "ensure_server"]
