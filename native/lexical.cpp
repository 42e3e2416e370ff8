// The lexical encoder's first half: words, word pairs and pieces of unknown words, weighed and summed
// from a table of 8-bit rows. The tests hold the same in plain Python.
#include <cmath>

#include "scanner.h"

using namespace text;

namespace {

using Pairs = nb::ndarray<const int32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Rows = nb::ndarray<const int8_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Values = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Result = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define ISOGLOSS_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define ISOGLOSS_CLONES
#endif

// Multiplication and addition stay apart in all clones, so that they give the same bits.
ISOGLOSS_CLONES void add_row(float *out, const int8_t *row, float weight, size_t width) {
    for (size_t j = 0; j < width; ++j) out[j] += weight * static_cast<float>(row[j]);
}

// Pairs of words that have a number, in one flat table.
class PairTable {
  public:
    PairTable(const Pairs &pairs, size_t words) {
        size_t size = 16;
        while (size < 2 * pairs.shape(0) + 2) size *= 2;
        keys_.assign(size, kEmpty);
        values_.assign(size, -1);
        for (size_t i = 0; i < pairs.shape(0); ++i) {
            const int32_t a = pairs.data()[2 * i], b = pairs.data()[2 * i + 1];
            if (a < 0 || b < 0 || static_cast<size_t>(a) >= words || static_cast<size_t>(b) >= words)
                throw nb::value_error("lexical: a pair names a word that is not there");
            size_t slot = place(key(a, b));
            if (keys_[slot] != kEmpty) throw nb::value_error("lexical: a pair stands twice");
            keys_[slot] = key(a, b);
            values_[slot] = static_cast<int32_t>(i);
        }
    }

    int32_t find(int32_t a, int32_t b) const { return values_[place(key(a, b))]; }

  private:
    static constexpr uint64_t kEmpty = ~uint64_t(0);
    std::vector<uint64_t> keys_;
    std::vector<int32_t> values_;

    static uint64_t key(int32_t a, int32_t b) {
        return uint64_t(static_cast<uint32_t>(a)) << 32 | static_cast<uint32_t>(b);
    }

    size_t place(uint64_t key) const {
        const size_t mask = keys_.size() - 1;
        size_t slot = static_cast<size_t>((key * 0x9E3779B97F4A7C15ull) >> 32) & mask;
        while (keys_[slot] != kEmpty && keys_[slot] != key) slot = (slot + 1) & mask;
        return slot;
    }
};

// Features 0..words-1 are words, then pairs, then buckets of the pieces of unknown words.
class LexicalTable {
  public:
    LexicalTable(Bytes words, Offsets offsets, Pairs pairs, int64_t buckets)
        : pairs_((check_pairs(pairs), pairs), offsets.shape(0) ? offsets.shape(0) - 1 : 0),
          pair_count_(pairs.shape(0)), buckets_(static_cast<size_t>(buckets)) {
        check(words, offsets);
        if (buckets < 0) throw nb::value_error("lexical: buckets must be 0 or more");
        for (size_t i = 0; i + 1 < offsets.shape(0); ++i) {
            const char *at = reinterpret_cast<const char *>(words.data());
            const int64_t begin = offsets.data()[i], end = offsets.data()[i + 1];
            if (words_.add({at + begin, static_cast<size_t>(end - begin)}) != i)
                throw nb::value_error("lexical: a word stands twice in the vocabulary");
        }
    }

    int64_t features() const {
        return static_cast<int64_t>(words_.size() + pair_count_ + buckets_);
    }

    // Words of texts first..last-1 in order, -1 for unknown ones: lengths and numbers.
    nb::tuple sequences(Bytes data, Offsets offsets, int64_t first, int64_t last) const {
        if (first < 0 || last < first || last >= static_cast<int64_t>(offsets.shape(0)))
            throw nb::value_error("lexical: rows out of range");
        std::vector<int64_t> lengths;
        std::vector<int32_t> numbers;
        {
            nb::gil_scoped_release unlocked;
            check(data, offsets);
            auto cut = scanner([&](const std::string &word) {
                numbers.push_back(static_cast<int32_t>(words_.find(word)));
            });
            for (int64_t row = first; row < last; ++row) {
                const size_t before = numbers.size();
                cut.scan(data.data() + offsets.data()[row], data.data() + offsets.data()[row + 1]);
                lengths.push_back(static_cast<int64_t>(numbers.size() - before));
            }
        }
        return nb::make_tuple(to_numpy(std::move(lengths)), to_numpy(std::move(numbers)));
    }

    // Rows first..last-1 as parts of a CSR matrix: lengths, features (rising), weights (unit rows).
    nb::tuple weigh(Bytes data, Offsets offsets, Values idf, int64_t first, int64_t last) const {
        check_rows(offsets, idf, first, last);
        std::vector<int64_t> lengths;
        std::vector<int32_t> columns;
        std::vector<float> values;
        {
            nb::gil_scoped_release unlocked;
            check(data, offsets);
            each(data, offsets, idf, first, last, [&](int64_t, const std::vector<Feature> &found) {
                lengths.push_back(static_cast<int64_t>(found.size()));
                for (const Feature &one : found) {
                    columns.push_back(one.number);
                    values.push_back(one.weight);
                }
            });
        }
        return nb::make_tuple(to_numpy(std::move(lengths)), to_numpy(std::move(columns)),
                              to_numpy(std::move(values)));
    }

