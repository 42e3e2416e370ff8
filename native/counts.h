// Counts of a text's features, and the pieces of words that have no feature of their own.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace text {

// Counts by number; two maps of bits tell which are there, so that nothing needs sorting.
class Counts {
  public:
    explicit Counts(size_t size)
        : held_(size, 0.0f), bits_(size / 64 + 1, 0), words_(size / 4096 + 1, 0) {}

    void add(size_t i, float count) {
        held_[i] += count;
        bits_[i >> 6] |= uint64_t(1) << (i & 63);
        words_[i >> 12] |= uint64_t(1) << (i >> 6 & 63);
    }

    // Lists the numbers that have a count, rising, and gives how many; forgets all but the counts.
    size_t list(std::vector<int32_t> &found) {
        size_t count = 0;
        for (size_t w = 0; w < words_.size(); ++w) {
            for (uint64_t group = words_[w]; group; group &= group - 1) {
                const size_t b = 64 * w + static_cast<size_t>(__builtin_ctzll(group));
                if (found.size() < count + 64) found.resize(2 * count + 256);
                int32_t *out = found.data();
                const int32_t base = static_cast<int32_t>(64 * b);
                uint64_t rest = bits_[b];
                out[count++] = base + __builtin_ctzll(rest);
                rest &= rest - 1;
                // most often the second is the last, which no branch should have to guess
                out[count] = base + __builtin_ctzll(rest | uint64_t(1) << 63);
                count += rest != 0;
                for (rest &= rest - 1; rest; rest &= rest - 1)
                    out[count++] = base + __builtin_ctzll(rest);
                bits_[b] = 0;
            }
            words_[w] = 0;
        }
        return count;
    }

    // Gives a count, which is zero from then on.
    float take(size_t i) {
        const float count = held_[i];
        held_[i] = 0.0f;
        return count;
    }

  private:
    std::vector<float> held_;
    std::vector<uint64_t> bits_, words_;
};

// Pieces of a word in marks, <word>: runs of three and four characters, hashed into buckets by
// FNV-1a. All pieces of a word together count one.
class Pieces {
  public:
    Pieces(size_t buckets, size_t first)
        : buckets_(buckets), first_(first), inverse_(buckets ? ~uint64_t(0) / buckets : 0) {}

    void add(std::string_view word, Counts &counts) {
        marked_.assign(1, '<');
        marked_ += word;
        marked_ += '>';
        starts_.clear();
        for (size_t i = 0; i < marked_.size(); ++i)
            if ((static_cast<uint8_t>(marked_[i]) & 0xC0) != 0x80) starts_.push_back(i);
        const size_t characters = starts_.size();
        starts_.push_back(marked_.size());
        size_t pieces = 0;
        for (size_t length = 3; length <= 4; ++length)
            if (characters >= length) pieces += characters - length + 1;
        const float share = 1.0f / static_cast<float>(pieces);
        for (size_t i = 0; i + 3 <= characters; ++i) {
            uint64_t code = 1469598103934665603ull;
            size_t at = starts_[i];
            for (size_t length = 3; length <= 4 && i + length <= characters; ++length) {
                for (; at < starts_[i + length]; ++at)
                    code = (code ^ static_cast<uint8_t>(marked_[at])) * 1099511628211ull;
                counts.add(first_ + bucket(code ^ code >> 32), share);
            }
        }
    }

  private:
    size_t buckets_, first_;
    uint64_t inverse_;
    std::string marked_;
    std::vector<size_t> starts_;

    // code % buckets, by a product and a correction.
    size_t bucket(uint64_t code) const {
        const uint64_t times = static_cast<uint64_t>(
            static_cast<unsigned __int128>(code) * inverse_ >> 64);
        uint64_t rest = code - times * buckets_;
        while (rest >= buckets_) rest -= buckets_;
        return static_cast<size_t>(rest);
    }
};

}  // namespace text
