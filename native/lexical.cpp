// The lexical encoder: words, word pairs and pieces of unknown words, weighed and summed from a
// table of 8-bit rows, and its network. The tests hold the same in plain Python.
#include <nanobind/stl/string.h>

#include <cmath>
#include <exception>
#include <memory>
#include <mutex>

#include "counts.h"
#include "lookup.h"
#include "network.h"
#include "scanner.h"
#include "table_rows.h"
#include "weighing.h"

using namespace text;

namespace {

using Pairs = PairLookup::Pairs;
using Rows = nb::ndarray<const int8_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Matrix = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Values = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Result = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

using rows::Feature;

// Words of a text on their way to their numbers: held until so many are there that the tables can
// be fetched into the caches ahead of their use.
class Batch {
  public:
    static constexpr size_t kWords = 256;

    explicit Batch(const WordLookup &words) : words_(words), bytes_(new char[kWords * kRoom]) {}

    bool full() const { return count_ == kWords; }
    size_t size() const { return count_; }
    void clear() { count_ = used_ = 0; }

    void add(std::string_view word) {
        char *at = bytes_.get() + used_;
        std::memcpy(at, word.data(), 16);
        if (word.size() > 16) std::memcpy(at + 16, word.data() + 16, word.size() - 16);
        const Key key(at, word.size());
        const size_t hash = key.hash();
        words_.warm(hash);
        items_[count_++] = {key, hash, at, word.size()};
        used_ += std::max<size_t>(word.size(), 16);
    }

    std::string_view word(size_t i) const { return {items_[i].at, items_[i].length}; }

    int32_t find(size_t i) const {
        const Item &item = items_[i];
        return words_.find(item.key, item.hash, item.at, item.length);
    }

  private:
    static constexpr size_t kRoom = 4 * unicode::longest_word + 16;  // bytes of the longest word

    struct Item {
        Key key;
        size_t hash;
        const char *at;
        size_t length;
    };

    const WordLookup &words_;
    std::unique_ptr<char[]> bytes_;
    Item items_[kWords];
    size_t count_ = 0, used_ = 0;
};

const codes::Kernel &kernel_of(const std::string &name) {
    const codes::Kernel *found = codes::kernel_named(name.c_str());
    if (!found) throw nb::value_error("lexical: no such kernel on this processor");
    return *found;
}

class LexicalWeighing {
  public:
    LexicalWeighing(Rows turn, Values step, float rest, const std::string &kernel)
        : made(turn.data(), step.data(), width(turn, step), rest, kernel_of(kernel)) {}

    network::Weighing made;

  private:
    static size_t width(const Rows &turn, const Values &step) {
        if (turn.shape(0) != turn.shape(1) || step.shape(0) != turn.shape(1))
            throw nb::value_error("lexical: shapes of the weighing differ");
        if (turn.shape(0) > static_cast<size_t>(codes::kMostPlaces))
            throw nb::value_error("lexical: the table's rows are too wide");
        return turn.shape(0);
    }
};

// Features 0..words-1 are words, then pairs, then buckets of the pieces of unknown words.
class LexicalTable {
  public:
    LexicalTable(Bytes words, Offsets offsets, Pairs pairs, int64_t buckets)
        : words_(words, offsets), pairs_(pairs, words_.size()), pair_count_(pairs.shape(0)),
          buckets_(static_cast<size_t>(buckets)) {
        if (buckets < 0) throw nb::value_error("lexical: buckets must be 0 or more");
        if (buckets_ >= size_t(1) << 30) throw nb::value_error("lexical: too many buckets");
        for (int count = 1; count < kLogs; ++count)
            logs_[count] = 1.0f + std::log(static_cast<float>(count));
    }

    int64_t features() const {
        return static_cast<int64_t>(words_.size() + pair_count_ + buckets_);
    }

    // Words of texts first..last-1 in order, -1 for unknown ones: lengths and numbers.
    nb::tuple sequences(Bytes data, Offsets offsets, int64_t first, int64_t last) const {
        check_rows(offsets, first, last);
        std::vector<int64_t> lengths;
        std::vector<int32_t> numbers;
        {
            nb::gil_scoped_release unlocked;
            check(data, offsets, static_cast<size_t>(first), static_cast<size_t>(last));
            read(data, offsets, first, last,
                 [&](const Batch &batch) {
                     for (size_t i = 0; i < batch.size(); ++i) numbers.push_back(batch.find(i));
                 },
                 [&, before = size_t(0)](int64_t) mutable {
                     lengths.push_back(static_cast<int64_t>(numbers.size() - before));
                     before = numbers.size();
                 });
        }
        return nb::make_tuple(to_numpy(std::move(lengths)), to_numpy(std::move(numbers)));
    }

