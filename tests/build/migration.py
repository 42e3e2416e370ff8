"""What the tests of migrations share: a small atlas, and a migration that kills itself."""

from killed import killed_in

# Where a migration is killed: a name of `POINTS`, and at which call.
POINTS = {
    "first shard": ("isogloss.store.workspace.Workspace.put_arrays", "after", 1),
    "third shard": ("isogloss.store.workspace.Workspace.put_arrays", "before", 3),
    "table": ("isogloss.store.table.create_table", "before", 1),
    "text index": ("isogloss.search.text_index.create_text_index", "before", 1),
    "state": ("isogloss.store.state.publish_state", "before", 1),
    "manifest": ("isogloss.build.reembed.write_manifest", "before", 1),
    "cleaning": ("isogloss.build.reembed.write_manifest", "after", 1),
    "map": ("isogloss.build.migrate.write_manifest", "before", 1),
}

CODE = """
from isogloss.build.migrate import migrate_atlas
migrate_atlas(argv[0], "lexical", re_embed="re-embed" in argv, sample=200)
"""


def killed_at(point, atlas, *more):
    """Run a migration to lexical that dies at a point; give its return code."""
    return killed_in(CODE, *POINTS[point], atlas, *more)
