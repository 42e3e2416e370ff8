// Nearest rows by dot product over 8-bit codes, the rows' own cells, and a second 8 bits for the
// few that matter. Only integers are summed in the first pass, so every processor gives the same.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <queue>
#include <vector>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define ISOGLOSS_X86 1
#include <immintrin.h>
#define ISOGLOSS_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define ISOGLOSS_CLONES
#endif

namespace nb = nanobind;

namespace {

constexpr int64_t kBlock = 256;      // rows scored at a time
constexpr int64_t kAhead = 6;        // rows fetched before they are needed
constexpr int64_t kCheckRows = 64;   // rows between two looks at the k-th best
constexpr int kBatch = 8;            // cells fetched together
constexpr int64_t kFetched = 48;     // rows of the next cell fetched at most
constexpr int64_t kFirstCells = 2048; // cells looked at together at first
constexpr float kNothing = -std::numeric_limits<float>::infinity();

using Codes = nb::ndarray<const int8_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Floats = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Table = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Longs = nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using CodesOut = nb::ndarray<int8_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using FloatsOut = nb::ndarray<float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using LongsOut = nb::ndarray<int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Slots = nb::ndarray<const int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// Rows side by side in memory times one query.
ISOGLOSS_CLONES void dots_plain(const int8_t *codes, int64_t rows, int64_t width, const int8_t *q,
                                int32_t *out) {
    for (int64_t i = 0; i < rows; ++i) {
        const int8_t *row = codes + i * width;
        int32_t sum = 0;
        for (int64_t j = 0; j < width; ++j) sum += static_cast<int32_t>(row[j]) * q[j];
        out[i] = sum;
    }
}

ISOGLOSS_CLONES void gathered_plain(const int8_t *codes, const int32_t *slots, int64_t rows,
                                    int64_t width, const int8_t *q, int32_t *out) {
    for (int64_t i = 0; i < rows; ++i) {
        const int8_t *row = codes + slots[i] * width;
        int32_t sum = 0;
        for (int64_t j = 0; j < width; ++j) sum += static_cast<int32_t>(row[j]) * q[j];
        out[i] = sum;
    }
}

#ifdef ISOGLOSS_X86
// The product of unsigned and signed bytes is one instruction: codes are shifted by 128 by
// flipping their sign bit, and 128 times the sum of the query is taken off again.
#define ISOGLOSS_VNNI __attribute__((target("avx512f,avx512bw,avx512vnni")))

ISOGLOSS_VNNI inline int32_t dot_vnni(const int8_t *row, const int8_t *q, int64_t width,
                                      __m512i flip) {
    __m512i one = _mm512_setzero_si512(), two = one;
    int64_t j = 0;
    for (; j + 128 <= width; j += 128) {
        one = _mm512_dpbusd_epi32(one, _mm512_xor_si512(_mm512_loadu_si512(row + j), flip),
                                  _mm512_loadu_si512(q + j));
        two = _mm512_dpbusd_epi32(two, _mm512_xor_si512(_mm512_loadu_si512(row + j + 64), flip),
                                  _mm512_loadu_si512(q + j + 64));
    }
    if (j < width)
        one = _mm512_dpbusd_epi32(one, _mm512_xor_si512(_mm512_loadu_si512(row + j), flip),
                                  _mm512_loadu_si512(q + j));
    return _mm512_reduce_add_epi32(_mm512_add_epi32(one, two));
}

// Four rows at once share the loads of the query and the sums across lanes.
ISOGLOSS_VNNI inline __m128i four_vnni(const int8_t *a, const int8_t *b, const int8_t *c,
                                       const int8_t *d, const int8_t *q, int64_t width,
                                       __m512i flip) {
    __m512i sa = _mm512_setzero_si512(), sb = sa, sc = sa, sd = sa;
    for (int64_t j = 0; j < width; j += 64) {
        const __m512i part = _mm512_loadu_si512(q + j);
        sa = _mm512_dpbusd_epi32(sa, _mm512_xor_si512(_mm512_loadu_si512(a + j), flip), part);
        sb = _mm512_dpbusd_epi32(sb, _mm512_xor_si512(_mm512_loadu_si512(b + j), flip), part);
        sc = _mm512_dpbusd_epi32(sc, _mm512_xor_si512(_mm512_loadu_si512(c + j), flip), part);
        sd = _mm512_dpbusd_epi32(sd, _mm512_xor_si512(_mm512_loadu_si512(d + j), flip), part);
    }
    const __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(sa, sb), _mm512_unpackhi_epi32(sa, sb));
    const __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(sc, sd), _mm512_unpackhi_epi32(sc, sd));
    const __m512i all = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    const __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
    return _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

