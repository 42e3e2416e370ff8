// Runs of ASCII letters and digits in a stretch of text, found 64 bytes at a time.
#pragma once
#include <cstdint>
#include <cstring>
#include <vector>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "words are read as little-endian numbers"
#endif

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace text {

inline uint64_t load64(const char *at) {
    uint64_t value;
    std::memcpy(&value, at, sizeof(value));
    return value;
}

inline uint32_t load32(const char *at) {
    uint32_t value;
    std::memcpy(&value, at, sizeof(value));
    return value;
}

// Starts and ends of runs, and the places where a run is no plain word or something else begins.
//
// A place is odd where a byte is no ASCII; at `<`; at `&` and `#` before a letter, digit or `#`;
// and where a joiner or a sign of addresses ends a run and no plain separator follows it. At the
// end of any other run a word ends, whatever stands before and behind.
class Runs {
  public:
    static constexpr uint32_t kNone = ~uint32_t(0);
    static constexpr size_t kPadding = 64;  // readable bytes behind the folded ones

    // Finds the runs of bytes 0..size-1; spaces are thought behind them.
    void find(const uint8_t *bytes, size_t size) {
        const size_t blocks = size / 64 + 1;
        reserve(blocks);
        for (size_t b = 0; b + 1 < blocks; ++b)
            masks_[b] = classify(bytes + 64 * b, folded_.data() + 64 * b);
        uint8_t last[64];
        std::memset(last, ' ', sizeof(last));
        std::memcpy(last, bytes + 64 * (blocks - 1), size - 64 * (blocks - 1));
        masks_[blocks - 1] = classify(last, folded_.data() + 64 * (blocks - 1));
        masks_[blocks] = {};
        flatten(blocks);
    }

    const char *folded() const { return reinterpret_cast<const char *>(folded_.data()); }
    const uint32_t *edges() const { return edges_.data(); }  // start, end, start, ..., kNone, kNone
    const uint32_t *odd() const { return odd_.data(); }      // rising, then kNone

  private:
    struct Masks {
        uint64_t word, odd, amp, hash, joiner, close;
    };

    std::vector<uint8_t> folded_;  // the bytes with capitals made small; other bytes are undefined
    std::vector<Masks> masks_;
    std::vector<uint32_t> edges_, odd_;

    void reserve(size_t blocks) {
        if (masks_.size() > blocks) return;
        const size_t many = blocks + blocks / 2;
        folded_.resize(64 * many + kPadding);
        masks_.resize(many + 1);
        edges_.resize(64 * many + 4);
        odd_.resize(64 * many + 1);
    }

    void flatten(size_t blocks) {
        uint32_t *edge = edges_.data(), *odd = odd_.data();
        uint64_t before = 0;
        for (size_t b = 0; b < blocks; ++b) {
            const Masks &now = masks_[b], &next = masks_[b + 1];
            const uint32_t base = static_cast<uint32_t>(64 * b);
            const uint64_t shifted = now.word << 1 | before;
            before = now.word >> 63;
            for (uint64_t rest = now.word ^ shifted; rest; rest &= rest - 1)
                *edge++ = base + static_cast<uint32_t>(__builtin_ctzll(rest));
            const uint64_t named = now.word | now.hash, named_next = next.word | next.hash;
            const uint64_t places =
                now.odd | ((now.amp | now.hash) & (named >> 1 | named_next << 63)) |
                (now.joiner & shifted & (now.close >> 1 | next.close << 63));
            for (uint64_t rest = places; rest; rest &= rest - 1)
                *odd++ = base + static_cast<uint32_t>(__builtin_ctzll(rest));
        }
        edge[0] = edge[1] = *odd = kNone;
    }

#if defined(__SSE2__)
    static Masks classify(const uint8_t *bytes, uint8_t *folded) {
        Masks made{};
        for (int part = 0; part < 4; ++part) {
            const __m128i b =
                _mm_loadu_si128(reinterpret_cast<const __m128i *>(bytes + 16 * part));
            const __m128i low = _mm_or_si128(b, _mm_set1_epi8(32));
            _mm_storeu_si128(reinterpret_cast<__m128i *>(folded + 16 * part), low);
            const auto same = [&](char c) { return _mm_cmpeq_epi8(b, _mm_set1_epi8(c)); };
            const auto within = [](__m128i x, char first, char last) {  // signed: never a high byte
                return _mm_and_si128(_mm_cmpgt_epi8(x, _mm_set1_epi8(static_cast<char>(first - 1))),
                                     _mm_cmplt_epi8(x, _mm_set1_epi8(static_cast<char>(last + 1))));
            };
            const auto bits = [&](__m128i x) {
                return static_cast<uint64_t>(static_cast<uint32_t>(_mm_movemask_epi8(x)))
                       << (16 * part);
            };
            const __m128i word = _mm_or_si128(within(low, 'a', 'z'), within(b, '0', '9'));
            const __m128i amp = same('&'), hash = same('#');
            const __m128i joiner = _mm_or_si128(
                _mm_or_si128(_mm_or_si128(within(b, '#', '\''), within(b, '+', '.')), same(':')),
                _mm_or_si128(same('@'), same('_')));
            const __m128i close = _mm_or_si128(_mm_or_si128(word, joiner), _mm_or_si128(same('/'), b));
            made.word |= bits(word);
            made.odd |= bits(_mm_or_si128(same('<'), b));  // the sign bit: no ASCII
            made.amp |= bits(amp);
            made.hash |= bits(hash);
            made.joiner |= bits(joiner);
            made.close |= bits(close);
        }
        return made;
    }
#else
    static Masks classify(const uint8_t *bytes, uint8_t *folded) {
        Masks made{};
        for (int i = 0; i < 64; ++i) {
            const uint8_t b = bytes[i], low = b | 32;
            folded[i] = low;
            const uint64_t bit = uint64_t(1) << i;
            const bool high = b >= 128;
            const bool word = (low >= 'a' && low <= 'z' && !high) || (b >= '0' && b <= '9');
            const bool joiner = (b >= '#' && b <= '\'') || (b >= '+' && b <= '.') || b == ':' ||
                                b == '@' || b == '_';
            if (word) made.word |= bit;
            if (high || b == '<') made.odd |= bit;
            if (b == '&') made.amp |= bit;
            if (b == '#') made.hash |= bit;
            if (joiner) made.joiner |= bit;
            if (word || joiner || high || b == '/') made.close |= bit;
        }
        return made;
    }
#endif
};

}  // namespace text
