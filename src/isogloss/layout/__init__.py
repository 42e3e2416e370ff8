"""The map: places of passages in two dimensions.

`map_rows` draws one of rows in memory; `PassageMap` is the map of an atlas.
"""

from isogloss.layout.passage_map import PassageMap, TopicPlaces
from isogloss.layout.rows import map_rows

__all__ = ["PassageMap", "TopicPlaces", "map_rows"]
