// Products of 8-bit rows with an 8-bit query, and of 16-bit rows with a query of floats. Only
// integers are summed in the former, so every processor gives the same.
#pragma once

#include <cstdint>

#include "clones.h"

namespace {

constexpr int64_t kAhead = 6;  // rows fetched before they are needed

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

}  // namespace
