// The nearest rows by dot product, exactly: products of 8-bit codes say which pairs may count, and
// those few are scored in float32, summed in one order.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "near_candidates.h"
#include "row_codes.h"

#ifdef ISOGLOSS_X86
#include <immintrin.h>
#endif

namespace nb = nanobind;

namespace {

using candidates::Held;
using candidates::Hit;
using candidates::near_kth;

constexpr float kEverything = std::numeric_limits<float>::infinity();
constexpr int64_t kStretch = 128;  // rows under one lock
constexpr int64_t kFewAsked = 1 << 18;  // pairs scored on the way that are no reason to give up
constexpr int64_t kSampled = 4;         // of the k best, about so many are in the sample

using Rows = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Columns = nb::ndarray<int32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Values = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

// One row against four others at a time.
ISOGLOSS_CLONES void scores_of(const float *x, const float *rows, const int32_t *which,
                               int64_t count, int64_t dim, float *out) {
    const auto at = [&](int64_t i) { return rows + (which ? which[i] : i) * dim; };
    int64_t i = 0;
    for (; i + 4 <= count; i += 4) {
        if (which)
            for (int64_t ahead = i + 4; ahead < std::min(count, i + 8); ++ahead)
                for (int64_t j = 0; j < dim; j += 16) __builtin_prefetch(at(ahead) + j);
        const float *y[4] = {at(i), at(i + 1), at(i + 2), at(i + 3)};
        exact::dots<4>(x, y, dim, out + i);
    }
    for (; i < count; ++i) {
        const float *y[1] = {at(i)};
        exact::dots<1>(x, y, dim, out + i);
    }
}

// Hits of one block of rows and keys; room for all of them, which few touch.
struct Hits {
    std::unique_ptr<Hit[]> at{new Hit[2 * kStretch * kStretch]};
    int64_t count = 0;
    void add(int64_t owner, int64_t other, float low, float high) {
        Hit &hit = at[count++];
        hit.owner = static_cast<int32_t>(owner);
        hit.other = static_cast<int32_t>(other);
        hit.low = low;
        hit.high = high;
    }
};

// What the codes of 32 keys say.
struct Keys {
    const float *scale, *size, *error;
    const float *least;  // of each key as a row; infinity where scores do not count for keys
};

// Bounds of eight rows' scores with 32 keys, and for which rows (bits) one of them may count.
ISOGLOSS_CLONES int bounds(const int32_t *__restrict sums, const float *scale, const float *size,
                           const float *error, const float *least, const Keys &keys, float rounding,
                           float *__restrict high, float *__restrict wide) {
    const float *key_scale = keys.scale, *key_size = keys.size, *key_error = keys.error,
                *key_least = keys.least;
    int found = 0;
    for (int64_t i = 0; i < codes::kRows; ++i) {
        const float own = scale[i], length = size[i], lost = error[i] + rounding * size[i];
        const float enough = least[i];
        int any = 0;
        for (int64_t j = 0; j < codes::kKeys; ++j) {
            const int64_t at = i * codes::kKeys + j;
            const float slack = lost * key_size[j] + length * key_error[j];
            const float top = static_cast<float>(sums[at]) * (own * key_scale[j]) + slack;
            wide[at] = slack;
            high[at] = top;
            any |= (top >= enough) | (top >= key_least[j]);
        }
        found |= (any != 0) << i;
    }
    return found;
}

// Which of 32 values (bits) are as large as one, or each as large as its own.
inline uint32_t reached(const float *values, const float *least, bool each) {
    uint32_t found = 0;
#ifdef ISOGLOSS_X86
    for (int64_t j = 0; j < codes::kKeys; j += 4) {
        const __m128 limit = each ? _mm_loadu_ps(least + j) : _mm_set1_ps(*least);
        found |= static_cast<uint32_t>(
                     _mm_movemask_ps(_mm_cmpge_ps(_mm_loadu_ps(values + j), limit)))
                 << j;
    }
#else
    for (int64_t j = 0; j < codes::kKeys; ++j)
        found |= static_cast<uint32_t>(values[j] >= least[each ? j : 0]) << j;
#endif
    return found;
}

class NearestRows {
   public:
    NearestRows(Rows queries, Rows keys, int64_t k, bool same, const std::string &kernel)
        : held_queries_(queries), held_keys_(keys), same_(same),
          kernel_(codes::kernel_named(kernel.c_str())),
          rows_(queries.data(), queries.shape(0), queries.shape(1)),
          own_keys_(same ? nullptr
                         : new codes::RowCodes(keys.data(), keys.shape(0), keys.shape(1))),
          keys_(same ? rows_ : *own_keys_), held_(queries.shape(0), k),
          locks_(new std::mutex[queries.shape(0) / kStretch + 1]),
          rounding_((static_cast<float>(queries.shape(1)) / exact::kSpan + 32.0f) * 0x1p-24f) {
        if (queries.shape(1) != keys.shape(1) || k < 1 || keys.shape(0) > INT32_MAX ||
            queries.shape(0) > INT32_MAX || (same && keys.data() != queries.data()))
            throw nb::value_error("NearestRows: shapes do not fit, or k is below 1");
        if (!kernel_ || rows_.dim() > codes::kMostPlaces)
            throw nb::value_error("NearestRows: no such kernel on this processor");
        // Keys at even distances. Of the k best the sample holds `likely` of a Poisson distribution:
        // so far beyond it that for one row in 10,000 less than k scores reach the guess, and the
        // row must be looked at again.
        const int64_t n = keys.shape(0), dim = keys.shape(1);
        const int64_t wanted = (kSampled * n / k + codes::kKeys) / codes::kKeys * codes::kKeys;
        const double likely = static_cast<double>(wanted) * k / std::max<int64_t>(n, 1);
        place_ = static_cast<int64_t>(likely + 4.5 * std::sqrt(likely)) + 1;
        if (wanted > n / 8 || place_ > wanted / 4) return;  // it pays where it is small
        sampled_.resize(wanted * dim);
        for (int64_t i = 0; i < wanted; ++i)
            std::copy_n(keys.data() + i * n / wanted * dim, dim, sampled_.data() + i * dim);
        sample_.reset(new codes::RowCodes(sampled_.data(), wanted, dim));
        if (!sample_->encode(0, wanted)) sample_.reset();
    }