ISOGLOSS_VNNI void dots_vnni(const int8_t *codes, int64_t rows, int64_t width, const int8_t *q,
                             int32_t shift, int32_t *out) {
    const __m512i flip = _mm512_set1_epi8(static_cast<char>(0x80));
    const __m128i off = _mm_set1_epi32(shift);
    int64_t i = 0;
    for (; i + 4 <= rows; i += 4) {
        const int8_t *row = codes + i * width;
        const __m128i sums = four_vnni(row, row + width, row + 2 * width, row + 3 * width, q,
                                       width, flip);
        _mm_storeu_si128(reinterpret_cast<__m128i *>(out + i), _mm_sub_epi32(sums, off));
    }
    for (; i < rows; ++i) out[i] = dot_vnni(codes + i * width, q, width, flip) - shift;
}

ISOGLOSS_VNNI void gathered_vnni(const int8_t *codes, const int32_t *slots, int64_t rows,
                                 int64_t width, const int8_t *q, int32_t shift, int32_t *out) {
    const __m512i flip = _mm512_set1_epi8(static_cast<char>(0x80));
    for (int64_t i = 0; i < rows; ++i) {
        if (i + kAhead < rows) {
            const char *ahead = reinterpret_cast<const char *>(codes + slots[i + kAhead] * width);
            for (int64_t j = 0; j < width; j += 64) __builtin_prefetch(ahead + j);
        }
        out[i] = dot_vnni(codes + slots[i] * width, q, width, flip) - shift;
    }
}

bool has_vnni() {
    static const bool found = __builtin_cpu_supports("avx512vnni") &&
                              __builtin_cpu_supports("avx512bw");
    return found;
}
#endif

// A row of both codes times a query: 16-bit numbers, summed in lanes in a fixed order.
ISOGLOSS_CLONES float fine_dot(const int8_t *high, const int8_t *low, const float *q,
                               int64_t width) {
    constexpr int64_t lanes = 16;
    float sum[lanes] = {0};
    for (int64_t j = 0; j < width; j += lanes)
        for (int64_t lane = 0; lane < lanes; ++lane)
            sum[lane] += static_cast<float>(high[j + lane] * 254 + low[j + lane]) * q[j + lane];
    for (int64_t step = lanes / 2; step > 0; step /= 2)
        for (int64_t lane = 0; lane < step; ++lane) sum[lane] += sum[lane + step];
    return sum[0];
}

struct Candidate {
    float score, slack;
    int32_t slot;
};

struct Query {
    std::vector<int8_t> codes;
    std::vector<float> exact;
    float scale = 0, error = 0;
    int32_t shift = 0;  // 128 times the sum of the codes

    Query(const float *q, int64_t dim, int64_t width) : codes(width, 0), exact(width, 0.0f) {
        float largest = 0;
        for (int64_t j = 0; j < dim; ++j) largest = std::max(largest, std::fabs(q[j]));
        scale = largest / 127.0f;
        double wrong = 0;
        int32_t sum = 0;
        for (int64_t j = 0; j < dim; ++j) {
            exact[j] = q[j];
            if (scale > 0) codes[j] = static_cast<int8_t>(std::lrint(q[j] / scale));
            const double off = static_cast<double>(q[j]) - static_cast<double>(scale) * codes[j];
            wrong += off * off;
            sum += codes[j];
        }
        error = static_cast<float>(std::sqrt(wrong)) * 1.0001f;
        shift = 128 * sum;
    }
};

