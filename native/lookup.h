// Read-only tables of an encoder's words and word pairs, laid out for one cache miss a look.
#pragma once
#include "scanner.h"

namespace text {

inline void prefetch(const void *at) {
#if defined(__GNUC__)
    __builtin_prefetch(at);
#else
    (void)at;
#endif
}

// A word as the table sees it: its first eight bytes, and its length or a hash of the others.
struct Key {
    uint64_t head = 0;
    uint32_t tail = 0;

    Key() = default;

    // Of `length` bytes, behind which eight more can be read.
    Key(const char *word, size_t length) {
        if (length <= 8) {
            head = low(load64(word), length);
            tail = static_cast<uint32_t>(length);
            return;
        }
        head = load64(word);
        uint64_t code = length;
        for (size_t i = 8; i < length; i += 8) {
            const size_t left = length - i;
            code = (code ^ (left < 8 ? low(load64(word + i), left) : load64(word + i))) *
                   0x9E3779B97F4A7C15ull;
            code ^= code >> 29;
        }
        tail = static_cast<uint32_t>(code >> 16) | 0x80000000u;
    }

    size_t hash() const {
        uint64_t code = (head ^ (uint64_t(tail) << 32 | tail)) * 0x9E3779B97F4A7C15ull;
        code ^= code >> 32;
        return static_cast<size_t>((code * 0xD6E8FEB86659FD93ull) >> 32);
    }

    static uint64_t low(uint64_t value, size_t bytes) {
        return bytes == 0 ? 0 : value & (~uint64_t(0) >> (64 - 8 * bytes));
    }
};

class WordLookup {
  public:
    WordLookup(const Bytes &data, const Offsets &offsets) {
        check(data, offsets);
        const size_t count = offsets.shape(0) - 1;
        if (count >= size_t(1) << 30) throw nb::value_error("lexical: too many words");
        size_t size = 16;
        while (size < 2 * count) size *= 2;
        slots_.assign(size, Slot{0, 0, -1});
        const char *bytes = reinterpret_cast<const char *>(data.data());
        starts_.reserve(count + 1);
        for (size_t i = 0; i < count; ++i) {
            const int64_t begin = offsets.data()[i], end = offsets.data()[i + 1];
            starts_.push_back(arena_.size());
            arena_.append(bytes + begin, static_cast<size_t>(end - begin));
        }
        starts_.push_back(arena_.size());
        arena_.append(16, '\0');
        for (size_t i = 0; i < count; ++i) {
            const size_t length = starts_[i + 1] - starts_[i];
            const Key key(arena_.data() + starts_[i], length);
            const size_t slot = place(key, key.hash(), arena_.data() + starts_[i], length);
            if (slots_[slot].number >= 0)
                throw nb::value_error("lexical: a word stands twice in the vocabulary");
            slots_[slot] = {key.head, key.tail, static_cast<int32_t>(i)};
        }
    }

    size_t size() const { return starts_.size() - 1; }

    void warm(size_t hash) const { prefetch(&slots_[hash & (slots_.size() - 1)]); }

    // Number of a word, -1 for an unknown one.
    int32_t find(const Key &key, size_t hash, const char *word, size_t length) const {
        return slots_[place(key, hash, word, length)].number;
    }

  private:
    struct Slot {
        uint64_t head;
        uint32_t tail;
        int32_t number;
    };

    std::vector<Slot> slots_;
    std::string arena_;
    std::vector<size_t> starts_;

    size_t place(const Key &key, size_t hash, const char *word, size_t length) const {
        const size_t mask = slots_.size() - 1;
        size_t at = hash & mask;
        for (;; at = (at + 1) & mask) {
            const Slot &slot = slots_[at];
            if (slot.number < 0) return at;
            if (slot.head != key.head || slot.tail != key.tail) continue;
            if (length <= 8) return at;
            const size_t i = static_cast<size_t>(slot.number), start = starts_[i];
            if (starts_[i + 1] - start == length &&
                std::memcmp(arena_.data() + start, word, length) == 0)
                return at;
        }
    }
};

// Pairs of words that have a number, behind a map of bits that turns most others away.
class PairLookup {
  public:
    using Pairs = nb::ndarray<const int32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

    PairLookup(const Pairs &pairs, size_t words) {
        if (pairs.shape(1) != 2) throw nb::value_error("lexical: pairs must have two columns");
        const size_t count = pairs.shape(0);
        if (count >= size_t(1) << 30) throw nb::value_error("lexical: too many pairs");
        size_t size = 64;
        while (size < 2 * count + 2) size *= 2;
        slots_.assign(size, Slot{0, -1});
        bits_.assign(size / 8, 0);  // 8 bits a slot: at most 1 in 16 is set
        for (size_t i = 0; i < count; ++i) {
            const int32_t a = pairs.data()[2 * i], b = pairs.data()[2 * i + 1];
            if (a < 0 || b < 0 || static_cast<size_t>(a) >= words || static_cast<size_t>(b) >= words)
                throw nb::value_error("lexical: a pair names a word that is not there");
            const uint64_t code = hash(a, b);
            const size_t slot = place(key(a, b), code);
            if (slots_[slot].number >= 0) throw nb::value_error("lexical: a pair stands twice");
            slots_[slot] = {key(a, b), static_cast<int32_t>(i)};
            bits_[bit(code) >> 6] |= uint64_t(1) << (bit(code) & 63);
        }
    }

    static uint64_t hash(int32_t a, int32_t b) {
        const uint64_t code = key(a, b) * 0x9E3779B97F4A7C15ull;
        return (code ^ code >> 32) * 0xD6E8FEB86659FD93ull;
    }

    bool may_hold(uint64_t code) const { return bits_[bit(code) >> 6] >> (bit(code) & 63) & 1; }
    void warm(uint64_t code) const { prefetch(&slots_[(code >> 32) & (slots_.size() - 1)]); }

    // Number of a pair, -1 for none.
    int32_t find(int32_t a, int32_t b, uint64_t code) const {
        return slots_[place(key(a, b), code)].number;
    }

  private:
    struct Slot {
        uint64_t key;
        int32_t number;
    };
    std::vector<Slot> slots_;
    std::vector<uint64_t> bits_;

    static uint64_t key(int32_t a, int32_t b) {
        return uint64_t(static_cast<uint32_t>(a)) << 32 | static_cast<uint32_t>(b);
    }

    size_t bit(uint64_t code) const { return (code >> 29) & (64 * bits_.size() - 1); }

    size_t place(uint64_t key, uint64_t code) const {
        const size_t mask = slots_.size() - 1;
        size_t slot = (code >> 32) & mask;
        while (slots_[slot].number >= 0 && slots_[slot].key != key) slot = (slot + 1) & mask;
        return slot;
    }
};

}  // namespace text
