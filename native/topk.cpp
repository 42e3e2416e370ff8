// The k largest entries of every row of a dense matrix.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace nb = nanobind;

namespace {

struct Entry {
    float value;
    int32_t column;
};

// Larger values first; equal values in column order, so that ties have one answer.
inline bool before(const Entry &a, const Entry &b) {
    return a.value > b.value || (a.value == b.value && a.column < b.column);
}

using Input = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Columns = nb::ndarray<int32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Values = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

// Merges the k best of `scores`, whose first column stands for `first_column`, into the best so
// far (`values`, `columns`: rows sorted best first, unused places -inf and -1).
// `skip_first` >= 0: row i leaves out column skip_first + i (a passage is no neighbour of itself).
void topk_merge(Input scores, int64_t first_column, int64_t skip_first, Columns columns,
                Values values) {
    const size_t n = scores.shape(0), m = scores.shape(1), k = columns.shape(1);
    if (columns.shape(0) != n || values.shape(0) != n || values.shape(1) != k)
        throw nb::value_error("topk_merge: shapes of scores, columns and values differ");
    if (k == 0) return;
    nb::gil_scoped_release unlocked;
    std::vector<Entry> heap;
    heap.reserve(k + 1);
    for (size_t i = 0; i < n; ++i) {
        const float *row = scores.data() + i * m;
        int32_t *column = columns.data() + i * k;
        float *value = values.data() + i * k;
        heap.clear();
        for (size_t j = 0; j < k && column[j] >= 0; ++j) heap.push_back({value[j], column[j]});
        std::make_heap(heap.begin(), heap.end(), before);
        const int64_t skip = skip_first < 0 ? -1 : skip_first + static_cast<int64_t>(i);
        for (size_t j = 0; j < m; ++j) {
            const float score = row[j];
            if (heap.size() == k && score < heap.front().value) continue;
            const int64_t global = first_column + static_cast<int64_t>(j);
            if (global == skip) continue;
            const Entry entry{score, static_cast<int32_t>(global)};
            if (heap.size() < k) {
                heap.push_back(entry);
                std::push_heap(heap.begin(), heap.end(), before);
            } else if (before(entry, heap.front())) {
                std::pop_heap(heap.begin(), heap.end(), before);
                heap.back() = entry;
                std::push_heap(heap.begin(), heap.end(), before);
            }
        }
        std::sort_heap(heap.begin(), heap.end(), before);
        for (size_t j = 0; j < heap.size(); ++j) {
            value[j] = heap[j].value;
            column[j] = heap[j].column;
        }
    }
}

}  // namespace

void bind_topk(nb::module_ &m) {
    m.def("topk_merge", &topk_merge, nb::arg("scores"), nb::arg("first_column"),
          nb::arg("skip_first"), nb::arg("columns").noconvert(), nb::arg("values").noconvert(),
          "Merge the k best of each row of `scores` into `columns` and `values`, in place.");
}