// The best rows seen so far, and all that may still be among them given the slack of their scores.
class Best {
   public:
    explicit Best(size_t k) : k_(k) {}

    float least() const { return least_; }  // below it no row can be among the k best
    float kth() const { return heap_.size() < k_ ? kNothing : heap_.top(); }

    void add(float score, float slack, int32_t slot) {
        candidates_.push_back({score, slack, slot});
        const float low = score - slack;
        if (heap_.size() < k_) {
            heap_.push(low);
        } else if (low > heap_.top()) {
            heap_.pop();
            heap_.push(low);
        } else {
            return;
        }
        if (heap_.size() == k_) least_ = heap_.top();
        if (candidates_.size() > 1024 + 4 * k_ && candidates_.size() > 2 * kept_) drop();
    }

    std::vector<Candidate> &rest() {
        drop();
        return candidates_;
    }

   private:
    void drop() {
        const float least = least_;
        candidates_.erase(std::remove_if(candidates_.begin(), candidates_.end(),
                                         [least](const Candidate &one) {
                                             return one.score + one.slack < least;
                                         }),
                          candidates_.end());
        kept_ = candidates_.size();
    }

    size_t k_, kept_ = 0;
    float least_ = kNothing;
    std::priority_queue<float, std::vector<float>, std::greater<float>> heap_;
    std::vector<Candidate> candidates_;
};

using Near = std::pair<float, int32_t>;

class CodeScan {
   public:
    CodeScan(Codes codes, Codes fine, Floats scales, Floats errors, Longs starts, Codes centres,
             Floats centre_scales, Longs group_starts, Codes groups, Floats group_scales,
             Longs order, int64_t dim)
        : codes_(codes), fine_(fine), scales_(scales), errors_(errors), starts_(starts),
          centres_(centres), centre_scales_(centre_scales), group_starts_(group_starts),
          groups_(groups), group_scales_(group_scales), order_(order), n_(codes.shape(0)),
          width_(codes.shape(1)), cells_(centres.shape(0)), dim_(dim) {
        const auto rows = static_cast<size_t>(n_), cells = static_cast<size_t>(cells_);
        const size_t group_count = groups.shape(0);
        if (width_ % 64 || dim < 1 || dim > width_ || fine.shape(0) != rows ||
            static_cast<int64_t>(fine.shape(1)) != width_ || scales.shape(0) != rows ||
            errors.shape(0) != rows || starts.shape(0) != cells + 1 || cells < 1 ||
            static_cast<int64_t>(centres.shape(1)) != width_ || centre_scales.shape(0) != cells ||
            group_count < 1 || group_starts.shape(0) != group_count + 1 ||
            static_cast<int64_t>(groups.shape(1)) != width_ ||
            group_scales.shape(0) != group_count || order.shape(0) != rows || n_ > INT32_MAX)
            throw nb::value_error("CodeScan: shapes do not fit");
        check_starts(starts, n_);
        check_starts(group_starts, cells_);
    }

