"""What a message is checked against: the sender, the files it may name, and the settings."""

from typing import Any, NamedTuple

from metasim.config import SimulatorConfig
from metasim.store import Media, Number, Registry


class Scene(NamedTuple):
    """The world around one send."""

    number: Number
    registry: Registry
    config: SimulatorConfig
    now: float

    def media(self, media_id: Any) -> Media | None:
        """A file of the sender's account that has not expired."""
        media = self.registry.find_media(str(media_id), self.now)
        if media is None or media.number is None or media.number.waba is not self.number.waba:
            return None
        return media
