"""The map: places of passages in two dimensions.

`lay_out` lays out rows; `PassageMap` is the map of an atlas.
"""

from isogloss.layout.layout import lay_out
from isogloss.layout.passage_map import PassageMap, TopicPlaces

__all__ = ["PassageMap", "TopicPlaces", "lay_out"]