    // Rows that pass (slots by cell; none: all). Without `reach` every one of them, with rigorous
    // bounds. With it cells, nearest first, until the next one's centre scores less than the k-th
    // best row by more than reach[2 * level][(score - first) / step]; groups likewise, by
    // reach[2 * level + 1]. The level is 0 where rows pass as often near the query as elsewhere,
    // and one higher for each time that they pass twice as often elsewhere.
    // Rows (as `order` names them) and scores are written, best first, equal scores by row: the k
    // best and, as far as there is room, whatever 16 bits cannot tell from the k-th.
    nb::tuple search(Floats query, int64_t k, nb::object slots, nb::object slot_starts,
                     nb::object reach, float first, float step, LongsOut rows,
                     FloatsOut scores) const {
        if (static_cast<int64_t>(query.shape(0)) != dim_ || k < 1 ||
            rows.shape(0) != scores.shape(0))
            throw nb::value_error("CodeScan.search: the query does not fit, or k is below 1");
        Subset subset{nullptr, starts_.data(), n_};
        Slots list;
        Longs list_starts;
        if (!slots.is_none()) {
            list = nb::cast<Slots>(slots);
            list_starts = nb::cast<Longs>(slot_starts);
            if (static_cast<int64_t>(list_starts.shape(0)) != cells_ + 1 ||
                list_starts(cells_) != static_cast<int64_t>(list.shape(0)))
                throw nb::value_error("CodeScan.search: the subset does not fit");
            subset = {list.data(), list_starts.data(), static_cast<int64_t>(list.shape(0))};
        }
        Reach limits{nullptr, 0, 0, first, step};
        Table table;
        if (!reach.is_none()) {
            table = nb::cast<Table>(reach);
            if (!table.shape(0) || table.shape(0) % 2 || !table.shape(1) || !(step > 0))
                throw nb::value_error("CodeScan.search: the table of reaches does not fit");
            limits.table = table.data();
            limits.levels = static_cast<int>(table.shape(0) / 2);
            limits.size = static_cast<int64_t>(table.shape(1));
        }
        Seen seen;
        std::vector<std::pair<float, int64_t>> found;
        {
            nb::gil_scoped_release unlocked;
            k = std::min(k, subset.count);
            if (k > 0) {
                const Query asked(query.data(), dim_, width_);
                Best best(static_cast<size_t>(k));
                if (limits.table)
                    walk(asked, best, subset, limits, k, seen);
                else
                    scan_all(asked, best, subset, seen);
                found = refine(asked, best, k);
                std::sort(found.begin(), found.end(), [](const auto &a, const auto &b) {
                    return a.first > b.first || (a.first == b.first && a.second < b.second);
                });
            }
        }
        const size_t count = std::min<size_t>(found.size(), rows.shape(0));
        for (size_t i = 0; i < count; ++i) {
            scores(i) = found[i].first;
            rows(i) = found[i].second;
        }
        return nb::make_tuple(count, seen.rows, seen.cells);
    }

    int64_t rows() const { return n_; }

   private:
    struct Subset {
        const int32_t *slots;    // null: all
        const int64_t *starts;   // of each cell, in `slots` or among the rows
        int64_t count;
    };
    struct Reach {
        const float *table;
        int levels;
        int64_t size;
        float first, step;

        float at(float score, int level, bool group) const {
            const float place = (score - first) / step;
            const int64_t column =
                place > 0 ? std::min(size - 1, static_cast<int64_t>(place)) : 0;
            return table[(2 * level + group) * size + column];
        }
    };
    struct Seen {
        int64_t rows = 0, cells = 0;
        // Rows of the cells seen, passing or not; these and those that pass times centre scores.
        double among = 0, among_score = 0, passing_score = 0;
    };

    void scan_all(const Query &query, Best &best, const Subset &subset, Seen &seen) const {
        // Rigorous: an error can at worst point along the query.
        if (subset.slots)
            scan(query, best, subset.slots, 0, subset.count, -1.0f);
        else
            scan(query, best, nullptr, 0, n_, -1.0f);
        seen.rows = subset.count;
        seen.cells = cells_;
    }

    void walk(const Query &query, Best &best, const Subset &subset, const Reach &reach, int64_t k,
              Seen &seen) const {
        const std::vector<Near> groups = ranked_groups(query);
        std::vector<Near> cells;
        std::vector<int32_t> sums;
        size_t next = 0;
        int64_t wanted = kFirstCells;
        while (next < groups.size()) {
            // A stretch of groups: all whose cells could still matter, or the next few.
            const float least = limit(best, subset, reach, k, seen, true);
            if (groups[next].first < least) return;
            cells.clear();
            for (; next < groups.size() && static_cast<int64_t>(cells.size()) < wanted &&
                   groups[next].first >= least; ++next)
                add_cells(query, groups[next].second, sums, cells);
            wanted *= 2;
            walk_cells(query, best, subset, reach, k, cells, seen);
        }
    }

