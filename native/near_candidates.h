// Which others may be among the k nearest of each row, given bounds of their scores.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "exact_dot.h"

namespace candidates {

constexpr float kNothing = -std::numeric_limits<float>::infinity();
constexpr float kEverything = std::numeric_limits<float>::infinity();

// A row that another may be near to, and bounds of their score.
struct Hit {
    int32_t owner, other;
    float low, high;
};

ISOGLOSS_CLONES static int64_t count_above(const float *values, int64_t count, float least) {
    int32_t found = 0;
    for (int64_t i = 0; i < count; ++i) found += values[i] >= least;
    return found;
}

// A value that at least k of them reach, and not many more.
inline float near_kth(const float *values, int64_t count, int64_t k) {
    const auto [small, large] = std::minmax_element(values, values + count);
    float reached = *small, above = *large;
    for (int step = 0; step < 12 && reached < above; ++step) {
        const float middle = reached + (above - reached) / 2;
        const int64_t found = count_above(values, count, middle);
        (found >= k ? reached : above) = middle;
        if (found == k) break;
    }
    return reached;
}

inline bool before(float a, int32_t one, float b, int32_t two) {
    return a > b || (a == b && one < two);
}

// Of each row, the others that may be among its k nearest, with bounds of their scores. What is
// held and in which order depends on the threads; what is left at the end does not.
class Held {
   public:
    Held(int64_t rows, int64_t k)
        : k_(k), room_(2 * k + 64), low_(new float[rows * room_]), high_(new float[rows * room_]),
          other_(new int32_t[rows * room_]), count_(rows, 0),
          least_(new std::atomic<float>[rows]) {
        for (int64_t i = 0; i < rows; ++i) least_[i].store(kNothing, std::memory_order_relaxed);
    }

    int64_t k() const { return k_; }

    // No score below it can be among the row's k best; it only grows.
    float least(int64_t row) const { return least_[row].load(std::memory_order_relaxed); }

    template <typename Score>
    void add(const Hit &hit, const Score &score) {
        const int64_t row = hit.owner;
        if (hit.high < least(row)) return;
        if (count_[row] == room_) make_room(row, score);
        const int64_t at = row * room_ + count_[row]++;
        low_[at] = hit.low;
        high_[at] = hit.high;
        other_[at] = hit.other;
    }

    void guess(int64_t row, float least) { least_[row].store(least, std::memory_order_relaxed); }

    // The k best by their own scores, best first. False where a guess was too high: all is
    // forgotten then, and the row can be scored again.
    template <typename Score>
    bool best(int64_t row, const Score &score, int32_t *columns, float *values) {
        narrow(row);
        settle(row, score);
        const float worst = count_[row] < k_ ? kNothing : low_[row * room_ + k_ - 1];
        if (least(row) > worst) {
            count_[row] = 0;
            guess(row, kNothing);
            return false;
        }
        const int64_t at = row * room_, count = std::min<int64_t>(k_, count_[row]);
        for (int64_t i = 0; i < k_; ++i) {
            columns[i] = i < count ? other_[at + i] : -1;
            values[i] = i < count ? low_[at + i] : kNothing;
        }
        return true;
    }

   private:
    template <typename Score>
    void make_room(int64_t row, const Score &score) {
        narrow(row);
        if (count_[row] > room_ - room_ / 4) settle(row, score);  // many are too near to tell
    }

    // Raises the least score to one that k others reach for sure, and drops what lies below.
    void narrow(int64_t row) {
        const int64_t at = row * room_, count = count_[row];
        if (count <= k_) return;
        const float sure = near_kth(low_.get() + at, count, k_);
        if (sure > least(row)) raise(row, sure);
    }

    void raise(int64_t row, float sure) {
        least_[row].store(sure, std::memory_order_relaxed);
        const int64_t at = row * room_, count = count_[row];
        int64_t kept = at;
        for (int64_t i = at; i < at + count; ++i) {
            low_[kept] = low_[i];
            high_[kept] = high_[i];
            other_[kept] = other_[i];
            kept += high_[i] >= sure;
        }
        count_[row] = static_cast<int32_t>(kept - at);
    }

    // Scores those that matter, k first and then what may be better, and keeps the best k in order.
    template <typename Score>
    void settle(int64_t row, const Score &score) {
        const int64_t at = row * room_, count = count_[row];
        float *low = low_.get() + at, *high = high_.get() + at;
        int32_t *other = other_.get() + at;
        std::vector<int32_t> order(count);
        for (int64_t i = 0; i < count; ++i) order[i] = static_cast<int32_t>(i);
        const int64_t first = std::min(k_, count);
        if (first < count)
            std::nth_element(order.begin(), order.begin() + first, order.end(),
                             [low](int32_t a, int32_t b) { return low[a] > low[b]; });
        std::vector<int32_t> asked;
        std::vector<std::pair<float, int32_t>> found;
        std::vector<float> scores;
        const auto ask = [&](int64_t from, int64_t to, float least) {
            asked.clear();
            for (int64_t i = from; i < to; ++i)
                if (high[order[i]] >= least) asked.push_back(other[order[i]]);
            scores.resize(asked.size());
            score(row, asked, scores.data());
            for (size_t i = 0; i < asked.size(); ++i)
                if (scores[i] >= least) found.emplace_back(scores[i], asked[i]);
        };
        ask(0, first, kNothing);
        float least = kNothing;
        if (first == k_) {
            least = kEverything;
            for (const auto &one : found) least = std::min(least, one.first);
        }
        ask(first, count, least);
        std::sort(found.begin(), found.end(), [](const auto &a, const auto &b) {
            return before(a.first, a.second, b.first, b.second);
        });
        if (static_cast<int64_t>(found.size()) > k_) found.resize(k_);
        for (size_t i = 0; i < found.size(); ++i) {
            low[i] = high[i] = found[i].first;
            other[i] = found[i].second;
        }
        count_[row] = static_cast<int32_t>(found.size());
        if (count_[row] == k_ && found.back().first > this->least(row)) guess(row, found.back().first);
    }

    int64_t k_, room_;
    std::unique_ptr<float[]> low_, high_;
    std::unique_ptr<int32_t[]> other_;
    std::vector<int32_t> count_;
    std::unique_ptr<std::atomic<float>[]> least_;
};

}  // namespace candidates