    // Encodes a block of rows (of queries, then of keys); false where codes would not be right.
    bool encode(int64_t first, int64_t last) {
        nb::gil_scoped_release unlocked;
        const int64_t n = rows_.count();
        bool good = first >= n || rows_.encode(std::max<int64_t>(first, 0), std::min(last, n));
        if (own_keys_ && last > n)
            good = own_keys_->encode(std::max<int64_t>(first - n, 0),
                                     std::min(last - n, own_keys_->count())) && good;
        return good;
    }

    // Guesses where the k best of rows first..last begin.
    void guess(int64_t first, int64_t last) {
        if (first < 0 || last > rows_.count() || first % codes::kRows)
            throw nb::value_error("NearestRows.guess: the rows lie outside");
        if (!sample_) return;
        nb::gil_scoped_release unlocked;
        const int64_t panels = sample_->panels(), width = panels * codes::kPanel;
        std::vector<float> low(codes::kRows * width);
        Work work;
        std::fill(work.least, work.least + codes::kRows, kEverything);
        std::fill(work.key_least, work.key_least + codes::kKeys, kEverything);
        for (int64_t i = first; i < last; i += codes::kRows) {
            for (int64_t panel = 0; panel < panels; panel += 2) {
                measure(i, *sample_, panel, work.least, work.key_least, work);
                for (int64_t at = 0; at < codes::kRows * codes::kKeys; ++at)
                    low[at / codes::kKeys * width + panel * codes::kPanel + at % codes::kKeys] =
                        work.high[at] - 2 * work.wide[at];
            }
            for (int64_t r = 0; r < std::min(codes::kRows, last - i); ++r)
                held_.guess(i + r, near_kth(low.data() + r * width, width, place_));
        }
    }

    // Scores of rows first..last with keys start..end. False where codes are of no use, since most
    // pairs are too near to tell apart (copies of one row): nothing need be added then. A row is no neighbour of itself where rows
    // and keys are the same; with `both`, each score counts for its key as well.
    bool add(int64_t first, int64_t last, int64_t start, int64_t end, bool both) {
        if (first < 0 || last > rows_.count() || start < 0 || end > keys_.count() ||
            (both && !same_))
            throw nb::value_error("NearestRows.add: the tile lies outside");
        nb::gil_scoped_release unlocked;
        const int64_t tile = (last - first) * (end - start);
        const int64_t pairs = pairs_.fetch_add(tile) + tile;
        if (asked_ > kFewAsked + 4 * held_.k() * rows_.count() + pairs / 16) return false;
        Work work;
        for (int64_t i = first; i < last;) {
            const int64_t i_end = std::min(last, (i / kStretch + 1) * kStretch);
            for (int64_t j = start; j < end;) {
                const int64_t j_end = std::min(end, (j / kStretch + 2) * kStretch);
                add_block(i, i_end, j, j_end, both, work);
                j = j_end;
            }
            i = i_end;
        }
        return true;
    }

