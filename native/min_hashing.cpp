// Min-Hashing of sparse columns, and single link over the sets that it mines.
// G. Fuentes-Pineda, I. V. Meza-Ruiz, Topic Discovery in Massive Text Corpora Based on
// Min-Hashing, 2019, arXiv 1807.00938. Written from the paper's idea; see decision 11.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

namespace nb = nanobind;

// Whole numbers only, so each version gives the same bits.
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

namespace {

using Starts = nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Numbers = nb::ndarray<const int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Parents = nb::ndarray<int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

constexpr uint32_t kNone = ~uint32_t(0);

uint64_t mix64(uint64_t z) {  // splitmix64's
    z += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

template <typename T>
nb::object to_array(std::vector<T> values) {
    auto *held = new std::vector<T>(std::move(values));
    nb::capsule owner(held, [](void *p) noexcept { delete static_cast<std::vector<T> *>(p); });
    return nb::cast(nb::ndarray<nb::numpy, T, nb::ndim<1>>(held->data(), {held->size()}, owner));
}

// Places of one copy in `lanes` orderings: each is a one-to-one map of 32 bits chosen by two keys,
// so that no two copies ever have the same place. Lowers `least` to them.
WIDE void lower_to_places(uint32_t copy, const uint32_t *first, const uint32_t *second,
                          uint32_t *least, size_t lanes) {
    for (size_t i = 0; i < lanes; ++i) {
        uint32_t x = copy ^ first[i];
        x = (x ^ (x >> 16)) * 0x7feb352dU;
        x = (x ^ (x >> 15)) * 0x846ca68bU;
        x = (x ^ (x >> 16)) + second[i];
        x = (x ^ (x >> 16)) * 0x21f0aaadU;
        x = (x ^ (x >> 15)) * 0xd35a2d97U;
        x ^= x >> 15;
        least[i] = x < least[i] ? x : least[i];
    }
}

WIDE void lower(uint32_t *least, const uint32_t *other, size_t lanes) {
    for (size_t i = 0; i < lanes; ++i) least[i] = other[i] < least[i] ? other[i] : least[i];
}

void check_rows(const Starts &start, size_t entries, const char *where) {
    const size_t rows = start.shape(0);
    bool fits = rows > 0 && start.data()[0] == 0 &&
                start.data()[rows - 1] == static_cast<int64_t>(entries);
    for (size_t i = 0; fits && i + 1 < rows; ++i) fits = start.data()[i] <= start.data()[i + 1];
    if (!fits) throw nb::value_error(where);
}

// Least places of every column over the rows that hold it, for some tables of `tuple` orderings.
//
// A row with counts stands for as many copies as its largest count; a column of count f is in its
// first f. Their least places are running minima, so copies are never written out.
class MinHashTables {
  public:
    MinHashTables(int64_t columns, int32_t tuple, int64_t first_table, int32_t tables,
                  uint64_t seed)
        : columns_(columns), tuple_(tuple), tables_(tables) {
        if (columns < 0 || columns > std::numeric_limits<int32_t>::max() || tuple < 1 ||
            tables < 1 || first_table < 0)
            throw nb::value_error("MinHashTables: columns, tuple, first_table or tables no good");
        lanes_ = static_cast<size_t>(tuple) * static_cast<size_t>(tables);
        for (size_t i = 0; i < lanes_; ++i) {
            const uint64_t lane = static_cast<uint64_t>(first_table) * tuple + i;
            const uint64_t key = mix64(mix64(seed) ^ mix64(lane));
            first_.push_back(static_cast<uint32_t>(key));
            second_.push_back(static_cast<uint32_t>(key >> 32));
        }
        least_.assign(static_cast<size_t>(columns) * lanes_, kNone);
        seen_.assign(static_cast<size_t>(columns), 0);
    }

    // Adds rows; `count` may be empty, for ones. Gives the number of the next copy.
    uint64_t add(Starts start, Numbers column, Numbers count, uint64_t copy) {
        const size_t entries = column.shape(0);
        check_rows(start, entries, "MinHashTables: start does not span the entries");
        const bool counted = count.shape(0) > 0 || entries == 0;
        if (counted && count.shape(0) != entries)
            throw nb::value_error("MinHashTables: not one count an entry");
        for (size_t e = 0; e < entries; ++e) {
            if (column.data()[e] < 0 || column.data()[e] >= columns_)
                throw nb::value_error("MinHashTables: an entry is in no column");
            if (counted && count.data()[e] < 1)
                throw nb::value_error("MinHashTables: a count is below 1");
        }
        nb::gil_scoped_release unlocked;
        const size_t rows = start.shape(0) - 1;
        std::vector<int32_t> distinct, place;
        std::vector<uint32_t> minima;
        for (size_t d = 0; d < rows; ++d) {
            const size_t from = static_cast<size_t>(start.data()[d]);
            const size_t to = static_cast<size_t>(start.data()[d + 1]);
            if (from == to) continue;
            distinct.assign(1, 1);
            if (counted) {
                distinct.assign(count.data() + from, count.data() + to);
                std::sort(distinct.begin(), distinct.end());
                distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
            }
            const size_t most = static_cast<size_t>(distinct.back());
            if (copy + most >= kNone) throw std::length_error("too many copies");
            if (place.size() <= most) place.resize(most + 1);
            minima.assign(lanes_ * distinct.size(), kNone);
            size_t done = 0;
            for (size_t k = 0; k < distinct.size(); ++k) {
                uint32_t *running = minima.data() + k * lanes_;
                if (k > 0) std::memcpy(running, running - lanes_, lanes_ * sizeof(uint32_t));
                for (; done < static_cast<size_t>(distinct[k]); ++done)
                    lower_to_places(static_cast<uint32_t>(copy + done), first_.data(),
                                    second_.data(), running, lanes_);
                place[distinct[k]] = static_cast<int32_t>(k);
            }
            for (size_t e = from; e < to; ++e) {
                const size_t c = static_cast<size_t>(column.data()[e]);
                const size_t k = counted ? static_cast<size_t>(place[count.data()[e]]) : 0;
                seen_[c] = 1;
                lower(least_.data() + c * lanes_, minima.data() + k * lanes_, lanes_);
            }
            copy += most;
        }
        return copy;
    }

    // Columns that share all least places of a table: runs of `size` or more, each rising, ordered
    // by their first column.
    std::pair<nb::object, nb::object> buckets(int32_t table, int64_t size) const {
        if (table < 0 || table >= tables_)
            throw nb::value_error("MinHashTables: there is no such table");
        std::vector<int64_t> start(1, 0);
        std::vector<int32_t> members;
        {
            nb::gil_scoped_release unlocked;
            collect(static_cast<size_t>(table), size, start, members);
        }
        return {to_array(std::move(start)), to_array(std::move(members))};
    }

  private:
    void collect(size_t table, int64_t size, std::vector<int64_t> &start,
                 std::vector<int32_t> &members) const {
        const size_t tuple = static_cast<size_t>(tuple_), n = static_cast<size_t>(columns_);
        size_t slots = 16;
        while (slots < 2 * n) slots *= 2;
        std::vector<int32_t> slot(slots, -1), bucket(n, -1), heads;
        std::vector<int64_t> held;
        for (size_t c = 0; c < n; ++c) {
            if (!seen_[c]) continue;
            const uint32_t *own = least_.data() + c * lanes_ + table * tuple;
            uint64_t hash = 0;
            for (size_t i = 0; i < tuple; ++i) hash = mix64(hash ^ own[i]);
            size_t at = static_cast<size_t>(hash) & (slots - 1);
            while (slot[at] >= 0) {
                const size_t head = static_cast<size_t>(heads[slot[at]]);
                const uint32_t *other = least_.data() + head * lanes_ + table * tuple;
                if (std::equal(own, own + tuple, other)) break;
                at = (at + 1) & (slots - 1);
            }
            if (slot[at] < 0) {
                slot[at] = static_cast<int32_t>(heads.size());
                heads.push_back(static_cast<int32_t>(c));
                held.push_back(0);
            }
            bucket[c] = slot[at];
            ++held[slot[at]];
        }
        std::vector<int64_t> place(held.size(), -1);
        for (size_t b = 0; b < held.size(); ++b) {
            if (held[b] < size) continue;
            place[b] = start.back();
            start.push_back(start.back() + held[b]);
        }
        members.resize(static_cast<size_t>(start.back()));
        for (size_t c = 0; c < n; ++c)
            if (bucket[c] >= 0 && place[bucket[c]] >= 0)
                members[static_cast<size_t>(place[bucket[c]]++)] = static_cast<int32_t>(c);
    }

    int64_t columns_;
    int32_t tuple_, tables_;
    size_t lanes_;
    std::vector<uint32_t> first_, second_, least_;
    std::vector<char> seen_;
};

// Distinct sets of numbers in order of their first coming, and how often each came.
class SetPool {
  public:
    SetPool() : start_(1, 0), slot_(1024, -1) {}

    void add(Starts start, Numbers members) {
        check_rows(start, members.shape(0), "SetPool: start does not span the members");
        nb::gil_scoped_release unlocked;
        for (size_t i = 0; i + 1 < start.shape(0); ++i)
            add(members.data() + start.data()[i], members.data() + start.data()[i + 1]);
    }

    int64_t size() const { return static_cast<int64_t>(times_.size()); }
    int64_t total() const { return std::accumulate(times_.begin(), times_.end(), int64_t(0)); }

    nb::object arrays() const {
        return nb::make_tuple(to_array(std::vector<int64_t>(start_)),
                              to_array(std::vector<int32_t>(members_)),
                              to_array(std::vector<int32_t>(times_)));
    }

  private:
    static uint64_t hash_of(const int32_t *from, const int32_t *to) {
        uint64_t hash = static_cast<uint64_t>(to - from);
        for (; from != to; ++from) hash = mix64(hash ^ static_cast<uint32_t>(*from));
        return hash;
    }

    void add(const int32_t *from, const int32_t *to) {
        if (2 * (times_.size() + 1) > slot_.size()) grow();
        size_t at = static_cast<size_t>(hash_of(from, to)) & (slot_.size() - 1);
        for (; slot_[at] >= 0; at = (at + 1) & (slot_.size() - 1)) {
            const size_t i = static_cast<size_t>(slot_[at]);
            if (std::equal(from, to, members_.data() + start_[i],
                           members_.data() + start_[i + 1])) {
                ++times_[i];
                return;
            }
        }
        slot_[at] = static_cast<int32_t>(times_.size());
        members_.insert(members_.end(), from, to);
        start_.push_back(static_cast<int64_t>(members_.size()));
        times_.push_back(1);
    }

    void grow() {
        slot_.assign(2 * slot_.size(), -1);
        for (size_t i = 0; i < times_.size(); ++i) {
            size_t at = static_cast<size_t>(hash_of(members_.data() + start_[i],
                                                    members_.data() + start_[i + 1])) &
                        (slot_.size() - 1);
            while (slot_[at] >= 0) at = (at + 1) & (slot_.size() - 1);
            slot_[at] = static_cast<int32_t>(i);
        }
    }

    std::vector<int64_t> start_;
    std::vector<int32_t> members_, times_, slot_;
};

// Rows of rising numbers, as they come from SetPool.
struct Sets {
    Sets(const Starts &start, const Numbers &members, int64_t vocabulary)
        : start(start.data()), members(members.data()), size(start.shape(0) - 1) {
        check_rows(start, members.shape(0), "sets: start does not span the members");
        for (size_t e = 0; e < members.shape(0); ++e)
            if (this->members[e] < 0 || this->members[e] >= vocabulary)
                throw nb::value_error("sets: a member is not in the vocabulary");
    }
    const int32_t *begin(size_t i) const { return members + start[i]; }
    const int32_t *end(size_t i) const { return members + start[i + 1]; }
    int64_t count(size_t i) const { return start[i + 1] - start[i]; }

    const int64_t *start;
    const int32_t *members;
    size_t size;
};

int32_t root(int32_t *parent, int32_t i) {
    while (parent[i] != i) i = parent[i] = parent[parent[i]];
    return i;
}

// The root of two joined parts is the smaller number.
void join(int32_t *parent, int32_t a, int32_t b) {
    if (a < b)
        parent[b] = a;
    else
        parent[a] = b;
}

class Overlap {
  public:
    Overlap(const Sets &sets, int64_t vocabulary, double least)
        : sets_(sets), marked_(static_cast<size_t>(vocabulary), -1), least_(least) {}

    void mark(int32_t set) {
        ++stamp_;
        held_ = sets_.count(static_cast<size_t>(set));
        for (const int32_t *w = sets_.begin(set); w != sets_.end(set); ++w) marked_[*w] = stamp_;
    }

    // Size of the intersection with the marked set where it is above `least` times the smaller
    // size, else 0.
    int64_t with(int32_t other) const {
        const int64_t count = sets_.count(static_cast<size_t>(other));
        const double bar = least_ * static_cast<double>(std::min(held_, count));
        int64_t shared = 0, left = count;
        for (const int32_t *w = sets_.begin(other); w != sets_.end(other); ++w) {
            shared += marked_[*w] == stamp_;
            if (static_cast<double>(shared + --left) <= bar) return 0;
        }
        return static_cast<double>(shared) > bar ? shared : 0;
    }

  private:
    const Sets &sets_;
    std::vector<int32_t> marked_;
    double least_;
    int32_t stamp_ = -1;
    int64_t held_ = 0;
};

struct Buckets {
    Buckets(const Starts &start, const Numbers &members, size_t sets)
        : start(start.data()), members(members.data()), size(start.shape(0) - 1) {
        check_rows(start, members.shape(0), "buckets: start does not span the members");
        for (size_t e = 0; e < members.shape(0); ++e)
            if (this->members[e] < 0 || static_cast<size_t>(this->members[e]) >= sets)
                throw nb::value_error("buckets: a member is no set");
    }
    const int64_t *start;
    const int32_t *members;
    size_t size;
};

// Joins the sets of each bucket that overlap by more than `least`. Which pairs are tried first
// changes nothing: parts are those of the graph of all such pairs.
void link_overlapping(Starts start, Numbers members, int64_t vocabulary, Starts bucket_start,
                      Numbers bucket_members, double least, Parents parents) {
    const Sets sets(start, members, vocabulary);
    const Buckets buckets(bucket_start, bucket_members, sets.size);
    if (parents.shape(0) != sets.size)
        throw nb::value_error("link_overlapping: not one parent a set");
    for (size_t i = 0; i < sets.size; ++i)
        if (parents.data()[i] < 0 || static_cast<size_t>(parents.data()[i]) > i)
            throw nb::value_error("link_overlapping: a parent is above its set");
    nb::gil_scoped_release unlocked;
    int32_t *parent = parents.data();
    Overlap overlap(sets, vocabulary, least);
    std::vector<std::pair<int32_t, int32_t>> held;  // (root, set)
    for (size_t b = 0; b < buckets.size; ++b) {
        held.clear();
        for (int64_t e = buckets.start[b]; e < buckets.start[b + 1]; ++e)
            held.emplace_back(root(parent, buckets.members[e]), buckets.members[e]);
        std::sort(held.begin(), held.end());
        if (held.empty() || held.front().first == held.back().first) continue;
        for (size_t i = 0; i < held.size(); ++i) {
            const int32_t set = held[i].second;
            bool marked = false;
            int32_t own = root(parent, set);
            for (size_t j = i + 1; j < held.size(); ++j) {
                const int32_t other = root(parent, held[j].second);
                if (other == own) continue;
                if (!marked) overlap.mark(set);
                marked = true;
                if (overlap.with(held[j].second) == 0) continue;
                join(parent, own, other);
                own = std::min(own, other);
            }
        }
    }
    for (size_t i = 0; i < sets.size; ++i) parent[i] = root(parent, static_cast<int32_t>(i));
}

// Pairs of sets of one bucket that overlap by more than `least`: smaller number, larger number and
// size of the intersection. Each set is tried with the `window` that follow it in the bucket, so
// that work is linear in the buckets; pairs of several buckets come several times.
nb::object overlap_pairs(Starts start, Numbers members, int64_t vocabulary, Starts bucket_start,
                         Numbers bucket_members, double least, int64_t window) {
    const Sets sets(start, members, vocabulary);
    const Buckets buckets(bucket_start, bucket_members, sets.size);
    std::vector<int32_t> first, second, shared;
    {
        nb::gil_scoped_release unlocked;
        Overlap overlap(sets, vocabulary, least);
        for (size_t b = 0; b < buckets.size; ++b) {
            for (int64_t e = buckets.start[b]; e < buckets.start[b + 1]; ++e) {
                const int64_t last = std::min(buckets.start[b + 1], e + 1 + window);
                const int32_t set = buckets.members[e];
                if (e + 1 < last) overlap.mark(set);
                for (int64_t f = e + 1; f < last; ++f) {
                    const int32_t other = buckets.members[f];
                    const int64_t both = overlap.with(other);
                    if (both == 0) continue;
                    first.push_back(std::min(set, other));
                    second.push_back(std::max(set, other));
                    shared.push_back(static_cast<int32_t>(both));
                }
            }
        }
    }
    return nb::make_tuple(to_array(std::move(first)), to_array(std::move(second)),
                          to_array(std::move(shared)));
}

// Joins what `other` joins; both hold smaller or own numbers.
void join_parents(Parents parents, Numbers other) {
    if (parents.shape(0) != other.shape(0))
        throw nb::value_error("join_parents: lengths of the two differ");
    int32_t *parent = parents.data();
    for (size_t i = 0; i < other.shape(0); ++i) {
        if (parent[i] < 0 || static_cast<size_t>(parent[i]) > i || other.data()[i] < 0 ||
            static_cast<size_t>(other.data()[i]) > i)
            throw nb::value_error("join_parents: a parent is above its set");
    }
    nb::gil_scoped_release unlocked;
    for (size_t i = 0; i < other.shape(0); ++i) {
        const int32_t a = root(parent, static_cast<int32_t>(i)), b = root(parent, other.data()[i]);
        if (a != b) join(parent, a, b);
    }
    for (size_t i = 0; i < other.shape(0); ++i) parent[i] = root(parent, static_cast<int32_t>(i));
}

}  // namespace

void bind_min_hashing(nb::module_ &m) {
    nb::class_<MinHashTables>(m, "MinHashTables", "Least places of columns in random orderings.")
        .def(nb::init<int64_t, int32_t, int64_t, int32_t, uint64_t>(), nb::arg("columns"),
             nb::arg("tuple_size"), nb::arg("first_table"), nb::arg("tables"), nb::arg("seed"))
        .def("add", &MinHashTables::add, nb::arg("start"), nb::arg("column"), nb::arg("count"),
             nb::arg("copy"), "Add rows; gives the number of the next copy.")
        .def(
            "buckets",
            [](const MinHashTables &self, int32_t table, int64_t size) {
                auto [start, members] = self.buckets(table, size);
                return nb::make_tuple(start, members);
            },
            nb::arg("table"), nb::arg("size"), "Columns that share all least places of a table.");
    nb::class_<SetPool>(m, "SetPool", "Distinct sets and how often each came.")
        .def(nb::init<>())
        .def("add", nb::overload_cast<Starts, Numbers>(&SetPool::add), nb::arg("start"),
             nb::arg("members"), "Add sets of rising numbers.")
        .def_prop_ro("size", &SetPool::size)
        .def_prop_ro("total", &SetPool::total)
        .def("arrays", &SetPool::arrays, "Give starts, members and times.");
    m.def("link_overlapping", &link_overlapping, nb::arg("start"), nb::arg("members"),
          nb::arg("vocabulary"), nb::arg("bucket_start"), nb::arg("bucket_members"),
          nb::arg("least"), nb::arg("parents").noconvert(),
          "Join the sets of each bucket that overlap by more than a share of the smaller.");
    m.def("overlap_pairs", &overlap_pairs, nb::arg("start"), nb::arg("members"),
          nb::arg("vocabulary"), nb::arg("bucket_start"), nb::arg("bucket_members"),
          nb::arg("least"), nb::arg("window"),
          "Pairs of sets of one bucket that overlap by more than a share of the smaller.");
    m.def("join_parents", &join_parents, nb::arg("parents").noconvert(), nb::arg("other"),
          "Join what the other joins.");
}
