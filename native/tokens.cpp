// Words of UTF-8 texts: cut, counted against a vocabulary, or collected into one.
#include "scanner.h"

using namespace text;

namespace {

// Counts texts against fixed words; safe to call from many threads at once.
class WordTable {
  public:
    WordTable(Bytes data, Offsets offsets) {
        check(data, offsets);
        for (size_t i = 0; i + 1 < offsets.shape(0); ++i) {
            const char *at = reinterpret_cast<const char *>(data.data());
            const int64_t begin = offsets.data()[i], end = offsets.data()[i + 1];
            if (words_.add({at + begin, static_cast<size_t>(end - begin)}) != i)
                throw nb::value_error("tokens: a word stands twice in the vocabulary");
        }
    }

    // Rows `first` to `last` as the parts of a CSR matrix (lengths, columns, counts) and the
    // number of words of each text, known or not.
    nb::tuple count(Bytes data, Offsets offsets, int64_t first, int64_t last) const {
        if (first < 0 || last < first || last >= static_cast<int64_t>(offsets.shape(0)))
            throw nb::value_error("tokens: rows out of range");
        std::vector<int64_t> lengths(static_cast<size_t>(last - first));
        std::vector<int32_t> totals(lengths.size()), columns, counts;
        {
            nb::gil_scoped_release unlocked;
            check(data, offsets);
            std::vector<int32_t> seen(words_.size()), touched;
            int32_t total = 0;
            auto cut = scanner([&](std::string_view word) {
                ++total;
                const int64_t i = words_.find(word);
                if (i < 0) return;
                if (seen[static_cast<size_t>(i)]++ == 0) touched.push_back(static_cast<int32_t>(i));
            });
            for (int64_t row = first; row < last; ++row) {
                total = 0;
                cut.scan(data.data() + offsets.data()[row], data.data() + offsets.data()[row + 1]);
                std::sort(touched.begin(), touched.end());
                for (const int32_t i : touched) {
                    columns.push_back(i);
                    counts.push_back(seen[static_cast<size_t>(i)]);
                    seen[static_cast<size_t>(i)] = 0;
                }
                lengths[static_cast<size_t>(row - first)] = static_cast<int64_t>(touched.size());
                totals[static_cast<size_t>(row - first)] = total;
                touched.clear();
            }
        }
        return nb::make_tuple(to_numpy(std::move(lengths)), to_numpy(std::move(columns)),
                              to_numpy(std::move(counts)), to_numpy(std::move(totals)));
    }

  private:
    Words words_;
};

// Collects words with the number of texts and of places that hold them. Holds at most `limit`
// words: beyond it the rarest are dropped after a text, by lossy counting (Manku and Motwani 2002,
// with the floor raised by need): a count is too low by at most `floor`, and so is a word not held.
class WordCounter {
  public:
    explicit WordCounter(int64_t limit) : limit_(static_cast<size_t>(std::max<int64_t>(limit, 2))) {}

    void add(Bytes data, Offsets offsets) {
        nb::gil_scoped_release unlocked;
        check(data, offsets);
        auto cut = scanner([&](std::string_view word) {
            const size_t i = words_.add(word);
            if (i == texts_.size()) {
                texts_.push_back(0);
                places_.push_back(0);
                missed_.push_back(floor_);
                last_.push_back(-1);
            }
            ++places_[i];
            if (last_[i] != text_) {
                last_[i] = text_;
                ++texts_[i];
            }
        });
        for (size_t row = 0; row + 1 < offsets.shape(0); ++row) {
            cut.scan(data.data() + offsets.data()[row], data.data() + offsets.data()[row + 1]);
            ++text_;
            if (words_.size() > limit_) prune();
        }
    }

    int64_t documents() const { return text_; }
    int64_t floor() const { return floor_; }