    std::vector<Near> ranked_groups(const Query &query) const {
        const auto count = static_cast<int64_t>(group_scales_.shape(0));
        std::vector<int32_t> sums(count);
        products(groups_.data(), count, query, sums.data());
        std::vector<Near> order;
        order.reserve(count);
        for (int64_t group = 0; group < count; ++group)
            if (group_starts_(group) < group_starts_(group + 1))
                order.emplace_back(sums[group] * (query.scale * group_scales_(group)), group);
        std::sort(order.begin(), order.end(), nearer);
        return order;
    }

    void add_cells(const Query &query, int64_t group, std::vector<int32_t> &sums,
                   std::vector<Near> &cells) const {
        const int64_t first = group_starts_(group), last = group_starts_(group + 1);
        sums.resize(last - first);
        products(centres_.data() + first * width_, last - first, query, sums.data());
        for (int64_t cell = first; cell < last; ++cell)
            cells.emplace_back(sums[cell - first] * (query.scale * centre_scales_(cell)),
                               static_cast<int32_t>(cell));
    }

    // Cells of one stretch, nearest first. Few are visited, so a heap serves better than sorting.
    void walk_cells(const Query &query, Best &best, const Subset &subset, const Reach &reach,
                    int64_t k, std::vector<Near> &cells, Seen &seen) const {
        // Likely: errors point anywhere, so four standard deviations of their product will do.
        const float spread = 4.0f / std::sqrt(static_cast<float>(dim_));
        const auto farther = [](const Near &a, const Near &b) { return nearer(b, a); };
        std::make_heap(cells.begin(), cells.end(), farther);
        int64_t checked = -kCheckRows;
        float least = kNothing;
        while (!cells.empty()) {
            if (seen.rows - checked >= kCheckRows / 2) {
                checked = seen.rows;
                least = limit(best, subset, reach, k, seen, false);
            }
            if (cells.front().first < least) return;
            // A few cells at a time, all their rows asked for before the first is scored.
            int64_t batch[kBatch];
            int taken = 0;
            for (int64_t rows = 0; taken < kBatch && rows < kCheckRows && !cells.empty();) {
                if (cells.front().first < least) break;
                const auto [score, cell] = cells.front();
                std::pop_heap(cells.begin(), cells.end(), farther);
                cells.pop_back();
                const int64_t own = starts_(cell + 1) - starts_(cell);
                const int64_t passing = subset.starts[cell + 1] - subset.starts[cell];
                seen.among += own;
                seen.among_score += static_cast<double>(own) * score;
                seen.passing_score += static_cast<double>(passing) * score;
                if (!passing) continue;
                fetch(subset, cell);
                rows += passing;
                batch[taken++] = cell;
            }
            for (int i = 0; i < taken; ++i) {
                const int64_t first = subset.starts[batch[i]], last = subset.starts[batch[i] + 1];
                const int64_t own = starts_(batch[i]), rows = starts_(batch[i] + 1) - own;
                if (last - first == rows)
                    scan(query, best, nullptr, own, own + rows, spread);
                else if (2 * (last - first) >= rows && rows <= kBlock)
                    scan_most(query, best, subset.slots, first, last, own, rows, spread);
                else
                    scan(query, best, subset.slots, first, last, spread);
                seen.rows += last - first;
                ++seen.cells;
            }
        }
    }

    // The least score of a centre whose cell (or group) is still worth a look.
    float limit(const Best &best, const Subset &subset, const Reach &reach, int64_t k,
                const Seen &seen, bool group) const {
        if (seen.rows < k) return kNothing;
        const float kth = best.kth();
        int level = 0;
        if (subset.slots && seen.among < n_) {
            // Cells count by how far their centres score above the limit: near ones hold most of
            // the rows that would be among the best if everything passed.
            const double edge = kth - reach.at(kth, 0, false);
            const double here = std::max(1e-9, seen.passing_score - edge * seen.rows) /
                                std::max(1e-6, seen.among_score - edge * seen.among);
            const double elsewhere = (subset.count - seen.rows) / (n_ - seen.among);
            while (level + 1 < reach.levels && elsewhere > here * std::ldexp(1.19, level)) ++level;
        }
        return kth - reach.at(kth, level, group);
    }