    // Rows first..last-1 as parts of a CSR matrix: lengths, features (rising), weights (unit rows).
    nb::tuple weigh(Bytes data, Offsets offsets, Values idf, int64_t first, int64_t last) const {
        check_rows(offsets, first, last);
        check_features(idf);
        std::vector<int64_t> lengths;
        std::vector<int32_t> columns;
        std::vector<float> values;
        {
            nb::gil_scoped_release unlocked;
            check(data, offsets, static_cast<size_t>(first), static_cast<size_t>(last));
            const auto take = [&](int64_t, const std::vector<Feature> &found) {
                lengths.push_back(static_cast<int64_t>(found.size()));
                for (const Feature &one : found) {
                    columns.push_back(one.number);
                    values.push_back(one.weight);
                }
            };
            each(data, offsets, idf, first, last, [](int32_t) {}, take);
        }
        return nb::make_tuple(to_numpy(std::move(lengths)), to_numpy(std::move(columns)),
                              to_numpy(std::move(values)));
    }

    // Sums of weighted table rows for texts first..last-1, into `out`; weighed again where asked.
    void sums(Bytes data, Offsets offsets, Values idf, Rows table, Values scale, int64_t first,
              int64_t last, Result out, const LexicalWeighing *weighing) const {
        check_rows(offsets, first, last);
        check_features(idf);
        const size_t width = table.shape(1);
        if (table.shape(0) != idf.shape(0) || scale.shape(0) != idf.shape(0) ||
            out.shape(1) != width || out.shape(0) != static_cast<size_t>(last - first))
            throw nb::value_error("lexical: shapes of table, scale and out differ");
        if (weighing && weighing->made.turn.rows() != width)
            throw nb::value_error("lexical: the weighing is not as wide as the table");
        nb::gil_scoped_release unlocked;
        check(data, offsets, static_cast<size_t>(first), static_cast<size_t>(last));
        const auto touch = [&](int32_t feature) { prefetch(scale.data() + feature); };
        const auto place = [&](int64_t row) {
            return out.data() + static_cast<size_t>(row - first) * width;
        };
        const auto amounts = [&](std::vector<Feature> &found) {
            for (Feature &one : found) one.weight *= scale.data()[one.number];
        };
        if (!weighing) {
            each(data, offsets, idf, first, last, touch, [&](int64_t row, auto &found) {
                amounts(found);
                rows::sum_rows(found.data(), found.size(), table.data(), width, place(row));
            });
            return;
        }
        network::Weigher weigher(weighing->made, table.data(), scale.data(),
                                 static_cast<size_t>(last - first));
        each(data, offsets, idf, first, last, touch, [&](int64_t row, auto &found) {
            amounts(found);
            weigher.add(found, place(row));
            if (weigher.full() || row + 1 == last)
                weigher.flush(place(row) - (weigher.texts() - 1) * width);
        });
    }

  private:
    static constexpr int kLogs = 64;

    // Counts that a call borrows: half a megabyte that one text should not wait for to be cleared.
    // They come back all zero; after an exception they do not come back.
    struct Loan {
        const LexicalTable &from;
        std::unique_ptr<Counts> counts;
        int exceptions = std::uncaught_exceptions();

        explicit Loan(const LexicalTable &table) : from(table) {
            const std::lock_guard<std::mutex> locked(from.spare_lock_);
            if (!from.spare_.empty()) {
                counts = std::move(from.spare_.back());
                from.spare_.pop_back();
            } else {
                counts = std::make_unique<Counts>(static_cast<size_t>(from.features()));
                from.spare_.reserve(++from.lent_);
            }
        }

        ~Loan() {
            if (std::uncaught_exceptions() > exceptions) return;
            const std::lock_guard<std::mutex> locked(from.spare_lock_);
            from.spare_.push_back(std::move(counts));
        }
    };

    mutable std::mutex spare_lock_;
    mutable std::vector<std::unique_ptr<Counts>> spare_;
    mutable size_t lent_ = 0;

    WordLookup words_;
    PairLookup pairs_;
    size_t pair_count_, buckets_;
    float logs_[kLogs] = {};  // 1 + ln count

    static void check_rows(const Offsets &offsets, int64_t first, int64_t last) {
        if (first < 0 || last < first || last >= static_cast<int64_t>(offsets.shape(0)))
            throw nb::value_error("lexical: rows out of range");
    }

    void check_features(const Values &idf) const {
        if (static_cast<int64_t>(idf.shape(0)) != features())
            throw nb::value_error("lexical: idf must hold one number a feature");
    }

    // Cuts texts: `look` is given their words in batches, `end` the row after its last.
    template <typename Look, typename End>
    void read(const Bytes &data, const Offsets &offsets, int64_t first, int64_t last,
              const Look &look, End end) const {
        Batch batch(words_);
        auto cut = scanner([&](std::string_view word) {
            batch.add(word);
            if (batch.full()) {
                look(batch);
                batch.clear();
            }
        });
        for (int64_t row = first; row < last; ++row) {
            cut.scan(data.data() + offsets.data()[row], data.data() + offsets.data()[row + 1]);
            look(batch);
            batch.clear();
            end(row);
        }
    }