    nb::tuple words() const {
        std::vector<int64_t> offsets{0};
        std::vector<uint8_t> data;
        for (size_t i = 0; i < words_.size(); ++i) {
            const auto word = words_.word(i);
            data.insert(data.end(), word.begin(), word.end());
            offsets.push_back(static_cast<int64_t>(data.size()));
        }
        auto texts = texts_, places = places_;
        return nb::make_tuple(to_numpy(std::move(data)), to_numpy(std::move(offsets)),
                              to_numpy(std::move(texts)), to_numpy(std::move(places)));
    }

  private:
    size_t limit_;
    int64_t text_ = 0, floor_ = 0;
    Words words_;
    std::vector<int64_t> texts_, places_, missed_, last_;

    void prune() {
        const size_t n = words_.size();
        std::vector<int64_t> most(n);
        for (size_t i = 0; i < n; ++i) most[i] = texts_[i] + missed_[i];
        auto sorted = most;
        std::nth_element(sorted.begin(), sorted.begin() + static_cast<long>(n - limit_ / 2),
                         sorted.end());
        floor_ = std::max(floor_, sorted[n - limit_ / 2]);
        Words kept;
        size_t m = 0;
        for (size_t i = 0; i < n; ++i) {
            if (most[i] <= floor_) continue;
            kept.add(words_.word(i));
            texts_[m] = texts_[i];
            places_[m] = places_[i];
            missed_[m] = missed_[i];
            last_[m++] = last_[i];
        }
        for (auto *column : {&texts_, &places_, &missed_, &last_}) column->resize(m);
        words_ = std::move(kept);
    }
};

std::vector<std::vector<std::string>> tokenize(Bytes data, Offsets offsets) {
    check(data, offsets);
    std::vector<std::vector<std::string>> out(offsets.shape(0) - 1);
    nb::gil_scoped_release unlocked;
    std::vector<std::string> *row = nullptr;
    auto cut = scanner([&](std::string_view word) { row->emplace_back(word); });
    for (size_t i = 0; i < out.size(); ++i) {
        row = &out[i];
        cut.scan(data.data() + offsets.data()[i], data.data() + offsets.data()[i + 1]);
    }
    return out;
}

// Words of each text, only counted.
nb::object word_counts(Bytes data, Offsets offsets) {
    check(data, offsets);
    std::vector<int64_t> counts(offsets.shape(0) - 1);
    {
        nb::gil_scoped_release unlocked;
        int64_t count = 0;
        auto cut = scanner([&](std::string_view) { ++count; });
        for (size_t i = 0; i < counts.size(); ++i) {
            count = 0;
            cut.scan(data.data() + offsets.data()[i], data.data() + offsets.data()[i + 1]);
            counts[i] = count;
        }
    }
    return to_numpy(std::move(counts));
}

}  // namespace

void bind_tokens(nb::module_ &m) {
    rules();  // made before any thread needs it
    m.attr("UNICODE_VERSION") = unicode::version;
    m.def("tokenize", &tokenize, nb::arg("data"), nb::arg("offsets"),
          "Cut texts (UTF-8 bytes and the offsets of each) into words.");
    m.def("word_counts", &word_counts, nb::arg("data"), nb::arg("offsets"),
          "Number of words of each text.");
    nb::class_<WordTable>(m, "WordTable", "Fixed words, to count texts against.")
        .def(nb::init<Bytes, Offsets>(), nb::arg("data"), nb::arg("offsets"))
        .def("count", &WordTable::count, nb::arg("data"), nb::arg("offsets"), nb::arg("first"),
             nb::arg("last"), "Count the words of rows first to last.");
    nb::class_<WordCounter>(m, "WordCounter", "Counts all words of a stream in bounded memory.")
        .def(nb::init<int64_t>(), nb::arg("limit"))
        .def("add", &WordCounter::add, nb::arg("data"), nb::arg("offsets"))
        .def("words", &WordCounter::words)
        .def_prop_ro("documents", &WordCounter::documents)
        .def_prop_ro("floor", &WordCounter::floor);
}