    static bool nearer(const Near &a, const Near &b) {
        return a.first > b.first || (a.first == b.first && a.second < b.second);
    }

    static void check_starts(const Longs &starts, int64_t total) {
        const size_t last = starts.shape(0) - 1;
        bool good = starts(0) == 0 && starts(last) == total;
        for (size_t i = 0; i < last; ++i) good = good && starts(i) <= starts(i + 1);
        if (!good) throw nb::value_error("CodeScan: cells do not cover the rows");
    }

    // Ask for the rows of a cell before they are needed.
    void fetch(const Subset &subset, int64_t cell) const {
        const int64_t first = subset.starts[cell];
        const int64_t last = std::min(subset.starts[cell + 1], first + kFetched);
        for (int64_t i = first; i < last; ++i) {
            const int8_t *row = codes_.data() + (subset.slots ? subset.slots[i] : i) * width_;
            for (int64_t j = 0; j < width_; j += 64) __builtin_prefetch(row + j, 0, 2);
        }
    }

    void products(const int8_t *codes, int64_t rows, const Query &query, int32_t *out) const {
#ifdef ISOGLOSS_X86
        if (has_vnni()) return dots_vnni(codes, rows, width_, query.codes.data(), query.shift, out);
#endif
        dots_plain(codes, rows, width_, query.codes.data(), out);
    }

    void gathered(const int32_t *slots, int64_t rows, const Query &query, int32_t *out) const {
#ifdef ISOGLOSS_X86
        if (has_vnni())
            return gathered_vnni(codes_.data(), slots, rows, width_, query.codes.data(),
                                 query.shift, out);
#endif
        gathered_plain(codes_.data(), slots, rows, width_, query.codes.data(), out);
    }

    // Entries first..last of `slots`, or, without it, those rows.
    void scan(const Query &query, Best &best, const int32_t *slots, int64_t first, int64_t last,
              float spread) const {
        int32_t sums[kBlock];
        for (int64_t block = first; block < last; block += kBlock) {
            const int64_t rows = std::min(kBlock, last - block);
            if (slots)
                gathered(slots + block, rows, query, sums);
            else
                products(codes_.data() + block * width_, rows, query, sums);
            for (int64_t i = 0; i < rows; ++i)
                consider(query, best, slots ? slots[block + i] : block + i, sums[i], spread);
        }
    }

    // Where most rows of a cell pass, all are scored side by side, which is quicker than one by one.
    void scan_most(const Query &query, Best &best, const int32_t *slots, int64_t first,
                   int64_t last, int64_t own, int64_t rows, float spread) const {
        int32_t sums[kBlock];
        products(codes_.data() + own * width_, rows, query, sums);
        for (int64_t i = first; i < last; ++i)
            consider(query, best, slots[i], sums[slots[i] - own], spread);
    }

    void consider(const Query &query, Best &best, int64_t slot, int32_t sum, float spread) const {
        const float score = sum * (query.scale * scales_.data()[slot]);
        const float slack = slack_of(errors_.data()[slot], query.error, spread);
        if (score + slack >= best.least()) best.add(score, slack, static_cast<int32_t>(slot));
    }

    static float slack_of(float row, float query, float spread) {
        const float worst = row + query * (1.0f + row) + 2e-6f;
        return spread < 0 ? worst : spread * std::sqrt(row * row + query * query);
    }