    // The nearest of rows from `first` on. Gives those for which a guess was too high: they must be
    // scored with all keys again.
    std::vector<int64_t> best(int64_t first, Columns columns, Values values) {
        const auto n = static_cast<int64_t>(columns.shape(0)), k = static_cast<int64_t>(columns.shape(1));
        if (first < 0 || first + n > rows_.count() || values.shape(0) != columns.shape(0) ||
            values.shape(1) != columns.shape(1) || k != held_.k())
            throw nb::value_error("NearestRows.best: shapes do not fit");
        nb::gil_scoped_release unlocked;
        std::vector<int64_t> again;
        for (int64_t i = 0; i < n; ++i)
            if (!held_.best(first + i, score(), columns.data() + i * k, values.data() + i * k))
                again.push_back(first + i);
        return again;
    }

   private:
    struct Work {
        Hits rows, keys;
        float least[kStretch], key_least[2 * kStretch + 2 * codes::kPanel];
        alignas(64) int32_t sums[codes::kRows * codes::kKeys];
        alignas(64) float high[codes::kRows * codes::kKeys], wide[codes::kRows * codes::kKeys];
    };

    // Scores a row with some keys.
    struct Score {
        const codes::RowCodes &rows, &keys;
        void operator()(int64_t row, const std::vector<int32_t> &others, float *out) const {
            scores_of(rows.row(row), keys.row(0), others.data(),
                      static_cast<int64_t>(others.size()), rows.dim(), out);
        }
    };
    Score score() const { return {rows_, keys_}; }

    // Rows within one stretch, keys within two.
    void add_block(int64_t first, int64_t last, int64_t start, int64_t end, bool both,
                   Work &work) {
        using namespace codes;
        work.rows.count = work.keys.count = 0;
        const int64_t row_base = first / kRows * kRows;
        const int64_t key_base = start / kPanel * kPanel;
        for (int64_t i = row_base; i < last || i % kRows; ++i)
            work.least[i - row_base] = i < first || i >= last ? kEverything : held_.least(i);
        for (int64_t j = key_base; j < end + kKeys; ++j)
            work.key_least[j - key_base] =
                both && j >= start && j < end ? held_.least(j) : kEverything;
        for (int64_t j = key_base; j < end; j += kKeys) {
            const int64_t panel = j / kPanel;
            const float *least = work.key_least + (j - key_base);
            for (int64_t i = row_base; i < last; i += kRows) {
                const int found = measure(i, keys_, panel, work.least + (i - row_base), least, work);
                for (int64_t r = 0; r < kRows; ++r)
                    if (found >> r & 1)
                        collect(i + r, work.least[i + r - row_base], j, std::max(j, start),
                                std::min(end, j + kKeys), least, r, both, work);
            }
        }
        flush(work.rows, first, last);
        if (!both) return;
        const int64_t cut = std::min(end, (start / kStretch + 1) * kStretch);
        flush(work.keys, start, cut);
        if (cut < end) flush(work.keys, cut, end);
    }

    // Bounds of eight rows' scores with two panels of keys; gives for which rows one may count.
    int measure(int64_t row, const codes::RowCodes &keys, int64_t panel, const float *least,
                const float *key_least, Work &work) const {
        const int64_t at = panel * codes::kPanel;
        const bool two = panel + 1 < keys.panels();
        kernel_->eight(rows_.panel(row / codes::kPanel) + row % codes::kPanel * 4,
                       keys.panel(panel), keys.panel(two ? panel + 1 : panel), keys.steps(),
                       rows_.shift.data() + row, work.sums);
        const Keys told{keys.scale.data() + at, keys.size.data() + at, keys.error.data() + at,
                        key_least};
        return bounds(work.sums, rows_.scale.data() + row, rows_.size.data() + row,
                      rows_.error.data() + row, least, told, rounding_, work.high, work.wide);
    }

