"""A small real corpus that comes with the package.

`clinc150.parquet` holds 22,500 queries to assistants in 150 intents (Larson et al., EMNLP 2019,
CC BY 3.0), with columns id, text, label and split.

Examples
--------
>>> sample_path().name
'clinc150.parquet'
"""

from pathlib import Path


def sample_path() -> Path:
    """Give the path of the sample corpus.

    Examples
    --------
    >>> sample_path().exists()
    True
    """
    return Path(__file__).with_name("clinc150.parquet")