    // Score again with all 16 bits; whatever could still belong to the k best is given.
    std::vector<std::pair<float, int64_t>> refine(const Query &query, Best &best, int64_t k) const {
        std::vector<std::pair<float, int64_t>> found;
        float error = 0;
        const float root = std::sqrt(static_cast<float>(dim_));
        const std::vector<Candidate> &rest = best.rest();
        for (const Candidate &one : rest)
            for (int64_t j = 0; j < width_; j += 64)
                __builtin_prefetch(fine_.data() + one.slot * width_ + j, 0, 2);
        for (const Candidate &one : rest) {
            const int64_t place = one.slot * width_;
            const float unit = scales_(one.slot) / 254.0f;
            found.emplace_back(
                unit * fine_dot(codes_.data() + place, fine_.data() + place, query.exact.data(),
                                width_),
                order_(one.slot));
            error = std::max(error, unit * root * 0.51f + 1e-6f);
        }
        if (static_cast<int64_t>(found.size()) <= k) return found;
        std::nth_element(found.begin(), found.begin() + (k - 1), found.end(),
                         [](const auto &a, const auto &b) { return a.first > b.first; });
        const float least = found[k - 1].first - 2 * error;
        found.erase(std::remove_if(found.begin(), found.end(),
                                   [least](const auto &one) { return one.first < least; }),
                    found.end());
        return found;
    }

    Codes codes_, fine_;
    Floats scales_, errors_;
    Longs starts_;
    Codes centres_;
    Floats centre_scales_;
    Longs group_starts_;
    Codes groups_;
    Floats group_scales_;
    Longs order_;
    int64_t n_, width_, cells_, dim_;
};

using Rows = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
// Numbers of each row as steps of its largest over 127, and what is left in steps of 1/254 of one.
void encode_rows(Rows rows, CodesOut codes, CodesOut fine, FloatsOut scales, FloatsOut errors) {
    const auto n = static_cast<int64_t>(rows.shape(0)), dim = static_cast<int64_t>(rows.shape(1));
    const auto width = static_cast<int64_t>(codes.shape(1));
    if (width < dim || codes.shape(0) != rows.shape(0) || fine.shape(0) != rows.shape(0) ||
        fine.shape(1) != codes.shape(1) || scales.shape(0) != rows.shape(0) ||
        errors.shape(0) != rows.shape(0))
        throw nb::value_error("encode_rows: shapes do not fit");
    nb::gil_scoped_release unlocked;
    for (int64_t i = 0; i < n; ++i) {
        const float *row = rows.data() + i * dim;
        int8_t *high = codes.data() + i * width, *low = fine.data() + i * width;
        std::fill(high, high + width, 0);
        std::fill(low, low + width, 0);
        float largest = 0;
        for (int64_t j = 0; j < dim; ++j) largest = std::max(largest, std::fabs(row[j]));
        const float scale = largest / 127.0f;
        scales(i) = scale;
        errors(i) = 0;
        if (!(scale > 0)) continue;
        const double step = scale;
        double lost = 0;
        for (int64_t j = 0; j < dim; ++j) {
            const double whole = std::min(127.0, std::max(-127.0, std::nearbyint(row[j] / step)));
            const double rest = row[j] - whole * step;
            high[j] = static_cast<int8_t>(whole);
            low[j] = static_cast<int8_t>(
                std::min(127.0, std::max(-127.0, std::nearbyint(rest / step * 254))));
            lost += rest * rest;
        }
        errors(i) = std::nextafter(static_cast<float>(std::sqrt(lost)), 1e30f);
    }
}

}  // namespace

void bind_code_scan(nb::module_ &m) {
    nb::class_<CodeScan>(m, "CodeScan")
        .def(nb::init<Codes, Codes, Floats, Floats, Longs, Codes, Floats, Longs, Codes, Floats,
                      Longs, int64_t>(),
             nb::arg("codes"), nb::arg("fine"), nb::arg("scales"), nb::arg("errors"),
             nb::arg("starts"), nb::arg("centres"), nb::arg("centre_scales"),
             nb::arg("group_starts"), nb::arg("groups"), nb::arg("group_scales"),
             nb::arg("order"), nb::arg("dim"))
        .def("search", &CodeScan::search, nb::arg("query"), nb::arg("k"), nb::arg("slots").none(),
             nb::arg("slot_starts").none(), nb::arg("reach").none(), nb::arg("first"),
             nb::arg("step"), nb::arg("rows"), nb::arg("scores"))
        .def_prop_ro("rows", &CodeScan::rows);
    m.def("encode_rows", &encode_rows, nb::arg("rows"), nb::arg("codes"), nb::arg("fine"),
          nb::arg("scales"), nb::arg("errors"));
}