    void collect(int64_t row, float least, int64_t base, int64_t start, int64_t end,
                 const float *key_least, int64_t place, bool both, Work &work) const {
        if (least == kEverything) return;  // outside the block
        const float *high = work.high + place * codes::kKeys;
        const float *wide = work.wide + place * codes::kKeys;
        uint32_t inside = ~0u << (start - base);
        if (end - base < codes::kKeys) inside &= (1u << (end - base)) - 1;
        if (same_ && row >= start && row < end) inside &= ~(1u << (row - base));
        for (uint32_t bits = inside & reached(high, &least, false); bits; bits &= bits - 1) {
            const int at = __builtin_ctz(bits);
            work.rows.add(row, base + at, high[at] - 2 * wide[at], high[at]);
        }
        if (!both) return;
        for (uint32_t bits = inside & reached(high, key_least, true); bits; bits &= bits - 1) {
            const int at = __builtin_ctz(bits);
            work.keys.add(base + at, row, high[at] - 2 * wide[at], high[at]);
        }
    }

    // Gives hits to rows first..last, which lie within one stretch.
    void flush(const Hits &hits, int64_t first, int64_t last) {
        if (!hits.count) return;
        const Score own = score();
        int64_t asked = 0;
        const auto counted = [&](int64_t row, const std::vector<int32_t> &others, float *out) {
            asked += static_cast<int64_t>(others.size());
            own(row, others, out);
        };
        {
            std::lock_guard<std::mutex> guard(locks_[first / kStretch]);
            for (int64_t i = 0; i < hits.count; ++i)
                if (hits.at[i].owner >= first && hits.at[i].owner < last)
                    held_.add(hits.at[i], counted);
        }
        asked_ += asked;
    }

    Rows held_queries_, held_keys_;  // what the pointers below point into
    bool same_;
    const codes::Kernel *kernel_;
    codes::RowCodes rows_;
    std::unique_ptr<codes::RowCodes> own_keys_;
    codes::RowCodes &keys_;
    Held held_;
    std::unique_ptr<std::mutex[]> locks_;
    float rounding_;
    std::atomic<int64_t> pairs_{0}, asked_{0};  // pairs seen, and those scored on the way
    int64_t place_ = 0;  // in the sample, of the guess of a row's k-th best score
    std::vector<float> sampled_;
    std::unique_ptr<codes::RowCodes> sample_;  // null where guesses do not pay
};

// Every pair of rows and keys, in float32.
void pair_scores(Rows rows, Rows keys, Values out) {
    const auto n = static_cast<int64_t>(rows.shape(0)), m = static_cast<int64_t>(keys.shape(0));
    const auto dim = static_cast<int64_t>(rows.shape(1));
    if (keys.shape(1) != rows.shape(1) || out.shape(0) != rows.shape(0) ||
        out.shape(1) != keys.shape(0))
        throw nb::value_error("pair_scores: shapes do not fit");
    nb::gil_scoped_release unlocked;
    constexpr int64_t block = 32;  // keys that stay in the cache of one core
    for (int64_t j = 0; j < m; j += block)
        for (int64_t i = 0; i < n; ++i)
            scores_of(rows.data() + i * dim, keys.data() + j * dim, nullptr, std::min(block, m - j),
                      dim, out.data() + i * m + j);
}

}  // namespace

void bind_nearest(nb::module_ &m) {
    nb::class_<NearestRows>(m, "NearestRows", "The k keys of largest dot product with each row.")
        .def(nb::init<Rows, Rows, int64_t, bool, const std::string &>(), nb::arg("queries"),
             nb::arg("keys"), nb::arg("k"), nb::arg("same"), nb::arg("kernel") = "")
        .def("encode", &NearestRows::encode, nb::arg("first"), nb::arg("last"))
        .def("guess", &NearestRows::guess, nb::arg("first"), nb::arg("last"))
        .def("add", &NearestRows::add, nb::arg("first"), nb::arg("last"), nb::arg("start"),
             nb::arg("end"), nb::arg("both"))
        .def("best", &NearestRows::best, nb::arg("first"), nb::arg("columns").noconvert(),
             nb::arg("values").noconvert());
    m.def("pair_scores", &pair_scores, nb::arg("rows"), nb::arg("keys"), nb::arg("out").noconvert(),
          "Dot products of rows with keys, summed in one order on every processor.");
    m.def("codes_pay", [](int64_t dim) {
        return codes::kernel_at(0)->quick && dim > 0 && dim <= codes::kMostPlaces;
    }, nb::arg("dim"), "Whether this processor has a quick product of codes of such rows.");
    m.def("code_kernels", [] {
        nb::list names;
        for (int i = 0; codes::kernel_at(i); ++i) names.append(codes::kernel_at(i)->name);
        return names;
    }, "Kernels for products of codes that this processor has, the quickest first.");
}