    // Calls `take` with each row and its weighted features, rising; shortly before, `touch` with each
    // of their numbers.
    template <typename Touch, typename Take>
    void each(const Bytes &data, const Offsets &offsets, const Values &idf, int64_t first,
              int64_t last, const Touch &touch, const Take &take) const {
        const int32_t words = static_cast<int32_t>(words_.size());
        Loan loan(*this);
        Counts &counts = *loan.counts;
        Pieces pieces(buckets_, static_cast<size_t>(words) + pair_count_);
        std::vector<int32_t> numbers;
        std::vector<Feature> found;
        int32_t before = -1;
        struct Candidate {
            int32_t first, second;
            uint64_t code;
        } candidates[Batch::kWords];
        const auto look = [&](const Batch &batch) {
            size_t pairs = 0;
            for (size_t i = 0; i < batch.size(); ++i) {
                const int32_t known = batch.find(i);
                if (known >= 0) {
                    counts.add(static_cast<size_t>(known), 1.0f);
                    if (before >= 0 && pair_count_) {
                        const uint64_t code = PairLookup::hash(before, known);
                        if (pairs_.may_hold(code)) {
                            pairs_.warm(code);
                            candidates[pairs++] = {before, known, code};
                        }
                    }
                } else if (buckets_) {
                    pieces.add(batch.word(i), counts);
                }
                before = known;
            }
            for (size_t i = 0; i < pairs; ++i) {
                const auto &[a, b, code] = candidates[i];
                const int32_t pair = pairs_.find(a, b, code);
                if (pair >= 0) counts.add(static_cast<size_t>(words + pair), 1.0f);
            }
        };
        read(data, offsets, first, last, look, [&](int64_t row) {
            before = -1;
            const size_t many = counts.list(numbers);
            for (size_t i = 0; i < many; ++i) {
                prefetch(idf.data() + numbers[i]);
                touch(numbers[i]);
            }
            found.resize(many);
            double square = 0.0;
            for (size_t i = 0; i < many; ++i) {
                const size_t feature = static_cast<size_t>(numbers[i]);
                const float weight = damped(counts.take(feature)) * idf.data()[feature];
                square += static_cast<double>(weight) * weight;
                found[i] = {numbers[i], weight};
            }
            const float shrink =
                square > 0.0 ? static_cast<float>(1.0 / std::sqrt(square)) : 0.0f;
            for (Feature &one : found) one.weight *= shrink;
            take(row, found);
        });
    }

    float damped(float count) const {
        if (count <= 1.0f) return count;
        const int whole = count < kLogs ? static_cast<int>(count) : 0;
        return static_cast<float>(whole) == count ? logs_[whole] : 1.0f + std::log(count);
    }
};

class LexicalNetwork {
  public:
    LexicalNetwork(Rows skip, Values skip_step, Rows inner, Values inner_step, Values bias,
                   Matrix outer, const std::string &kernel)
        : made_(checked(skip, skip_step, inner, inner_step, bias, outer), kernel_of(kernel)) {}

    void vectors(Matrix sums, Result out, bool unit) const {
        if (sums.shape(1) != made_.width() || out.shape(1) != made_.dim() ||
            sums.shape(0) != out.shape(0))
            throw nb::value_error("lexical: shapes of sums and out differ");
        nb::gil_scoped_release unlocked;
        made_.vectors(sums.data(), sums.shape(0), out.data(), unit);
    }

  private:
    network::Network made_;

    static network::Layers checked(const Rows &skip, const Values &skip_step, const Rows &inner,
                                   const Values &inner_step, const Values &bias,
                                   const Matrix &outer) {
        const size_t width = inner.shape(0), hidden = inner.shape(1), dim = skip.shape(1);
        if (skip.shape(0) != width || bias.shape(0) != hidden || outer.shape(0) != hidden ||
            outer.shape(1) != dim || skip_step.shape(0) != dim || inner_step.shape(0) != hidden)
            throw nb::value_error("lexical: shapes of the layers differ");
        if (width > static_cast<size_t>(codes::kMostPlaces))
            throw nb::value_error("lexical: the table's rows are too wide");
        return {width,       hidden,           dim,         skip.data(), inner.data(),
                skip_step.data(), inner_step.data(), bias.data(), outer.data()};
    }
};

}  // namespace

void bind_lexical(nb::module_ &m) {
    nb::class_<LexicalWeighing>(m, "LexicalWeighing", "How rows are weighed by their first sum.")
        .def(nb::init<Rows, Values, float, const std::string &>(), nb::arg("turn"),
             nb::arg("step"), nb::arg("rest"), nb::arg("kernel") = "");
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
             nb::arg("out").noconvert(), nb::arg("weighing").none() = nb::none(),
             "Weighted sums of table rows, into `out`; weighed again where a weighing is given.");
    nb::class_<LexicalNetwork>(m, "LexicalNetwork", "The layers behind the table.")
        .def(nb::init<Rows, Values, Rows, Values, Values, Matrix, const std::string &>(),
             nb::arg("skip"), nb::arg("skip_step"), nb::arg("inner"), nb::arg("inner_step"),
             nb::arg("bias"), nb::arg("outer"), nb::arg("kernel") = "")
        .def("vectors", &LexicalNetwork::vectors, nb::arg("sums"), nb::arg("out").noconvert(),
             nb::arg("unit") = true, "Vectors of sums, into `out`; of length 1 if asked.");
}
