"""Places on the map (cloud-api section 2.3)."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from rasl.domain.message_types.base import Content, present

Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90, description="Degrees, north of the equator.")]
Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180, description="Degrees, east of Greenwich.")]
PlaceText = Annotated[str, msgspec.Meta(max_length=1000)]


class Location(Content, frozen=True):
    """A place."""

    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None

    type_name: ClassVar[str] = "location"

    def preview(self) -> str:
        """Return the place in words, or its coordinates."""
        words = ", ".join(word for word in (self.name, self.address) if word)
        return words or f"{self.latitude}, {self.longitude}"

    def graph_fields(self, uploaded: Mapping[int, str]) -> dict[str, Any]:  # noqa: ARG002 - a place has no files
        """Return the location object."""
        place = present(**{name: getattr(self, name) for name in self.__struct_fields__})
        return {"type": "location", "location": place}
