// The k largest scores of every row, gathered from tiles of a product in any order.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <vector>

namespace nb = nanobind;

namespace {

constexpr float kNothing = -std::numeric_limits<float>::infinity();

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

// A heap a row, worst entry in front. Which entries stay does not depend on the order in which
// tiles come, so threads may add tiles as they like; a lock keeps rows of one stretch apart.
class TopK {
   public:
    TopK(int64_t rows, int64_t k)
        : rows_(rows), k_(k), entries_(rows * k), held_(rows, 0),
          least_(rows, kNothing), locks_(new std::mutex[rows / kStretch + 1]) {
        if (rows < 0 || k < 1) throw nb::value_error("TopK: rows and k must be positive");
    }

    // Scores of rows first_row.. with columns first_column..; a row is no neighbour of itself
    // where `distinct`. With `both`, each score also counts for its column as a row (tiles above
    // the diagonal stand for those below).
    void add(Input scores, int64_t first_row, int64_t first_column, bool distinct, bool both) {
        const int64_t n = scores.shape(0), m = scores.shape(1);
        if (first_row < 0 || first_row + n > rows_ ||
            (both && (first_column < 0 || first_column + m > rows_)))
            throw nb::value_error("TopK.add: the tile lies outside");
        nb::gil_scoped_release unlocked;
        const float *data = scores.data();
        for_stretches(first_row, n, [&](int64_t from, int64_t to) {
            for (int64_t row = from; row < to; ++row)
                add_row(data + (row - first_row) * m, m, row, first_column, distinct);
        });
        if (!both) return;
        for_stretches(first_column, m, [&](int64_t from, int64_t to) {
            for (int64_t i = 0; i < n; ++i)
                add_column(data + i * m + (from - first_column), from, to, first_row + i, distinct);
        });
    }

    // Rows from `first` on, best first; -1 and -inf fill the places of rows with fewer.
    void best(int64_t first, Columns columns, Values values) const {
        const int64_t n = columns.shape(0);
        if (first < 0 || first + n > rows_ || static_cast<int64_t>(columns.shape(1)) != k_ ||
            values.shape(0) != columns.shape(0) || static_cast<int64_t>(values.shape(1)) != k_)
            throw nb::value_error("TopK.best: shapes do not fit");
        nb::gil_scoped_release unlocked;
        std::vector<Entry> sorted;
        for (int64_t i = 0; i < n; ++i) {
            const Entry *heap = entries_.data() + (first + i) * k_;
            sorted.assign(heap, heap + held_[first + i]);
            std::sort(sorted.begin(), sorted.end(), before);
            int32_t *column = columns.data() + i * k_;
            float *value = values.data() + i * k_;
            std::fill(column, column + k_, -1);
            std::fill(value, value + k_, kNothing);
            for (size_t j = 0; j < sorted.size(); ++j) {
                value[j] = sorted[j].value;
                column[j] = sorted[j].column;
            }
        }
    }

   private:
    static constexpr int64_t kStretch = 512, kChunk = 16;

    template <typename Work>
    void for_stretches(int64_t first, int64_t count, Work work) {
        for (int64_t from = first; from < first + count;) {
            const int64_t to = std::min(first + count, (from / kStretch + 1) * kStretch);
            std::lock_guard<std::mutex> guard(locks_[from / kStretch]);
            work(from, to);
            from = to;
        }
    }

    void add_row(const float *score, int64_t m, int64_t row, int64_t first_column, bool distinct) {
        for (int64_t from = 0; from < m; from += kChunk) {
            const int64_t to = std::min(m, from + kChunk);
            // Most chunks hold nothing new: one test for all of it.
            const float least = least_[row];
            int hit = 0;
            for (int64_t j = from; j < to; ++j) hit |= score[j] >= least;
            if (!hit) continue;
            for (int64_t j = from; j < to; ++j)
                if (score[j] >= least_[row] && !(distinct && first_column + j == row))
                    push(row, {score[j], static_cast<int32_t>(first_column + j)});
        }
    }

    void add_column(const float *score, int64_t first, int64_t last, int64_t other, bool distinct) {
        for (int64_t from = first; from < last; from += kChunk) {
            const int64_t to = std::min(last, from + kChunk);
            int hit = 0;
            for (int64_t row = from; row < to; ++row) hit |= score[row - first] >= least_[row];
            if (!hit) continue;
            for (int64_t row = from; row < to; ++row)
                if (score[row - first] >= least_[row] && !(distinct && row == other))
                    push(row, {score[row - first], static_cast<int32_t>(other)});
        }
    }

    void push(int64_t row, Entry entry) {
        Entry *heap = entries_.data() + row * k_;
        int32_t &held = held_[row];
        if (held < k_) {
            heap[held++] = entry;
            std::push_heap(heap, heap + held, before);
        } else if (before(entry, heap[0])) {
            std::pop_heap(heap, heap + k_, before);
            heap[k_ - 1] = entry;
            std::push_heap(heap, heap + k_, before);
        }
        if (held == k_) least_[row] = heap[0].value;
    }

    int64_t rows_, k_;
    std::vector<Entry> entries_;
    std::vector<int32_t> held_;
    std::vector<float> least_;
    std::unique_ptr<std::mutex[]> locks_;
};

}  // namespace

void bind_topk(nb::module_ &m) {
    nb::class_<TopK>(m, "TopK", "The k best columns of each row, from tiles of scores.")
        .def(nb::init<int64_t, int64_t>(), nb::arg("rows"), nb::arg("k"))
        .def("add", &TopK::add, nb::arg("scores"), nb::arg("first_row"), nb::arg("first_column"),
             nb::arg("distinct"), nb::arg("both"))
        .def("best", &TopK::best, nb::arg("first"), nb::arg("columns").noconvert(),
             nb::arg("values").noconvert());
}
