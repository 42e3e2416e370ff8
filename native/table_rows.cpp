#include "table_rows.h"

#include <cstring>

namespace rows {

namespace {

// Columns first..width-1.
ISOGLOSS_CLONES void sum_plain_from(const int8_t *const *row, const uint32_t *high,
                                    const uint32_t *low, size_t groups, size_t first, size_t width,
                                    int32_t *out) {
    for (size_t j = first; j < width; ++j) out[j] = 0;
    for (size_t i = 0; i < 4 * groups; ++i) {
        const auto part = [&](const uint32_t *of) {
            return static_cast<int32_t>(of[i / 4] >> 8 * (i % 4) & 127);
        };
        const auto amount = static_cast<int16_t>(128 * part(high) + part(low));
        for (size_t j = first; j < width; ++j) out[j] += static_cast<int16_t>(row[i][j]) * amount;
    }
}

void sum_plain(const int8_t *const *row, const uint32_t *high, const uint32_t *low, size_t groups,
               size_t width, int32_t *out) {
    sum_plain_from(row, high, low, groups, 0, width, out);
}

#ifdef ISOGLOSS_X86
constexpr size_t kAhead = 4;  // groups

inline void fetch(const int8_t *const *row, size_t width) {
    for (size_t i = 0; i < 4; ++i) {
        for (size_t at = 0; at < width; at += 64) __builtin_prefetch(row[i] + at);
        __builtin_prefetch(row[i] + width - 1);
    }
}

// Four rows are laced, so that one instruction multiplies the four codes of a column with the four
// amounts, seven bits of each at a time, and adds the products up. Lacing works in parts of 16
// bytes: number e of part l of sum q is column 16 l + 4 q + e.
#define ISOGLOSS_TARGET __attribute__((target("avx512f,avx512bw,avx512vnni")))

ISOGLOSS_TARGET void sum_vnni(const int8_t *const *row, const uint32_t *high, const uint32_t *low,
                              size_t groups, size_t width, int32_t *out) {
    const size_t whole = width / 64 * 64;
    for (size_t j = 0; j < whole; j += 64) {
        __m512i top[4], rest[4];
#pragma GCC unroll 4
        for (int q = 0; q < 4; ++q) top[q] = rest[q] = _mm512_setzero_si512();
        for (size_t g = 0; g < groups; ++g) {
            const int8_t *const *at = row + 4 * g;
            if (j == 0 && g + kAhead < groups) fetch(at + 4 * kAhead, width);
            const __m512i a = _mm512_loadu_si512(at[0] + j), b = _mm512_loadu_si512(at[1] + j);
            const __m512i c = _mm512_loadu_si512(at[2] + j), d = _mm512_loadu_si512(at[3] + j);
            const __m512i ab = _mm512_unpacklo_epi8(a, b), AB = _mm512_unpackhi_epi8(a, b);
            const __m512i cd = _mm512_unpacklo_epi8(c, d), CD = _mm512_unpackhi_epi8(c, d);
            const __m512i four[4] = {_mm512_unpacklo_epi16(ab, cd), _mm512_unpackhi_epi16(ab, cd),
                                     _mm512_unpacklo_epi16(AB, CD), _mm512_unpackhi_epi16(AB, CD)};
            const __m512i x = _mm512_set1_epi32(static_cast<int>(high[g]));
            const __m512i y = _mm512_set1_epi32(static_cast<int>(low[g]));
#pragma GCC unroll 4
            for (int q = 0; q < 4; ++q) {
                top[q] = _mm512_dpbusd_epi32(top[q], x, four[q]);
                rest[q] = _mm512_dpbusd_epi32(rest[q], y, four[q]);
            }
        }
        int32_t sums[4][16];
        for (int q = 0; q < 4; ++q) {
            const Fours both = (reinterpret_cast<Fours>(top[q]) << 7) +
                               reinterpret_cast<Fours>(rest[q]);
            std::memcpy(sums[q], &both, sizeof(both));
        }
        for (int l = 0; l < 4; ++l)
            for (int q = 0; q < 4; ++q)
                std::memcpy(out + j + 16 * l + 4 * q, sums[q] + 4 * l, 4 * sizeof(int32_t));
    }
    if (whole < width) sum_plain_from(row, high, low, groups, whole, width, out);
}

#undef ISOGLOSS_TARGET
#define ISOGLOSS_TARGET __attribute__((target("avx2")))

// Sums of two products of seven bits and a code fit 16 bits.
ISOGLOSS_TARGET void sum_avx2(const int8_t *const *row, const uint32_t *high, const uint32_t *low,
                              size_t groups, size_t width, int32_t *out) {
    const __m256i ones = _mm256_set1_epi16(1);
    const size_t whole = width / 32 * 32;
    for (size_t j = 0; j < whole; j += 32) {
        __m256i top[4], rest[4];
#pragma GCC unroll 4
        for (int q = 0; q < 4; ++q) top[q] = rest[q] = _mm256_setzero_si256();
        for (size_t g = 0; g < groups; ++g) {
            const int8_t *const *at = row + 4 * g;
            if (j == 0 && g + kAhead < groups) fetch(at + 4 * kAhead, width);
            const auto load = [&](int i) ISOGLOSS_TARGET {
                return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(at[i] + j));
            };
            const __m256i a = load(0), b = load(1), c = load(2), d = load(3);
            const __m256i ab = _mm256_unpacklo_epi8(a, b), AB = _mm256_unpackhi_epi8(a, b);
            const __m256i cd = _mm256_unpacklo_epi8(c, d), CD = _mm256_unpackhi_epi8(c, d);
            const __m256i four[4] = {_mm256_unpacklo_epi16(ab, cd), _mm256_unpackhi_epi16(ab, cd),
                                     _mm256_unpacklo_epi16(AB, CD), _mm256_unpackhi_epi16(AB, CD)};
            const __m256i x = _mm256_set1_epi32(static_cast<int>(high[g]));
            const __m256i y = _mm256_set1_epi32(static_cast<int>(low[g]));
#pragma GCC unroll 4
            for (int q = 0; q < 4; ++q) {
                top[q] = _mm256_add_epi32(
                    top[q], _mm256_madd_epi16(_mm256_maddubs_epi16(x, four[q]), ones));
                rest[q] = _mm256_add_epi32(
                    rest[q], _mm256_madd_epi16(_mm256_maddubs_epi16(y, four[q]), ones));
            }
        }
        int32_t sums[4][8];
#pragma GCC unroll 4
        for (int q = 0; q < 4; ++q)
            _mm256_storeu_si256(reinterpret_cast<__m256i *>(sums[q]),
                                _mm256_add_epi32(_mm256_slli_epi32(top[q], 7), rest[q]));
        for (int l = 0; l < 2; ++l)
            for (int q = 0; q < 4; ++q)
                std::memcpy(out + j + 16 * l + 4 * q, sums[q] + 4 * l, 4 * sizeof(int32_t));
    }
    if (whole < width) sum_plain_from(row, high, low, groups, whole, width, out);
}

#undef ISOGLOSS_TARGET
#endif

}  // namespace

Sum sum_for(const char *kernel) {
#ifdef ISOGLOSS_X86
    if (!std::strcmp(kernel, "vnni")) return sum_vnni;
    if (!std::strcmp(kernel, "avx2") || !std::strcmp(kernel, "avxvnni")) return sum_avx2;
#endif
    (void)kernel;
    return sum_plain;
}

}  // namespace rows