    // Sums of weighted table rows for texts first..last-1, into `out`.
    void sums(Bytes data, Offsets offsets, Values idf, Rows table, Values scale, int64_t first,
              int64_t last, Result out) const {
        check_rows(offsets, idf, first, last);
        const size_t width = table.shape(1);
        if (table.shape(0) != idf.shape(0) || scale.shape(0) != idf.shape(0) ||
            out.shape(1) != width || out.shape(0) != static_cast<size_t>(last - first))
            throw nb::value_error("lexical: shapes of table, scale and out differ");
        nb::gil_scoped_release unlocked;
        check(data, offsets);
        each(data, offsets, idf, first, last, [&](int64_t row, const std::vector<Feature> &found) {
            float *sum = out.data() + static_cast<size_t>(row - first) * width;
            std::fill(sum, sum + width, 0.0f);
            for (const Feature &one : found) {
                const size_t i = static_cast<size_t>(one.number);
                add_row(sum, table.data() + i * width, one.weight * scale.data()[i], width);
            }
        });
    }

  private:
    struct Feature {
        int32_t number;
        float weight;
    };

    Words words_;
    PairTable pairs_;
    size_t pair_count_, buckets_;

    static void check_pairs(const Pairs &pairs) {
        if (pairs.shape(1) != 2) throw nb::value_error("lexical: pairs must have two columns");
    }

    void check_rows(const Offsets &offsets, const Values &idf, int64_t first, int64_t last) const {
        if (first < 0 || last < first || last >= static_cast<int64_t>(offsets.shape(0)))
            throw nb::value_error("lexical: rows out of range");
        if (static_cast<int64_t>(idf.shape(0)) != features())
            throw nb::value_error("lexical: idf must hold one number a feature");
    }

    // Pieces of a word in marks, <word>: runs of three and four characters, hashed into buckets.
    template <typename Give>
    void pieces(const std::string &word, std::string &held, std::vector<size_t> &starts,
                const Give &give) const {
        held.assign(1, '<');
        held += word;
        held += '>';
        starts.clear();
        for (size_t i = 0; i < held.size(); ++i)
            if ((static_cast<uint8_t>(held[i]) & 0xC0) != 0x80) starts.push_back(i);
        const size_t characters = starts.size();
        starts.push_back(held.size());
        for (size_t length = 3; length <= 4; ++length)
            for (size_t i = 0; i + length <= characters; ++i) {
                uint64_t code = 1469598103934665603ull;
                for (size_t p = starts[i]; p < starts[i + length]; ++p)
                    code = (code ^ static_cast<uint8_t>(held[p])) * 1099511628211ull;
                code ^= code >> 32;
                give(static_cast<size_t>(code % buckets_));
            }
    }

    template <typename Take>
    void each(const Bytes &data, const Offsets &offsets, const Values &idf, int64_t first,
              int64_t last, const Take &take) const {
        std::vector<float> held(static_cast<size_t>(features()), 0.0f);
        std::vector<int32_t> touched;
        std::vector<Feature> found;
        std::string marked;
        std::vector<size_t> starts;
        std::vector<size_t> parts;
        int32_t before = -1;
        const int32_t words = static_cast<int32_t>(words_.size());
        const int32_t base = words + static_cast<int32_t>(pair_count_);
        const auto add = [&](int32_t feature, float count) {
            float &now = held[static_cast<size_t>(feature)];
            if (now == 0.0f) touched.push_back(feature);
            now += count;
        };
        auto cut = scanner([&](const std::string &word) {
            const auto known = static_cast<int32_t>(words_.find(word));
            if (known >= 0) {
                add(known, 1.0f);
                if (before >= 0) {
                    const int32_t pair = pairs_.find(before, known);
                    if (pair >= 0) add(words + pair, 1.0f);
                }
            } else if (buckets_) {
                parts.clear();
                pieces(word, marked, starts, [&](size_t bucket) { parts.push_back(bucket); });
                for (const size_t bucket : parts)
                    add(base + static_cast<int32_t>(bucket), 1.0f / static_cast<float>(parts.size()));
            }
            before = known;
        });
        for (int64_t row = first; row < last; ++row) {
            before = -1;
            cut.scan(data.data() + offsets.data()[row], data.data() + offsets.data()[row + 1]);
            std::sort(touched.begin(), touched.end());
            found.clear();
            double square = 0.0;
            for (const int32_t feature : touched) {
                float &count = held[static_cast<size_t>(feature)];
                const float weight =
                    (count > 1.0f ? 1.0f + std::log(count) : count) * idf.data()[feature];
                square += static_cast<double>(weight) * weight;
                found.push_back({feature, weight});
                count = 0.0f;
            }
            touched.clear();
            const float shrink =
                square > 0.0 ? static_cast<float>(1.0 / std::sqrt(square)) : 0.0f;
            for (Feature &one : found) one.weight *= shrink;
            take(row, found);
        }
    }
};

}  // namespace

void bind_lexical(nb::module_ &m) {
    nb::class_<LexicalTable>(m, "LexicalTable", "Words, pairs and pieces that have a number.")
        .def(nb::init<Bytes, Offsets, Pairs, int64_t>(), nb::arg("words"), nb::arg("offsets"),
             nb::arg("pairs"), nb::arg("buckets"))
        .def_prop_ro("features", &LexicalTable::features)
        .def("sequences", &LexicalTable::sequences, nb::arg("data"), nb::arg("offsets"),
             nb::arg("first"), nb::arg("last"), "Words of texts by number, -1 for unknown ones.")
        .def("weigh", &LexicalTable::weigh, nb::arg("data"), nb::arg("offsets"), nb::arg("idf"),
             nb::arg("first"), nb::arg("last"), "Weighted features of texts, as parts of a CSR.")
        .def("sums", &LexicalTable::sums, nb::arg("data"), nb::arg("offsets"), nb::arg("idf"),
             nb::arg("table"), nb::arg("scale"), nb::arg("first"), nb::arg("last"),
             nb::arg("out").noconvert(), "Weighted sums of table rows, into `out`.");
}
