"""faiss for `filtered_engines.py`."""

import numpy as np

from filtered_base import Engine, K, below


class Faiss(Engine):
    """faiss with a bitmap selector."""

    kind = "flat"
    rising = True

    def build(self, threads):
        """Train, add and write."""
        import faiss

        faiss.omp_set_num_threads(threads)
        rows, dim = self.vectors.shape
        product = faiss.METRIC_INNER_PRODUCT
        if self.kind == "flat":
            return
        if self.kind == "ivf":
            index = faiss.IndexIVFFlat(faiss.IndexFlatIP(dim), dim, below(rows), product)
            index.train(np.asarray(self.vectors))
        else:
            index = faiss.IndexHNSWFlat(dim, int(self.kind), product)
            index.hnsw.efConstruction = 100
        index.add(np.asarray(self.vectors))
        faiss.write_index(index, str(self.folder / "index.faiss"))

    def open(self):
        """Read the index; the flat one is filled from the vectors."""
        import faiss

        faiss.omp_set_num_threads(1)
        self.faiss = faiss
        if self.kind == "flat":
            self.index = faiss.IndexFlatIP(self.vectors.shape[1])
            self.index.add(np.asarray(self.vectors))
        else:
            self.index = faiss.read_index(str(self.folder / "index.faiss"))

    def settings(self):
        """Sweep nprobe or ef."""
        if self.kind == "flat":
            return [{}]
        if self.kind == "ivf":
            most = below(len(self.vectors))
            return [{"nprobe": n} for n in (8, 16, 32, 64, 128, 256, most) if n <= most]
        return [{"ef": n} for n in (16, 24, 32, 48, 64, 96, 128, 256, 1024)]

    def ready_filter(self, cell):
        """Give a selector over packed bits, and the bits, which it does not own."""
        mask = super().ready_filter(cell)
        if mask is None:
            return None
        bits = np.packbits(mask, bitorder="little")
        return self.faiss.IDSelectorBitmap(bits), bits

    def ready_query(self, query):
        """Give it as one row."""
        return np.ascontiguousarray(query[None])

    def search(self, query, ready, setting, cell):
        """Search with the selector passed through."""
        chosen = {} if ready is None else {"sel": ready[0]}
        if self.kind == "flat":
            asked = self.faiss.SearchParameters(**chosen)
        elif self.kind == "ivf":
            asked = self.faiss.SearchParametersIVF(nprobe=setting["nprobe"], **chosen)
        else:
            asked = self.faiss.SearchParametersHNSW(efSearch=setting["ef"], **chosen)
        rows = self.index.search(query, K, params=asked)[1][0]
        return rows[rows >= 0]


class FaissIvf(Faiss):
    """The inverted file."""

    kind = "ivf"


class FaissHnsw16(Faiss):
    """The graph with 16 links."""

    kind = "16"


class FaissHnsw32(Faiss):
    """The graph with 32 links."""

    kind = "32"
