"""What the tests of undo share: everything about an atlas that an undo must give back."""

from typing import NamedTuple


class Whole(NamedTuple):
    """A full copy of what an edit may change."""

    rows: dict  # passage -> topic, membership, memberships as bytes
    tree: bytes
    model: bytes
    about: bytes
    unassigned: int
    topics: int


def whole(atlas):
    rows = {}
    for batch in atlas.passages(["passage", "topic", "membership", "memberships"]):
        strengths = batch.column("memberships")
        own = batch.column("membership").to_numpy().view("uint32").tolist()
        for number, topic, strength, many in zip(
            batch.column("passage").to_pylist(), batch.column("topic").to_pylist(), own,
            (strengths[n].values.to_numpy(zero_copy_only=False).tobytes()
             for n in range(len(strengths))), strict=True,
        ):  # fmt: skip
            rows[number] = (topic, strength, many)
    state = atlas.path / atlas.manifest.state
    return Whole(
        rows, (state / "tree.json").read_bytes(),
        (state / "topics" / "model.safetensors").read_bytes(),
        (state / "topics" / "model.json").read_bytes(),
        atlas.manifest.unassigned, atlas.manifest.topics,
    )  # fmt: skip
